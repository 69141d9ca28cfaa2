"""The outline of a triangle mesh, and the silhouette that it encloses. No torch, no bpy.

Seen from a point, faces look toward it or away. All edges between two faces that look the same way
cancel, and what is left is the outline, some thousand edges of a mesh with 100,000 faces. Filling
it scanline by scanline gives the silhouette of the whole mesh, whatever lies in front of what.
"""

from __future__ import annotations

import math
from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Outline:
    """Finds the edges of a mesh that enclose its silhouette.

    Args:
        vertices: (V, 3).
        faces: (F, 3) indices; the mesh may be open and its winding inconsistent.

    Attributes:
        vertices: (V, 3) float64.
        layers: How often the least covered point of the silhouette is covered: 2 for a closed
            surface, which has a front and a back.
        has_area: Whether any face has an area that can be told from none.
    """

    def __init__(
        self, vertices: NDArray[np.floating[Any]], faces: NDArray[np.integer[Any]]
    ) -> None:
        self.vertices = np.asarray(vertices, np.float64)
        self._columns = np.ascontiguousarray(self.vertices.T)
        corners = self.vertices[faces]
        normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        # A face that is nearly seen from its side counts for nothing, so 32 bits are enough.
        self._normals = normals.astype(np.float32)
        self.has_area = bool(self._normals.any())
        self._heights = np.einsum("ij,ij->i", normals, corners[:, 0]).astype(np.float32)
        starts = faces.ravel().astype(np.int64)
        ends = faces[:, (1, 2, 0)].ravel().astype(np.int64)
        key = np.minimum(starts, ends) * len(self.vertices) + np.maximum(starts, ends)
        order = np.argsort(key, kind="stable")
        key = key[order]
        first = np.flatnonzero(np.concatenate((key[:1] == key[:1], key[1:] != key[:-1])))
        count = np.diff(first, append=len(key))
        # Edges of exactly two faces that are wound alike, as nearly all are.
        one = order[first[count == 2]]
        other = order[first[count == 2] + 1]
        alike = starts[one] == ends[other]
        self._one, self._other = one[alike] // 3, other[alike] // 3
        self._pairs = np.stack((starts[one[alike]], ends[one[alike]]))
        alone = np.ones(len(order), bool)
        alone[one[alike]] = alone[other[alike]] = False
        self._alone = np.flatnonzero(alone) // 3
        self._singles = np.stack((starts[alone], ends[alone]))
        # Where a surface is closed, each edge is passed as often in one direction as in the other.
        along = np.where(starts < ends, 1, -1)[order]
        self.layers = 1 if np.add.reduceat(along, first).any() else 2

    def edges_from(
        self, position: NDArray[np.floating[Any]]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Find the outline as seen from a point.

        Returns:
            (2, E) vertices at the start and at the end of each edge, and (E,) how many layers begin
            at the edge's left in the picture.
        """
        looks = self._normals @ position.astype(np.float32) > self._heights
        one, other = looks.take(self._one), looks.take(self._other)
        outline = np.flatnonzero(one != other)
        turns = np.concatenate((4.0 * one[outline] - 2, 2.0 * looks[self._alone] - 1))
        return np.concatenate((self._pairs.take(outline, axis=1), self._singles), axis=1), turns

    def seen(
        self,
        edges: NDArray[np.int64],
        position: NDArray[np.floating[Any]],
        axes: NDArray[np.floating[Any]],
    ) -> NDArray[np.float64]:
        """Place the ends of edges (2, E) in a camera's frame: (3, 2 E) along its axes (3, 3)."""
        ends = axes @ self._columns.take(edges.ravel(), axis=1)
        ends -= (axes @ position)[:, None]
        return np.asarray(ends)

    def near(self, position: NDArray[np.floating[Any]], angle: float) -> Outline:
        """Return an outline for points of view near one, which is found in less time.

        Args:
            position: (3,)
            angle: Degrees by which the directions to all faces may change.
        """
        reach = float(np.sqrt((self.vertices**2).sum(axis=1).max()))
        farthest = float(np.linalg.norm(position)) + reach
        lift = self._normals @ position.astype(np.float32) - self._heights
        area = np.sqrt((self._normals**2).sum(axis=1))
        may_turn = np.abs(lift) <= math.sin(math.radians(angle)) * farthest * area
        one, other = self._one, self._other
        is_outline = (lift > 0).take(one) != (lift > 0).take(other)
        kept = np.flatnonzero(is_outline | may_turn.take(one) | may_turn.take(other))
        limited = copy(self)
        faces = np.concatenate((one[kept], other[kept], self._alone))
        used, number = np.unique(faces, return_inverse=True)
        limited._one, limited._other, limited._alone = np.split(number, (len(kept), 2 * len(kept)))
        limited._normals, limited._heights = self._normals[used], self._heights[used]
        limited._pairs = self._pairs[:, kept]
        return limited


def filled(
    ends: NDArray[np.floating[Any]],
    layers: NDArray[np.floating[Any]],
    shape: tuple[int, int],
    full: int,
    scanlines: int = 2,
) -> NDArray[np.float64]:
    """Fill an outline.

    Args:
        ends: (2, 2, E), x and y at the start and at the end of each edge, right and down in pixels
            from the top left.
        layers: (E,) as `Outline.edges_from` returns it.
        shape: Height and width.
        full: The number of layers that cover a pixel wholly.
        scanlines: Per row of pixels.

    Returns:
        (H, W) float64, the part of each pixel that is covered, 0...1: exact along the scanlines.
    """
    height, width = shape
    limit = height * scanlines
    fine = ends * np.array((1, scanlines))[:, None, None]
    row, x, step = _crossings(fine, layers, (limit, width))
    column = x.astype(np.int64)
    inside = x - column
    place = row * (width + 2) + column
    size = limit * (width + 2)
    steps = np.bincount(place, step * (1 - inside), size)
    steps += np.bincount(place + 1, step * inside, size)
    covered = np.cumsum(steps.reshape(limit, width + 2), axis=1)[:, :width] / full
    return covered.clip(0, 1).reshape(height, scanlines, width).mean(axis=1)


def running_sums(image: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Add up each row of an image (H, W) from its left, for `shared`: (H, W + 1) float64."""
    return np.pad(np.cumsum(image, axis=1, dtype=np.float64), ((0, 0), (1, 0)))


def shared(
    ends: NDArray[np.floating[Any]],
    layers: NDArray[np.floating[Any]],
    sums: NDArray[np.float64],
    full: int,
) -> tuple[float, float]:
    """Measure what an outline encloses of an image, along the middle of each row of pixels.

    It costs as much as the outline has crossings with rows; how many pixels there are between them
    does not matter.

    Args:
        ends, layers, full: As for `filled`.
        sums: (H, W + 1), the image's `running_sums`.

    Returns:
        The area in pixels that is covered, and the sum of the image over it.
    """
    height, width = sums.shape[0], sums.shape[1] - 1
    row, x, step = _crossings(ends, layers, (height, width))
    order = np.argsort(row * (width + 1.0) + x)
    row, x, step = row[order], x[order], step[order]
    # What covers a row from one crossing to the next; nothing from a row's last to another's first.
    cover = (np.cumsum(step) / full).clip(0, 1)[:-1]
    column = np.minimum(x.astype(np.int64), width - 1)
    place = row * (width + 1) + column
    flat = sums.ravel()
    left = flat.take(place)
    upto = left + (x - column) * (flat.take(place + 1) - left)
    return float(cover @ np.diff(x)), float(cover @ np.diff(upto))


def _crossings(
    ends: NDArray[np.floating[Any]],
    layers: NDArray[np.floating[Any]],
    shape: tuple[int, int],
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Find where edges cross the middles of an image's rows.

    Returns:
        (N,) the row, (N,) x within the image, and (N,) how many layers begin there.
    """
    height, width = shape
    (x0, x1), (y0, y1) = ends[0], ends[1] - 0.5
    first = np.ceil(np.minimum(y0, y1)).clip(0, height).astype(np.int64)
    count = np.ceil(np.maximum(y0, y1)).clip(0, height).astype(np.int64) - first
    edge = np.repeat(np.arange(len(count)), count)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count - first, count)
    span = y1 - y0
    slope = (x1 - x0) / np.where(span == 0, 1.0, span)
    x = (x0.take(edge) + (row - y0.take(edge)) * slope.take(edge)).clip(0, width)
    return row, x, (layers * np.sign(span)).take(edge)


def simplified(
    vertices: NDArray[np.floating[Any]], faces: NDArray[np.integer[Any]], cells: int
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Merge the vertices in each cell of a lattice, and drop faces that shrink to nothing.

    The outline moves by less than a cell.

    Args:
        vertices, faces: (V, 3) and (F, 3).
        cells: Along the longest side of the mesh.
    """
    # NumPy is much faster along three columns than along rows of three.
    columns = np.ascontiguousarray(vertices.T)
    low, high = columns.min(axis=1), columns.max(axis=1)
    side = float((high - low).max()) / cells or 1.0
    x, y, z = ((columns - low[:, None]) / side).astype(np.int32)
    cell = (x * (cells + 1) + y) * (cells + 1) + z
    # Counting in all cells is quicker than sorting the vertices.
    count = np.bincount(cell, minlength=(cells + 1) ** 3)
    used = np.flatnonzero(count)
    number = np.empty(len(count), np.int32)
    number[used] = np.arange(len(used))
    member = number.take(cell)
    sums = [np.bincount(member, axis, len(used)) for axis in columns]
    merged = np.column_stack(sums) / count[used, None]
    corners = member.take(faces)
    a, b, c = corners.T
    kept = np.flatnonzero((a != b) & (b != c) & (c != a))
    return merged, corners.take(kept, axis=0)
