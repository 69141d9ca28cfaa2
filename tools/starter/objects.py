"""Whole objects in the model's frame, from seeds: upright, centered, the longest side 1.1."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from families import FAMILIES
from maker import Maker, rotation
from primitives import BOX, CUT
from solids import Part, Solid

LONGEST_SIDE = 1.1
"""Longest side of the bounding box along the model's axes, in model units."""


def make_object(seed: int, family: str | None = None, yaw: float | None = None) -> Solid:
    """Make the object of a seed.

    Args:
        seed: The same seed gives the same object.
        family: One of FAMILIES; if None, any of them.
        yaw: Degrees around Z by which its front turns from +X toward +Y; if None, any angle.
    """
    rng = np.random.default_rng(seed)
    names = list(FAMILIES)
    weights = np.array([weight for _, weight in FAMILIES.values()])
    drawn = str(rng.choice(names, p=weights / weights.sum()))
    drawn_yaw = float(rng.uniform(0, 360))
    family = drawn if family is None else family
    maker = Maker(rng)
    parts = FAMILIES[family][0](maker)
    if maker.chance(0.05):
        parts = on_a_base(maker, parts)
    turn = rotation(2, drawn_yaw if yaw is None else yaw)
    return Solid.pack(family, normalized([part.turned(turn) for part in parts]))


def on_a_base(m: Maker, parts: list[Part]) -> list[Part]:
    """Put the parts on a low plinth."""
    low, high = bounds(parts)
    half = (high - low) / 2 * m.u(0.9, 1.1)
    x, y = (low + high)[:2] / 2
    return [*parts, m.part(BOX, (half[0], half[1], 0.05, 0.04), (x, y, low[2] - 0.02))]


def bounds(parts: list[Part]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the lowest and highest coordinates (3,) of all parts except those that cut."""
    outlines = [part.outline() for part in parts if part.op != CUT]
    low = np.min([points.min(axis=0) - radius for points, radius in outlines], axis=0)
    high = np.max([points.max(axis=0) + radius for points, radius in outlines], axis=0)
    return low, high


def normalized(parts: list[Part]) -> list[Part]:
    """Center the parts on their bounding box and scale its longest side to LONGEST_SIDE."""
    low, high = bounds(parts)
    factor = LONGEST_SIDE / float((high - low).max())
    return [part.shifted(-(low + high) / 2).scaled(factor) for part in parts]
