"""Which texels of a texture a UV map covers, and where on the mesh each of them lies.

A texel's center is half a texel from its edges. V points up, and the first row of an image that
Blender, a PNG file or this module holds is the top one: row = (1 - v) * size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, importing

with importing("opencv-python-headless"):
    import cv2

AT_A_TIME = 1 << 20
"""Texels that are tested at a time: few enough for the cache, many enough for NumPy."""

EDGE = 1e-4
"""Barycentric coordinate by which a texel's center may lie outside, so that no two neighboring
triangles leave a texel on their common edge to each other."""


MOST_SQUARES = 100.0
"""How many times a UV map may cover the texture: some artists let a pattern repeat that often."""


@dataclass(frozen=True, eq=False)
class Texels:
    """The texels that a UV map covers.

    Attributes:
        size: Side of the square texture, in texels.
        index: (N,) int64, ascending: row * size + column.
        triangle: (N,) int32, the triangle that covers the texel.
        weights: (N, 3) float32, barycentric coordinates of the texel's center.
        overlap: Area that triangles cover once more, as a share of the covered area; 0 if no two
            triangles overlap.
    """

    size: int
    index: NDArray[np.int64]
    triangle: NDArray[np.int32]
    weights: NDArray[np.float32]
    overlap: float

    def interpolate(self, corners: NDArray[np.float32]) -> NDArray[np.float32]:
        """Interpolate values at the triangles' corners (T, 3, C) at all texels: (N, C) float32."""
        result = self.weights[:, :1] * corners[self.triangle, 0]
        for corner in (1, 2):
            result += self.weights[:, corner, None] * corners[self.triangle, corner]
        return result

    def image(self, values: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Draw values (N, C) in 0...1 into an image (size, size, C) of 8 bits.

        Every other texel takes the value of the nearest covered one, so that neither filtering nor
        mipmaps bring in a color from outside the islands.
        """
        levels = np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
        image = np.zeros((self.size**2, values.shape[1]), np.uint8)
        image[self.index] = levels
        return image[self._nearest()].reshape(self.size, self.size, -1)

    def _nearest(self) -> NDArray[np.int64]:
        """Index of the nearest covered texel for each texel: (size²,)."""
        is_free = np.ones(self.size**2, np.uint8)
        is_free[self.index] = 0
        _, labels = cv2.distanceTransformWithLabels(
            is_free.reshape(self.size, self.size),
            cv2.DIST_L2,
            cv2.DIST_MASK_5,
            labelType=cv2.DIST_LABEL_PIXEL,
        )
        labels = labels.ravel()
        by_label = np.zeros(len(self.index) + 1, np.int64)
        by_label[labels[self.index]] = self.index
        return by_label[labels]


def rasterize(
    uv: NDArray[np.float32], size: int, progress: Callable[[float], None] = lambda done: None
) -> Texels:
    """Find the texels that triangles cover.

    Args:
        uv: (T, 3, 2) float32. Beyond 0...1 the texture repeats, as Blender repeats it.
        size: Side of the square texture, in texels.
        progress: Called with the fraction of the work done, 0...1; raises to stop.

    Raises:
        InputError: No triangle covers the center of any texel, or many triangles are larger than
            the texture.
    """
    if not np.isfinite(uv).all() or _squares(uv) > MOST_SQUARES:
        raise InputError(
            "The triangles of the UV map are far larger than the texture",
            "Remove the UV map, so that a new one is made, or unwrap again",
        )
    corners = uv.astype(np.float64) * size - 0.5
    corners[..., 1] = size - 1 - corners[..., 1]
    owner = np.full(size**2, -1, np.int32)
    weights = np.zeros((size**2, 3), np.float32)
    is_taken, hits = np.zeros(size**2, bool), 0
    for triangle, column, row, at, done in tested(corners):
        flat = (row % size) * size + column % size
        is_inside = at.min(axis=1) >= -EDGE
        deep = flat[at.min(axis=1) > EDGE]
        is_taken[deep], hits = True, hits + len(deep)
        flat, triangle, at = flat[is_inside], triangle[is_inside], at[is_inside]
        owner[flat], weights[flat] = triangle, at
        progress(float(done))
    index = np.flatnonzero(owner >= 0)
    if not len(index):
        raise InputError(
            "The UV map covers no texel", "Remove it, so that a new one is made, or unwrap again"
        )
    overlap = (hits - int(is_taken.sum())) / len(index)
    return Texels(size, index, owner[index], weights[index], overlap)


def _squares(uv: NDArray[np.float32]) -> float:
    """How many times the bounding boxes of triangles (T, 3, 2) would cover the texture."""
    return float((uv.max(axis=1) - uv.min(axis=1)).astype(np.float64).prod(axis=1).sum())


def tested(
    corners: NDArray[np.float64],
) -> Iterator[tuple[NDArray[np.int32], ...]]:
    """Go through the texels in the bounding boxes of triangles (T, 3, 2), in texels.

    Yields, for a few triangles at a time: the triangle (n,), column (n,) and row (n,) of each
    texel, its barycentric coordinates (n, 3), and the fraction of all texels done so far.
    """
    low = np.ceil(corners.min(axis=1) - EDGE).astype(np.int64)
    width, height = (np.floor(corners.max(axis=1) + EDGE).astype(np.int64) - low + 1).T.clip(0)
    first, second, third = corners.transpose(1, 0, 2)
    across, along = second - first, third - first
    area = across[:, 0] * along[:, 1] - across[:, 1] * along[:, 0]
    counts = np.where(np.abs(area) > 1e-12, width * height, 0)
    ends = np.cumsum(counts)
    start = 0
    while start < len(counts):
        before = ends[start] - counts[start]
        stop = max(start + 1, int(np.searchsorted(ends, before + AT_A_TIME)))
        here = np.arange(start, stop)
        triangle = np.repeat(here, counts[start:stop])
        number = np.arange(len(triangle)) + before - (ends - counts)[triangle]
        column = low[triangle, 0] + number % np.maximum(width[triangle], 1)
        row = low[triangle, 1] + number // np.maximum(width[triangle], 1)
        x, y = column - first[triangle, 0], row - first[triangle, 1]
        second_weight = (x * along[triangle, 1] - y * along[triangle, 0]) / area[triangle]
        third_weight = (y * across[triangle, 0] - x * across[triangle, 1]) / area[triangle]
        at = np.stack((1 - second_weight - third_weight, second_weight, third_weight), axis=1)
        yield triangle.astype(np.int32), column, row, at, ends[stop - 1] / max(ends[-1], 1)
        start = stop
