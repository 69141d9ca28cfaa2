"""The published code's extraction, as the baseline, in plain torch.

Every lattice point goes through the whole decoder, 8192 at a time; densities and colors of all
points are kept, both raw and activated. PyMCubes then processes the whole lattice, on the CPU.

The published code uses torchmcubes, which processes it on the GPU where it was compiled with CUDA;
otherwise on the CPU, as here.
"""

from __future__ import annotations

import mcubes
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from triposr.inference import MeshData, SceneCode

CHUNK = 8192  # points; the published default


class Decoder:
    """A scene code's planes and layers on a device."""

    def __init__(self, code: SceneCode, device: torch.device) -> None:
        self.code = code
        self.planes = torch.from_numpy(code.planes).to(device)
        self.layers = [
            (torch.from_numpy(weight).to(device), torch.from_numpy(bias).to(device))
            for weight, bias in code.layers
        ]

    def query(self, points: Tensor) -> dict[str, Tensor]:
        """Return raw and activated densities and colors at points (N, 3) in the box."""
        chunks = [self._query(chunk) for chunk in points.split(CHUNK)]
        return {name: torch.cat([chunk[name] for chunk in chunks]) for name in chunks[0]}

    def _query(self, points: Tensor) -> dict[str, Tensor]:
        at = points / self.code.radius
        at = torch.stack([at[:, axes] for axes in ((0, 1), (0, 2), (1, 2))]).unsqueeze(1)
        sampled = F.grid_sample(self.planes, at, align_corners=False)
        hidden = sampled.squeeze(2).permute(2, 0, 1).flatten(1)
        *inner, (weight, bias) = self.layers
        for inner_weight, inner_bias in inner:
            hidden = F.silu(F.linear(hidden, inner_weight, inner_bias))
        out = F.linear(hidden, weight, bias)
        density, features = out[:, :1], out[:, 1:]
        return {
            "density": density,
            "features": features,
            "density_act": torch.exp(density + self.code.density_bias),
            "color": torch.sigmoid(features),
        }


def march(values: Tensor) -> tuple[NDArray[np.float64], NDArray[np.uint64]]:
    """Return the vertices (V, 3), in steps of the lattice, and faces (F, 3) where values are 0."""
    return mcubes.marching_cubes(values.cpu().numpy(), 0.0)  # type: ignore[no-any-return]


@torch.inference_mode()
def extract(code: SceneCode, resolution: int, threshold: float, device: str) -> MeshData:
    """Extract the mesh with its colors, open where it reaches the end of the box."""
    where = torch.device(device)
    decoder = Decoder(code, where)
    ticks = torch.linspace(-code.radius, code.radius, resolution)
    points = torch.stack(torch.meshgrid(ticks, ticks, ticks, indexing="ij"), dim=-1)
    lattice = decoder.query(points.view(-1, 3).to(where))
    vertices, faces = march(
        lattice["density_act"].view(resolution, resolution, resolution) - threshold
    )
    vertices = (vertices / (resolution - 1) * 2 - 1) * code.radius
    at_vertices = decoder.query(torch.from_numpy(vertices.astype(np.float32)).to(where))
    return MeshData(
        vertices=vertices.astype(np.float32),
        faces=faces.astype(np.int32),
        colors=at_vertices["color"].cpu().numpy(),
    )
