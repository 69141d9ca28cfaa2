"""Inside and outside of meshes as they come: open, doubled, hollow, wound both ways."""

from __future__ import annotations

import igl
import numpy as np
from embreex.mesh_construction import TriangleMesh
from embreex.rtcore_scene import EmbreeScene
from numpy.typing import NDArray
from scipy import ndimage

from mesh_files import face_areas

CELLS = 96  # of the lattice, along the longest side
MARGIN = 6  # cells around the object
REACH = 2.0  # cells: where a ball of this radius passes, the outside passes
SHELL = 0.008  # of the longest side: half the least thickness, which sheets and thin boards get
LIKELY = 0.5  # the winding number that counts as inside
SAMPLES = 200_000  # points that mark the cells of the surface
NEAR = 0.06  # of the longest side: up to here, it matters whether the surface is that of a sheet
LIFT = 1e-4  # of the longest side, between the surface and the start of a ray
LOOKS = 32  # directions in which the outside is looked for from narrow places


class Insides:
    """Signed distances from a mesh whose enclosed space is solid.

    Outside is what a ball of REACH cells reaches, rolling in from afar over a floor on which the
    object stands: hollow shells are solid, and so are boxes without a bottom, but cups and shelves
    stay open. Where that ball does not fit, a point is inside if the generalized winding number
    says so (Jacobson et al. 2013, "Robust Inside-Outside Segmentation using Generalized Winding
    Numbers"; its sign counts for nothing, because a mesh may be wound inside out), or if the
    surface is in sight in every direction. Sheets and boards thinner than two SHELLs, which have
    the outside on both sides, become as thick as that.

    Args:
        vertices: (V, 3) float64; any size and place, Z up.
        faces: (F, 3) int64.
    """

    def __init__(self, vertices: NDArray[np.float64], faces: NDArray[np.int64]) -> None:
        self.vertices = np.ascontiguousarray(vertices, np.float64)
        self.faces = np.ascontiguousarray(faces, np.int64)
        low, high = self.vertices.min(axis=0), self.vertices.max(axis=0)
        self.longest = float((high - low).max())
        self._cell = self.longest / CELLS
        self._low = low - MARGIN * self._cell
        self._shape = np.ceil((high - low) / self._cell).astype(int) + 2 * MARGIN + 1
        self._tree = igl.AABB()
        self._tree.init(self.vertices, self.faces)
        self._winding = igl.FastWindingNumberBVH()
        self._winding.init(self.vertices, self.faces, 2)
        self.scene = EmbreeScene()
        TriangleMesh(self.scene, self.vertices.astype(np.float32), self.faces.astype(np.int32))
        self._free, self._reached = self._flood()
        away = ndimage.distance_transform_edt(~self._reached) - REACH - 1
        self._depth = away.clip(0) * self._cell  # at the least, below the outer surface

    def signed(
        self, points: NDArray[np.floating]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
        """Return signed distances, negative inside.

        Args:
            points: (N, 3), in the mesh's own frame and units.

        Returns:
            Distances (N,) in the mesh's units; the nearest faces (N,); the nearest points (N, 3).
        """
        points = np.ascontiguousarray(points, np.float64)
        squared, faces, nearest = self._tree.squared_distance(self.vertices, self.faces, points)
        distances = np.sqrt(squared)
        inside = self.inside(points, distances, nearest)
        signed = np.where(inside, -distances, distances)
        near = np.flatnonzero(distances < NEAR * self.longest)
        outsides = self.outsides(nearest[near], faces[near])
        thin = near[outsides == 2]
        missing = SHELL * self.longest - self.thickness(nearest[thin], faces[thin]) / 2
        signed[thin] -= missing.clip(0)
        # Surfaces inside do not count: the depth is that below the outer ones.
        hidden = np.flatnonzero(inside)
        hidden = hidden[~np.isin(hidden, near[outsides > 0])]
        depths = self._depth[self._cells_within(points[hidden])]
        signed[hidden] = np.minimum(signed[hidden], -depths)
        return signed, faces, nearest

    def occupied(self, points: NDArray[np.floating]) -> NDArray[np.bool_]:
        """Return whether `signed` is negative at points (N, 3), for many points."""
        points = np.asarray(points, np.float64)
        free, reached = self._look_up(points)
        result = free & ~reached
        result[~free] = self.signed(points[~free])[0] < 0
        return result

    def outsides(self, points: NDArray[np.float64], faces: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return on how many of its sides (N,) the surface has the outside: 2 for sheets, 0 within.

        Args:
            points: (N, 3), on the surface.
            faces: (N,), their faces.
        """
        step = 2 * SHELL * self.longest * self._normals(faces)
        count = np.zeros(len(points), np.int64)
        for probes in (points + step, points - step):
            probes = np.ascontiguousarray(probes)
            squared, _, nearest = self._tree.squared_distance(self.vertices, self.faces, probes)
            count += ~self.inside(probes, np.sqrt(squared), nearest)
        return count

    def thickness(
        self, points: NDArray[np.float64], faces: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Return how thick (N,) what has the outside on both sides is; 0 for a single sheet.

        Args:
            points: (N, 3), on the surface.
            faces: (N,), their faces.
        """
        normals = self._normals(faces)
        result = np.full(len(points), np.inf)
        for inward in (normals, -normals):
            result = np.minimum(result, self._free_way(points, inward))
        return np.where(result < 2 * SHELL * self.longest, result, 0.0)

    def _free_way(
        self, points: NDArray[np.float64], directions: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return how far (N,) it is from surface points to the next face in unit directions."""
        if not len(points):
            return np.zeros(0)
        lift = LIFT * self.longest
        found = self.scene.run(
            (points + lift * directions).astype(np.float32),
            directions.astype(np.float32),
            output=True,
        )
        return np.where(found["primID"] >= 0, lift + found["tfar"], np.inf)

    def _normals(self, faces: NDArray[np.int64]) -> NDArray[np.float64]:
        a, b, c = (self.vertices[self.faces[faces, corner]] for corner in range(3))
        normals = np.cross(b - a, c - a)
        return normals / (np.linalg.norm(normals, axis=1, keepdims=True) + 1e-300)

    def inside(
        self,
        points: NDArray[np.float64],
        distances: NDArray[np.float64],
        nearest: NDArray[np.float64],
    ) -> NDArray[np.bool_]:
        """Return whether points (N, 3) are inside (N,), sheets having no inside.

        Args:
            points: (N, 3), in the mesh's own frame and units.
            distances: (N,), to the surface.
            nearest: (N, 3), the nearest points of the surface.
        """
        # A point at the surface is on the side of the free space that lies straight away from it.
        clear = (REACH + 1) * self._cell
        away = (points - nearest) / np.maximum(distances, 1e-12)[:, None]
        probes = np.where((distances < clear)[:, None], nearest + clear * away, points)
        free, reached = self._look_up(probes)
        inside = free & ~reached
        narrow = np.flatnonzero(~free)
        if len(narrow):
            winding = self._winding.winding_number(points[narrow])
            inside[narrow] = np.abs(winding) > LIKELY
            open_ones = narrow[~inside[narrow]]
            inside[open_ones] = self._surrounded(points[open_ones])
        return inside

    def _surrounded(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return whether no ray from points (N, 3) leaves the object (N,)."""
        looks = np.random.default_rng(0).normal(size=(LOOKS, 3)).astype(np.float32)
        left = np.arange(len(points))
        # A few looks find most points that are not surrounded.
        for some in (looks[:4], looks[4:]):
            origins = np.repeat(points[left], len(some), axis=0)
            hits = self.hit_faces(origins, np.tile(some, (len(left), 1))) >= 0
            left = left[hits.reshape(-1, len(some)).all(axis=1)]
        return np.isin(np.arange(len(points)), left)

    def hit_faces(
        self, origins: NDArray[np.floating], directions: NDArray[np.floating]
    ) -> NDArray[np.int32]:
        """Return the first faces (N,) on rays of origins and directions (N, 3), -1 for none."""
        if not len(origins):
            return np.zeros(0, np.int32)
        return self.scene.run(origins.astype(np.float32), directions.astype(np.float32))

    def _flood(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return which cells a ball fits into, and into which of them it rolls from afar."""
        walls = np.zeros(self._shape, bool)
        walls[tuple(self._cells_of(self._surface_points()).T)] = True
        gap = ndimage.distance_transform_edt(~walls)
        free = gap > REACH
        start = np.zeros_like(free)
        for axis in range(3):
            for end in (0, -1):
                start[(slice(None),) * axis + (end,)] = True
        # The object's lowest cells are those of the floor: no ball rolls there or below.
        rolled = free.copy()
        rolled[:, :, : MARGIN + 1] = False
        reached = ndimage.binary_propagation(start & rolled, mask=rolled)
        reached[:, :, MARGIN], free[:, :, MARGIN] = (
            reached[:, :, MARGIN + 1],
            free[:, :, MARGIN + 1],
        )
        reached[:, :, :MARGIN] = free[:, :, :MARGIN]  # What is beneath the object is outside.
        return free, reached

    def _surface_points(self) -> NDArray[np.float64]:
        corners = self.vertices[self.faces]
        areas = face_areas(corners)
        rng = np.random.default_rng(0)
        points, _, _ = surface_samples(corners, areas, SAMPLES, rng)
        return np.concatenate((points, self.vertices))

    def _cells_of(self, points: NDArray[np.float64]) -> NDArray[np.int64]:
        return np.floor((points - self._low) / self._cell).astype(np.int64)

    def _cells_within(self, points: NDArray[np.float64]) -> tuple[NDArray[np.int64], ...]:
        return tuple(self._cells_of(points).clip(0, self._shape - 1).T)

    def _look_up(self, points: NDArray[np.float64]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return whether the cells at points (N, 3) are free, and reached; afar, both."""
        cells = self._cells_of(points)
        known = ((cells >= 0) & (cells < self._shape)).all(axis=1)
        free, reached = np.ones(len(points), bool), np.ones(len(points), bool)
        at = tuple(cells[known].T)
        free[known], reached[known] = self._free[at], self._reached[at]
        return free, reached


def surface_samples(
    corners: NDArray[np.float64], areas: NDArray[np.float64], count: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """Sample points evenly on triangles.

    Args:
        corners: (F, 3, 3), the triangles' corners.
        areas: (F,), in proportion to the triangles' areas.
        count: How many points.
        rng: Random numbers.

    Returns:
        The points (count, 3), their faces (count,) and their barycentric coordinates (count, 3).
    """
    faces = rng.choice(len(areas), count, p=areas / areas.sum())
    root, along = np.sqrt(rng.random(count)), rng.random(count)
    shares = np.stack((1 - root, root * (1 - along), root * along), axis=1)
    return (corners[faces] * shares[..., None]).sum(axis=1), faces, shares
