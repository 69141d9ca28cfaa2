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
from .source import in_model_frame

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
    blender_object: bpy.types.Object,
    code: SceneCode,
    placement: Placement,
    stays: np.ndarray | None = None,
) -> Callable[[], None]:
    """What is left to be checked of an object's mesh, where torch is at hand: on any thread.

    Args:
        stays: (V,) bool, the vertices that are looked at; all if None.

    Raises:
        InputError: The mesh does not lie where it was made; so does what is returned.
    """
    data = blender_object.data
    points = positions(data)
    became = what_became_of(data, points)
    looked_at = np.arange(len(points)) if stays is None else np.flatnonzero(stays)
    if became == "moved" or not _is_in_box(placement.unplace(points[looked_at]), code):
        raise _lies_elsewhere()
    if became == "there" or not len(looked_at):
        return lambda: None
    some = np.random.default_rng(0).permutation(looked_at)[:SAMPLES]
    return _surface_check(blender_object, code, placement, some)


def check_not_moved(data: bpy.types.Mesh) -> None:
    """Raise InputError if a mesh was moved, turned or scaled as a whole inside its object."""
    if what_became_of(data, positions(data)) == "moved":
        raise _lies_elsewhere()


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


def _surface_check(
    blender_object: bpy.types.Object, code: SceneCode, placement: Placement, some: np.ndarray
) -> Callable[[], None]:
    """Whether most of some vertices lie near the surface that their scene code has there, and have
    about the colors, where they have any: after a small turn or move they do not.
    """
    data, threshold = blender_object.data, blender_object.triposr.threshold
    points, outward, colors = positions(data)[some], normals(data)[some], colors_of(data)
    reaches = [reach * placement.scale for reach in REACHES]
    at, *beside = (
        in_model_frame(blender_object, points + step * outward, placement)
        for step in (0.0, *(-reach for reach in reaches), *reaches)
    )
    of_some = None if colors is None else colors[some]

    def check() -> None:
        density = code.density(np.concatenate(beside)).reshape(2, len(REACHES), len(some))
        is_near = ((density[0] > threshold) != (density[1] > threshold)).any(axis=0)
        if is_near.mean() < NEAR_SHARE:
            raise _lies_elsewhere()
        if of_some is not None:
            apart = np.abs(code.color(at) - of_some).max(axis=1)
            if (apart < SAME_COLOR).mean() < SAME_SHARE:
                raise _lies_elsewhere()

    return check
