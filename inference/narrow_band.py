"""Where in the box the surface may be, from coarse to fine.

A scene code's features are linear between the texels of its planes, so that what happens between
two texels is the decoder's work alone. The density is evaluated at every texel first; cells that
the surface may cross are halved until they are about as small as those of the lattice. Elsewhere,
values are interpolated, and stay on their side of the surface.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from .field import Field
from .grid import Grid

MARGIN = 0.5
"""A cell is left alone if all values around it stay farther from the threshold than this part of
their range."""


@dataclass(frozen=True)
class Band:
    """Cells around the surface.

    Attributes:
        ticks: (n,) coordinates of the cells' corners along each axis, in [-1, 1].
        values: (n, n, n) raw densities less the raw threshold at the corners; interpolated where
            the surface is far.
        active: (n - 1, n - 1, n - 1) bool: cells that the surface may cross.
    """

    ticks: Tensor
    values: Tensor
    active: Tensor

    def wider(self) -> Band:
        """The band with all neighbors of its cells."""
        active = self.active.to(torch.uint8)
        for axis in range(3):
            active = highest_around(active, axis)
        return Band(self.ticks, self.values, active.bool())


def find_band(
    field: Field, raw_threshold: float, size: float, progress: Callable[[float], None]
) -> Band:
    """The cells that the surface may cross.

    Args:
        field: The object.
        raw_threshold: The raw density at the surface.
        size: Cells are halved until they are no larger; the box is 2.
        progress: Called with the part of the work done, 0...1; raises to stop.
    """
    ticks = texel_ticks(field.code.planes.shape[-1], field.device)
    values = Grid(field, ticks).everywhere(progress) - raw_threshold
    active = undecided(values)
    while float(ticks[2] - ticks[1]) > size:
        ticks, values = halved(ticks), halved(values)
        wanted = corners(active)
        wanted[::2, ::2, ::2] = False  # They are there already.
        values[wanted] = Grid(field, ticks).at(wanted.nonzero()) - raw_threshold
        active = undecided(values)
        progress(1.0)
    return Band(ticks, values, active)


def texel_ticks(count: int, device: torch.device) -> Tensor:
    """The ends of the box and the centers of its texels along one axis: (count + 2,)."""
    centers = (2 * torch.arange(count, device=device) + 1) / count - 1
    ends = centers.new_tensor([-1.0, 1.0])
    return torch.cat((ends[:1], centers, ends[1:]))


def undecided(values: Tensor) -> Tensor:
    """The cells (n - 1)³ that the surface may cross, from the values (n, n, n) at their corners."""
    low, high = values, values
    for axis in range(3):
        low = torch.minimum(*_neighbors(low, axis))
        high = torch.maximum(*_neighbors(high, axis))
    for axis in range(3):
        low, high = -highest_around(-low, axis), highest_around(high, axis)
    reach = MARGIN * (high - low)
    return (low < reach) & (high > -reach)


def highest_around(values: Tensor, axis: int) -> Tensor:
    """The highest of each value and its two neighbors along an axis."""
    result = values.clone()
    lower, upper = _neighbors(values, axis)
    at_lower, at_upper = _neighbors(result, axis)
    torch.maximum(at_lower, upper, out=at_lower)
    torch.maximum(at_upper, lower, out=at_upper)
    return result


def _neighbors(values: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    """All values along an axis but the last, and all but the first."""
    count = values.shape[axis] - 1
    return values.narrow(axis, 0, count), values.narrow(axis, 1, count)


def corners(cells: Tensor) -> Tensor:
    """The points (2n + 1)³ of the halved grid that belong to any of some `cells` (n, n, n) bool."""
    points = cells
    for axis in range(3):
        count = points.shape[axis]
        shape = [*points.shape]
        shape[axis] = 2 * count + 1
        doubled = points.new_zeros(shape)
        for offset in range(3):  # A cell's first corner, its middle and its last corner.
            _every_second(doubled, axis, offset, count).logical_or_(points)
        points = doubled
    return points


def halved(values: Tensor) -> Tensor:
    """Values (n, ...) with the means of neighbors between them along each axis: (2n - 1, ...)."""
    for axis in range(values.ndim):
        count = values.shape[axis]
        shape = [*values.shape]
        shape[axis] = 2 * count - 1
        doubled = values.new_empty(shape)
        _every_second(doubled, axis, 0, count).copy_(values)
        middles = _every_second(doubled, axis, 1, count - 1)
        torch.add(*_neighbors(values, axis), out=middles).mul_(0.5)
        values = doubled
    return values


def _every_second(values: Tensor, axis: int, first: int, count: int) -> Tensor:
    """A view of `count` values along an axis, leaving out every second one."""
    index = [slice(None)] * values.ndim
    index[axis] = slice(first, first + 2 * count - 1, 2)
    return values[tuple(index)]
