"""One Blender as a module for all tests here, with the built add-on installed and enabled."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import background
import pytest
from blender_at_exit import pytest_sessionfinish, pytest_unconfigure  # noqa: F401
from PIL import Image, ImageDraw
from textured import add_figure


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--real-build",
        action="store_true",
        help="install torch's real CUDA build: 4 GB to download once, 10 GB on the disk meanwhile",
    )


@pytest.fixture(scope="session")
def blender(extension: Path) -> ModuleType:
    """bpy, in a private profile."""
    return background.start_blender()


@pytest.fixture
def bpy(blender: ModuleType) -> Iterator[ModuleType]:
    """bpy with an empty scene and the add-on's preferences at their defaults."""
    blender.ops.wm.read_homefile(use_empty=True, use_factory_startup=False)
    preferences = blender.context.preferences.addons[background.MODULE].preferences
    for name in sys.modules[f"{background.MODULE}.preferences"].MachineSettings.__annotations__:
        preferences.property_unset(name)
    yield blender


@pytest.fixture
def addon(blender: ModuleType):
    """A module of the installed add-on by its name inside it: `addon("scene.mesh")`."""
    return lambda name: sys.modules[f"{background.MODULE}.{name}"]


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A cut-out picture: wide, left half red, right half blue, a green knob at the top right."""
    image = Image.new("RGBA", (256, 256), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    draw.rectangle((28, 100, 127, 190), fill=(220, 30, 30, 255))
    draw.rectangle((128, 100, 227, 190), fill=(30, 60, 220, 255))
    draw.rectangle((180, 60, 227, 100), fill=(30, 160, 60, 255))
    path = tmp_path / "toy truck.png"
    image.save(path)
    return path


@pytest.fixture
def truck(bpy: ModuleType, picture: Path):
    """An object made from the picture."""
    bpy.ops.triposr.generate(filepath=str(picture), resolution=64, size=2.0)
    return bpy.context.object


@pytest.fixture
def export(addon, tmp_path: Path):
    """Exports a thing to a file in a temporary folder, as a script does."""

    def export(thing, name: str = "a.glb", target: str = "web"):
        return addon("api").export(thing, tmp_path / name, target)

    return export


@pytest.fixture
def figure(bpy: ModuleType):
    """A textured object that no picture made."""
    return add_figure(bpy)
