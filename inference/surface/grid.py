"""A scene code on a rectilinear grid: cheap raw densities at any of its points.

Such a grid is separable: with n ticks per axis, each plane is read at n² places only. The planes
are resampled once, and the first-layer sum of a point is the sum of three rows.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .field import Field


class Grid:
    """The n³ points whose coordinates along each axis are `ticks` (n,), ascending in [-1, 1].

    Coordinates are those of the planes: 1 corresponds to the radius.
    """

    def __init__(self, field: Field, ticks: Tensor) -> None:
        self.field = field
        self.ticks = ticks
        self._planes = [plane.flatten(0, 1) for plane in field.resampled(ticks)]

    def everywhere(self, progress: Callable[[float], None]) -> Tensor:
        """Return raw densities (n, n, n) at all points; `progress` is called with the part done."""
        count = len(self.ticks)
        points = torch.arange(count**3, device=self.field.device)
        return self.at(points, progress).view(count, count, count)

    def at(self, points: Tensor, progress: Callable[[float], None]) -> Tensor:
        """Return raw densities (N,) at `points`.

        Args:
            points: (N,) int64, numbers of points: point (i, j, k) has number (i n + j) n + k.
            progress: Called with the fraction of the work done, 0...1; raises to stop.
        """
        count = len(self.ticks)
        xy, xz, yz = self._planes
        result = torch.empty(len(points), device=self.field.device)

        def evaluate(block: slice) -> None:
            ij = points[block] // count
            k = points[block] - ij * count
            i = ij // count
            sums = xy.index_select(0, ij)
            sums += xz.index_select(0, i * count + k)
            sums += yz.index_select(0, (ij - i * count) * count + k)
            result[block] = self.field.raw_density(sums)

        self.field.workers.each(evaluate, len(points), progress)
        return result
