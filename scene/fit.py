"""Whether an object's mesh still lies where its scene code describes it.

Colors and new surfaces of a mesh that was turned, moved or scaled inside its object would be wrong,
silently. Where the vertices are still the ones that were made, their places tell; otherwise, the
surface and the colors that the scene code has there.
"""

from __future__ import annotations

from collections.abc import Callable

import bpy
import numpy as np

from ..inference.errors import InputError
from ..inference.types import SceneCode
from .anchors import what_became_of
from .mesh import colors_of, normals, positions
from .placement import Placement

OUTSIDE = 0.1
"""Part of the vertices that may lie outside the model's box, as sculpted ones may."""

SAMPLES = 2000
"""Vertices at which a mesh of other vertices is compared with its scene code."""

REACHES = (0.005, 0.01, 0.02)
"""Model units within which the surface must be: smoothing and remeshing move it about as far."""

NEAR_SHARE = 0.5
"""Part of the vertices that must be so near; the others may have been sculpted."""

SAME_COLOR, SAME_SHARE = 0.1, 0.3
"""Difference of a color channel that counts as none, and the part of the vertices that must have
the scene code's color; the others may have been painted."""


def fit_check(
    blender_object: bpy.types.Object, code: SceneCode, placement: Placement
) -> Callable[[np.ndarray], None]:
    """What is left to be checked of an object's mesh, where torch is at hand: on any thread.

    Returns:
        Called with (V,) bool, the vertices that matter, it raises InputError where they do not lie
        as they were made.

    Raises:
        InputError: The mesh was moved, turned or scaled as a whole inside its object.
    """
    data, note = blender_object.data, blender_object.triposr
    points, outward, colors = positions(data), normals(data), colors_of(data)
    threshold, mirrored = note.threshold, note.mirrored
    became = what_became_of(data, points)
    if became == "moved":
        raise _lies_elsewhere()

    def check(matters: np.ndarray) -> None:
        if not _is_in_box(placement.unplace(points[matters]), code):
            raise _lies_elsewhere()
        if became == "there" or not matters.any():
            return
        some = np.random.default_rng(0).permutation(np.flatnonzero(matters))[:SAMPLES]
        at, *beside = (
            placement.unplace(points[some] + step * placement.scale * outward[some], mirrored)
            for step in (0.0, *(-reach for reach in REACHES), *REACHES)
        )
        if not _is_surface_between(code, threshold, beside[: len(REACHES)], beside[len(REACHES) :]):
            raise _lies_elsewhere()
        if colors is not None and not _are_colors(code, at, colors[some]):
            raise _lies_elsewhere()

    return check


def _lies_elsewhere() -> InputError:
    return InputError(
        "The mesh no longer lies where it was made: its origin was moved, a transform was applied,"
        " or others were joined to it",
        "Undo that, or generate the object again",
    )


def _is_in_box(points: np.ndarray, code: SceneCode) -> bool:
    if not len(points):
        return True
    return float((np.abs(points) > 1.01 * code.radius).any(axis=1).mean()) <= OUTSIDE


def _is_surface_between(
    code: SceneCode, threshold: float, inner: list[np.ndarray], outer: list[np.ndarray]
) -> bool:
    """Whether the surface passes between points (N, 3) and those on the other side, mostly."""
    sides = [
        np.stack([code.density(points) > threshold for points in side]) for side in (inner, outer)
    ]
    return float((sides[0] != sides[1]).any(axis=0).mean()) >= NEAR_SHARE


def _are_colors(code: SceneCode, at: np.ndarray, colors: np.ndarray) -> bool:
    """Whether colors (N, 3) are about those that the scene code has there: after a small turn or
    move they are not.
    """
    apart = np.abs(code.color(at) - colors).max(axis=1)
    return float((apart < SAME_COLOR).mean()) >= SAME_SHARE
