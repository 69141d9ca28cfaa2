"""The part of a lattice near the surface, in leaves of 16³ points.

As in other sparse volumes, each lattice point belongs to one leaf. Within a leaf, the density is
first evaluated at a coarse stride; cells that the surface may cross are halved until they are cells
of the lattice. Finally, the surface is followed to wherever it leaves the evaluated points.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor

from .grid import Grid
from .narrow_band import Band, undecided
from .recall import LatticeValues

LEAF = 16
"""Lattice points of a leaf per axis. PyMCubes takes a tenth of a millisecond for that many cells;
meanwhile it holds Python's global lock."""

STRIDE_TEXELS = 0.5
"""Approximate size of the coarsest stride, in texels."""

MARGIN = 0.25
"""MARGIN of narrow_band for cells of half a texel or less, in which values bend less."""

ROUGH = 0.7
"""Fraction of active cells in the band above which all of their points are evaluated: with the
surface nearly everywhere, there is little to leave out, and no telling what."""

AT_A_TIME = 1024
"""Leaves that are processed together; each point needs 60 bytes."""

KEPT = 4096
"""Maximum number of leaves whose values are kept for the next threshold: 84 MB."""

SIDES = tuple(side for side in itertools.product((0, 1), repeat=3) if any(side))
"""The directions (x, y, z) to the leaves that touch a leaf's upper faces, edges and corner."""


class Leaves:
    """Raw densities less the raw threshold around the surface.

    Attributes:
        first: (L, 3) int64, each leaf's first point in the lattice.
        values: (L, 16, 16, 16), positive inside; far from the surface, only the sign is right.
        known: (L, 16, 16, 16) bool: where the density was evaluated.
    """

    def __init__(self, lattice: Grid, band: Band, raw_threshold: float, at_walls: bool) -> None:
        """Choose the leaves of `lattice` around the band; `evaluate` finds the surface in them.

        Args:
            lattice: The grid of all lattice points.
            band: The cells that the surface may cross.
            raw_threshold: The raw density at the surface.
            at_walls: Whether to include leaves where a side of the box bounds the inside.
        """
        self.lattice = lattice
        self._raw_threshold = raw_threshold
        self._resolution = len(lattice.ticks)
        self._place, self.first = _leaves_at(lattice.ticks, band, at_walls)
        neighbors = self.first[:, None] // LEAF + self.first.new_tensor(SIDES)
        self._above = self._number(neighbors)  # (L, 7), -1 where there is none
        self._stride = _coarsest_stride(lattice.ticks, band)
        self.values, active = _interpolated(band, lattice.ticks, self._points(self._stride))
        self.known = torch.zeros_like(active)
        self._wanted = active
        self._texels = _texels_of(band, lattice.ticks)

    def _number(self, places: Tensor) -> Tensor:
        """Return the numbers of the leaves at places (..., 3), in leaves; -1 where none is."""
        count = self._place.shape[0]
        i, j, k = places.clamp(0, count - 1).unbind(-1)
        inside = ((places >= 0) & (places < count)).all(dim=-1)
        return torch.where(inside, self._place[i, j, k], -1)

    def _points(self, stride: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return x, y and z of the leaves' points: (L, n, 1, 1), (L, 1, n, 1) and (L, 1, 1, n)."""
        steps = torch.arange(0, LEAF, stride, device=self.first.device)
        x, y, z = (self.first[:, axis, None] + steps for axis in range(3))
        return x[:, :, None, None], y[:, None, :, None], z[:, None, None, :]

    def evaluate(self, progress: Callable[[float], None]) -> bool:
        """Find the surface; return False if it continues where there is no leaf."""
        while True:
            self._evaluate_wanted(progress)
            if self._stride == 1:
                break
            self._refine(progress)
        while (wanted := self._unknown_ends(progress)).any():
            self._wanted = wanted
            self._evaluate_wanted(progress)
        self._keep()
        inside = self.values > 0
        return not any(self._goes_on(inside, here) for here in self._parts(progress))

    def _refine(self, progress: Callable[[float], None]) -> None:
        """Halve the stride, and mark as wanted the points of cells that the surface may cross."""
        low, high = self._within_cells()
        ending = self._ending_cells()
        count = LEAF // self._stride * 2
        wanted = self.known.new_empty(len(self.values), *[count + 1] * 3)
        values = self.values.new_empty(len(self.values), *[count] * 3)
        for here in self._parts(progress):
            full = self.with_neighbors(self.values, here)
            cells = undecided(full, MARGIN, (low[here], high[here])) | ending[here]
            wanted[here] = corners(cells)
            values[here] = _without_last(halved(full))
        self.values = values
        self._stride //= 2
        self.known = _spread(self.known)
        self._wanted = self._to_owners(wanted) & ~self.known

    def _parts(self, progress: Callable[[float], None]) -> Iterator[slice]:
        """Yield slices of leaves to process together.

        Before each slice, `progress` is called with 0, so that it can stop the work. The 0 does not
        set the progress back: the listener keeps the highest fraction.
        """
        for start in range(0, len(self.first), AT_A_TIME):
            progress(0.0)
            yield slice(start, start + AT_A_TIME)

    def _evaluate_wanted(self, progress: Callable[[float], None]) -> None:
        wanted = self._in_lattice(self._wanted)
        self._recall(wanted, progress)
        for start in range(0, len(wanted), AT_A_TIME):
            leaf, *steps = wanted[start : start + AT_A_TIME].nonzero().unbind(1)
            leaf += start
            x, y, z = (self.first[leaf, axis] + self._stride * steps[axis] for axis in range(3))
            numbers = (x * self._resolution + y) * self._resolution + z
            done = partial(_done_of_part, progress, start / len(wanted), AT_A_TIME / len(wanted))
            values = self.lattice.at(numbers, done)
            self.values[leaf, *steps] = values - self._raw_threshold
            self.known[leaf, *steps] = True
        progress(1.0)

    def _recall(self, wanted: Tensor, progress: Callable[[float], None]) -> None:
        """Take over values of an earlier extraction, and remove them from `wanted` (L, n, n, n)."""
        kept = self.lattice.field.recall.lattices.get(self._resolution)
        if kept is None:
            return
        stride = slice(None, None, self._stride)
        for here in self._parts(progress):
            leaf = kept.place[(self.first[here] // LEAF).unbind(1)]
            there = (leaf >= 0)[:, None, None, None]
            known = wanted[here] & there & kept.known[leaf, stride, stride, stride]
            values = kept.values[leaf, stride, stride, stride] - self._raw_threshold
            self.values[here] = torch.where(known, values, self.values[here])
            self.known[here] |= known
            wanted[here] &= ~known

    def _keep(self) -> None:
        """Keep the evaluated densities for an extraction at another threshold."""
        if 0 < len(self.first) <= KEPT:
            values = self.values + self._raw_threshold
            kept = LatticeValues(self._resolution, self._place, values, self.known)
            self.lattice.field.recall.keep(kept)

    def _in_lattice(self, points: Tensor) -> Tensor:
        """Return marks (L, n, n, n) bool without those of the last leaves beyond the lattice."""
        x, y, z = (axis < self._resolution for axis in self._points(self._stride))
        return points & x & y & z

    def with_neighbors(self, values: Tensor, leaves: slice) -> Tensor:
        """Add the next leaves' first layers to values (L, n, n, n): (L', n + 1, n + 1, n + 1).

        Where there is no next leaf, the last layer is repeated.

        Args:
            values: Values of all leaves.
            leaves: The L' leaves to return.
        """
        count = values.shape[1]
        full = values.new_empty(len(values[leaves]), *[count + 1] * 3)
        full[:, :count, :count, :count] = values[leaves]
        for number, side in enumerate(SIDES):
            above = self._above[leaves, number]
            there = above >= 0
            last = full[:, *(slice(count - 1, count) if s else slice(count) for s in side)]
            first = values[:, *(slice(1) if s else slice(None) for s in side)]
            target = full[:, *(slice(count, None) if s else slice(count) for s in side)]
            target.copy_(torch.where(there[:, None, None, None], first[above], last))
        return full

    def _within_cells(self) -> tuple[Tensor, Tensor]:
        """Return the lowest and highest values (L, n, n, n) of the texels within each cell.

        Features bend at texels, so densities peak there, which nearby lattice points do not show.
        Cells without a texel have infinity and minus infinity.
        """
        at, values = self._texels
        count = LEAF // self._stride
        leaf = self._number(at // LEAF)
        i, j, k = (at % LEAF // self._stride).unbind(1)
        cell = ((leaf * count + i) * count + j) * count + k
        nothing = values.new_full((len(self.first) * count**3,), math.inf)
        low = nothing.scatter_reduce(0, cell, values, "amin")
        high = (-nothing).scatter_reduce(0, cell, values, "amax")
        shape = (len(self.first), count, count, count)
        return low.view(shape), high.view(shape)

    def _ending_cells(self) -> Tensor:
        """Mark cells (L, n, n, n) that reach beyond the lattice and whose first point is evaluated.

        The corners of such a cell do not enclose the part of the lattice in it.
        """
        end = self._resolution - 1
        x, y, z = (axis + self._stride > end for axis in self._points(self._stride))
        return self.known & (x | y | z)

    def _to_owners(self, points: Tensor) -> Tensor:
        """Hand the marks in the last layers of `points` to the next leaves: (L, n, n, n) bool.

        The inverse of `with_neighbors`.

        Args:
            points: (L, n + 1, n + 1, n + 1) bool.
        """
        count = points.shape[1] - 1
        result = _without_last(points).clone()
        for number, side in enumerate(SIDES):
            above = self._above[:, number]
            there = (above >= 0).nonzero()[:, 0]
            last = points[:, *(slice(count, None) if s else slice(count) for s in side)]
            first = result[:, *(slice(1) if s else slice(None) for s in side)]
            first[above[there]] |= last[there]
        return result

    def _unknown_ends(self, progress: Callable[[float], None]) -> Tensor:
        """Mark the ends of lattice edges that the surface crosses, unless they are evaluated."""
        inside = self.values > 0
        ends = self.known.new_empty(len(inside), *[LEAF + 1] * 3)
        for here in self._parts(progress):
            ends[here] = _ends_of_crossed(self.with_neighbors(inside, here))
        return self._in_lattice(self._to_owners(ends) & ~self.known)

    def _goes_on(self, inside: Tensor, leaves: slice) -> bool:
        """Return whether the surface crosses a side of one of the leaves with no leaf beyond it."""
        inside = self.with_neighbors(inside, leaves)
        place = self.first[leaves] // LEAF
        for axis, (layer, step) in itertools.product(range(3), ((0, -1), (LEAF, 1))):
            beyond = place.clone()
            beyond[:, axis] += step
            exists = (beyond[:, axis] >= 0) & (beyond[:, axis] < self._place.shape[0])
            missing = exists & (self._number(beyond) < 0)
            side = inside.select(axis + 1, layer).flatten(1)
            if bool((missing & (side.any(dim=1) & ~side.all(dim=1))).any()):
                return True
        return False


def _done_of_part(
    progress: Callable[[float], None], start: float, share: float, done: float
) -> None:
    progress(min(start + share * done, 1.0))


def _leaves_at(ticks: Tensor, band: Band, at_walls: bool) -> tuple[Tensor, Tensor]:
    """Choose the leaves around the surface.

    Returns:
        The number of the leaf at each place (N, N, N) int64, -1 where there is none; and the first
        lattice point of each leaf (L, 3) int64.
    """
    cells = band.active.clone()
    if at_walls:
        inside = band.values > 0
        for axis, end in itertools.product(range(3), (0, -1)):
            wall = inside.select(axis, end)[None, None].float()
            touched = torch.nn.functional.max_pool2d(wall, 2, stride=1)[0, 0] > 0
            cells.select(axis, end).logical_or_(touched)
    cell = _cells_of(ticks, band.ticks).tolist()
    spans = [cell[first : first + LEAF + 1] for first in range(0, len(ticks), LEAF)]
    wanted = cells
    for axis in range(3):
        layers = [wanted.narrow(axis, s[0], s[-1] - s[0] + 1).any(dim=axis) for s in spans]
        wanted = torch.stack(layers, dim=axis)
    # The surface in a leaf's last cells lies between its points and those of the next leaves.
    for axis in range(3):
        below = wanted.roll(1, dims=axis)
        below.select(axis, 0).fill_(False)
        wanted = wanted | below
    places = wanted.nonzero()
    numbers = torch.full(wanted.shape, -1, device=ticks.device)
    numbers[wanted] = torch.arange(len(places), device=ticks.device)
    return numbers, places * LEAF


def _texels_of(band: Band, ticks: Tensor) -> tuple[Tensor, Tensor]:
    """Return the first points (M, 3) of the lattice cells that hold texels of the band's active
    cells, and the values (M,) of these texels.
    """
    corner = torch.zeros_like(band.values, dtype=torch.bool)
    count = len(band.ticks) - 1
    for side in itertools.product((0, 1), repeat=3):
        corner[tuple(slice(s, s + count) for s in side)] |= band.active
    return _cells_of(band.ticks, ticks)[corner.nonzero()], band.values[corner]


def _coarsest_stride(ticks: Tensor, band: Band) -> int:
    """Return the power of two, at most LEAF, that is nearest to STRIDE_TEXELS."""
    if float(band.active.float().mean()) > ROUGH:
        return 1
    middle = len(band.ticks) // 2
    texel = band.ticks[middle] - band.ticks[middle - 1]
    steps = STRIDE_TEXELS * float(texel / (ticks[1] - ticks[0]))
    return 2 ** min(max(round(math.log2(steps)), 0), round(math.log2(LEAF)))


def _cells_of(ticks: Tensor, borders: Tensor) -> Tensor:
    """Return the number of the cell between `borders` in which each of `ticks` lies."""
    return (torch.searchsorted(borders, ticks, right=True) - 1).clamp(max=len(borders) - 2)


def _interpolated(
    band: Band, ticks: Tensor, points: tuple[Tensor, Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    """Interpolate the band's values at lattice points, and mark points in active cells.

    Points beyond the lattice take the value at its end.
    """
    cell = _cells_of(ticks, band.ticks)
    share = (ticks - band.ticks[cell]) / (band.ticks[cell + 1] - band.ticks[cell])
    inside = [axis.clamp(max=len(ticks) - 1) for axis in points]
    cells = [cell[axis] for axis in inside]
    shares = [share[axis] for axis in inside]
    values: Tensor | float = 0.0
    for side in itertools.product((0, 1), repeat=3):
        x, y, z = (at + s for at, s in zip(cells, side, strict=True))
        i, j, k = (part if s else 1 - part for part, s in zip(shares, side, strict=True))
        values = values + band.values[x, y, z] * (i * j * k)
    assert isinstance(values, Tensor)
    return values, band.active[cells[0], cells[1], cells[2]]


def _ends_of_crossed(inside: Tensor) -> Tensor:
    """Mark the points (L, n, n, n) with a neighbor along an axis on the other side."""
    ends = torch.zeros_like(inside)
    for axis in (1, 2, 3):
        count = inside.shape[axis] - 1
        crossed = inside.narrow(axis, 0, count) != inside.narrow(axis, 1, count)
        ends.narrow(axis, 0, count).logical_or_(crossed)
        ends.narrow(axis, 1, count).logical_or_(crossed)
    return ends


def corners(cells: Tensor) -> Tensor:
    """Mark the points (L, 2n + 1, ...) of the halved grid in the marked cells (L, n, n, n)."""
    points = cells
    for axis in (1, 2, 3):
        count = points.shape[axis]
        doubled = _zeros_like(points, axis, 2 * count + 1)
        for offset in range(3):  # a cell's first corner, its middle and its last corner
            _strided(doubled, axis, offset, count).logical_or_(points)
        points = doubled
    return points


def halved(values: Tensor) -> Tensor:
    """Insert the means of neighbors between values (L, n, n, n): (L, 2n - 1, ...)."""
    for axis in (1, 2, 3):
        count = values.shape[axis]
        doubled = _zeros_like(values, axis, 2 * count - 1)
        _strided(doubled, axis, 0, count).copy_(values)
        lower, upper = values.narrow(axis, 0, count - 1), values.narrow(axis, 1, count - 1)
        torch.add(lower, upper, out=_strided(doubled, axis, 1, count - 1)).mul_(0.5)
        values = doubled
    return values


def _spread(known: Tensor) -> Tensor:
    """Place marks (L, n, n, n) at every second point of (L, 2n, 2n, 2n)."""
    spread = known.new_zeros(len(known), *[2 * count for count in known.shape[1:]])
    spread[:, ::2, ::2, ::2] = known
    return spread


def _zeros_like(values: Tensor, axis: int, count: int) -> Tensor:
    """Return zeros shaped like `values`, except for `count` along an axis."""
    shape = [*values.shape]
    shape[axis] = count
    return values.new_zeros(shape)


def _strided(values: Tensor, axis: int, first: int, count: int) -> Tensor:
    """Return a view of `count` values along an axis: every second one, starting at `first`."""
    index = [slice(None)] * values.ndim
    index[axis] = slice(first, first + 2 * count - 1, 2)
    return values[tuple(index)]


def _without_last(points: Tensor) -> Tensor:
    """Return a view without the last layer along each axis."""
    return points[:, :-1, :-1, :-1]
