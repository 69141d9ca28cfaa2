"""From the model's frame to Blender's: where a mesh stands, how large it is, where it looks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def to_blender_frame(vertices: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn (V, 3) vertices by -90° about Z.

    In the model's frame the subject faces +X, where the input camera was. In Blender's front view
    (Numpad 1) one looks along +Y, so that a subject that faces the artist faces -Y. Both frames are
    right-handed with z up.
    """
    return np.stack((vertices[:, 1], -vertices[:, 0], vertices[:, 2]), axis=1)


def stand_on_floor(vertices: NDArray[np.float32], size: float) -> NDArray[np.float32]:
    """Scale (V, 3) vertices so that the longest side of their box is `size`, and move them so that
    the middle of the box's bottom face is the origin.
    """
    # Axis by axis: along the short side of an array, NumPy is ten times slower.
    low, high = (np.array([end(axis) for axis in vertices.T]) for end in (np.min, np.max))
    base = np.array(((low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]), np.float32)
    longest = float((high - low).max())
    return (vertices - base) * np.float32(size / longest)
