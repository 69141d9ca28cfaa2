"""The zips under test, built from this checkout, and a Blender that knows nothing of it."""

from pathlib import Path

import pytest
from clean_blender import CleanBlender, clean_python
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
def installed(
    python: Path, archive: Path, tmp_path_factory: pytest.TempPathFactory
) -> CleanBlender:
    """A Blender into which an artist has dragged the zip."""
    blender = CleanBlender(python, tmp_path_factory.mktemp("profile"))
    blender.run(f"install({str(archive)!r})\n")
    return blender
