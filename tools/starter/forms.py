"""Abstract forms: stacks, turned profiles, cut-outs, letters, free compositions."""

from __future__ import annotations

import math

import numpy as np

from maker import Maker, frame_along, rotation
from primitives import ARC, BLEND, BOX, CAPSULE, CONE, CUT, ELLIPSOID, LATHE, PRISM
from solids import Part


def stack(m: Maker) -> list[Part]:
    """Make blocks, drums and balls on top of each other."""
    parts, z, width = [], 0.0, m.u(0.25, 0.6)
    for _ in range(m.n(1, 5)):
        height = m.u(0.12, 0.5)
        shape = m.n(0, 3)
        offset = (m.u(-0.06, 0.06), m.u(-0.06, 0.06), z + height / 2)
        turn = rotation(2, m.u(0, 90)) if m.chance(0.4) else np.eye(3)
        if shape == 0:
            half = (width * m.u(0.6, 1.2), width * m.u(0.6, 1.2), height / 2)
            parts.append(m.part(BOX, (*half, m.u(0, 0.3) * min(half)), offset, None, turn))
        elif shape == 1:
            dims = (width, width * m.u(0.4, 1.2), height / 2, m.u(0, 0.25) * height / 2)
            parts.append(m.part(CONE, dims, offset))
        elif shape == 2:
            parts.append(m.part(ELLIPSOID, (width, width * m.u(0.7, 1), height * 0.55), offset))
        else:
            tube = min(height / 2, width * 0.45)
            parts.append(
                m.part(ARC, (width - tube, tube, math.pi), (offset[0], offset[1], z + tube))
            )
            height = 2 * tube
        z += height * 0.98
        width *= m.u(0.55, 1.05)
    return parts


def turned(m: Maker) -> list[Part]:
    """Turn a profile around the vertical: vases, bottles, goblets, chessmen, bowls, spindles."""
    heights = np.cumsum(m.rng.uniform(0.3, 1, m.n(4, 9)))
    heights *= m.u(0.5, 1.3) / heights[-1]
    radii = m.rng.uniform(0.08, 0.5, len(heights))
    if m.chance(0.6):  # smooth
        fine = np.linspace(0, heights[-1], 17)
        radii = np.interp(fine, heights, radii)
        heights = fine
        for _ in range(m.n(1, 3)):
            radii[1:-1] = (radii[:-2] + radii[1:-1] + radii[2:]) / 3
    profile = np.column_stack((radii, heights - heights[0]))
    # The profile goes up on the outside and returns beyond the axis: a profile that ended at the
    # axis would have a wall there for distances.
    closed = np.concatenate(([[-0.3, profile[0, 1]]], profile, [[-0.3, profile[-1, 1]]]))
    parts = [m.part(LATHE, (m.u(0.005, 0.03),), (0, 0, 0), 0, None, 0, closed)]
    if m.chance(0.4):  # hollow
        rim = profile[-1, 0]
        deep = profile[-1, 1] * m.u(0.2, 0.8)
        hollow = max(min(rim, radii[len(radii) // 2 :].min()) - 0.08, 0.03)
        center = (0, 0, profile[-1, 1] + 0.1)
        parts.append(m.part(CONE, (hollow * 0.8, hollow, deep + 0.1, 0.02), center, 1, None, CUT))
    elif m.chance(0.5):
        ball = m.u(0.08, 0.2)
        parts.append(
            m.part(ELLIPSOID, (ball, ball, ball * m.u(0.7, 1.4)), (0, 0, profile[-1, 1]), 1)
        )
    if m.chance(0.3):
        at = m.n(0, len(profile) - 1)
        parts.append(
            m.part(ARC, (profile[at, 0], m.u(0.04, 0.07), math.pi), (0, 0, profile[at, 1]), 2)
        )
    return parts


def cutout(m: Maker) -> list[Part]:
    """Extrude a flat outline: stars, gears, blobs, regular polygons, hearts."""
    corners = m.n(3, 9)
    kind = m.n(0, 3)
    if kind == 0:  # a star or gear
        angle = np.linspace(0, 2 * np.pi, 2 * corners + 1)[:-1] + np.pi / 2
        radius = np.where(np.arange(2 * corners) % 2 == 0, 1.0, m.u(0.35, 0.8))
    elif kind == 1:  # a blob
        angle = np.linspace(0, 2 * np.pi, 17)[:-1]
        wave = m.u(0, 0.25) * np.cos(2 * angle + m.u(0, 6)) + m.u(0, 0.2) * np.cos(
            3 * angle + m.u(0, 6)
        )
        radius = 0.8 + wave
    elif kind == 2:  # a regular polygon
        angle = np.linspace(0, 2 * np.pi, corners + 1)[:-1] + np.pi / 2
        radius = np.ones(corners)
    else:  # a heart
        t = np.linspace(0, 2 * np.pi, 25)[:-1]
        x = 16 * np.sin(t) ** 3
        z = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
        angle, radius = np.arctan2(z, x), np.hypot(x, z) / 17
    size = m.u(0.4, 0.6)
    profile = size * np.column_stack(
        (radius * np.cos(angle) * m.u(0.7, 1.3), radius * np.sin(angle))
    )
    half = m.u(0.1, 0.3)
    axes = rotation(2, 90)  # the outline faces +X
    parts = [m.part(PRISM, (half, m.u(0.005, 0.04)), (0, 0, 0), 0, axes, 0, profile)]
    if m.chance(0.35):
        hole = m.u(0.1, 0.22)
        bore = (hole, hole, half * 3, 0.0)
        parts.append(m.part(CONE, bore, (0, 0, 0), 1, frame_along(np.array([1.0, 0, 0])), CUT))
    elif m.chance(0.4):
        parts.append(m.part(ELLIPSOID, (half * 1.5, 0.15, 0.15), (0, 0, 0), 1))
    if m.chance(0.4):
        low = profile[:, 1].min()
        foot = (half * 1.4, m.u(0.25, 0.45), 0.06, 0.03)
        parts.append(m.part(BOX, foot, (0, 0, low - 0.02), 2))
    return parts


def letters(m: Maker) -> list[Part]:
    """Make one or two block letters, read from +X."""
    parts: list[Part] = []
    count = m.n(1, 2)
    unit, thick, deep = 0.2, m.u(0.07, 0.11), m.u(0.09, 0.2)
    for place in range(count):
        name = str(m.rng.choice(list(_STROKES)))
        for stroke in _STROKES[name].split():
            (y0, z0), (y1, z1) = (_grid_point(end) for end in stroke.split("-"))
            shift = place * 3.2 - (count - 1) * 1.6 - 1
            start = np.array([0, (y0 + shift) * unit, z0 * unit])
            end = np.array([0, (y1 + shift) * unit, z1 * unit])
            along = end - start
            half = np.linalg.norm(along) / 2 + thick
            z = along / np.linalg.norm(along)
            axes = np.column_stack(([1.0, 0, 0], np.cross(z, [1.0, 0, 0]), z))
            center = tuple((start + end) / 2)
            parts.append(m.part(BOX, (deep, thick, half, thick * 0.3), center, place, axes))
    if m.chance(0.25):
        wide = 0.25 + 0.32 * (count - 1) + 0.1
        parts.append(m.part(BOX, (deep * 1.6, wide, 0.05, 0.02), (0, 0, -thick - 0.03), 2))
    return parts


_STROKES = {
    "A": "00-14 14-20 0.5,2-1.5,2",
    "C": "24-04 04-00 00-20",
    "E": "24-04 04-00 00-20 02-1.5,2",
    "F": "24-04 04-00 02-1.5,2",
    "H": "00-04 20-24 02-22",
    "I": "10-14",
    "K": "00-04 02-24 02-20",
    "L": "04-00 00-20",
    "M": "00-04 04-12 12-24 24-20",
    "N": "00-04 04-20 20-24",
    "P": "00-04 04-24 24-22 22-02",
    "S": "24-04 04-02 02-22 22-20 20-00",
    "T": "04-24 14-10",
    "U": "04-00 00-20 20-24",
    "V": "04-10 10-24",
    "X": "00-24 04-20",
    "Y": "04-12 24-12 12-10",
    "Z": "04-24 24-00 00-20",
    "1": "0.5,3-14 14-10",
    "2": "04-24 24-22 22-02 02-00 00-20",
    "4": "04-02 02-22 24-20",
    "7": "04-24 24-10",
}


def _grid_point(text: str) -> tuple[float, float]:
    across, up = text.split(",") if "," in text else (text[0], text[1])
    return float(across), float(up)


def free(m: Maker) -> list[Part]:
    """Combine any primitives that touch each other, some of them carved or blended."""
    parts: list[Part] = []
    sizes: list[float] = []
    for _ in range(m.n(2, 7)):
        size = m.u(0.1, 0.35)
        center = (0.0, 0.0, 0.0)
        if parts:
            neighbor = m.n(0, len(parts) - 1)
            toward = m.rng.normal(size=3)
            toward *= (sizes[neighbor] + 0.5 * size) * m.u(0.4, 0.9) / np.linalg.norm(toward)
            center = tuple(parts[neighbor].center + toward)
        sizes.append(size)
        axes = np.eye(3)
        if m.chance(0.6):
            axes = frame_along(m.rng.normal(size=3))
        op: int | tuple[int, float] = (BLEND, m.u(0.03, 0.12)) if m.chance(0.3) else 0
        kind = m.n(0, 4)
        if kind == ELLIPSOID:
            dims: tuple[float, ...] = tuple(size * m.rng.uniform(0.5, 1.3, 3))
        elif kind == BOX:
            half = size * m.rng.uniform(0.4, 1.2, 3)
            dims = (*half, m.u(0, 0.5) * min(half))
        elif kind == CAPSULE:
            dims = (size * 0.5, size * m.u(0.15, 0.5), size * m.u(1, 3))
        elif kind == CONE:
            dims = (size, size * m.u(0, 1), size * m.u(0.3, 1.5), 0.02)
        else:
            dims = (size, size * m.u(0.2, 0.45), m.u(1.2, math.pi))
        parts.append(m.part(kind, dims, center, None, axes, op))
    if m.chance(0.25):
        bore = m.u(0.07, 0.15)
        direction = m.rng.normal(size=3)
        axes = frame_along(direction)
        parts.append(m.part(CONE, (bore, bore, 1.0, 0), tuple(parts[0].center), 0, axes, CUT))
    return parts
