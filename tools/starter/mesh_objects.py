"""Meshes as objects of the model's world: turned, stretched, recolored, their longest side 1.1."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from insides import Insides, surface_samples
from maker import rotation
from mesh_files import Mesh, UnusableMeshError, display_referred, face_areas, scene_linear
from objects import LONGEST_SIDE

STRETCHED = 0.5  # share of the objects whose axes are stretched
STRETCH = (0.8, 1.25)
FLATTENED = 0.12  # share of the objects that are flattened along one axis or two
FLAT = (0.2, 0.6)
LAID = 0.12  # share of the objects that lie on a side
SEE_THROUGH = 0.05  # largest share of a surface that may be transparent
RECOLORED = 0.35  # share of the objects whose plain colors are others


def check_opaque(mesh: Mesh) -> None:
    """Check that little of a mesh can be seen through, because pictures show all of it.

    Raises:
        UnusableMeshError: Much of it is transparent.
    """
    rng = np.random.default_rng(0)
    _, faces, shares = surface_samples(mesh.corners, face_areas(mesh.corners), 2000, rng)
    if (mesh.color_at(faces, shares)[1] < 0.5).mean() > SEE_THROUGH:
        raise UnusableMeshError("transparent")


class MeshObject:
    """A mesh and everything that is asked of it, in its own frame.

    Building one takes half a second; it is placed in the model's frame many times (`Placed`).
    """

    def __init__(self, mesh: Mesh) -> None:
        self.mesh = mesh
        self.insides = Insides(mesh.vertices, mesh.faces)
        self._corners = mesh.corners
        self._areas = face_areas(self._corners)

    def outer_points(self, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Sample points (count, 3) evenly on the surfaces that have the outside on a side.

        If few are found, they are repeated.
        """
        drawn, faces, _ = surface_samples(self._corners, self._areas, 2 * count, rng)
        outer = drawn[self.insides.outsides(drawn, faces) > 0]
        outer = outer if len(outer) else drawn
        return outer[np.arange(count) % len(outer)]

    def shares(
        self, points: NDArray[np.float64], faces: NDArray[np.integer]
    ) -> NDArray[np.float64]:
        """Return barycentric coordinates (N, 3) of points (N, 3) on faces (N,)."""
        a, b, c = (self._corners[faces, corner] for corner in range(3))
        normal = np.cross(b - a, c - a)
        squared = (normal**2).sum(axis=1)
        squared = np.where(squared > 0, squared, 1.0)
        of_b = (np.cross(points - a, c - a) * normal).sum(axis=1) / squared
        of_c = (np.cross(b - a, points - a) * normal).sum(axis=1) / squared
        shares = np.stack((1 - of_b - of_c, of_b, of_c), axis=1).clip(0, 1)
        return shares / shares.sum(axis=1, keepdims=True).clip(1e-12)

    def albedo(
        self, points: NDArray[np.float64], faces: NDArray[np.integer]
    ) -> NDArray[np.float32]:
        """Return scene-linear colors (N, 3) at points (N, 3) of faces (N,)."""
        return self.mesh.color_at(faces, self.shares(points, faces))[0]


@dataclass(frozen=True)
class Placed:
    """A mesh in the model's frame, centered on its bounding box, the longest side 1.1.

    A point p of the mesh is at `scale * turn @ p + offset`.

    Attributes:
        thing: The mesh.
        turn: (3, 3) rotation about Z.
        scale: Positive.
        offset: (3,) in model units.
    """

    thing: MeshObject
    turn: NDArray[np.float64]
    scale: float
    offset: NDArray[np.float64]

    @classmethod
    def turned(cls, thing: MeshObject, yaw: float) -> Placed:
        """Place a mesh whose front turns from +X toward +Y by `yaw` degrees."""
        turn = rotation(2, yaw)
        points = thing.mesh.vertices @ turn.T
        low, high = points.min(axis=0), points.max(axis=0)
        scale = LONGEST_SIDE / float((high - low).max())
        return cls(thing, turn, scale, -scale * (low + high) / 2)

    @property
    def vertices(self) -> NDArray[np.float64]:
        """The mesh's vertices (V, 3) in the model's frame."""
        return self.from_mesh(self.thing.mesh.vertices)

    def from_mesh(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Bring points (N, 3) from the mesh's frame to the model's."""
        return self.scale * points @ self.turn.T + self.offset

    def to_mesh(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Bring points (N, 3) from the model's frame to the mesh's."""
        return (points - self.offset) @ self.turn / self.scale

    def distance(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return signed distances (N,) at points (N, 3), in model units, negative inside."""
        return self.scale * self.thing.insides.signed(self.to_mesh(points))[0]

    def occupied(self, points: NDArray[np.floating]) -> NDArray[np.bool_]:
        """Return whether points (N, 3) are inside (N,)."""
        return self.thing.insides.occupied(self.to_mesh(points))

    def distance_and_color(
        self, points: NDArray[np.floating]
    ) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """Return `distance` and the nearest display-referred color (N, 3) in [0, 1]."""
        signed, faces, nearest = self.thing.insides.signed(self.to_mesh(points))
        return self.scale * signed, display_referred(self.thing.albedo(nearest, faces))

    def surface_points(self, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Sample points (count, 3) evenly on the outer surfaces."""
        return self.from_mesh(self.thing.outer_points(count, rng))


def varied(mesh: Mesh, rng: np.random.Generator) -> Mesh:
    """Return a mesh stretched, laid on a side and recolored, each at random."""
    vertices, colors = mesh.vertices, mesh.colors
    if rng.random() < STRETCHED:
        vertices = vertices * rng.uniform(*STRETCH, 3)
    if rng.random() < FLATTENED:
        flat = np.isin(np.arange(3), rng.permutation(3)[: rng.integers(1, 3)])
        vertices = vertices * np.where(flat, rng.uniform(*FLAT), 1.0)
    if rng.random() < LAID:
        vertices = vertices @ rotation(int(rng.integers(2)), float(rng.choice((-90, 90)))).T
    if rng.random() < RECOLORED:
        colors = _recolored(mesh, rng)
    return replace(mesh, vertices=vertices, colors=colors)


def _recolored(mesh: Mesh, rng: np.random.Generator) -> NDArray[np.float32]:
    """Give half of the parts of one color another; textures stay as they are."""
    plain = (mesh.texture < 0) & (np.ptp(mesh.colors, axis=1).max(axis=1) < 1e-3)
    found, part = np.unique(mesh.colors[:, 0].round(3), axis=0, return_inverse=True)
    others = scene_linear(rng.random((len(found), 3)))
    others = np.where(rng.random((len(found), 1)) < 0.5, others, found)
    colors = mesh.colors.copy()
    colors[plain] = others[part.reshape(-1)[plain]][:, None]
    return colors
