"""A mesh with fewer faces, a UV map and tangents, without Blender. No Ray, no torch, no bpy."""

from __future__ import annotations

from dataclasses import dataclass

import fast_simplification
import numpy as np
import trimesh
import xatlas
from numpy.typing import NDArray

from ..inference.texture.corners import Corners

MARGIN = 8
"""Texels between two islands, as in Blender: enough for three smaller levels of a mipmap."""


@dataclass(frozen=True, eq=False)
class Unwrapped:
    """A mesh whose vertices are split along the borders of its UV islands.

    Attributes:
        points: (V, 3) float32 in the object's space.
        faces: (F, 3) int32.
        uv: (V, 2) float32 in 0...1, v up.
        normals: (V, 3) float32 unit vectors, smooth across the borders of islands.
        tangents: (V, 4) float32: unit vectors along u, and the sign of the bitangent.
    """

    points: NDArray[np.float32]
    faces: NDArray[np.int32]
    uv: NDArray[np.float32]
    normals: NDArray[np.float32]
    tangents: NDArray[np.float32]

    def corners(self) -> Corners:
        """Corners for baking the texture, with the same tangents as a viewer's."""
        at = self.faces
        signs = self.tangents[at[:, 0], 3]
        return Corners(
            self.points[at], self.uv[at], self.normals[at], self.tangents[at][..., :3], signs
        )


def unwrap(
    points: NDArray[np.float32], faces: NDArray[np.int32], count: int, size: int
) -> Unwrapped:
    """Reduce a mesh to `count` faces (0 keeps all) and unwrap it for a texture of `size` texels."""
    if count and len(faces) > count:
        points, faces = fast_simplification.simplify(
            np.ascontiguousarray(points), np.ascontiguousarray(faces), target_count=count
        )
    mesh = trimesh.Trimesh(points, faces, process=False)
    normals = _unit(np.asarray(mesh.vertex_normals, np.float32))
    atlas = xatlas.Atlas()
    atlas.add_mesh(np.asarray(points, np.float32), np.asarray(faces, np.uint32), normals)
    packing = xatlas.PackOptions()
    packing.resolution, packing.padding, packing.bilinear = size, MARGIN, True
    atlas.generate(pack_options=packing)
    origin, split, uv = atlas[0]
    split = split.astype(np.int32)
    points, normals = np.asarray(points, np.float32)[origin], normals[origin]
    tangents = _tangents(points, split, uv, normals)
    return Unwrapped(points, split, np.asarray(uv, np.float32), normals, tangents)


def _tangents(
    points: NDArray[np.float32],
    faces: NDArray[np.int32],
    uv: NDArray[np.float32],
    normals: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Tangents (V, 4): the mean direction of u over a vertex's faces, perpendicular to its normal.

    The file holds them, so viewers use these and do not make their own, as MikkTSpace would.
    """
    (a, b), (u, v) = _edges(points[faces]), _edges(uv[faces])
    area = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
    along = (a * v[:, 1:] - b * u[:, 1:]) * np.sign(area)[:, None]
    summed = np.zeros_like(points)
    sign = np.zeros(len(points), np.float32)
    for corner in range(3):
        np.add.at(summed, faces[:, corner], along)
        np.add.at(sign, faces[:, corner], area)
    summed -= normals * (summed * normals).sum(axis=1, keepdims=True)
    lost = np.linalg.norm(summed, axis=1) < 1e-12
    # Any direction is as good where the map has no area.
    summed[lost] = np.cross(normals[lost], np.roll(normals[lost], 1, axis=1) + np.float32(1e-3))
    return np.column_stack((_unit(summed), np.where(sign < 0, -1, 1))).astype(np.float32)


def _edges(corners: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    return corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The vectors with length 1; (0, 0, 1) for those without a direction."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    found = np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 1e-20)
    found[length[:, 0] <= 1e-20] = (0, 0, 1)
    return found
