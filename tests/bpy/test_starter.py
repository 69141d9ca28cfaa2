"""The whole chain in Blender with the model that ships, on an object of which all is known."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import views
from solids import Solid
from views import Camera, Light

FRONT = Camera(elevation=20)


@pytest.fixture
def blocks(bpy, steps: Solid, tmp_path: Path) -> tuple[NDArray, NDArray]:
    """What Blender holds after Generate: world coordinates and display-referred colors (V, 3)."""
    path = tmp_path / "steps.png"
    rgba = views.render(steps, FRONT, Light(), 512, FRONT.window(steps)).rgba
    Image.fromarray(rgba).save(path)
    bpy.ops.triposr.generate(filepath=str(path), resolution=96, size=1.1)
    made = bpy.context.object
    points = np.array([made.matrix_world @ vertex.co for vertex in made.data.vertices])
    colors = np.array([value.color_srgb for value in made.data.color_attributes[0].data])
    return points, colors[:, :3]


def test_blocks_are_where_the_picture_shows_them(blocks: tuple[NDArray, NDArray], by_color) -> None:
    """Seen from the front, along +Y: red high on the left, blue low on the right, green nearest."""
    red, green, blue = by_color(*blocks)
    assert min(map(len, (red, green, blue))) > 0.02 * len(blocks[0])
    assert red[:, 0].mean() < -0.1 and min(blue[:, 0].mean(), green[:, 0].mean()) > 0.1
    assert green[:, 1].mean() < blue[:, 1].mean() - 0.05 < red[:, 1].mean() - 0.1
    top = [np.percentile(part[:, 2], 95) for part in (red, blue, green)]
    assert top[0] > top[1] + 0.2 and top[1] > top[2] + 0.1


def test_stands_on_the_floor_as_large_as_asked(blocks: tuple[NDArray, NDArray]) -> None:
    points, _ = blocks
    assert points[:, 2].min() == pytest.approx(0, abs=1e-4)
    assert np.ptp(points, axis=0).max() == pytest.approx(1.1, abs=1e-4)
