"""From a scene code to a triangle mesh: the leaves around the surface, the surface, its colors.

Time and memory grow with the surface, not with the lattice: only points near the surface are
evaluated, and only leaves that contain part of it are surfaced. Python's global lock is released
between leaves.
"""

from __future__ import annotations

import itertools
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ..errors import EmptySurfaceError
from ..machine.devices import choose_device, memory_errors
from ..message import Message
from ..scene_code import SceneCode
from ..types import THRESHOLD_RANGE, MeshData, Tick, check_range, check_resolution, ignore_progress
from .field import Field
from .grid import Grid
from .leaves import AT_A_TIME, LEAF, Leaves
from .marching_cubes import Surface
from .narrow_band import find_band
from .workers import Workers

log = logging.getLogger(__name__)

SHARES = (0.4, 0.5, 0.1)
"""Fractions of the progress bar for finding the band, evaluating and surfacing."""

NEAREST, FARTHEST = 1e-6, 1e6
"""Least and greatest distance of a density from the threshold, divided by the threshold. They keep
vertices off the lattice points, where edges meet, and move them by a millionth of an edge."""


def extract_mesh(
    code: SceneCode,
    resolution: int = 256,
    threshold: float = 25.0,
    tick: Tick | None = None,
    device: str = "auto",
    closed: bool = True,
) -> MeshData:
    """Extract the surface where the density is `threshold`, with the color at each vertex.

    Args:
        code: The scene code of the object.
        resolution: Lattice points per axis, 16...1024.
        threshold: Density at the surface; higher gives a thinner object.
        tick: Called with the stages `extract` and `color` between blocks.
        device: Device that evaluates the density: `auto`, `cpu`, `cuda`, ...
        closed: Whether a surface that reaches the end of the box is closed there. The published
            code leaves it open.

    Raises:
        InputError: `resolution` or `threshold` is out of its range.
        EmptySurfaceError: The density never crosses the threshold.
        DeviceError: Memory ran out, or the device does not work.
        DependencyError: PyMCubes cannot be imported.
    """
    check_resolution(resolution)
    check_range("Density Threshold", threshold, THRESHOLD_RANGE)
    tick = tick or ignore_progress
    started = time.perf_counter()
    with (
        memory_errors(Message("extracting the mesh")),
        torch.inference_mode(),
        Workers(choose_device(device)) as workers,
    ):
        field = Field(code, workers)
        vertices, faces = find_surface(
            field, resolution, threshold, lambda fraction: tick("extract", fraction), closed
        )
        points = (vertices * (2 / (resolution - 1)) - 1) * code.radius
        points = points.astype(np.float32)
        extracted = time.perf_counter()
        colors = field.color(points, lambda fraction: tick("color", fraction))
    cut_off = bool(at_the_end(vertices, resolution).any())
    log.info("Extracted %d faces at %d³: %.2f s", len(faces), resolution, extracted - started)
    log.info("Colored %d vertices: %.2f s", len(points), time.perf_counter() - extracted)
    return MeshData(vertices=points, faces=faces, colors=colors, cut_off=cut_off)


def color_points(
    code: SceneCode,
    points: NDArray[np.float32],
    tick: Tick | None = None,
    device: str = "auto",
) -> NDArray[np.float32]:
    """Return display-referred sRGB at `points` (N, 3) in the model's frame: (N, 3) float32, 0...1.

    Raises:
        DeviceError: Memory ran out, or the device does not work.
    """
    tick = tick or ignore_progress
    with (
        memory_errors(Message("coloring the mesh")),
        torch.inference_mode(),
        Workers(choose_device(device)) as workers,
    ):
        return Field(code, workers).color(points, lambda fraction: tick("color", fraction))


def find_surface(
    field: Field,
    resolution: int,
    threshold: float,
    progress: Callable[[float], None],
    closed: bool = True,
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Find the surface in a lattice of `resolution`³ points that fills the box.

    Args:
        field: The density of the object.
        resolution: Lattice points per axis.
        threshold: Density at the surface.
        progress: Called with the fraction of the work done, 0...1; raises to stop.
        closed: Whether the box closes a surface that reaches its end.

    Returns:
        Vertices (V, 3) float64 in lattice units, and faces (F, 3) int32 wound outward.

    Raises:
        EmptySurfaceError: The density never crosses the threshold.
        DependencyError: PyMCubes cannot be imported.
    """
    finding, evaluating, surfacing = (
        _Part(progress, start, share)
        for start, share in zip((0.0, *itertools.accumulate(SHARES)), SHARES, strict=False)
    )
    lattice = Grid(field, torch.linspace(-1, 1, resolution, device=field.device))
    raw_threshold = math.log(threshold) - field.code.density_bias
    band = find_band(field, raw_threshold, finding)
    while True:
        leaves = Leaves(lattice, band, raw_threshold, closed)
        if leaves.evaluate(evaluating):
            break
        # The loop ends, at the latest, when the band is the whole box.
        del leaves
        band = band.wider()
    is_solid = bool((band.values > 0).all() and (leaves.values > 0).all())
    vertices, faces = _surface(leaves, field, threshold, closed, surfacing)
    if is_solid or not len(faces):
        raise _nothing_to_extract(is_solid)
    return vertices, faces


def at_the_end(vertices: NDArray[np.float64], resolution: int) -> NDArray[np.bool_]:
    """Mark the vertices (V, 3), in lattice units, that lie on a side of the box: (V,)."""
    return ((vertices == 0) | (vertices == resolution - 1)).any(axis=1)


@dataclass
class _Part:
    """Progress of one part of the work, from `start` to `start + share` of the whole.

    The reported progress never goes back: it waits while the work turns out larger than expected.
    """

    progress: Callable[[float], None]
    start: float
    share: float
    done: float = 0.0

    def __call__(self, done: float) -> None:
        self.done = max(self.done, done)
        self.progress(min(self.start + self.share * self.done, 1.0))


def _surface(
    leaves: Leaves,
    field: Field,
    threshold: float,
    closed: bool,
    progress: Callable[[float], None],
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Return the welded surface in all leaves; overwrites their values.

    The surface is interpolated between densities, not between their logarithms, as in the published
    code; the difference moves vertices by up to a fifth of a lattice cell.
    """
    raw_threshold = math.log(threshold) - field.code.density_bias
    values = field.activate_density(leaves.values.add_(raw_threshold)).sub_(threshold)
    nearest, farthest = NEAREST * threshold, FARTHEST * threshold
    values.clamp_(max=farthest)
    small = values.abs() < nearest
    values[small] = torch.where(values[small] > 0, nearest, -nearest)
    resolution = len(leaves.lattice.ticks)
    surface = Surface(resolution, closed)
    for start in range(0, len(values), AT_A_TIME):
        here = slice(start, start + AT_A_TIME)
        blocks = leaves.with_neighbors(values, here).cpu().numpy()
        for block, first in zip(blocks, leaves.first[here].tolist(), strict=True):
            x, y, z = (min(LEAF + 1, resolution - at) for at in first)
            if min(x, y, z) > 1:  # A single layer belongs to the leaf before.
                surface.add(np.ascontiguousarray(block[:x, :y, :z]), tuple(first))
        progress(min(1.0, (start + AT_A_TIME) / len(values)))
    return surface.welded()


def _nothing_to_extract(is_solid: bool) -> EmptySurfaceError:
    if is_solid:
        return EmptySurfaceError(
            "At this threshold the whole box is solid, so there is no surface",
            "Raise the density threshold",
        )
    return EmptySurfaceError(
        "At this threshold the box is empty, so there is no surface",
        "Lower the density threshold, or try a clearer picture of one object",
    )
