"""What was computed of a scene code, kept while the scene code lives.

A surface at another threshold needs most of it again, and comes several times as fast.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from ..scene_code import SceneCode

LATTICES = 2
"""Kept of one scene code: while a slider is dragged, a coarse one and a fine one take turns."""


@dataclass
class LatticeValues:
    """Raw densities of a sparse lattice.

    Attributes:
        resolution: Lattice points per axis.
        place: (N, N, N) int64, the leaf at each place, -1 where there is none.
        values: (L, 16, 16, 16) raw densities.
        known: (L, 16, 16, 16) bool: where `values` holds one.
    """

    resolution: int
    place: Tensor
    values: Tensor
    known: Tensor


@dataclass
class Recall:
    """What is kept of one scene code on one device.

    Attributes:
        texels: (n, n, n) raw densities at the texels.
        lattices: Of the last extractions, by resolution, unless they were too large to keep.
    """

    texels: Tensor | None = None
    lattices: dict[int, LatticeValues] = field(default_factory=dict)

    def keep(self, lattice: LatticeValues) -> None:
        """Keep a lattice in place of an older one."""
        self.lattices.pop(lattice.resolution, None)
        self.lattices[lattice.resolution] = lattice
        while len(self.lattices) > LATTICES:
            del self.lattices[next(iter(self.lattices))]


_kept: WeakKeyDictionary[SceneCode, dict[torch.device, Recall]] = WeakKeyDictionary()


def keeps_anything() -> bool:
    """Whether anything is kept of a scene code."""
    return bool(_kept)


def forget() -> None:
    """Keep nothing of any scene code; what is in use goes when it is done."""
    _kept.clear()


def recall_of(code: SceneCode, device: torch.device) -> Recall:
    """What is kept of a scene code; the caller adds to it."""
    return _kept.setdefault(code, {}).setdefault(device, Recall())
