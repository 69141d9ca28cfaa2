"""Check that an object's mesh still lies where its scene code describes it.

If the mesh was turned, moved or scaled inside its object, new colors and surfaces would be silently
wrong. The check compares the places of the vertices if they are still the original ones; otherwise,
it compares the mesh with the surface and the colors of the scene code.
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
"""Share of the vertices that may lie outside the model's box: sculpting may move some there."""

SAMPLES = 2000
"""Vertices at which a mesh with new vertices is compared with its scene code."""

OFFSETS = np.array((-80, -55, -35, -22, -14, -8, -3, 0, 3, 8, 14, 22, 35, 55, 80)) / np.float32(
    1000
)
"""Distances along the normals, in model units, at which the surface is sought."""

NEAR, NEAR_SHARE = 0.02, 0.5
"""Largest distance to the surface, in model units, after smoothing and remeshing; and the share of
the vertices that must lie within it, for the others may have been sculpted."""

STILL = 0.006
"""Model units off the surface that any vertex may be, as smoothing and remeshing leave it."""

MOVED = 0.0095
"""Common motion of the vertices, in model units, that is a transform: stretching by 1.3 in one axis
gives 0.012 and scaling by 0.97 gives 0.016, sculpting a third of the vertices 0.008.
"""

BETTER = 0.1
"""Margin by which the colors may correlate better in another pose than in the original one."""


def fit_check(
    blender_object: bpy.types.Object, code: SceneCode, placement: Placement
) -> Callable[..., None]:
    """Check what needs no torch, and return a check of the rest for a thread that may import torch.

    Returns:
        Function that raises InputError if the vertices no longer lie where they were made; its
        optional argument, (V,) bool, selects the vertices that matter.

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
        if became == "there":  # even if few vertices, or sculpted ones, lie outside the box
            return
        if not _is_in_box(placement.unplace(points[matters]), code):
            raise _lies_elsewhere()
        if not matters.any():
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
        "The mesh no longer lies where it was made: its origin was moved, a transform was "
        "applied, or other meshes were joined to it",
        "Undo that, or generate the object again",
    )


def _is_in_box(points: np.ndarray, code: SceneCode) -> bool:
    if not len(points):
        return True
    return float((np.abs(points) > 1.01 * code.radius).any(axis=1).mean()) <= OUTSIDE


def _is_on_surface(code: SceneCode, threshold: float, at: np.ndarray, outward: np.ndarray) -> bool:
    """Whether the surface passes near most points (N, 3), which show no common motion."""
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
    return _common_motion(at[is_found], outward[is_found], middles[nearest[is_found]]) < MOVED


def _common_motion(at: np.ndarray, outward: np.ndarray, off: np.ndarray) -> float:
    """Root mean square motion of points (N, 3) by the small move, turn and scaling that best
    explain their distances (N,) to the surface along their normals.
    """
    center = at - at.mean(axis=0)
    turns, stretching = np.cross(center, outward), center * outward
    terms = np.concatenate((outward, turns, stretching), axis=1).astype(np.float64)
    rest = off
    for _ in range(5):  # robust: sculpted vertices weigh little
        weight = 1 / np.sqrt(1 + (rest / STILL) ** 2)
        found, *_ = np.linalg.lstsq(terms * weight[:, None], off * weight, rcond=None)
        rest = off - terms @ found
    move = found[:3] + np.cross(found[3:6], center) + found[6:] * center
    return float(np.sqrt((move**2).sum(axis=1).mean()))


def _fits_best_as_it_is(code: SceneCode, at: np.ndarray, colors: np.ndarray) -> bool:
    """Whether colors (N, 3), however brightened, fit the scene code at the points about as well as
    at the mirrored or turned points. For a symmetric shape, only colors reveal the pose.
    """
    from ..inference.surface.field import color_at

    x, y, z = at.T
    poses = [at, *(np.stack(pose, axis=1) for pose in ((x, -y, z), (-x, -y, z), (-x, y, z)))]
    as_it_is, *others = (_correlation(color_at(code, pose), colors) for pose in poses)
    return as_it_is >= max(others) - BETTER


def _correlation(these: np.ndarray, those: np.ndarray) -> float:
    """Correlation of two sets of colors (N, 3), -1...1; 0 if either is uniform."""
    a, b = (each - each.mean(axis=0) for each in (these, those))
    norm = float(np.sqrt((a**2).sum() * (b**2).sum()))
    return float((a * b).sum()) / norm if norm > 1e-6 else 0.0
