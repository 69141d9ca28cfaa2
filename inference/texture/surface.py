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

from ..machine.devices import choose_device
from ..scene_code import SceneCode
from ..surface.field import Field
from ..surface.grid import Grid
from ..surface.workers import Workers
from ..types import Tick, ignore_progress

RESOLUTION = 256
"""Lattice nodes per axis: four for each texel of the published planes."""

NEAR, REACH = 1, 4
"""Lattice cells, along the normal, within which the surface is looked for: first, where most points
find it, and at last, a sixtieth of the box. Farther away, somebody has sculpted the mesh on
purpose."""

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
        DeviceError: The device does not work. If memory runs out, the caller says what to do.
    """
    tick = tick or ignore_progress
    with torch.inference_mode(), Workers(choose_device(device)) as workers:
        field = Field(code, workers)
        lattice = _Lattice(field, threshold)
        lattice.add(points, NEAR + 2, lambda done: tick("snap", 0.4 * done))
        off = lattice.distances(points, normals, NEAR, lambda done: tick("snap", 0.4 + 0.2 * done))
        far = np.flatnonzero(~np.isfinite(off))
        if len(far):
            lattice.add(points[far], REACH + 2, lambda done: tick("snap", 0.6 + 0.1 * done))
            off[far] = lattice.distances(
                points[far], normals[far], REACH, lambda done: tick("snap", 0.7 + 0.1 * done)
            )
        is_found = np.isfinite(off)
        move = np.where(is_found, off, 0)[:, None] * np.float32(lattice.cell)
        found = points + move * normals
        outward = lattice.outward(
            found, normals, is_found, lambda done: tick("snap", 0.8 + 0.2 * done)
        )
        colors = field.color(found, lambda done: tick("color", done))
    return OnSurface(found, outward, colors, is_found)


class _Lattice:
    """Raw densities, minus that of the surface, at the nodes around some points."""

    def __init__(self, field: Field, threshold: float) -> None:
        self.field = field
        self.cell = 2 * field.radius / (RESOLUTION - 1)
        self._grid = Grid(field, torch.linspace(-1, 1, RESOLUTION, device=field.device))
        self._raw_threshold = math.log(threshold) - field.code.density_bias
        # Before version 2.9, torch cannot sample volumes on Apple's GPUs.
        device = torch.device("cpu") if field.device.type == "mps" else field.device
        self._values = torch.full((RESOLUTION,) * 3, UNKNOWN, device=device)

    def add(
        self, points: NDArray[np.float32], cells: int, progress: Callable[[float], None]
    ) -> None:
        """Evaluate the nodes within a number of cells of points (N, 3)."""
        near = _around(self._tensor(points), self.field.radius, cells)
        nodes = (near & (self._values == UNKNOWN)).flatten().nonzero()[:, 0]
        values = self._grid.at(nodes.to(self.field.device), progress) - self._raw_threshold
        self._values.view(-1)[nodes] = values.to(nodes.device)

    def distances(
        self,
        points: NDArray[np.float32],
        normals: NDArray[np.float32],
        reach: int,
        progress: Callable[[float], None],
    ) -> NDArray[np.float32]:
        """Find the nearest places along the normals (N, 3) where the surface is left.

        Returns:
            (N,) float32, their distances in cells; infinite where none is within `reach` cells.
        """
        result = np.empty(len(points), np.float32)

        def find(here: slice) -> None:
            at, along = self._tensor(points[here]), self._tensor(normals[here])
            best = torch.full_like(at[:, 0], float("inf"))
            inner = self._at(at - reach * self.cell * along)
            for step in range(1 - reach, reach + 1):
                outer = self._at(at + step * self.cell * along)
                is_left = (inner > 0) & (outer <= 0) & (outer > UNKNOWN / 2)
                distance = step - outer / (outer - inner)
                is_left &= distance.abs() < best.abs()
                best = torch.where(is_left, distance, best)
                inner = outer
            result[here] = best.cpu().numpy()

        self.field.workers.each(find, len(points), progress)
        return result

    def outward(
        self,
        points: NDArray[np.float32],
        otherwise: NDArray[np.float32],
        is_found: NDArray[np.bool_],
        progress: Callable[[float], None],
    ) -> NDArray[np.float32]:
        """Find the directions (N, 3) in which the density falls fastest, as unit vectors.

        They are taken across two cells, which smooths the creases that bilinear planes have at
        their texels. Where the surface was not found, or they point into the mesh, `otherwise`
        (N, 3) takes their place.
        """
        result = otherwise.copy()

        def find(here: slice) -> None:
            at, mesh = self._tensor(points[here]), self._tensor(otherwise[here])
            falls = torch.empty_like(at)
            for axis in range(3):
                step = torch.zeros(3, device=at.device)
                step[axis] = self.cell
                falls[:, axis] = self._at(at - step) - self._at(at + step)
            falls = F.normalize(falls, dim=1)
            is_sound = ((falls * mesh).sum(dim=1) > 0).cpu().numpy() & is_found[here]
            result[here][is_sound] = falls.cpu().numpy()[is_sound]

        self.field.workers.each(find, len(points), progress)
        return result

    def _tensor(self, array: NDArray[np.float32]) -> Tensor:
        return torch.from_numpy(array).to(self._values.device)

    def _at(self, points: Tensor) -> Tensor:
        """Interpolate between the nodes at points (N, 3): (N,)."""
        # grid_sample takes the last axis first.
        places = (points / self.field.radius).flip(-1).view(1, 1, 1, -1, 3)
        return F.grid_sample(self._values[None, None], places, align_corners=True).view(-1)


def _around(points: Tensor, radius: float, cells: int) -> Tensor:
    """Mark the lattice nodes within a number of cells of points (N, 3): (R, R, R) bool."""
    places = ((points / radius + 1) * ((RESOLUTION - 1) / 2)).round().long()
    places = places.clamp_(0, RESOLUTION - 1)
    marked = torch.zeros((RESOLUTION,) * 3, dtype=torch.bool, device=points.device)
    marked[places[:, 0], places[:, 1], places[:, 2]] = True
    for axis in range(3):
        grown = marked.clone()
        for shift in range(1, cells + 1):
            rest = RESOLUTION - shift
            grown.narrow(axis, shift, rest).logical_or_(marked.narrow(axis, 0, rest))
            grown.narrow(axis, 0, rest).logical_or_(marked.narrow(axis, shift, rest))
        marked = grown
    return marked
