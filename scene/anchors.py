"""Whether a mesh still lies where the add-on put it, told by some of its vertices."""

from __future__ import annotations

import base64
from typing import Literal

import bpy
import numpy as np
from numpy.typing import NDArray

COUNT = 64
"""Vertices whose places are remembered: enough to tell a moved mesh from a sculpted one."""

NEAR = 1e-4
"""Distance within which a vertex is where it was, over the mesh's longest side."""

STILL = 0.25
"""Part of the vertices that must be where they were: sculpting leaves more, a transform fewer."""

TOGETHER = 0.6
"""Part of the vertices that one affine map must explain to be what moved the mesh."""

TRIES = 200
"""Maps that are looked at, each through four vertices; with half of them sculpted, one in sixteen
is right."""


def remember_place(data: bpy.types.Mesh, points: NDArray[np.float32]) -> None:
    """Note where some vertices of a mesh are, out of all its `points` (V, 3)."""
    some = points[_numbers(len(points))].astype("<f4")
    data.triposr.vertices = len(points)
    data.triposr.anchors = base64.b64encode(some.tobytes()).decode("ascii")


def what_became_of(
    data: bpy.types.Mesh, points: NDArray[np.float32]
) -> Literal["there", "moved", "unknown"]:
    """Whether a mesh with `points` (V, 3) lies where it was put: `there` where it does, sculpted or
    not; `moved` where it was transformed as a whole; `unknown` where it has other vertices by now,
    or was changed all over.
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
    """Vertices from all over a mesh of so many; the same ones each time."""
    return np.random.default_rng(count).permutation(count)[:COUNT]


def _apart(these: NDArray[np.floating], those: NDArray[np.floating]) -> NDArray[np.floating]:
    return np.linalg.norm(these - those, axis=-1)


def _moves_together(before: NDArray[np.floating], after: NDArray[np.floating], near: float) -> bool:
    """Whether one affine map explains where most of some vertices went."""
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
