"""Furniture and vessels: tables, chairs, lamps, mugs."""

from __future__ import annotations

import math

import numpy as np

from maker import Maker, Point, rotation
from primitives import ARC, BOX, CONE, CUT, ELLIPSOID
from solids import Part


def table(m: Maker) -> list[Part]:
    """Make a table top on legs, a pillar or boards."""
    x, y, z, slab = m.u(0.3, 0.7), m.u(0.3, 0.8), m.u(0.35, 0.9), m.u(0.045, 0.1)
    round_top = m.chance(0.3)
    top = (
        m.part(CONE, (x, x, slab, slab * m.u(0.1, 0.9)), (0, 0, z), 0)
        if round_top
        else m.part(BOX, (x, y, slab, slab * m.u(0, 0.9)), (0, 0, z), 0)
    )
    if round_top:
        y = x
    parts = [top]
    style = m.n(0, 3)
    if style <= 1:
        inset, thick = m.u(0.7, 0.92) * (0.72 if round_top else 1), m.u(0.045, 0.1)
        splay = m.u(1, 1.2)
        for sx in (-1, 1):
            for sy in (-1, 1):
                head = (sx * (x * inset - thick), sy * (y * inset - thick), z)
                foot = (head[0] * splay, head[1] * splay, thick)
                if style == 0:
                    parts.append(m.limb(foot, head, thick * m.u(0.6, 1), thick, 1))
                else:
                    parts.append(
                        m.part(BOX, (thick, thick, z / 2, 0.01), (head[0], head[1], z / 2), 1)
                    )
    elif style == 2:
        thick = m.u(0.06, 0.14)
        parts.append(m.part(CONE, (thick * m.u(1, 2), thick, z / 2, 0.02), (0, 0, z / 2), 1))
        foot = m.u(0.4, 0.8) * min(x, y)
        parts.append(m.part(CONE, (foot, foot * 0.8, 0.04, 0.02), (0, 0, 0.04), 1))
    else:
        thick = m.u(0.045, 0.1)
        for sy in (-1, 1):
            center = (0, sy * (y - thick) * 0.95, z / 2)
            parts.append(m.part(BOX, (x * m.u(0.7, 0.95), thick, z / 2, 0.01), center, 1))
    if m.chance(0.3) and style != 2:
        parts.append(
            m.part(BOX, (x * 0.8, y * 0.8, slab * 0.7, 0.01), (0, 0, z * m.u(0.2, 0.5)), 2)
        )
    if m.chance(0.25):
        size = m.u(0.06, 0.14)
        parts.append(m.part(ELLIPSOID, (size, size, size), (0, 0, z + slab + size * 0.9), 3))
    return parts


def chair(m: Maker) -> list[Part]:
    """Make a seat with a back: on legs, on a pillar, or an armchair."""
    x, y, z, slab = m.u(0.3, 0.45), m.u(0.28, 0.48), m.u(0.35, 0.6), m.u(0.045, 0.1)
    tall, lean = m.u(0.35, 0.8), m.u(0, 0.15)
    parts = [m.part(BOX, (x, y, slab, slab * m.u(0.1, 0.9)), (0, 0, z), 0)]
    back_axes = rotation(1, -math.degrees(lean))
    thick = m.u(0.045, 0.09)
    rim = (-x + thick, 0.0, z + tall / 2)
    style = m.n(0, 2)
    if style == 0:
        parts.append(m.part(BOX, (thick, y, tall / 2, thick * 0.6), rim, 0, back_axes))
    elif style == 1:  # posts and rails
        for sy in (-1, 1):
            foot = (-x + thick, sy * (y - thick), z)
            parts.append(
                m.limb(foot, (-x + thick - lean * tall, foot[1], z + tall), thick, None, 1)
            )
        for height in (0.5, 0.95):
            center = (-x + thick - lean * tall * height, 0, z + tall * height)
            parts.append(m.part(BOX, (thick * 0.7, y, 0.05 + m.u(0, 0.06), 0.01), center, 0))
    else:  # a round back
        parts.append(m.part(ELLIPSOID, (thick * 1.3, y, tall * 0.5), rim, 0, back_axes))
    base = m.n(0, 2)
    leg = m.u(0.045, 0.09)
    if base == 0 or (base == 1 and m.chance(0.5)):
        splay = m.u(1, 1.2)
        for sx in (-1, 1):
            for sy in (-1, 1):
                head = (sx * (x - leg), sy * (y - leg), z)
                foot = (head[0] * splay, head[1] * splay, leg)
                parts.append(m.limb(foot, head, leg * m.u(0.6, 1), leg, 1))
    elif base == 1:
        parts.append(m.limb((0, 0, 0.05), (0, 0, z), leg * 1.4, None, 1))
        parts.append(m.part(CONE, (x * 0.9, x * 0.6, 0.04, 0.02), (0, 0, 0.04), 1))
    else:
        parts.append(m.part(BOX, (x, y, z / 2, m.u(0, 0.06)), (0, 0, z / 2), 0))
    if base == 2 or m.chance(0.3):
        arm = m.u(0.05, 0.1)
        for sy in (-1, 1):
            if base == 2:
                half = (x, arm, (z + 0.2) / 2)
                parts.append(m.part(BOX, (*half, arm * 0.6), (0, sy * (y + arm * 0.5), half[2]), 1))
            else:
                rise = z + m.u(0.18, 0.28)
                parts.append(m.limb((-x, sy * y, rise), (x * 0.7, sy * y, rise), 0.05, None, 1))
                parts.append(m.limb((x * 0.7, sy * y, z), (x * 0.7, sy * y, rise), 0.045, None, 1))
    return parts


def lamp(m: Maker) -> list[Part]:
    """Make a lamp with a foot, a pole and a shade, or a bent desk lamp."""
    foot, tall, thin = m.u(0.18, 0.35), m.u(0.5, 1.1), m.u(0.04, 0.075)
    parts = [m.part(CONE, (foot, foot * m.u(0.5, 1), 0.05, 0.03), (0, 0, 0.05), 0)]
    if m.chance(0.35):
        reach = m.u(0.25, 0.5)
        curve = [(0, 0, 0.05), (-0.2, 0, tall), (reach, 0, tall * m.u(0.8, 1))]
        parts += m.bent_limb(curve, thin, None, 1)
        axes = rotation(1, m.u(10, 50))
        dims = (m.u(0.15, 0.25), 0.08, m.u(0.1, 0.16), 0.02)
        parts.append(m.part(CONE, dims, (reach + 0.03, 0, curve[2][2] - 0.05), 2, axes))
        return parts
    body = m.u(0.1, 0.22)
    if m.chance(0.5):
        parts.append(m.part(ELLIPSOID, (body, body, tall * 0.3), (0, 0, tall * 0.35), 0))
    parts.append(m.limb((0, 0, 0.05), (0, 0, tall), thin, None, 1))
    wide, narrow, height = m.u(0.25, 0.5), m.u(0.1, 0.35), m.u(0.12, 0.28)
    parts.append(m.part(CONE, (wide, narrow, height, 0.01), (0, 0, tall), 2))
    return parts


def mug(m: Maker) -> list[Part]:
    """Make a hollow vessel with a handle, and sometimes a spout and a lid."""
    radius, height = m.u(0.28, 0.5), m.u(0.25, 0.65)
    foot = radius * m.u(0.7, 1.05)
    wall = m.u(0.06, 0.14)
    parts = [m.part(CONE, (foot, radius, height, m.u(0.01, 0.08)), (0, 0, height), 0)]
    teapot = m.chance(0.25)
    if not teapot:
        deep = height - wall
        hollow = (foot - wall, radius - wall, deep, 0.02)
        parts.append(m.part(CONE, hollow, (0, 0, height + 2 * wall), 1, None, CUT))
    ring = height * m.u(0.4, 0.7)
    grip = (0.0, -(foot + radius) / 2 + 0.02, height * m.u(0.9, 1.15))
    parts.append(handle(m, ring, m.u(0.055, 0.1), grip, -90, m.n(0, 2)))
    if teapot:
        spout = [(0, radius * 0.8, height * 0.7), (0, radius * 1.3, height * 0.8)]
        spout.append((0, radius * m.u(1.4, 1.8), height * m.u(1.6, 2.1)))
        parts += m.bent_limb(spout, 0.1, 0.05, 0)
        lid = (0, 0, 2 * height)
        parts.append(m.part(ELLIPSOID, (radius * 0.9, radius * 0.9, 0.1), lid, 1))
        parts.append(m.part(ELLIPSOID, (0.06, 0.06, 0.06), (0, 0, 2 * height + 0.13), 1))
    elif m.chance(0.2):
        parts.append(handle(m, ring, 0.07, (0, -grip[1], grip[2]), 90, 0))
    if m.chance(0.3):
        parts.append(m.part(CONE, (foot * 1.5, foot * 1.7, 0.05, 0.02), (0, 0, 0), 2))
    return parts


def handle(m: Maker, radius: float, tube: float, center: Point, yaw: float, color: int) -> Part:
    """Make an upright half ring that bulges toward `yaw` (degrees from +X)."""
    # The part's own y axis (the middle of the arc) points outward, its own x axis along Z.
    axes = rotation(2, yaw) @ np.array([[0.0, 1, 0], [0, 0, 1], [1, 0, 0]])
    return m.part(ARC, (radius, tube, m.u(1.5, 1.9)), center, color, axes)
