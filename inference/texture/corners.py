"""The corners of a mesh's triangles, as a texture and its normal map see them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from .texels import Texels


@dataclass(frozen=True, eq=False)
class Corners:
    """Values at the corners of triangles, in the object's space.

    Attributes:
        points: (T, 3, 3) float32.
        uv: (T, 3, 2) float32.
        normals, tangents: (T, 3, 3) float32 unit vectors; the tangents are MikkTSpace's, which
            Blender, glTF and game engines use.
        signs: (T,) float32, 1 or -1: whether the UV map mirrors the triangle.
    """

    points: NDArray[np.float32]
    uv: NDArray[np.float32]
    normals: NDArray[np.float32]
    tangents: NDArray[np.float32]
    signs: NDArray[np.float32]

    def tangent_space(self, texels: Texels, normals: NDArray[np.float32]) -> NDArray[np.float32]:
        """Express unit vectors (N, 3) at texels in tangent space: (N, 3) float32, colors in 0...1.

        A renderer interpolates normal and tangent without normalizing them, and takes the bitangent
        from their cross product; this is the opposite of what it then computes.
        """
        up, along = texels.interpolate(self.normals), texels.interpolate(self.tangents)
        across = np.cross(up, along) * self.signs[texels.triangle, None]
        # Rows of the inverse of the matrix whose columns are `along`, `across` and `up`.
        rows = (np.cross(across, up), np.cross(up, along), np.cross(along, across))
        volume = np.einsum("ij,ij->i", along, rows[0])
        mixed = np.stack([np.einsum("ij,ij->i", row, normals) for row in rows], axis=1)
        mixed *= np.sign(volume)[:, None]
        mixed[np.abs(volume) < 1e-6] = (0, 0, 1)  # no tangent: a triangle without area in the map
        mixed /= np.maximum(np.linalg.norm(mixed, axis=1, keepdims=True), 1e-12)
        return (mixed * 0.5 + 0.5).astype(np.float32)
