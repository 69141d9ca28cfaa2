"""The true surface of a scene code near a mesh: where it lies, its normals and its colors.

The density is evaluated once at the nodes of a lattice around the mesh, and interpolated from
there: a texture asks at millions of points, most of them closer together than the network's detail.
Colors are evaluated at every point.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ..machine.devices import choose_device, memory_errors
from ..message import Message
from ..scene_code import SceneCode
from ..surface.field import Field
from ..surface.grid import Grid
from ..surface.workers import Workers
from ..types import Tick, ignore_progress

RESOLUTION = 256
"""Lattice nodes per axis: four for each texel of the published planes."""

REACH = 4
"""Lattice cells, along the normal, within which the surface is looked for: a fiftieth of the box.
Farther away, somebody has sculpted the mesh on purpose."""

AT_A_TIME = 1 << 18
"""Points that are looked up at a time."""

UNKNOWN = -1e4
"""Raw density at nodes that were not evaluated: far below any that occurs."""


@dataclass(frozen=True, eq=False)
class OnSurface:
    """Points on the surface.

    Attributes:
        points: (N, 3) float32 in the model's frame.
        normals: (N, 3) float32 unit vectors that point outward.
        colors: (N, 3) float32 in 0...1, display-referred sRGB.
        is_found: (N,) bool; elsewhere the mesh is far from the surface, and its points and normals
            are those of the mesh.
    """

    points: NDArray[np.float32]
    normals: NDArray[np.float32]
    colors: NDArray[np.float32]
    is_found: NDArray[np.bool_]


def surface_near(
    code: SceneCode,
    threshold: float,
    points: NDArray[np.float32],
    normals: NDArray[np.float32],
    tick: Tick | None = None,
    device: str = "auto",
) -> OnSurface:
    """Find the surface where the density is `threshold` near points of a mesh.

    Args:
        code: The scene code of the object.
        threshold: Density at the surface.
        points, normals: (N, 3) float32 in the model's frame, of the mesh; the normals have unit
            length.
        tick: Called with the stages `snap` and `color`.
        device: Device that evaluates the density: `auto`, `cpu`, `cuda`, ...

    Raises:
        DeviceError: Memory ran out, or the device does not work.
    """
    tick = tick or ignore_progress
    with (
        memory_errors(Message("texturing the mesh")),
        torch.inference_mode(),
        Workers(choose_device(device)) as workers,
    ):
        field = Field(code, workers)
        lattice = _Lattice(field, threshold, points, lambda done: tick("snap", 0.5 * done))
        found = np.empty((len(points), 3), np.float32)
        outward, is_found = np.empty_like(found), np.empty(len(points), bool)

        for start in range(0, len(points), AT_A_TIME):
            here = slice(start, start + AT_A_TIME)
            at, along = field.tensor(points[here]), field.tensor(normals[here])
            at, is_here = lattice.snapped(at, along)
            direction = torch.where(is_here[:, None], lattice.outward(at, along), along)
            found[here], outward[here] = at.cpu().numpy(), direction.cpu().numpy()
            is_found[here] = is_here.cpu().numpy()
            tick("snap", 0.5 + 0.5 * min(1.0, (start + AT_A_TIME) / len(points)))
        colors = field.color(found, lambda done: tick("color", done))
    return OnSurface(found, outward, colors, is_found)


class _Lattice:
    """Raw densities, minus that of the surface, at the nodes around some points."""

    def __init__(
        self,
        field: Field,
        threshold: float,
        points: NDArray[np.float32],
        progress: Callable[[float], None],
    ) -> None:
        self.cell = 2 * field.radius / (RESOLUTION - 1)
        self.radius = field.radius
        grid = Grid(field, torch.linspace(-1, 1, RESOLUTION, device=field.device))
        nodes = _around(field.tensor(points), self.radius, REACH + 2).flatten().nonzero()[:, 0]
        raw_threshold = math.log(threshold) - field.code.density_bias
        values = torch.full((RESOLUTION**3,), UNKNOWN, device=field.device)
        values[nodes] = grid.at(nodes, progress) - raw_threshold
        self._values = values.view(1, 1, RESOLUTION, RESOLUTION, RESOLUTION)

    def at(self, points: Tensor) -> Tensor:
        """Interpolate between the nodes at points (N, 3): (N,)."""
        # grid_sample takes the last axis first.
        places = (points / self.radius).flip(-1).view(1, 1, 1, -1, 3)
        return F.grid_sample(self._values, places, align_corners=True).view(-1)

    def snapped(self, points: Tensor, normals: Tensor) -> tuple[Tensor, Tensor]:
        """Move points (N, 3) along their normals to the nearest place where the surface is left.

        Returns:
            The points, moved where a place is within reach; and whether it is: (N,) bool.
        """
        steps = [number / 2 for number in range(-2 * REACH, 2 * REACH + 1)]
        best = torch.full_like(points[:, 0], float("inf"))
        inner = self.at(points + steps[0] * self.cell * normals)
        for step in steps[1:]:
            outer = self.at(points + step * self.cell * normals)
            is_left = (inner > 0) & (outer <= 0) & (outer > UNKNOWN / 2)
            distance = step - 0.5 * outer / (outer - inner)
            is_left &= distance.abs() < best.abs()
            best = torch.where(is_left, distance, best)
            inner = outer
        is_found = best.isfinite()
        move = torch.where(is_found, best, 0.0) * self.cell
        return points + move[:, None] * normals, is_found

    def outward(self, points: Tensor, otherwise: Tensor) -> Tensor:
        """Unit vectors (N, 3) along which the density falls fastest.

        They are taken across two cells, which smooths the creases that bilinear planes have at
        their texels. Where they would point into the mesh, `otherwise` (N, 3) is returned.
        """
        falls = torch.empty_like(points)
        for axis in range(3):
            step = torch.zeros(3, device=points.device)
            step[axis] = self.cell
            falls[:, axis] = self.at(points - step) - self.at(points + step)
        falls = F.normalize(falls, dim=1)
        is_sound = (falls * otherwise).sum(dim=1) > 0
        return torch.where(is_sound[:, None], falls, otherwise)


def _around(points: Tensor, radius: float, cells: int) -> Tensor:
    """Mark the lattice nodes within a number of cells of points (N, 3): (R, R, R) bool."""
    places = ((points / radius + 1) * ((RESOLUTION - 1) / 2)).round().long()
    places = places.clamp_(0, RESOLUTION - 1)
    marked = torch.zeros((RESOLUTION,) * 3, device=points.device)
    marked[places[:, 0], places[:, 1], places[:, 2]] = 1
    for axis in range(3):
        kernel, padding = [1, 1, 1], [0, 0, 0]
        kernel[axis], padding[axis] = 2 * cells + 1, cells
        marked = F.max_pool3d(marked[None, None], kernel, 1, padding)[0, 0]
    return marked > 0
