"""From the model's frame to Blender's: where a mesh stands, how large it is, where it looks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


def to_blender_frame(vertices: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn (V, 3) vertices by -90° about Z.

    In the model's frame the subject faces +X, where the input camera was. In Blender's front view
    (Numpad 1) one looks along +Y, so that a subject that faces the artist faces -Y. Both frames are
    right-handed with z up.
    """
    return np.stack((vertices[:, 1], -vertices[:, 0], vertices[:, 2]), axis=1)


def from_blender_frame(vertices: NDArray[np.float32]) -> NDArray[np.float32]:
    """The opposite of `to_blender_frame`."""
    return np.stack((-vertices[:, 1], vertices[:, 0], vertices[:, 2]), axis=1)


@dataclass(frozen=True)
class Placement:
    """Where the model's box lies in an object's own space.

    Attributes:
        scale: Object units to a model unit.
        base: (x, y, z) in model units, in Blender's frame: what becomes the object's origin.
    """

    scale: float
    base: tuple[float, float, float]

    def place(self, vertices: NDArray[np.float32]) -> NDArray[np.float32]:
        """Vertices (V, 3) of the model's frame in the object's space."""
        return (to_blender_frame(vertices) - np.float32(self.base)) * np.float32(self.scale)

    def unplace(self, vertices: NDArray[np.float32]) -> NDArray[np.float32]:
        """The opposite of `place`."""
        return from_blender_frame(vertices / np.float32(self.scale) + np.float32(self.base))


def on_floor(vertices: NDArray[np.float32], size: float) -> Placement:
    """The placement that makes the longest side of the box of vertices (V, 3) of the model's frame
    `size`, and the middle of the box's bottom face the origin.
    """
    # Axis by axis: along the short side of an array, NumPy is ten times slower.
    axes = to_blender_frame(vertices).T
    low, high = (np.array([end(axis) for axis in axes]) for end in (np.min, np.max))
    base = (low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]
    return Placement(size / float((high - low).max()), tuple(map(float, base)))
