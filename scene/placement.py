"""From the model's frame to Blender's: where a mesh stands, how large it is, where it looks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..inference.types import MeshData

GAP = 0.2
"""Between two objects in a row, in widths of the second one."""


def to_blender_frame(vertices: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn (V, 3) vertices by -90° about Z.

    In the model's frame the subject faces +X, where the input camera was. In Blender's front view
    (Numpad 1) one looks along +Y, so that a subject that faces the artist faces -Y. Both frames are
    right-handed with z up.
    """
    return np.stack((vertices[:, 1], -vertices[:, 0], vertices[:, 2]), axis=1)


def from_blender_frame(vertices: NDArray[np.float32]) -> NDArray[np.float32]:
    """The opposite of `to_blender_frame`."""
    return np.stack((-vertices[:, 1], vertices[:, 0], vertices[:, 2]), axis=1)


@dataclass(frozen=True)
class Placement:
    """Where the model's box lies in an object's own space.

    Attributes:
        scale: Object units to a model unit.
        base: (x, y, z) in model units, in Blender's frame: what becomes the object's origin.
    """

    scale: float
    base: tuple[float, float, float]

    @property
    def middle(self) -> float:
        """Where along the object's X the plane lies that the input camera looked along: it parts
        what the picture shows into left and right.
        """
        return -self.base[0] * self.scale

    def place(self, vertices: NDArray[np.float32]) -> NDArray[np.float32]:
        """Vertices (V, 3) of the model's frame in the object's space."""
        return (to_blender_frame(vertices) - np.float32(self.base)) * np.float32(self.scale)

    def unplace(self, vertices: NDArray[np.float32], mirrored: str = "none") -> NDArray[np.float32]:
        """The opposite of `place`; where one half is mirrored ("left" or "right" is the other), its
        vertices come out in the other.
        """
        if mirrored != "none":
            kept = -1 if mirrored == "left" else 1
            vertices = vertices.copy()
            vertices[:, 0] = self.middle + kept * np.abs(vertices[:, 0] - self.middle)
        return from_blender_frame(vertices / np.float32(self.scale) + np.float32(self.base))


@dataclass(frozen=True)
class Extent:
    """How far an object reaches from its origin, in object units; all are positive inside it.

    Attributes:
        left, right: Along -X and X.
        below: Along -Z.
    """

    left: float
    right: float
    below: float


def placed(
    mesh: MeshData,
    size: float,
    measure: Literal["longest", "height"] = "longest",
    origin: Literal["base", "center", "volume"] = "base",
) -> tuple[Placement, Extent]:
    """How a mesh of the model's frame becomes an object of a size.

    Args:
        mesh: What is to be placed.
        size: Of the side that `measure` names, in object units.
        measure: The longest side of the bounding box, or its height.
        origin: The middle of the box's bottom, that of the box, or the center of volume.

    Returns:
        The placement, and how far the object reaches.
    """
    # Axis by axis: along the short side of an array, NumPy is ten times slower.
    axes = to_blender_frame(mesh.vertices).T
    low, high = (np.array([end(axis) for axis in axes]) for end in (np.min, np.max))
    sides = high - low
    scale = size / float(sides[2] if measure == "height" else sides.max())
    base = (low + high) / 2
    if origin == "base":
        base[2] = low[2]
    elif origin == "volume":
        [base] = to_blender_frame(center_of_volume(mesh)[None])
    left, _, below = (scale * (base - low)).tolist()
    right = scale * float(high[0] - base[0])
    return Placement(scale, tuple(map(float, base))), Extent(left, right, below)


def center_of_volume(mesh: MeshData) -> NDArray[np.float32]:
    """The center of mass (3,) of what a closed mesh encloses.

    The sum of the tetrahedra between each face and the mean vertex, each with its signed volume.
    """
    middle = mesh.vertices.mean(axis=0)
    corners = (mesh.vertices - middle)[mesh.faces]
    volumes = np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6
    total = float(volumes.sum())
    if abs(total) < 1e-12:  # a sheet encloses nothing
        return middle
    centers = corners.sum(axis=1) / 4
    return (middle + (volumes[:, None] * centers).sum(axis=0) / total).astype(np.float32)


@dataclass
class Row:
    """Objects side by side, each to the right of the one that came before it.

    Attributes:
        end: How far the last one reaches to the right of the first one's origin; None before.
    """

    end: float | None = None

    def next(self, extent: Extent) -> float:
        """How far right of the first one's origin the next one's is."""
        width = extent.left + extent.right
        offset = 0.0 if self.end is None else self.end + GAP * width + extent.left
        self.end = offset + extent.right
        return offset


@dataclass(frozen=True)
class Spot:
    """Where an object is to stand, in world space.

    Attributes:
        location: Of its origin; of the first one's in a row.
        turn: About Z, in radians, from facing -Y.
        row: In which it is the next one.
        is_surface: Whether the location is of what it stands on, wherever its origin is.
    """

    location: tuple[float, float, float]
    turn: float = 0.0
    row: Row | None = None
    is_surface: bool = False

    def take(self, extent: Extent) -> tuple[float, float, float]:
        """The location of the origin of an object that reaches so far."""
        offset = self.row.next(extent) if self.row is not None else 0.0
        raised = extent.below if self.is_surface else 0.0
        x, y, z = self.location
        return x + offset * math.cos(self.turn), y + offset * math.sin(self.turn), z + raised
