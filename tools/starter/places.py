"""Outdoor objects: vehicles, buildings, plants."""

from __future__ import annotations

import numpy as np

from maker import Maker, frame_along, rotation
from primitives import BOX, CONE, CUT, ELLIPSOID, PRISM
from solids import Part


def vehicle(m: Maker) -> list[Part]:
    """Make a car, truck, boat or plane."""
    kind = m.n(0, 3)
    long, wide, high = m.u(0.45, 0.65), m.u(0.2, 0.3), m.u(0.1, 0.18)
    parts: list[Part] = []
    if kind <= 1:
        wheel = m.u(0.09, 0.15)
        base = wheel + high * 0.6
        parts.append(m.part(BOX, (long, wide, high, 0.04), (0, 0, base), 0))
        if kind == 0:
            roof = high + m.u(0.15, 0.3)
            profile = np.array(
                [
                    [-long * m.u(0.6, 0.95), 0],
                    [long * m.u(0.3, 0.7), 0],
                    [long * m.u(0, 0.25), roof],
                    [-long * m.u(0.3, 0.55), roof],
                ]
            )
            cabin = (wide * 0.85, 0.02)
            parts.append(m.part(PRISM, cabin, (0, 0, base + high * 0.6), 1, None, 0, profile))
        else:
            cab = (long * 0.25, wide * 0.95, high * m.u(1.2, 2), 0.03)
            parts.append(m.part(BOX, cab, (long * 0.7, 0, base + high + cab[2] * 0.5), 1))
            if m.chance(0.7):
                load = (long * 0.6, wide, high * m.u(1.2, 2.4), 0.02)
                parts.append(m.part(BOX, load, (-long * 0.32, 0, base + high + load[2] * 0.6), 2))
        sideways = frame_along(np.array([0, 1.0, 0]))
        for sx in (-1, 1):
            for sy in (-1, 1):
                hub = (sx * long * 0.62, sy * wide, wheel)
                parts.append(m.part(CONE, (wheel, wheel, 0.055, 0.02), hub, 3, sideways))
    elif kind == 2:
        hull = (long, wide, high * 1.6)
        parts.append(m.part(ELLIPSOID, hull, (0, 0, high * 1.6), 0))
        above = (long * 1.2, wide * 1.2, high * 1.6)
        parts.append(m.part(BOX, (*above, 0), (0, 0, high * 3.4), 1, None, CUT))
        cabin = (long * m.u(0.2, 0.4), wide * 0.6, m.u(0.08, 0.18), 0.02)
        parts.append(m.part(BOX, cabin, (m.u(-0.2, 0.1), 0, high * 1.9 + cabin[2] * 0.7), 1))
        if m.chance(0.6):
            parts.append(m.limb((0.1, 0, high), (0.1, 0, high * 2 + m.u(0.3, 0.7)), 0.04, None, 2))
    else:
        fat = m.u(0.09, 0.16)
        parts.append(m.limb((-long, 0, 0.3), (long, 0, 0.28), fat * 0.5, fat, 0))
        wing = (m.u(0.1, 0.18), m.u(0.5, 0.75), 0.045, 0.02)
        parts.append(m.part(BOX, wing, (0.1, 0, 0.3 + m.u(-0.05, 0.08)), 1))
        parts.append(m.part(BOX, (0.08, 0.22, 0.04, 0.015), (-long, 0, 0.33), 1))
        parts.append(m.part(BOX, (0.09, 0.04, 0.14, 0.015), (-long, 0, 0.42), 2))
        parts.append(m.part(ELLIPSOID, (0.14, fat * 0.7, fat * 0.7), (long * 0.6, 0, 0.36), 3))
    return parts


def building(m: Maker) -> list[Part]:
    """Make a house, a tower or a castle: walls, roofs, a chimney, windows."""
    x, y, z = m.u(0.25, 0.5), m.u(0.25, 0.5), m.u(0.2, 0.45)
    parts = [m.part(BOX, (x, y, z, 0.0), (0, 0, z), 0)]
    roof = m.u(0.15, 0.45)
    eaves = m.u(1, 1.2)
    if m.chance(0.65):
        profile = np.array([[-x * eaves, 0], [x * eaves, 0], [0, roof]])
        parts.append(m.part(PRISM, (y * eaves, 0.01), (0, 0, 2 * z), 1, None, 0, profile))
        if m.chance(0.5):
            place = (x * 0.5, y * m.u(-0.6, 0.6), 2 * z + roof * 0.6)
            parts.append(m.part(BOX, (0.06, 0.06, roof * 0.5, 0), place, 2))
    elif m.chance(0.5):
        side = rotation(2, 45)
        dims = (max(x, y) * 1.35, 0.02, roof / 2, 0.0)
        parts.append(m.part(CONE, dims, (0, 0, 2 * z + roof / 2), 1, side))
    else:
        for sx in (-1, 1):
            for sy in (-1, 1):
                thick, tall = m.u(0.1, 0.14), z * m.u(1.2, 1.5)
                place = (sx * x, sy * y, tall)
                parts.append(m.part(CONE, (thick, thick, tall, 0), place, 1))
                if m.chance(0.7):
                    tip = (place[0], place[1], 2 * tall + 0.1)
                    parts.append(m.part(CONE, (thick * 1.3, 0.01, 0.12, 0), tip, 2))
    parts.append(m.part(BOX, (0.03, 0.08, z * 0.55, 0), (x, m.u(-0.1, 0.1), z * 0.55), 3))
    for sy in (-1, 1):
        parts.append(m.part(BOX, (0.02, 0.07, 0.07, 0), (x, sy * y * 0.62, z * 1.25), 2))
    return parts


def plant(m: Maker) -> list[Part]:
    """Make a tree, a mushroom, a cactus or a potted flower."""
    kind, tall, thick = m.n(0, 3), m.u(0.4, 0.9), m.u(0.07, 0.13)
    parts = [m.limb((0, 0, 0), (m.u(-0.1, 0.1), m.u(-0.1, 0.1), tall), thick * 1.3, thick, 1)]
    if kind == 0:
        for _ in range(m.n(1, 5)):
            size = m.u(0.18, 0.4)
            at = (m.u(-0.25, 0.25), m.u(-0.25, 0.25), tall + m.u(-0.1, 0.25))
            parts.append(m.part(ELLIPSOID, (size, size * m.u(0.8, 1.1), size * 0.85), at, 0))
    elif kind == 1:
        wide = m.u(0.25, 0.45)
        for step in range(m.n(1, 3)):
            shrink = 1 - 0.25 * step
            at = (0, 0, tall * 0.6 + step * 0.25)
            parts.append(m.part(CONE, (wide * shrink, 0.02, 0.2, 0.01), at, 0))
    elif kind == 2:
        wide = m.u(0.25, 0.5)
        parts.append(m.part(ELLIPSOID, (wide, wide, wide * m.u(0.4, 0.9)), (0, 0, tall), 0))
        below = (wide * 1.1, wide * 1.1, 0.3, 0)
        parts += [
            m.part(BOX, below, (0, 0, tall - 0.3 - wide * 0.1), 2, None, CUT),
            m.limb((0, 0, 0), (0, 0, tall), thick * 1.3, thick, 1),
        ]
    else:
        fat = m.u(0.12, 0.2)
        parts.append(m.limb((0, 0, 0.1), (0, 0, tall + 0.2), fat, fat * 0.9, 0))
        for sy in (-1, 1):
            if m.chance(0.75):
                low, out = tall * m.u(0.3, 0.7), m.u(0.2, 0.4)
                curve = [
                    (0, 0, low),
                    (0, sy * (out + 0.15), low),
                    (0, sy * out, low + m.u(0.2, 0.5)),
                ]
                parts += m.bent_limb(curve, fat * 0.6, fat * 0.5, 0)
    if kind != 2 and m.chance(0.5):
        pot = m.u(0.16, 0.3)
        parts.append(m.part(CONE, (pot * 0.7, pot, 0.16, 0.02), (0, 0, 0), 2))
    return parts
