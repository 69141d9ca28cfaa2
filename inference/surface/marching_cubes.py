"""Marching cubes by PyMCubes: blocks of a lattice become one triangle mesh."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..errors import importing


class Surface:
    """The zero surface of values that are positive inside, built from blocks that share faces.

    Two blocks find the same vertices on a shared face, and `welded` joins them, so the mesh is that
    of the whole lattice.
    """

    def __init__(self, resolution: int, closed: bool) -> None:
        """Set up a surface without any blocks.

        Args:
            resolution: Lattice points per axis.
            closed: Whether the lattice's sides close a surface that reaches them.

        Raises:
            DependencyError: PyMCubes cannot be imported.
        """
        with importing("PyMCubes"):
            import mcubes

        self._marching_cubes = mcubes.marching_cubes
        self._resolution = resolution
        self._closed = closed
        self._vertices: list[NDArray[np.float64]] = []
        self._edges: list[NDArray[np.int64]] = []
        self._faces: list[NDArray[np.int64]] = []
        self._count = 0

    def add(self, values: NDArray[np.float32], first: tuple[int, int, int]) -> None:
        """Add the surface in a block.

        Args:
            values: (X, Y, Z), none of them zero: a vertex must lie on one edge, not on a point.
            first: The block's first point in the lattice.
        """
        if self._closed:
            values, first = self._walled(values, first)
        if values.min() > 0 or values.max() < 0:
            return
        vertices, faces = self._marching_cubes(values, 0.0)
        # A vertex lies on a lattice edge, between its lower end and the next point along one axis.
        # PyMCubes walks an edge from either end, so coordinates may differ in the last bit; the
        # edge is the same.
        lower = np.floor(vertices)
        axis = (vertices != lower) @ np.array([0, 1, 2])
        end = self._resolution - 1
        lower += first
        # All edges that leave the lattice at a point share one vertex there, which closes the
        # surface.
        beyond = ((lower < 0) | (lower + np.eye(3)[axis] > end)).any(axis=1)
        axis[beyond] = 3
        place = np.ravel_multi_index(
            tuple(lower.clip(0, end).astype(np.int64).T), (self._resolution,) * 3
        )
        self._vertices.append((vertices + first).clip(0, end))
        self._edges.append(4 * place + axis)
        self._faces.append(faces.astype(np.int64) + self._count)
        self._count += len(vertices)

    def _walled(
        self, values: NDArray[np.float32], first: tuple[int, int, int]
    ) -> tuple[NDArray[np.float32], tuple[int, int, int]]:
        """Add a layer of outside values to the block wherever it touches a side of the lattice."""
        walls = [
            (int(at == 0), int(at + count == self._resolution))
            for at, count in zip(first, values.shape, strict=True)
        ]
        if not any(map(any, walls)):
            return values, first
        outside = -float(np.abs(values).max())
        walled = np.pad(values, walls, constant_values=outside)
        x, y, z = (at - before for at, (before, _) in zip(first, walls, strict=True))
        return walled, (x, y, z)

    def welded(self) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
        """Return vertices (V, 3) float64 in lattice units and faces (F, 3) int32, wound outward."""
        if not self._count:
            return np.zeros((0, 3)), np.zeros((0, 3), np.int32)
        edges = np.concatenate(self._edges)
        _, first, number = np.unique(edges, return_index=True, return_inverse=True)
        faces = number[np.concatenate(self._faces)].astype(np.int32)
        a, b, c = faces.T
        # At the corners and edges of the lattice, faces lie between vertices that are now one.
        faces = faces[(a != b) & (b != c) & (c != a)]
        return np.concatenate(self._vertices)[first], faces
