"""Memory of the densities evaluated for a scene code, kept as long as the scene code lives.

A surface at another threshold needs most of them again, and is extracted several times as fast.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from ..scene_code import SceneCode

LATTICES = 2
"""Lattices to keep per scene code: dragging a slider alternates between a coarse and a fine one."""


@dataclass
class LatticeValues:
    """Raw densities of a sparse lattice.

    Attributes:
        resolution: Lattice points per axis.
        place: (N, N, N) int64, the number of the leaf at each place, -1 where there is none.
        values: (L, 16, 16, 16) raw densities.
        known: (L, 16, 16, 16) bool: where `values` holds an evaluated density.
    """

    resolution: int
    place: Tensor
    values: Tensor
    known: Tensor


@dataclass
class Recall:
    """The densities kept for one scene code on one device.

    Attributes:
        texels: (n, n, n) raw densities at the texels.
        lattices: Lattices of the last extractions by resolution, unless too large to keep.
    """

    texels: Tensor | None = None
    lattices: dict[int, LatticeValues] = field(default_factory=dict)

    def keep(self, lattice: LatticeValues) -> None:
        """Keep a lattice, and drop the oldest beyond `LATTICES`."""
        self.lattices.pop(lattice.resolution, None)
        self.lattices[lattice.resolution] = lattice
        while len(self.lattices) > LATTICES:
            del self.lattices[next(iter(self.lattices))]


_kept: WeakKeyDictionary[SceneCode, dict[torch.device, Recall]] = WeakKeyDictionary()


def keeps_anything() -> bool:
    """Return whether anything is kept for any scene code."""
    return bool(_kept)


def forget() -> None:
    """Drop what is kept for all scene codes; memory still in use is freed after its use."""
    _kept.clear()


def recall_of(code: SceneCode, device: torch.device) -> Recall:
    """Return what is kept for a scene code on a device; the caller adds to it."""
    return _kept.setdefault(code, {}).setdefault(device, Recall())
