"""What tests in Blender ask of an object's mesh."""

import numpy as np


def vertices(addon, target) -> np.ndarray:
    return addon("scene.mesh").positions(target.data)


def colors(target) -> np.ndarray:
    data = target.data.color_attributes["Color"].data
    values = np.empty(4 * len(data), np.float32)
    data.foreach_get("color_srgb", values)
    return values.reshape(-1, 4)[:, :3]


def span(bpy, target) -> tuple[float, float]:
    """From where to where an object reaches along X, in the world."""
    bpy.context.view_layer.update()
    along = [(target.matrix_world @ v.co).x for v in target.data.vertices]
    return min(along), max(along)


def assert_colors_agree(addon, target, at: np.ndarray, expected: np.ndarray) -> None:
    """Each of some vertices has about the color of the one that was nearest to it."""
    new = vertices(addon, target)
    some = slice(None, None, max(1, len(new) // 400))
    nearest = ((new[some, None] - at[None]) ** 2).sum(axis=-1).argmin(axis=1)
    assert np.abs(colors(target)[some] - expected[nearest]).mean() < 0.06
