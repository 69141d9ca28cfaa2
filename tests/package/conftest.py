"""The zips under test, built from this checkout, and a Blender that knows nothing of it."""

from pathlib import Path

import pytest
from clean_blender import CleanBlender, FirstUse, clean_python
from matting_model import write_matting_model

from bundle import TARGETS
from package import package


@pytest.fixture(scope="session")
def python() -> Path:
    return clean_python()


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip with everything, for this machine and Blender as a module."""
    return package("standard", TARGETS["linux-x64-py311"], tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="session")
def picture() -> Path:
    """A red mug on a plain backdrop."""
    return Path(__file__).resolve().parents[1] / "data" / "mug.png"


@pytest.fixture(scope="session")
def matting_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder with a u2net.onnx that finds what is not green, such as the mug."""
    return write_matting_model(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def first_use(
    python: Path, archive: Path, picture: Path, tmp_path_factory: pytest.TempPathFactory
) -> FirstUse:
    blender = CleanBlender(python, tmp_path_factory.mktemp("profile"))
    answer = blender.run(
        f"install({str(archive)!r})\n"
        f"generate({str(picture)!r})\n"
        "import torch; answer['torch'] = torch.__file__\n"
    )
    return FirstUse(blender, answer)


@pytest.fixture(scope="session")
def installed(first_use: FirstUse, tmp_path_factory: pytest.TempPathFactory) -> CleanBlender:
    """A Blender with the zip installed, for tests that add other extensions and remove them."""
    return first_use.blender.copied_to(tmp_path_factory.mktemp("neighbors") / "profile")
