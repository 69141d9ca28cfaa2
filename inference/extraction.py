"""A scene code becomes a triangle mesh: density lattice, surface, colors.

The lattice is evaluated and surfaced in slabs of x-layers, so that memory holds a slab and the
surface, never the lattice, and Python's global lock is given back between slabs.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from .devices import choose_device, memory_errors
from .errors import EmptySurfaceError, importing
from .field import BLOCK_POINTS, Field
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

SLAB_POINTS = 1 << 18
"""Lattice points surfaced at a time: about 5 ms in PyMCubes, which holds the global lock."""

Layers = Callable[[int, int], NDArray[np.float32]]
"""Maps (start, stop) to the values of those x-layers: (stop - start, R, R)."""


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
    with memory_errors("extracting the mesh"):
        field = Field(code, choose_device(device))
        vertices, faces = surface(
            lattice_layers(field, resolution, threshold),
            resolution,
            lambda fraction: tick("extract", fraction),
        )
        points = (vertices * (2 / (resolution - 1)) - 1) * code.radius
        points = points.astype(np.float32)
        extracted = time.perf_counter()
        colors = _colors(field, points, tick)
    log.info("Extracted %d faces at %d³: %.2f s", len(faces), resolution, extracted - started)
    log.info("Colored %d vertices: %.2f s", len(points), time.perf_counter() - extracted)
    return MeshData(vertices=points, faces=faces, colors=colors)


def lattice_layers(field: Field, resolution: int, threshold: float) -> Layers:
    """The density less the threshold, layer by layer, on a lattice that fills the box.

    The surface is interpolated between densities, not between their logarithms, because the
    published code does so: it moves vertices by up to a fifth of a lattice cell.
    """
    xy, xz, yz = field.lattice(resolution)
    # A block is some rows of one layer: first-layer sums of (rows, R) points at a time.
    rows = max(1, BLOCK_POINTS // resolution)

    def layers(start: int, stop: int) -> NDArray[np.float32]:
        values = torch.empty(stop - start, resolution, resolution, device=field.device)
        with torch.inference_mode():
            for i in range(start, stop):
                for j in range(0, resolution, rows):
                    sums = xy[i, j : j + rows, None] + xz[i, None] + yz[j : j + rows]
                    raw = field.raw_density(sums.flatten(0, 1))
                    values[i - start, j : j + rows] = raw.view(-1, resolution)
        field.activate_density(values).sub_(threshold)
        return values.cpu().numpy()

    return layers


def surface(
    layers: Layers, resolution: int, progress: Callable[[float], None]
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """The zero surface of a lattice of values that are positive inside, by PyMCubes.

    Slabs share a layer of lattice points. Both find the same vertices on its edges, and welding
    those restores the mesh of the whole lattice.

    Args:
        layers: Gives the values of any run of x-layers.
        resolution: R, the lattice points per axis.
        progress: Called with the part of the lattice done, 0...1; raises to stop.

    Returns:
        Vertices (V, 3) float64 in lattice units, x first, and faces (F, 3) int32 wound outward.

    Raises:
        EmptySurfaceError: No two values differ in sign.
        DependencyError: PyMCubes cannot be imported.
    """
    with importing("PyMCubes"):
        import mcubes

    depth = max(1, SLAB_POINTS // resolution**2)
    all_vertices: list[NDArray[np.float64]] = []
    all_faces: list[NDArray[np.int32]] = []
    count = 0
    seam = _Seam(resolution)
    last_layer: NDArray[np.float32] | None = None
    inside = 0
    for start in range(0, resolution - 1, depth):
        progress(start / (resolution - 1))
        stop = min(start + depth, resolution - 1) + 1
        if last_layer is None:
            values = layers(start, stop)
        else:
            values = np.concatenate((last_layer, layers(start + 1, stop)))
        if stop < resolution:
            values[-1] = _off_the_corners(values[-1])
        last_layer = values[-1:]
        inside += int(np.count_nonzero(values > 0))
        vertices, slab_faces = mcubes.marching_cubes(values, 0.0)
        vertices[:, 0] += start
        index, fresh = seam.weld(vertices, start, count)
        all_vertices.append(vertices[fresh])
        all_faces.append(index[slab_faces.astype(np.int64)].astype(np.int32))
        count += int(np.count_nonzero(fresh))
        seam.remember(vertices, index, stop - 1)
    progress(1.0)
    if count == 0:
        raise _nothing_to_extract(full=inside > 0)
    return np.concatenate(all_vertices), np.concatenate(all_faces)


def _off_the_corners(layer: NDArray[np.float32]) -> NDArray[np.float32]:
    """A layer (R, R) whose values are far enough from zero to tell on which edge a vertex lies.

    Where a value is zero, the vertices of all edges that meet there lie on one lattice point, and
    welding would take them for one. A millionth of an edge apart is enough. Zero counts as outside,
    as in PyMCubes.
    """
    size = np.abs(layer)
    neighbor = np.zeros_like(size)
    for axis in (0, 1):
        ours, theirs = np.moveaxis(neighbor, axis, 0), np.moveaxis(size, axis, 0)
        np.maximum(ours[1:], theirs[:-1], out=ours[1:])
        np.maximum(ours[:-1], theirs[1:], out=ours[:-1])
    least = np.float32(1e-6) * neighbor
    return np.where(size < least, np.where(layer > 0, least, -least), layer)


class _Seam:
    """The vertices on the layer that the next slab shares, by the lattice edge that they lie on."""

    def __init__(self, resolution: int) -> None:
        self._resolution = resolution
        self._edges = np.empty(0, np.int64)
        self._numbers = np.empty(0, np.int64)

    def weld(
        self, vertices: NDArray[np.float64], layer: int, count: int
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Number the vertices of a slab that begins at `layer`, `count` vertices being there.

        Returns:
            The number of each vertex in the whole mesh, and whether it is new.
        """
        fresh = np.ones(len(vertices), bool)
        numbers = np.empty(len(vertices), np.int64)
        if len(self._edges):
            shared, edges = self._on_layer(vertices, layer)
            place = np.minimum(np.searchsorted(self._edges, edges), len(self._edges) - 1)
            known = self._edges[place] == edges
            fresh[shared[known]] = False
            numbers[shared[known]] = self._numbers[place[known]]
        numbers[fresh] = count + np.arange(np.count_nonzero(fresh))
        return numbers, fresh

    def remember(
        self, vertices: NDArray[np.float64], numbers: NDArray[np.int64], layer: int
    ) -> None:
        """Keep the vertices of a slab that lie on its last layer."""
        shared, edges = self._on_layer(vertices, layer)
        order = np.argsort(edges, kind="stable")
        self._edges, self._numbers = edges[order], numbers[shared][order]

    def _on_layer(
        self, vertices: NDArray[np.float64], layer: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The vertices on a layer, and the number of the lattice edge that each lies on.

        PyMCubes walks an edge from either end, so the two slabs' coordinates differ in the last
        bit. The edge does not: its lower end, and whether it runs along y or z.
        """
        shared = np.flatnonzero(vertices[:, 0] == layer)
        position = vertices[shared, 1:]
        nearest = np.rint(position)
        between = np.abs(position - nearest) > 1e-9
        lower = np.where(between, np.floor(position), nearest).astype(np.int64)
        corner = lower[:, 0] * self._resolution + lower[:, 1]
        return shared, 4 * corner + 2 * between[:, 0] + between[:, 1]


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
