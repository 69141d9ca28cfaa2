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
from ..inference.scene_code import SceneCode
from ..scene.anchors import what_became_of
from ..scene.mesh import colors_of, normals, positions
from ..scene.placement import Placement

OUTSIDE = 0.1
"""Part of the vertices that may lie outside the model's box, as sculpted ones may."""

SAMPLES = 2000
"""Vertices at which a mesh of other vertices is compared with its scene code."""

OFFSETS = np.array((-80, -55, -35, -22, -14, -8, -3, 0, 3, 8, 14, 22, 35, 55, 80)) / np.float32(
    1000
)
"""Along the normals, in model units, where the surface is looked for."""

NEAR, NEAR_SHARE = 0.02, 0.5
"""Model units within which the surface must be, as smoothing and remeshing move it; and the part of
the vertices of which that is asked, for the others may have been sculpted."""

STILL = 0.006
"""Model units by which the vertices may have moved together; smoothing moves them by less."""

BETTER = 0.1
"""By how much the colors may correlate better in another pose than in the one as it was made."""


def fit_check(
    blender_object: bpy.types.Object, code: SceneCode, placement: Placement
) -> Callable[..., None]:
    """What is left to be checked of an object's mesh, where torch is at hand: on any thread.

    Returns:
        Raises InputError when it is called and the vertices do not lie as they were made. May be
        given those that matter, (V,) bool.

    Raises:
        InputError: The mesh was moved, turned or scaled as a whole inside its object.
    """
    data, note = blender_object.data, blender_object.triposr
    points = positions(data)
    threshold, mirrored = note.threshold, note.mirrored
    became = what_became_of(data, points)
    if became == "moved":
        raise _lies_elsewhere()
    if became != "there":
        outward, colors = normals(data), colors_of(data)

    def check(matters: np.ndarray | None = None) -> None:
        if matters is None:
            matters = np.ones(len(points), bool)
        if not _is_in_box(placement.unplace(points[matters]), code):
            raise _lies_elsewhere()
        if became == "there" or not matters.any():
            return
        some = np.random.default_rng(0).permutation(np.flatnonzero(matters))[:SAMPLES]
        at = placement.unplace(points[some], mirrored)
        beside = placement.unplace(points[some] + placement.scale * outward[some], mirrored)
        if not _is_on_surface(code, threshold, at, beside - at):
            raise _lies_elsewhere()
        if colors is not None and not _fits_best_as_it_is(code, at, colors[some]):
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


def _is_on_surface(code: SceneCode, threshold: float, at: np.ndarray, outward: np.ndarray) -> bool:
    """Whether the surface passes near points (N, 3), mostly, and not all of them in one way off."""
    from ..inference.surface.field import density_at

    beside = at[None] + OFFSETS[:, None, None] * outward[None]
    is_solid = density_at(code, beside.reshape(-1, 3)).reshape(len(OFFSETS), -1) > threshold
    crossed = is_solid[:-1] != is_solid[1:]
    middles = (OFFSETS[:-1] + OFFSETS[1:]) / 2
    distance = np.where(crossed, np.abs(middles)[:, None], np.inf)
    nearest = distance.argmin(axis=0)
    is_found = crossed.any(axis=0)
    is_near = is_found & (distance.min(axis=0) < NEAR)
    if is_near.mean() < NEAR_SHARE:
        return False
    return _common_motion(at[is_found], outward[is_found], middles[nearest[is_found]]) < STILL


def _common_motion(at: np.ndarray, outward: np.ndarray, off: np.ndarray) -> float:
    """How far points (N, 3) are moved by the small move, turn and scaling that best explain how far
    (N,) they are off along their normals; root mean square.
    """
    center = at - at.mean(axis=0)
    turns, stretching = np.cross(center, outward), center * outward
    terms = np.concatenate((outward, turns, stretching), axis=1).astype(np.float64)
    rest = off
    for _ in range(5):  # robust: what was sculpted explains nothing
        weight = 1 / np.sqrt(1 + (rest / STILL) ** 2)
        found, *_ = np.linalg.lstsq(terms * weight[:, None], off * weight, rcond=None)
        rest = off - terms @ found
    move = found[:3] + np.cross(found[3:6], center) + found[6:] * center
    return float(np.sqrt((move**2).sum(axis=1).mean()))


def _fits_best_as_it_is(code: SceneCode, at: np.ndarray, colors: np.ndarray) -> bool:
    """Whether colors (N, 3) are those that the scene code has at points, however brightened, rather
    than those of the mirrored or turned object: where the shape is symmetric, only they tell.
    """
    from ..inference.surface.field import color_at

    x, y, z = at.T
    poses = [at, *(np.stack(pose, axis=1) for pose in ((x, -y, z), (-x, -y, z), (-x, y, z)))]
    as_it_is, *others = (_correlation(color_at(code, pose), colors) for pose in poses)
    return as_it_is >= max(others) - BETTER


def _correlation(these: np.ndarray, those: np.ndarray) -> float:
    """Of the channels of colors (N, 3), -1...1; 0 where there is nothing to compare."""
    a, b = (each - each.mean(axis=0) for each in (these, those))
    norm = float(np.sqrt((a**2).sum() * (b**2).sum()))
    return float((a * b).sum()) / norm if norm > 1e-6 else 0.0
