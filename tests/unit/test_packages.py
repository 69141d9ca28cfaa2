"""Packages of other add-ons and of Blender beside ours, and how conflicts are reported."""

import ctypes
import sys
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from triposr.inference.errors import DependencyError, explain_import, importing
from triposr.inference.machine import packages
from triposr.inference.machine.own_torch import _TorchFinder
from triposr.inference.machine.packages import (
    are_paths_too_long,
    find_clash,
    forget_the_nameless,
    name_the_nameless,
)

MANIFEST = """\
id = "studio_tools"
name = "Studio Tools"
wheels = ["./wheels/{wheel}"]
"""


@pytest.fixture
def extensions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of extensions, into whose shared packages Blender looks."""
    monkeypatch.syspath_prepend(tmp_path / ".local/lib/python3.11/site-packages")
    return tmp_path


def describe(extensions: Path, name: str, version: str, *needs: str) -> None:
    """Put down what pip or Blender write about a package."""
    described = f"{name.replace('-', '_')}-{version}.dist-info"
    folder = extensions / ".local/lib/python3.11/site-packages" / described
    folder.mkdir(parents=True)
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Dist: {need}" for need in needs]
    (folder / "METADATA").write_text("\n".join(lines) + "\n")


def bring(extensions: Path, wheel: str) -> None:
    """An extension that has a wheel."""
    folder = extensions / "user_default/studio_tools"
    folder.mkdir(parents=True)
    (folder / "blender_manifest.toml").write_text(MANIFEST.format(wheel=wheel))


def test_what_fits_does_not_clash(extensions: Path) -> None:
    describe(extensions, "painter", "1.0", "brushes>=2", "absent>5", "extra-one>9; extra == 'all'")
    describe(extensions, "brushes", "2.1")
    assert find_clash("painter") is None
    assert find_clash("nobody-has-this") is None


def test_a_clash_names_versions_and_the_extension(extensions: Path) -> None:
    describe(extensions, "painter", "1.0", "brushes[oil]")
    describe(extensions, "brushes", "2.1", "bristle_hair<3,>=1", "painter")  # in a circle
    describe(extensions, "bristle-hair", "4.0.0")
    clause = ("brushes 2.1", "bristle_hair<3,>=1", "4.0.0")
    assert find_clash("painter") == (*clause, "")
    bring(extensions, "bristle_hair-4.0.0-py3-none-any.whl")
    assert find_clash("painter") == (*clause, "Studio Tools")

    with pytest.raises(DependencyError) as caught, importing("painter"):
        raise ImportError("bristles are too stiff")
    assert caught.value.message == (
        "The package painter cannot be imported:"
        " brushes 2.1 needs bristle_hair<3,>=1, but finds 4.0.0"
    )
    assert "'Studio Tools'" in caught.value.hint


def test_another_release_of_the_same_wheel_is_not_blamed(extensions: Path) -> None:
    describe(extensions, "painter", "1.0", "brushes<2")
    describe(extensions, "brushes", "2.1")
    bring(extensions, "brushes-1.9-py3-none-any.whl")
    assert find_clash("painter") == ("painter 1.0", "brushes<2", "2.1", "")


def test_damaged_neighbors_are_passed_over(extensions: Path) -> None:
    describe(extensions, "painter", "1.0", "!!", "brushes<2")
    describe(extensions, "brushes", "2.1")
    folder = extensions / "user_default/broken"
    folder.mkdir(parents=True)
    (folder / "blender_manifest.toml").write_text("[[[")
    assert find_clash("painter") is not None


def test_a_missing_torch_is_told_with_what_to_do() -> None:
    with pytest.raises(DependencyError, match=r"not installed.*Own Torch"), importing("torch"):
        raise ModuleNotFoundError("No module named 'torch'", name="torch")


NUMPY_1_24 = """
version_json = '''
{
 "date": "2023-04-22T13:47:13-0400",
 "full-revisionid": "14bb214bca49b167abc375fa873466a811e62102",
 "version": "1.24.3"
}
'''  # END VERSION_JSON
"""


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("version.py", 'version = "1.24.3"\n__version__ = version\nshort_version = version\n'),
        ("_version.py", NUMPY_1_24),
        ("__version__.py", '__title__ = "nameless"\n__version__ = "1.24.3"\n'),
        ("_version.py", "__version__ = version = '1.24.3'\n"),
        ("__init__.py", 'import os\n\n__version__: str = "1.24.3"\n'),
    ],
)
def test_packages_without_metadata_get_a_version(
    file: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As official builds of Blender for Linux bring numpy and requests."""
    (tmp_path / "nameless").mkdir()
    (tmp_path / "nameless" / "__init__.py").touch()
    (tmp_path / "nameless" / file).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(packages, "NAMELESS", ("nameless",))
    name_the_nameless()
    name_the_nameless()
    assert metadata.version("nameless") == "1.24.3"
    assert "nameless" not in sys.modules
    monkeypatch.setitem(sys.modules, "nameless", SimpleNamespace(__version__="2.0"))
    assert metadata.version("nameless") == "2.0", "what is loaded knows it best"
    assert sum(type(finder).__name__ == "_VersionFinder" for finder in sys.meta_path) == 1


def test_a_nameless_package_may_clash_too(
    extensions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "nameless").mkdir()
    (tmp_path / "nameless" / "__init__.py").write_text('__version__ = "1.24.3"\n')
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(packages, "NAMELESS", ("nameless",))
    describe(extensions, "painter", "1.0", "nameless>=2")
    name_the_nameless()
    assert find_clash("painter") == ("painter 1.0", "nameless>=2", "1.24.3", "")


def test_looking_for_the_cause_never_hides_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triposr.inference.errors.find_clash", lambda package: 1 / 0)
    with pytest.raises(DependencyError, match="stiff bristles"), importing("painter"):
        raise ImportError("stiff bristles")


def windows_error(code: int) -> OSError:
    """The error that torch raises on Windows; elsewhere, an OSError has no such number."""
    error = OSError(f'[WinError {code}] Es ist schiefgegangen. Error loading "C:\\x\\c10.dll"')
    error.winerror = code  # type: ignore[attr-defined]
    return error


def windows_text(code: int) -> str:
    """What a German Windows calls an error; the real function ends it with a period."""
    return f"Es ist schiefgegangen, Nummer {code}. "


def load_failed(code: int) -> ImportError:
    """The error that Python's import raises on Windows, without the number."""
    return ImportError(f"DLL load failed while importing x: {windows_text(code).strip()}")


NO_PAGES = "Windows' paging file is too small"
NOT_FOUND = "Windows does not find one of its libraries"
NOT_STARTED = "one of its libraries does not start in this Blender"


@pytest.mark.parametrize(
    ("package", "error", "problem"),
    [
        ("torch", windows_error(126), NOT_FOUND),
        ("torch", windows_error(127), NOT_STARTED),
        ("torch", windows_error(1114), NOT_STARTED),
        ("torch", windows_error(1455), NO_PAGES),
        ("onnxruntime", load_failed(126), NOT_FOUND),
        ("onnxruntime", load_failed(127), NOT_STARTED),
        ("onnxruntime", load_failed(1114), NOT_STARTED),
        ("onnxruntime", load_failed(1455), NO_PAGES),
        ("opencv-python-headless", load_failed(126), NOT_FOUND),
        ("onnxruntime", load_failed(193), "(ImportError: DLL load failed"),
        ("torch", windows_error(5), "OSError"),
        ("onnxruntime", ImportError("cannot import name 'x'"), "cannot import name 'x'"),
    ],
)
def test_libraries_that_windows_does_not_load(
    monkeypatch: pytest.MonkeyPatch, package: str, error: Exception, problem: str
) -> None:
    monkeypatch.setattr(ctypes, "FormatError", windows_text, raising=False)
    with pytest.raises(DependencyError) as caught, importing(package):
        raise error
    assert caught.value.message.startswith(f"The package {package} cannot be imported")
    assert problem in caught.value.message
    assert caught.value.__cause__ is error
    if problem == NOT_STARTED:
        assert "schiefgegangen" not in str(caught.value)


class Python(NamedTuple):
    major: int
    minor: int


@pytest.mark.parametrize(
    ("python", "package", "advice"),
    [
        (Python(3, 11), "torch", "Choose torch 2.8 as Own Torch"),
        (Python(3, 11), "onnxruntime", "bring a newer onnxruntime, or use Blender 5.1"),
        (Python(3, 13), "torch", "bring their own torch"),
    ],
)
def test_what_to_do_depends_on_the_blender(
    monkeypatch: pytest.MonkeyPatch, python: Python, package: str, advice: str
) -> None:
    monkeypatch.setattr(sys, "version_info", python)
    with pytest.raises(DependencyError) as caught, importing(package):
        raise windows_error(1114)
    assert advice in caught.value.hint


@pytest.mark.parametrize(
    ("source", "code", "advice"),
    [
        (None, 126, "into the folder of Own Torch again"),
        (None, 1114, "another torch as Own Torch"),
        ("gpu build", 126, "click Use My GPU again"),
        ("gpu build", 1114, "click Use My GPU again"),
        ("python", 126, "the add-on's zip again"),
    ],
)
def test_what_to_do_depends_on_where_torch_comes_from(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, source: Any, code: int, advice: str
) -> None:
    """Own Torch is what Python would import, but not from its own path."""
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").touch()
    monkeypatch.setattr(sys, "version_info", Python(3, 13))
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    assert "the add-on's zip again" in explain_import("torch", windows_error(code)).hint
    monkeypatch.setattr(sys, "meta_path", [_TorchFinder(tmp_path), *sys.meta_path])
    assert advice in explain_import("torch", windows_error(code), source).hint
    assert "the add-on's zip again" in explain_import("numpy", windows_error(126)).hint


def test_windows_paths() -> None:
    short, long = Path("C:/b/portable/extensions"), Path("C:/" + "x" * 110)
    assert not are_paths_too_long(short, "win32")
    assert are_paths_too_long(long, "win32")
    assert not are_paths_too_long(long, "linux")


def test_nothing_stays_in_the_way_of_imports() -> None:
    before = list(sys.meta_path)
    name_the_nameless()
    forget_the_nameless()
    assert sys.meta_path == [f for f in before if type(f).__name__ != "_VersionFinder"]


def test_what_is_described_keeps_its_own_description() -> None:
    name_the_nameless()
    assert metadata.metadata("numpy")["Summary"]
    with pytest.raises(metadata.PackageNotFoundError):
        metadata.version("nobody-has-this")
