"""Comparison of two shapes by points on them: Chamfer distance and F-score, after alignment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from trimesh.registration import icp

from insides import surface_samples
from maker import rotation
from mesh_files import face_areas

POINTS = 10_000
CLOSE = 0.1  # distance at which a point counts as found, of a shape in [-1, 1]
TURNS = 8  # about the vertical, from which the alignment starts
ICP_POINTS = 2000
ICP_STEPS = 30


@dataclass(frozen=True)
class Likeness:
    """How alike two shapes are, both scaled to [-1, 1].

    Attributes:
        chamfer: The mean distance from points of one to the other, both ways added.
        f_score: Harmonic mean of the shares of points that are within CLOSE of the other shape.
    """

    chamfer: float
    f_score: float


NONE = Likeness(chamfer=2.0, f_score=0.0)
"""Stands for a result without a surface: as far off as opposite faces of the box."""


def likeness(truth: NDArray[np.floating], result: NDArray[np.floating], seed: int = 0) -> Likeness:
    """Compare points of two shapes (N, 3) each, as the TripoSR report does.

    Each is centered on its bounding box and scaled to [-1, 1]. The result starts from several turns
    about the vertical, each is aligned by ICP (rotation and translation), and the best one counts:
    so neither the pose nor the size of the result matters.

    Source: Tochilkin et al. 2024, "TripoSR: Fast 3D Object Reconstruction from a Single Image".
    """
    rng = np.random.default_rng(seed)
    one, other = normalized(truth), normalized(result)
    some = [points[rng.permutation(len(points))[:ICP_POINTS]] for points in (one, other)]
    found = []
    for turn in range(TURNS):
        start = np.eye(4)
        start[:3, :3] = rotation(2, 360 / TURNS * turn)
        matrix, _, _ = icp(
            some[1], some[0], start, max_iterations=ICP_STEPS, reflection=False, scale=False
        )
        found.append(compared(one, other @ matrix[:3, :3].T + matrix[:3, 3]))
    return min(found, key=lambda likeness: likeness.chamfer)


def compared(one: NDArray[np.floating], other: NDArray[np.floating]) -> Likeness:
    """Compare points of two shapes (N, 3) where they are."""
    there, back = cKDTree(other).query(one)[0], cKDTree(one).query(other)[0]
    recall, precision = float((there < CLOSE).mean()), float((back < CLOSE).mean())
    f_score = 2 * precision * recall / max(precision + recall, 1e-12)
    return Likeness(float(there.mean() + back.mean()), f_score)


def normalized(points: NDArray[np.floating]) -> NDArray[np.float64]:
    """Center points (N, 3) on their bounding box, and scale its longest side to 2."""
    low, high = points.min(axis=0), points.max(axis=0)
    longest = max(float((high - low).max()), 1e-12)
    return (np.asarray(points, np.float64) - (low + high) / 2) * (2 / longest)


def mesh_points(
    vertices: NDArray[np.floating], faces: NDArray[np.integer], count: int, seed: int
) -> NDArray[np.float64]:
    """Sample points (count, 3) evenly on triangles."""
    corners = vertices[faces].astype(np.float64)
    return surface_samples(corners, face_areas(corners), count, np.random.default_rng(seed))[0]
