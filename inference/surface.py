"""Blocks of a lattice become one closed triangle mesh, by PyMCubes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .errors import importing


class Surface:
    """The zero surface of values that are positive inside, from blocks that share their faces.

    Both blocks find the same vertices on a face that they share, and `welded` joins them, so that
    the mesh is that of the whole lattice.
    """

    def __init__(self, resolution: int) -> None:
        """Args: resolution: Lattice points per axis.

        Raises:
            DependencyError: PyMCubes cannot be imported.
        """
        with importing("PyMCubes"):
            import mcubes

        self._marching_cubes = mcubes.marching_cubes
        self._resolution = resolution
        self._vertices: list[NDArray[np.float64]] = []
        self._edges: list[NDArray[np.int64]] = []
        self._faces: list[NDArray[np.int64]] = []
        self._count = 0

    def add(self, values: NDArray[np.float32], corner: tuple[int, int, int]) -> None:
        """Add the surface in a block.

        Args:
            values: (X, Y, Z), none of them zero: on which edge would the vertex lie?
            corner: The block's first point in the lattice.
        """
        vertices, faces = self._marching_cubes(values, 0.0)
        if not len(faces):
            return
        # A vertex lies on a lattice edge: between its lower end and the next point along one axis.
        # PyMCubes walks an edge from either end, so that coordinates differ in the last bit; the
        # edge does not.
        lower = np.floor(vertices)
        axis = (vertices != lower) @ np.array([0, 1, 2])
        place = np.ravel_multi_index(
            tuple((lower.astype(np.int64) + corner).T), (self._resolution,) * 3
        )
        self._vertices.append(vertices + corner)
        self._edges.append(3 * place + axis)
        self._faces.append(faces.astype(np.int64) + self._count)
        self._count += len(vertices)

    def welded(self) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
        """Vertices (V, 3) float64 in lattice units and faces (F, 3) int32, wound outward."""
        if not self._count:
            return np.zeros((0, 3)), np.zeros((0, 3), np.int32)
        edges = np.concatenate(self._edges)
        _, first, number = np.unique(edges, return_index=True, return_inverse=True)
        faces = number[np.concatenate(self._faces)].astype(np.int32)
        return np.concatenate(self._vertices)[first], faces
