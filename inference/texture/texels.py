"""Which texels of a texture a UV map covers, and where on the mesh each of them lies.

A texel's center is half a texel from its edges. V points up, and the first row of an image that
Blender, a PNG file or this module holds is the top one: row = (1 - v) * size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, importing

with importing("opencv-python-headless"):
    import cv2

ROWS_AT_A_TIME, AT_A_TIME = 1 << 18, 1 << 20
"""Rows of triangles, and texels of rows, that are drawn at a time: few enough for the cache, many
enough for NumPy."""

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
        overlap: Area that triangles cover once more, as a share of the covered area: about 0 if no
            two triangles overlap.
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
        return image[self._nearest].reshape(self.size, self.size, -1)

    @cached_property
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
    if not np.isfinite(uv).all() or np.abs(_areas(uv)).sum() > MOST_SQUARES:
        raise InputError(
            "The triangles of the UV map are far larger than the texture",
            "Remove the UV map, so that a new one is made, or unwrap again",
        )
    corners = uv.astype(np.float64) * size - 0.5
    corners[..., 1] = size - 1 - corners[..., 1]
    owner = np.full(size**2, -1, np.int32)
    weights = np.zeros((size**2, 3), np.float32)
    for triangle, column, row, at, done in covered(corners):
        flat = (row % size) * size + column % size
        owner[flat], weights[flat] = triangle, at
        progress(done)
    index = np.flatnonzero(owner >= 0)
    if not len(index):
        raise InputError(
            "The UV map covers no texel", "Remove it, so that a new one is made, or unwrap again"
        )
    overlap = max(0.0, float(np.abs(_areas(corners)).sum()) / len(index) - 1)
    return Texels(size, index, owner[index], weights[index], overlap)


def _areas(corners: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Signed areas (T,) of triangles (T, 3, 2)."""
    sides = (corners[:, 1:] - corners[:, :1]).astype(np.float64)
    (a, b), (c, d) = sides[:, 0].T, sides[:, 1].T
    return np.asarray((a * d - b * c) / 2)


def covered(
    corners: NDArray[np.float64], clip: tuple[int, int] | None = None
) -> Iterator[
    tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64], NDArray[np.float32], float]
]:
    """Go through the texels whose centers lie in triangles.

    Args:
        corners: (T, 3, 2) float64, columns and rows; whole numbers are the centers of texels.
        clip: Width and height outside which nothing is of interest.

    Yields:
        For a few triangles at a time: the triangle (n,), column (n,) and row (n,) of each texel,
        its barycentric coordinates (n, 3) float32, and the fraction of the work done so far.
    """
    area = 2 * _areas(corners)
    x, y = corners[..., 0], corners[..., 1]
    # The coordinate that belongs to a corner is linear: across x + along y + rest.
    x1, y1, x2, y2 = np.roll(x, -1, 1), np.roll(y, -1, 1), np.roll(x, -2, 1), np.roll(y, -2, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        across, along = (y1 - y2) / area[:, None], (x2 - x1) / area[:, None]
        rest = (x1 * y2 - x2 * y1) / area[:, None]
    low, high = np.ceil(y.min(axis=1) - EDGE), np.floor(y.max(axis=1) + EDGE)
    if clip is not None:
        low, high = low.clip(0, clip[1]), high.clip(-1, clip[1] - 1)
    is_real = np.abs(area) > 1e-12
    rows = np.where(is_real, (high - low + 1).clip(0), 0).astype(np.int64)
    for here in _pieces(rows, ROWS_AT_A_TIME):
        # First the rows of each triangle, then the texels of each row.
        of_row = np.repeat(np.arange(here.start, here.stop), rows[here])
        row = low[of_row] + _counted(rows[here])
        slope = across[of_row]
        level = along[of_row] * row[:, None] + rest[of_row]
        with np.errstate(divide="ignore", invalid="ignore"):
            crossing = (-EDGE - level) / slope
        left = np.where(slope > 0, crossing, -np.inf).max(axis=1, initial=-np.inf)
        right = np.where(slope < 0, crossing, np.inf).min(axis=1, initial=np.inf)
        is_in = ((slope != 0) | (level >= -EDGE)).all(axis=1)
        if clip is not None:
            left, right = left.clip(0, clip[0]), right.clip(-1, clip[0] - 1)
        left = np.ceil(left)
        counts = np.where(is_in, (np.floor(right) - left + 1).clip(0), 0).astype(np.int64)
        base, steep = level + slope * left[:, None], slope.astype(np.float32)
        for part in _pieces(counts, AT_A_TIME):
            steps = _counted(counts[part])
            of_texel = np.repeat(np.arange(part.start, part.stop), counts[part])
            weights = base.astype(np.float32)[of_texel]
            weights += steep[of_texel] * steps.astype(np.float32)[:, None]
            column = left.astype(np.int64)[of_texel] + steps
            done = (here.start + (here.stop - here.start) * part.stop / len(counts)) / len(rows)
            yield (
                of_row[of_texel].astype(np.int32),
                column,
                row.astype(np.int64)[of_texel],
                weights,
                done,
            )


def _pieces(counts: NDArray[np.int64], most: int) -> Iterator[slice]:
    """Cut numbers into pieces whose sums are at most `most`, or that hold a single number."""
    ends, start = np.cumsum(counts), 0
    while start < len(counts):
        limit = ends[start] - counts[start] + most
        stop = max(start + 1, int(np.searchsorted(ends, limit, side="right")))
        yield slice(start, stop)
        start = stop


def _counted(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """0, 1, ... up to each of some numbers, one after the other."""
    ends = np.cumsum(counts)
    return np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - counts, counts)
