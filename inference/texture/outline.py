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
    """

    def __init__(
        self, vertices: NDArray[np.floating[Any]], faces: NDArray[np.integer[Any]]
    ) -> None:
        self.vertices = np.asarray(vertices, np.float64)
        corners = self.vertices[faces]
        normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        # A face that is nearly seen from its side counts for nothing, so 32 bits are enough.
        self._normals = normals.astype(np.float32)
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
        return np.concatenate((self._pairs[:, outline], self._singles), axis=1), turns

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
    (x0, x1), (y0, y1) = ends[0], ends[1] * scanlines - 0.5
    limit = height * scanlines
    first = np.ceil(np.minimum(y0, y1)).clip(0, limit).astype(np.int64)
    count = np.ceil(np.maximum(y0, y1)).clip(0, limit).astype(np.int64) - first
    edge = np.repeat(np.arange(len(count)), count)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count) + first[edge]
    span = y1 - y0
    slope = (x1 - x0) / np.where(span == 0, 1.0, span)
    x = (x0[edge] + (row - y0[edge]) * slope[edge]).clip(0, width)
    step = (layers * np.sign(span))[edge]
    column = x.astype(np.int64)
    inside = x - column
    place = row * (width + 2) + column
    size = limit * (width + 2)
    steps = np.bincount(place, step * (1 - inside), size)
    steps += np.bincount(place + 1, step * inside, size)
    covered = np.cumsum(steps.reshape(limit, width + 2), axis=1)[:, :width] / full
    return covered.clip(0, 1).reshape(height, scanlines, width).mean(axis=1)


def simplified(
    vertices: NDArray[np.floating[Any]], faces: NDArray[np.integer[Any]], cells: int
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Merge the vertices in each cell of a lattice, and drop faces that shrink to nothing.

    The outline moves by less than a cell.

    Args:
        vertices, faces: (V, 3) and (F, 3).
        cells: Along the longest side of the mesh.
    """
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    side = float((high - low).max()) / cells or 1.0
    at = ((vertices - low) / side).astype(np.int64)
    cell = (at[:, 0] * (cells + 1) + at[:, 1]) * (cells + 1) + at[:, 2]
    # Counting in all cells is quicker than sorting the vertices.
    count = np.bincount(cell, minlength=(cells + 1) ** 3)
    used = np.flatnonzero(count)
    number = np.empty(len(count), np.int32)
    number[used] = np.arange(len(used))
    member = number[cell]
    sums = [np.bincount(member, axis, len(used)) for axis in vertices.T]
    merged = np.column_stack(sums) / count[used, None]
    a, b, c = (member[corner] for corner in faces.T)
    kept = np.flatnonzero((a != b) & (b != c) & (c != a))
    return merged, np.column_stack((a[kept], b[kept], c[kept]))
