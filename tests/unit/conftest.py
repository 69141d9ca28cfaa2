"""The committed golden data, and small pictures that the tests draw themselves."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from triposr.inference import SceneCode, load_model
from triposr.inference.model.network import Model

DATA = Path(__file__).parent.parent / "data"


@pytest.fixture(scope="session")
def tiny_folder() -> Path:
    """A whole small model, with weights in both formats."""
    return DATA / "tiny"


@pytest.fixture(scope="session")
def tiny(tiny_folder: Path) -> Model:
    return load_model(tiny_folder, device="cpu", precision="fp32")


@pytest.fixture(scope="session")
def tiny_golden(tiny_folder: Path) -> dict[str, NDArray]:
    """What the published code computes with the tiny model, stage by stage."""
    with np.load(tiny_folder / "golden.npz") as file:
        return dict(file)


@pytest.fixture
def robot() -> SceneCode:
    """A full-size scene code of a real object, of which nothing has been computed yet."""
    return SceneCode.load(DATA / "scene" / "scene.safetensors")


@pytest.fixture
def mug() -> Image.Image:
    """An opaque picture: a red mug on a light, softly shaded backdrop with sensor noise."""
    width, height = 320, 240
    shade = np.linspace(225, 245, height)[:, None, None] * np.ones((height, width, 3))
    noise = np.random.default_rng(0).normal(0, 1.5, shade.shape)
    picture = Image.fromarray((shade + noise).clip(0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((190, 90, 250, 160), outline=(170, 30, 30), width=14)
    draw.rectangle((100, 60, 210, 200), fill=(200, 40, 40))
    return picture


@pytest.fixture
def cutout() -> Image.Image:
    """A picture with a transparent background: a red rectangle, 100 wide and 60 high."""
    picture = Image.new("RGBA", (200, 160), (0, 255, 0, 0))
    ImageDraw.Draw(picture).rectangle((40, 50, 139, 109), fill=(255, 0, 0, 255))
    return picture
