"""The narrow band: where in the box the surface may be, judged by the texels of a scene code.

A scene code's features are linear between the texels of its planes, so only the decoder bends the
density between two texels. The density is first evaluated at every texel; cells between texels that
the surface may cross are then refined (see leaves.py). Elsewhere, values are interpolated and stay
on their side of the surface.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from .field import Field
from .grid import Grid

MARGIN = 0.5
"""How far values in a cell may exceed those at its corners, divided by the range around it."""


@dataclass(frozen=True)
class Band:
    """Cells around the surface.

    Attributes:
        ticks: (n,) coordinates of the cells' corners along each axis, in [-1, 1].
        values: (n, n, n) raw densities less the raw threshold at the corners.
        active: (n - 1, n - 1, n - 1) bool: cells that the surface may cross.
    """

    ticks: Tensor
    values: Tensor
    active: Tensor

    def wider(self) -> Band:
        """Return the band extended by all neighbors of its cells."""
        active = self.active.to(torch.uint8)
        for axis in range(3):
            active = highest_around(active, axis)
        return Band(self.ticks, self.values, active.bool())


def find_band(field: Field, raw_threshold: float, progress: Callable[[float], None]) -> Band:
    """Find the cells between texels that the surface may cross.

    Args:
        field: The density of the object.
        raw_threshold: The raw density at the surface.
        progress: Called with the fraction of the work done, 0...1; raises to stop.
    """
    ticks = texel_ticks(field.code.planes.shape[-1], field.device)
    if field.recall.texels is None:
        field.recall.texels = Grid(field, ticks).everywhere(progress)
    values = field.recall.texels - raw_threshold
    return Band(ticks, values, undecided(values, MARGIN))


def texel_ticks(count: int, device: torch.device) -> Tensor:
    """Return the ends of the box and the centers of its texels along one axis: (count + 2,)."""
    centers = (2 * torch.arange(count, device=device) + 1) / count - 1
    ends = centers.new_tensor([-1.0, 1.0])
    return torch.cat((ends[:1], centers, ends[1:]))


def undecided(values: Tensor, margin: float, within: tuple[Tensor, Tensor] | None = None) -> Tensor:
    """Mark the cells that the surface may cross, judged by the values at their corners.

    Args:
        values: (..., n, n, n), positive inside.
        margin: A cell is left out if all its corners are on one side and farther from the surface
            than this fraction of the range of the values around it: those at its own corners and
            at its neighbors'.
        within: The lowest and the highest value (..., n - 1, n - 1, n - 1) known within each cell,
            which count like values at the corners.

    Returns:
        (..., n - 1, n - 1, n - 1) bool.
    """
    low, high = values, values
    for axis in (-3, -2, -1):
        low = torch.minimum(*_neighbors(low, axis))
        high = torch.maximum(*_neighbors(high, axis))
    if within is not None:
        low, high = torch.minimum(low, within[0]), torch.maximum(high, within[1])
    lowest, highest = -low, high
    for axis in (-3, -2, -1):
        lowest, highest = highest_around(lowest, axis), highest_around(highest, axis)
    reach = margin * (highest + lowest)
    return (low < reach) & (high > -reach)


def highest_around(values: Tensor, axis: int) -> Tensor:
    """Return the highest of each value and its two neighbors along an axis."""
    result = values.clone()
    lower, upper = _neighbors(values, axis)
    at_lower, at_upper = _neighbors(result, axis)
    torch.maximum(at_lower, upper, out=at_lower)
    torch.maximum(at_upper, lower, out=at_upper)
    return result


def _neighbors(values: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    """Return all values but the last along an axis, and all but the first."""
    count = values.shape[axis] - 1
    return values.narrow(axis, 0, count), values.narrow(axis, 1, count)
