"""Another torch, from a folder: found there, checked first, and nothing else from that folder."""

import importlib.machinery
import io
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
import small_builds

from triposr.inference.errors import DependencyError
from triposr.inference.machine.installed_builds import (
    RECORD,
    find_installed,
    hold,
    is_in_use,
    release,
    write_record,
)
from triposr.inference.machine.own_torch import read_build, use_torch_from

SUFFIX = importlib.machinery.EXTENSION_SUFFIXES[0]
VERSION = """
from typing import Optional
__version__ = '2.13.0+cu130'
debug = False
cuda: Optional[str] = '13.0'
hip: Optional[str] = None
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What pip install --target leaves, all but the torch in it."""
    package = tmp_path / "torch"
    (package / "inner").mkdir(parents=True)
    (package / "__init__.py").write_text("from .version import __version__\nMINE = True\n")
    (package / "version.py").write_text(VERSION)
    (package / "inner" / "__init__.py").write_text("WHERE = __file__\n")
    (package / f"_C{SUFFIX}").touch()
    (tmp_path / "numpy").mkdir()
    (tmp_path / "numpy" / "__init__.py").write_text("raise ImportError('not this one')\n")
    info = tmp_path / "torch-2.13.0+cu130.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: torch\nVersion: 2.13.0+cu130\n")
    return tmp_path


def test_the_build_is_read_without_importing_it(folder: Path) -> None:
    assert read_build(folder).version == "2.13.0+cu130"
    assert read_build(folder).made_for == "CUDA 13.0"
    (folder / "torch" / "version.py").write_text("__version__ = '2.13.0+cpu'\ncuda = None\n")
    assert read_build(folder).made_for == "CPU only"


def test_other_folders_are_told_apart(folder: Path, tmp_path_factory) -> None:
    with pytest.raises(DependencyError, match="no torch in the folder"):
        read_build(tmp_path_factory.mktemp("empty"))
    (folder / "torch" / f"_C{SUFFIX}").rename(folder / "torch" / "_C.cpython-38-other.so")
    with pytest.raises(DependencyError, match="another Python"):
        read_build(folder)
    (folder / "torch" / "version.py").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DependencyError, match="no torch in the folder"):
        read_build(folder)


def test_torch_comes_from_there_and_all_else_does_not(folder: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from importlib import metadata\n"
        "from triposr.inference.machine.own_torch import use_torch_from\n"
        "before = list(sys.path)\n"
        "use_torch_from(Path(sys.argv[1]))\n"
        "import torch, torch.inner, numpy\n"
        "assert torch.MINE and torch.inner.WHERE.startswith(sys.argv[1])\n"
        "assert metadata.version('torch') == '2.13.0+cu130'\n"
        "assert metadata.version('numpy') == numpy.__version__\n"
        "assert sys.path == before\n"
        "use_torch_from(Path(sys.argv[1]))\n"
    )
    done = subprocess.run([sys.executable, "-c", script, folder], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_loaded_torch_is_not_replaced(folder: Path) -> None:
    import torch

    before = list(sys.meta_path)
    with pytest.raises(DependencyError, match=f"Another torch .{torch.__version__.split('+')[0]}"):
        use_torch_from(folder)
    assert sys.meta_path == before
    use_torch_from(None)


def unpacked(home: Path, changes: dict[str, str] | None = None) -> Path:
    """A small build, unpacked and recorded as installed."""
    build = home / f"2.8.0-cu128-lin-{small_builds.TAG[2:]}"
    for content in small_builds.small_build(changes).values():
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            archive.extractall(build)
    write_record(build, "2.8.0+cu128")
    return build


def import_from(home: Path, before: str = "") -> list[str]:
    """Import torch as a new Blender does: version, why the build is not used, sys.path's change."""
    code = (
        "import sys; from pathlib import Path; from triposr.inference.engine import engine\n"
        f"path = list(sys.path); home = Path(sys.argv[1])\n{before}\n"
        "engine.import_torch(gpu_builds=home); import torch\n"
        "print(torch.__version__); print(engine.torch_problem); print(sys.path == path)"
    )
    done = subprocess.run([sys.executable, "-c", code, home], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_torch_finds_its_libraries_on_the_path_while_it_is_imported(tmp_path: Path) -> None:
    """The small torch looks for libcublas there, as the real one's preloading does."""
    unpacked(tmp_path)
    assert import_from(tmp_path) == ["2.8.0+cu128", "", "True"]


def test_other_threads_never_see_another_order(tmp_path: Path) -> None:
    """The search path loses one entry, in one step, wherever torch has put others."""
    unpacked(tmp_path, {"torch/__init__.py": f"{small_builds.TORCH}\nsys.path.append('/late')"})
    watched = (
        "class Path_(list):\n"
        "    def reverse(self): raise AssertionError\n"
        "    def __setitem__(self, *_): raise AssertionError\n"
        "build = str(next(home.iterdir()))\n"
        "sys.path = Path_([build, *sys.path]); path = [*sys.path, '/late']"
    )
    assert import_from(tmp_path, watched) == ["2.8.0+cu128", "", "True"]


def usual() -> str:
    return metadata.version("torch")


@pytest.mark.parametrize("name", ["torch/lib/libtorch_cuda.so", "torch/version.py"])
def test_a_build_that_lacks_a_file_is_passed_over(tmp_path: Path, name: str) -> None:
    build = unpacked(tmp_path)
    (build / name).unlink()
    version, problem, _ = import_from(tmp_path)
    if name == "torch/lib/libtorch_cuda.so":
        assert "libtorch_cuda.so is missing" in problem and "damaged" in problem
    assert version == usual()
    assert (build / RECORD).exists(), "another machine may see the file"


def test_a_share_that_fails_for_a_moment_condemns_nothing(tmp_path: Path) -> None:
    unpacked(tmp_path)
    stale = (
        "import os; getsize = os.path.getsize\n"
        "def stale(path):\n"
        "    if str(path).endswith('libtorch_cuda.so'): raise OSError(116, 'Stale file handle')\n"
        "    return getsize(path)\n"
        "os.path.getsize = stale"
    )
    assert import_from(tmp_path, stale)[:2] == ["2.8.0+cu128", ""]


def test_a_build_that_is_removed_while_it_is_chosen(tmp_path: Path) -> None:
    """Between the look for builds and the mark that one is in use; nothing is left of the mark."""
    unpacked(tmp_path)
    removed = (
        "import triposr.inference.engine as e\n"
        "from triposr.inference.files.gpu_installation import remove_builds\n"
        "find = e.find_installed\n"
        "def found(home):\n"
        "    build = find(home); remove_builds(home); return build\n"
        "e.find_installed = found"
    )
    assert import_from(tmp_path, removed)[:2] == [usual(), ""]
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []


def test_a_build_whose_record_goes_is_not_held(tmp_path: Path) -> None:
    build = unpacked(tmp_path)
    assert hold(build) and hold(build) and is_in_use(build)
    release(build)
    assert not is_in_use(build)
    (build / RECORD).unlink()
    assert not hold(build) and not is_in_use(build)
    assert not hold(tmp_path / "2.7.1-cu126-lin-311") and len(list(tmp_path.iterdir())) == 1


def test_a_build_that_no_longer_imports_is_passed_over(tmp_path: Path) -> None:
    """Something else has changed: the system, the driver, Blender."""
    unpacked(
        tmp_path, {"torch/__init__.py": "from . import version\nraise OSError('WinError 126')"}
    )
    version, problem, is_same_path = import_from(tmp_path)
    assert version == usual() and is_same_path == "True"
    assert "OSError: WinError 126" in problem and "damaged" not in problem
    assert find_installed(tmp_path) is not None, "another machine may be able to import it"
    again = "engine.choose_torch(gpu_builds=home)"
    assert import_from(tmp_path, again)[1] == problem
    own = "engine.choose_torch(gpu_builds=home); engine.choose_torch(home / 'none')"
    with_own = f"try: {own}\nexcept RuntimeError: assert not engine.torch_problem; sys.exit()"
    assert import_from(tmp_path, with_own) == []


def test_when_its_libraries_stay_loaded_only_a_restart_helps(tmp_path: Path) -> None:
    failing = "import sys\nsys.modules['torch._C'] = sys\nraise ImportError('late')"
    unpacked(tmp_path, {"torch/__init__.py": failing})
    code = (
        "import sys; from pathlib import Path; from triposr.inference.engine import engine\n"
        "engine.import_torch(gpu_builds=Path(sys.argv[1]))"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True)
    assert "cannot be imported (ImportError: late). Restart Blender" in done.stderr
    again = "try: engine.import_torch(gpu_builds=home)\nexcept RuntimeError as e: print(e)\n"
    again += "assert engine.has_torch()\n"
    again += "try: engine.import_torch()\nexcept RuntimeError as e: print(e); sys.exit()"
    first, second = import_from(tmp_path, again)
    assert first == second, "no other torch is mixed with it"


def test_no_build_and_a_vanished_one(tmp_path: Path) -> None:
    assert import_from(tmp_path)[:2] == [usual(), ""]
    unpacked(tmp_path).rename(tmp_path / "elsewhere")
    assert import_from(tmp_path)[:2] == [usual(), ""]


def test_a_loaded_torch_stays_whatever_is_installed(tmp_path: Path) -> None:
    unpacked(tmp_path)
    assert import_from(tmp_path, "import torch")[:2] == [usual(), ""]
    loading = "engine.import_torch(gpu_builds=home)\nhome = home / 'another model folder'"
    assert import_from(tmp_path, loading)[:2] == ["2.8.0+cu128", ""]


def test_the_artists_own_torch_goes_first(folder: Path, tmp_path_factory) -> None:
    home = tmp_path_factory.mktemp("home")
    unpacked(home)
    code = (
        "import sys; from pathlib import Path; from triposr.inference.engine import engine\n"
        "engine.import_torch(Path(sys.argv[1]), Path(sys.argv[2])); import torch; torch.MINE"
    )
    subprocess.run([sys.executable, "-c", code, folder, home], check=True)
