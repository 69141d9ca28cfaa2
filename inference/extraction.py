"""A scene code becomes a triangle mesh: the band around the surface, the surface, its colors.

Time and memory follow the surface and not the lattice: only points near the surface are evaluated,
and only blocks that hold some of it are surfaced. Python's global lock is given back between them.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .devices import choose_device, memory_errors
from .errors import EmptySurfaceError
from .field import BLOCK_POINTS, Field
from .grid import Grid
from .narrow_band import Band, find_band
from .surface import Surface
from .types import (
    THRESHOLD_RANGE,
    MeshData,
    SceneCode,
    Tick,
    check_range,
    check_resolution,
    ignore_progress,
)

log = logging.getLogger(__name__)

BLOCK = 16
"""Cells per axis of the blocks that PyMCubes sees, a tenth of a millisecond each; it holds the
global lock."""

BAND_CELL = 2.0
"""Lattice cells that a cell of the band may be large: smaller ones leave out more points, but take
as many evaluations of their own."""

BAND_SHARE = 0.5
"""Part of the progress bar that finding the band takes."""

NEAREST, FARTHEST = 1e-6, 1e6
"""The least and the greatest distance of a density from the threshold, over the threshold. They
keep vertices off the lattice points, where edges meet, and move them by a millionth of an edge."""


def extract_mesh(
    code: SceneCode,
    resolution: int = 256,
    threshold: float = 25.0,
    tick: Tick | None = None,
    device: str = "auto",
) -> MeshData:
    """The surface where the density is `threshold`, with the color at each vertex.

    Args:
        code: The object.
        resolution: Lattice points per axis, 16...1024.
        threshold: Density at the surface; higher gives a thinner object.
        tick: Called with the stages `extract` and `color` between blocks.
        device: Where the density is evaluated: `auto`, `cpu`, `cuda`, ...

    Raises:
        InputError: `resolution` or `threshold` is out of its range.
        EmptySurfaceError: The density never crosses the threshold.
        DeviceError: Memory ran out, or the device does not work.
        DependencyError: PyMCubes cannot be imported.
    """
    check_resolution(resolution)
    check_range("Threshold", threshold, THRESHOLD_RANGE)
    tick = tick or ignore_progress
    started = time.perf_counter()
    with memory_errors("extracting the mesh"), torch.inference_mode():
        field = Field(code, choose_device(device))
        vertices, faces = find_surface(
            field, resolution, threshold, lambda fraction: tick("extract", fraction)
        )
        points = (vertices * (2 / (resolution - 1)) - 1) * code.radius
        points = points.astype(np.float32)
        extracted = time.perf_counter()
        colors = _colors(field, points, tick)
    log.info("Extracted %d faces at %d³: %.2f s", len(faces), resolution, extracted - started)
    log.info("Colored %d vertices: %.2f s", len(points), time.perf_counter() - extracted)
    return MeshData(vertices=points, faces=faces, colors=colors)


def find_surface(
    field: Field, resolution: int, threshold: float, progress: Callable[[float], None]
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """The surface of a lattice of `resolution`³ points that fills the box.

    Args:
        field: The object.
        resolution: R, the lattice points per axis.
        threshold: Density at the surface.
        progress: Called with the part of the work done, 0...1; raises to stop.

    Returns:
        Vertices (V, 3) float64 in lattice units, and faces (F, 3) int32 wound outward.

    Raises:
        EmptySurfaceError: The density never crosses the threshold.
        DependencyError: PyMCubes cannot be imported.
    """
    lattice = Grid(field, torch.linspace(-1, 1, resolution, device=field.device))
    raw_threshold = math.log(threshold) - field.code.density_bias
    band = find_band(
        field,
        raw_threshold,
        BAND_CELL * 2 / (resolution - 1),
        lambda fraction: progress(BAND_SHARE * fraction),
    )
    while True:
        surface = Surface(resolution)
        for slab in slabs(lattice, band, threshold):
            progress(BAND_SHARE + (1 - BAND_SHARE) * slab.first / (resolution - 1))
            if slab.leaks:
                break
            for values, corner in slab.blocks():
                surface.add(values, corner)
        else:
            break
        # Where the surface leaves the band, there is more of it. At the latest, this ends when the
        # band is the whole box.
        band = band.wider()
    progress(1.0)
    vertices, faces = surface.welded()
    if not len(faces):
        raise _nothing_to_extract(full=bool((band.values > 0).any()))
    return vertices, faces


@dataclass(frozen=True)
class Slab:
    """Layers of the lattice.

    Attributes:
        first: The x of its first layer.
        values: (X, R, R) float32, positive inside: densities less the threshold, far from the band
            of the right sign only.
        known: (X, R, R) bool: where the density was evaluated.
        leaks: Whether the surface passes where it was not.
    """

    first: int
    values: NDArray[np.float32]
    known: NDArray[np.bool_]
    leaks: bool

    def blocks(self) -> Iterator[tuple[NDArray[np.float32], tuple[int, int, int]]]:
        """The blocks that hold some of the surface, and their first points in the lattice."""
        known, last = self.known.any(axis=0), self.values.shape[1] - 1
        for y in range(0, last, BLOCK):
            for z in range(0, last, BLOCK):
                here = slice(y, y + BLOCK + 1), slice(z, z + BLOCK + 1)
                if known[here].any():
                    values = np.ascontiguousarray(self.values[:, *here])
                    if values.min() < 0 < values.max():
                        yield values, (self.first, y, z)


def slabs(lattice: Grid, band: Band, threshold: float) -> Iterator[Slab]:
    """The lattice in slabs of BLOCK layers of cells, which share a layer of points.

    The surface is interpolated between densities, not between their logarithms, because the
    published code does so: it moves vertices by up to a fifth of a lattice cell.
    """
    field, ticks = lattice.field, lattice.ticks
    raw_threshold = math.log(threshold) - field.code.density_bias
    cell = (torch.searchsorted(band.ticks, ticks, right=True) - 1).clamp(max=len(band.ticks) - 2)
    for first in range(0, len(ticks) - 1, BLOCK):
        layers = cell[first : first + BLOCK + 1]
        known = band.active[layers][:, cell][:, :, cell]
        if not known.any():
            continue
        # The corner of a cell that is not active has the sign of all that is in it.
        values = band.values[layers][:, cell][:, :, cell] + raw_threshold
        index = known.nonzero()
        index[:, 0] += first
        values[known] = lattice.at(index)
        values = field.activate_density(values).sub_(threshold)
        nearest, farthest = NEAREST * threshold, FARTHEST * threshold
        values = torch.where(
            values > 0, values.clamp(nearest, farthest), values.clamp(max=-nearest)
        )
        yield Slab(first, values.cpu().numpy(), known.cpu().numpy(), leaks(values > 0, known))


def leaks(inside: Tensor, known: Tensor) -> bool:
    """Whether two neighbors differ in `inside` of which not both are `known`."""
    for axis in range(3):
        count = inside.shape[axis] - 1
        crossed = inside.narrow(axis, 0, count) != inside.narrow(axis, 1, count)
        both = known.narrow(axis, 0, count) & known.narrow(axis, 1, count)
        if bool((crossed & ~both).any()):
            return True
    return False


def _nothing_to_extract(full: bool) -> EmptySurfaceError:
    if full:
        return EmptySurfaceError(
            "At this threshold the whole box is solid, so there is no surface",
            "Raise the density threshold",
        )
    return EmptySurfaceError(
        "At this threshold the box is empty, so there is no surface",
        "Lower the density threshold, or try a clearer picture of one object",
    )


def _colors(field: Field, points: NDArray[np.float32], tick: Tick) -> NDArray[np.float32]:
    colors = np.empty_like(points)
    for start in range(0, len(points), BLOCK_POINTS):
        tick("color", start / len(points))
        colors[start : start + BLOCK_POINTS] = field.color(points[start : start + BLOCK_POINTS])
    tick("color", 1.0)
    return colors
