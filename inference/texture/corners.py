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
        # Imported here: enabling the add-on must not import torch. NumPy takes four times as long.
        import torch

        up, along = (
            torch.from_numpy(texels.interpolate(each)) for each in (self.normals, self.tangents)
        )
        sign = torch.from_numpy(self.signs[texels.triangle])
        across = torch.linalg.cross(up, along) * sign[:, None]
        # Rows of the inverse of the matrix whose columns are `along`, `across` and `up`.
        rows = [torch.linalg.cross(*pair) for pair in ((across, up), (up, along), (along, across))]
        volume = (along * rows[0]).sum(dim=1)
        wanted = torch.from_numpy(normals)
        mixed = torch.stack([(row * wanted).sum(dim=1) for row in rows], dim=1)
        mixed *= volume.sign()[:, None]
        # Without a tangent: a triangle without area in the map.
        mixed[volume.abs() < 1e-6] = torch.tensor((0.0, 0.0, 1.0))
        mixed = torch.nn.functional.normalize(mixed, dim=1)
        return np.asarray((mixed * 0.5 + 0.5).numpy(), np.float32)
