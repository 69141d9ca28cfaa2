"""Anchors: some vertices of a mesh, which show whether the mesh was moved."""

from __future__ import annotations

import base64
from typing import Literal

import bpy
import numpy as np
from numpy.typing import NDArray

COUNT = 64
"""Number of vertices whose positions are kept: enough to tell a moved mesh from a sculpted one."""

NEAR = 1e-4
"""Distance, relative to the mesh's longest side, within which a vertex counts as unmoved."""

STILL = 0.25
"""Fraction of the vertices that must be unmoved: sculpting leaves more, a transform fewer."""

TOGETHER = 0.6
"""Fraction of the vertices that one affine map must explain if the whole mesh was moved."""

TRIES = 200
"""Number of maps that are tried, each through four vertices. If half of the vertices were sculpted,
one map in sixteen is right.
"""


def remember_place(data: bpy.types.Mesh, points: NDArray[np.float32]) -> None:
    """Keep the positions of some vertices of a mesh, taken from all its `points` (V, 3)."""
    some = points[_numbers(len(points))].astype("<f4")
    data.triposr.vertices = len(points)
    data.triposr.anchors = base64.b64encode(some.tobytes()).decode("ascii")


def what_became_of(
    data: bpy.types.Mesh, points: NDArray[np.float32]
) -> Literal["there", "moved", "unknown"]:
    """Whether a mesh, now with `points` (V, 3), still lies where the add-on put it.

    Returns:
        `there` if it does, sculpted or not; `moved` if it was transformed as a whole; `unknown` if
        it has other vertices now or was changed all over.
    """
    before = np.frombuffer(base64.b64decode(data.triposr.anchors), "<f4").reshape(-1, 3)
    if not len(before) or len(points) != data.triposr.vertices:
        return "unknown"
    after = points[_numbers(len(points))]
    near = NEAR * float(np.ptp(before, axis=0).max())
    is_still = _apart(after, before) <= near
    if is_still.mean() >= STILL:
        return "there"
    return "moved" if _moves_together(before, after, near) else "unknown"


def _numbers(count: int) -> NDArray[np.int64]:
    """Indices of some vertices from all over a mesh with `count` of them; always the same ones."""
    return np.random.default_rng(count).permutation(count)[:COUNT]


def _apart(these: NDArray[np.floating], those: NDArray[np.floating]) -> NDArray[np.floating]:
    return np.linalg.norm(these - those, axis=-1)


def _moves_together(before: NDArray[np.floating], after: NDArray[np.floating], near: float) -> bool:
    """Whether one affine map explains where most of the vertices went."""
    if len(before) < 8:
        return False
    random = np.random.default_rng(0)
    homogeneous = np.c_[before, np.ones(len(before))].astype(np.float64)
    for _ in range(TRIES):
        four = random.choice(len(before), 4, replace=False)
        try:
            mapping = np.linalg.solve(homogeneous[four], after[four].astype(np.float64))
        except np.linalg.LinAlgError:  # the four lie in one plane
            continue
        if (_apart(homogeneous @ mapping, after) <= 10 * near).mean() >= TOGETHER:
            return True
    return False
