"""From the model's frame to Blender's: where a mesh stands, how large it is, where it faces."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..inference.types import MeshData

GAP = 0.2
"""Gap between two objects in a row, in widths of the second one."""


def to_blender_frame(vertices: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn (V, 3) vertices by -90° about Z.

    In the model's frame the subject faces +X, where the input camera was. In Blender's front view
    (Numpad 1) the artist looks along +Y, so a subject that faces her faces -Y. Both frames are
    right-handed with z up.
    """
    return np.stack((vertices[:, 1], -vertices[:, 0], vertices[:, 2]), axis=1)


def from_blender_frame(vertices: NDArray[np.float32]) -> NDArray[np.float32]:
    """The opposite of `to_blender_frame`."""
    return np.stack((-vertices[:, 1], vertices[:, 0], vertices[:, 2]), axis=1)


def from_gltf_frame(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Convert vectors (N, 3) from glTF's frame, y up, to Blender's, z up; both are right-handed.

    What faces +Z in glTF then faces -Y.
    """
    return np.stack((vectors[:, 0], -vectors[:, 2], vectors[:, 1]), axis=1)


@dataclass(frozen=True)
class Placement:
    """Where the model's box lies in an object's own space.

    Attributes:
        scale: Object units per model unit.
        base: (x, y, z) in model units, in Blender's frame: the point that becomes the origin.
    """

    scale: float
    base: tuple[float, float, float]

    @property
    def middle(self) -> float:
        """X, in the object's space, of the plane that the input camera looked along: it divides
        what the picture shows into left and right.
        """
        return -self.base[0] * self.scale

    def place(self, vertices: NDArray[np.float32]) -> NDArray[np.float32]:
        """Convert vertices (V, 3) from the model's frame to the object's space."""
        return (to_blender_frame(vertices) - np.float32(self.base)) * np.float32(self.scale)

    def unplace(self, vertices: NDArray[np.float32], mirrored: str = "none") -> NDArray[np.float32]:
        """Convert vertices (V, 3) back; the opposite of `place`.

        Args:
            vertices: In the object's space.
            mirrored: "left" or "right" if that half was kept and mirrored: vertices of the mirror
                image are converted to those that they mirror.
        """
        if mirrored != "none":
            kept = -1 if mirrored == "left" else 1
            vertices = vertices.copy()
            vertices[:, 0] = self.middle + kept * np.abs(vertices[:, 0] - self.middle)
        return from_blender_frame(vertices / np.float32(self.scale) + np.float32(self.base))


@dataclass(frozen=True)
class Frame:
    """Where the model's frame lies in the space of an object, half of which may be a mirror image.

    Attributes:
        placement: As stored with the object.
        mirrored: "left" or "right" if that half was kept and mirrored, else "none".
    """

    placement: Placement
    mirrored: str

    def to_model(
        self, points: NDArray[np.float32], directions: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Convert points and unit vectors (N, 3) from the object's space to the model's frame, and
        those of a mirror image to what they mirror.
        """
        turned = from_blender_frame(self._reflected(directions, points))
        return self.placement.unplace(points, self.mirrored), turned

    def whole(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Convert points (N, 3) as `to_model` does, but those of the mirror image as they are."""
        return self.placement.unplace(points)

    def to_object(
        self, directions: NDArray[np.float32], points: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Convert unit vectors (N, 3) of the model's frame to the object's space.

        Args:
            points: (N, 3), where they are, in the object's space.
        """
        return self._reflected(to_blender_frame(directions), points)

    def _reflected(
        self, directions: NDArray[np.float32], points: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Vectors of Blender's frame, with X reversed in the mirror image."""
        if self.mirrored == "none":
            return directions
        beyond = points[:, 0] - self.placement.middle
        is_image = beyond > 0 if self.mirrored == "left" else beyond < 0
        return directions * np.where(is_image[:, None], np.float32((-1, 1, 1)), np.float32(1))


@dataclass(frozen=True)
class Extent:
    """How far an object reaches from its origin, in object units; positive if the origin is inside.

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
    """Placement that makes a mesh an object of a given size.

    Args:
        mesh: In the model's frame.
        size: Length, in object units, of the side that `measure` names.
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
    """The center of mass (3,) of the space that a closed mesh encloses.

    It is summed over the tetrahedra between each face and the mean vertex, by their signed volumes.
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
        end: How far the last one reaches to the right of the first one's origin; None if the row is
            empty.
    """

    end: float | None = None

    def next(self, extent: Extent) -> float:
        """Distance of the next object's origin to the right of the first one's."""
        width = extent.left + extent.right
        offset = 0.0 if self.end is None else self.end + GAP * width + extent.left
        self.end = offset + extent.right
        return offset


@dataclass(frozen=True)
class Spot:
    """Where an object is to stand, in world space.

    Attributes:
        location: Of its origin; in a row, of the first object's origin.
        turn: Rotation about Z, in radians; at 0 the object faces -Y.
        row: The row in which it is the next object.
        is_surface: Whether the location is the point on which the object stands, wherever its
            origin is.
    """

    location: tuple[float, float, float]
    turn: float = 0.0
    row: Row | None = None
    is_surface: bool = False

    def take(self, extent: Extent) -> tuple[float, float, float]:
        """The location of the origin of an object with this extent; the row gets longer by it."""
        offset = self.row.next(extent) if self.row is not None else 0.0
        raised = extent.below if self.is_surface else 0.0
        x, y, z = self.location
        return x + offset * math.cos(self.turn), y + offset * math.sin(self.turn), z + raised


def in_grid(
    lows: NDArray[np.float32], highs: NDArray[np.float32], middle: tuple[float, float, float]
) -> NDArray[np.float64]:
    """Locations that make objects stand in a grid, in rows as on a page seen from above.

    The cells are equal, and as large as the largest object with a gap. There are as many columns as
    rows, or one more.

    Args:
        lows, highs: (N, 3), the corners of each object's bounding box, from its origin.
        middle: Middle of the grid on the floor.

    Returns:
        (N, 3), of the objects' origins: the middle of each box is that of its cell.
    """
    count = len(lows)
    columns = math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    width, depth = (1 + GAP) * (highs - lows)[:, :2].max(axis=0)
    number = np.arange(count)
    places = np.zeros((count, 3))
    places[:, 0] = (number % columns - (columns - 1) / 2) * width
    places[:, 1] = ((rows - 1) / 2 - number // columns) * depth
    base = np.concatenate(((lows + highs)[:, :2] / 2, lows[:, 2:]), axis=1)
    return places - base + np.array(middle)
