"""A scene code on a rectilinear grid: raw densities at any of its points, cheaply.

Such a grid is separable: with n ticks per axis, plane (x, y) is read at n² places only, and so are
the others. They are resampled once, and the first-layer sum of a point is three rows added.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .field import BLOCK_POINTS, Field


class Grid:
    """The n³ points whose coordinates along each axis are `ticks` (n,), ascending in [-1, 1].

    Coordinates are those of the planes: 1 stands for the radius.
    """

    def __init__(self, field: Field, ticks: Tensor) -> None:
        self.field = field
        self.ticks = ticks
        self._xy, self._xz, self._yz = field.resampled(ticks)

    def everywhere(self, progress: Callable[[float], None]) -> Tensor:
        """Raw densities (n, n, n) at all points; `progress` is called with the part done."""
        count = len(self.ticks)
        values = torch.empty(count, count, count, device=self.field.device)
        rows = max(1, BLOCK_POINTS // count)
        for i in range(count):
            progress(i / count)
            for j in range(0, count, rows):
                sums = self._xy[i, j : j + rows, None] + self._xz[i, None] + self._yz[j : j + rows]
                values[i, j : j + rows] = self.field.raw_density(sums.flatten(0, 1)).view(-1, count)
        return values

    def at(self, index: Tensor) -> Tensor:
        """Raw densities (N,) at the points of `index` (N, 3) int64."""
        count, width = len(self.ticks), self._xy.shape[-1]
        xy, xz, yz = (plane.view(-1, width) for plane in (self._xy, self._xz, self._yz))
        result = torch.empty(len(index), device=self.field.device)
        for start in range(0, len(index), BLOCK_POINTS):
            i, j, k = index[start : start + BLOCK_POINTS].unbind(1)
            sums = xy.index_select(0, i * count + j)
            sums += xz.index_select(0, i * count + k)
            sums += yz.index_select(0, j * count + k)
            result[start : start + BLOCK_POINTS] = self.field.raw_density(sums)
        return result
