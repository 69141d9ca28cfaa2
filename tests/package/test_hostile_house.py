"""What other extensions and Blender's own builds do to the packages that we need."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from clean_blender import CleanBlender
from hostile_extensions import OLDEST_NUMPY, downloaded, extension, newer_wheels

FAILING = """
try:
    generate({picture!r})
except RuntimeError as error:
    answer["error"] = str(error)
"""


@pytest.fixture
def neighbor(installed: CleanBlender, tmp_path: Path):
    """Install another extension with the wheels of the named packages, and remove it afterwards."""

    def install(name: str, wanted: Callable[[str], bool]) -> None:
        brought = [path for package, path in newer_wheels().items() if wanted(package)]
        path = extension(name, brought, tmp_path)
        installed.run(f"enable()\ninstall({str(path)!r})\n")

    yield install
    installed.run("enable()\nuninstall('studio_tools')\n")


def test_a_newer_transformers(installed: CleanBlender, neighbor, picture: Path) -> None:
    """5.23 renamed the keys of the vision transformer, and wins over the 4.57 of our zip."""
    neighbor("Studio Tools", lambda package: package != "numpy")
    answer = installed.run(
        f"enable()\ngenerate({str(picture)!r})\n"
        "import transformers; answer['transformers'] = transformers.__version__\n"
    )
    assert answer["transformers"].startswith("5.")
    assert answer["vertices"] > 100


def test_a_newer_numpy(
    installed: CleanBlender, neighbor, picture: Path, matting_folder: Path
) -> None:
    """numpy 2 in front of Blender's own 1.26."""
    neighbor("Studio Tools", lambda package: package == "numpy")
    answer = installed.run(
        "preferences = enable()\n"
        f"preferences.model_folder = {str(matting_folder)!r}\n"
        f"generate({str(picture)!r}, background='model', matting_model='u2net')\n"
        "import numpy; answer['numpy'] = numpy.__version__\n"
    )
    assert answer["numpy"].startswith("2.")
    assert answer["vertices"] > 100


def test_packages_that_do_not_fit_are_named(
    installed: CleanBlender, neighbor, picture: Path
) -> None:
    """A newer huggingface_hub alone, with which our transformers refuses to start."""
    neighbor("Studio Tools", lambda package: package == "huggingface_hub")
    answer = installed.run("enable()\n" + FAILING.format(picture=str(picture)))
    assert "object" not in answer
    error = answer["error"]
    assert "transformers 4.57.6 needs huggingface-hub<1.0,>=0.34.0, but finds 2.4.0" in error
    assert "Disable the extension 'Studio Tools'" in error
    assert error.count("\n") <= 1, "one sentence and what to do"


def test_what_others_brought_is_gone_with_them(installed: CleanBlender, picture: Path) -> None:
    """After the neighbors of the tests above were removed, our own versions are back."""
    answer = installed.run(
        f"enable()\ngenerate({str(picture)!r})\n"
        "import transformers; answer['transformers'] = transformers.__version__\n"
    )
    assert answer["transformers"] == "4.57.6"


@pytest.mark.parametrize("numpy", ["1.24.3", "1.26.4"])
def test_numpy_and_requests_without_metadata(
    numpy: str, installed: CleanBlender, python: Path, picture: Path, tmp_path: Path
) -> None:
    """As official builds of Blender for Linux have them: 4.2 and 4.3 the first numpy."""
    folder = tmp_path / "blender"
    # Links instead of copies: the packages are large.
    subprocess.run(["cp", "-al", python.parents[1], folder], check=True)
    packages = next(folder.glob("lib/python*/site-packages"))
    for described in packages.glob("*.dist-info"):
        if not described.name.startswith("bpy-"):
            shutil.rmtree(described)
    if numpy == "1.24.3":
        for part in packages.glob("numpy*"):
            shutil.rmtree(part)
        [wheel] = downloaded(OLDEST_NUMPY)
        shutil.unpack_archive(wheel, packages, "zip")
        shutil.rmtree(packages / "numpy-1.24.3.dist-info")
    blender = CleanBlender(folder / "bin" / "python", installed.profile)
    answer = blender.run(
        "import importlib.metadata as metadata\n"
        "for name in ('numpy', 'requests'):\n"
        "    try:\n"
        "        answer[name] = metadata.version(name)\n"
        "    except metadata.PackageNotFoundError:\n"
        "        answer[name] = 'nameless'\n"
        f"enable()\ngenerate({str(picture)!r})\n"
        "import numpy; answer['version'] = numpy.__version__\n"
    )
    assert (answer["numpy"], answer["requests"]) == ("nameless", "nameless")
    assert answer["version"] == numpy
    assert answer["vertices"] > 100


def test_the_first_import_of_rembg(installed: CleanBlender) -> None:
    """Without pymatting, which compiles for 43 s of CPU; it costs less than torch does."""
    answer = installed.run(
        "import time\n"
        "enable()\n"
        "import importlib\n"
        "matting = importlib.import_module(MODULE + '.inference.picture.matting')\n"
        "for name, load in (('torch', lambda: __import__('torch')),"
        " ('rembg', matting._import_rembg)):\n"
        "    started = time.process_time()\n"
        "    load()\n"
        "    answer[name] = time.process_time() - started\n"
        "answer['loaded'] = [n for n in ('numba', 'pymatting', 'skimage') if n in sys.modules]\n"
    )
    assert answer["loaded"] == []
    assert answer["rembg"] < answer["torch"], "two seconds where torch takes two"
