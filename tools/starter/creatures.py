"""Creatures: animals, birds, figures, heads."""

from __future__ import annotations

from maker import Maker, Point, rotation
from primitives import BLEND, BOX, CONE, ELLIPSOID
from solids import Part


def animal(m: Maker) -> list[Part]:
    """Make four legs, a body, a neck with a head, ears and a tail."""
    length, fat, leg = m.u(0.25, 0.5), m.u(0.13, 0.26), m.u(0.12, 0.5)
    z = leg + fat * 0.8
    soft = (BLEND, m.u(0.03, 0.1))
    parts = [
        m.limb((-length, 0, z), (length, 0, z + m.u(-0.05, 0.1)), fat, fat * m.u(0.75, 1.1), 0)
    ]
    thick = m.u(0.055, 0.11)
    sock = 1 if m.chance(0.3) else 0
    for sx in (-1, 1):
        for sy in (-1, 1):
            hip = (sx * length * 0.9, sy * fat * 0.6, z)
            foot = (hip[0] + m.u(-0.06, 0.06), hip[1], thick * 0.7)
            parts.append(m.limb(hip, foot, thick * m.u(1, 1.5), thick * 0.8, sock, soft))
    reach, rise = m.u(0.05, 0.3), m.u(0.05, 0.45)
    head = (length + reach, 0.0, z + rise)
    parts.append(m.limb((length * 0.9, 0, z + fat * 0.3), head, fat * 0.6, fat * 0.42, 0, soft))
    skull = m.u(0.11, 0.2)
    parts.append(
        m.part(ELLIPSOID, (skull * m.u(0.9, 1.2), skull, skull * m.u(0.8, 1)), head, 0, None, soft)
    )
    snout = (head[0] + skull * m.u(0.9, 1.7), 0.0, head[2] - skull * m.u(0.1, 0.6))
    parts.append(m.limb(head, snout, skull * 0.7, skull * m.u(0.25, 0.5), m.n(0, 1), soft))
    for sy in (-1, 1):
        root = (head[0] - skull * 0.2, sy * skull * 0.6, head[2] + skull * 0.5)
        size = m.u(0.05, 0.09)
        tip = (root[0] - m.u(0, 0.06), root[1] + sy * m.u(0, 0.1), root[2] + m.u(0.04, 0.25))
        parts.append(m.limb(root, tip, size, size * 0.5, 1))
        eye = (head[0] + skull * 0.75, sy * skull * 0.55, head[2] + skull * 0.35)
        parts.append(m.part(ELLIPSOID, (0.028, 0.028, 0.028), eye, 2))
    end = (-length - m.u(0.1, 0.4), 0, z + m.u(-0.25, 0.4))
    middle = (-length - m.u(0.1, 0.3), 0, z + m.u(0, 0.2))
    tail = m.u(0.04, 0.08)
    parts += m.bent_limb([(-length, 0, z + fat * 0.4), middle, end], tail, tail * m.u(0.5, 1.3), 0)
    return parts


def bird(m: Maker) -> list[Part]:
    """Make a body on two legs, a bent neck, a beak and a tail."""
    long, fat = m.u(0.22, 0.4), m.u(0.14, 0.24)
    leg = m.u(0.05, 0.7)
    z = leg + fat
    tilt = rotation(1, m.u(-40, 5))
    parts = [m.part(ELLIPSOID, (long, fat * m.u(0.8, 1.1), fat), (0, 0, z), 0, tilt)]
    thin = m.u(0.035, 0.06)
    for sy in (-1, 1):
        hip = (0.0, sy * fat * 0.4, z - fat * 0.5)
        foot = (m.u(-0.05, 0.05), sy * fat * 0.45, thin)
        parts.append(m.limb(hip, foot, thin * 1.2, thin, 1))
        parts.append(m.limb(foot, (foot[0] + m.u(0.06, 0.14), foot[1], thin * 0.8), thin, None, 1))
        wing = (m.u(-0.1, 0.0), sy * fat * 0.8, z + fat * 0.1)
        parts.append(m.part(ELLIPSOID, (long * 0.75, 0.06, fat * 0.6), wing, 2, tilt))
    rise = m.u(0.02, 0.5)
    shoulder = (long * 0.75, 0, z + fat * 0.4)
    head = (long + m.u(-0.05, 0.25), 0.0, z + fat * 0.7 + rise)
    elbow = (long + m.u(0, 0.35), 0, z + fat * 0.5 + rise * m.u(0.2, 0.6))
    neck = fat * m.u(0.2, 0.5)
    parts += m.bent_limb([shoulder, elbow, head], neck * 1.3, neck, 0, (BLEND, 0.05))
    skull = neck * m.u(1.2, 1.7) + 0.02
    parts.append(m.part(ELLIPSOID, (skull * 1.1, skull, skull), head, 0, None, (BLEND, 0.03)))
    beak = (head[0] + skull + m.u(0.05, 0.2), 0, head[2] - m.u(0, 0.12))
    parts.append(m.limb(head, beak, skull * 0.55, 0.015, 1))
    tail = (-long - m.u(0.05, 0.25), 0, z + m.u(-0.15, 0.15))
    parts.append(m.limb((-long * 0.7, 0, z), tail, fat * 0.4, fat * m.u(0.1, 0.35), 2))
    return parts


def figure(m: Maker) -> list[Part]:
    """Make a person, a robot or a toy: body, head, two arms, two legs."""
    blocky = m.chance(0.4)
    leg, body, broad, deep = m.u(0.15, 0.45), m.u(0.2, 0.36), m.u(0.14, 0.26), m.u(0.1, 0.2)
    z = leg + body
    parts: list[Part] = []
    if blocky:
        parts.append(m.part(BOX, (deep, broad, body, m.u(0.01, 0.06)), (0, 0, z), 0))
    else:
        parts.append(m.part(ELLIPSOID, (deep, broad, body * 1.1), (0, 0, z), 0))
    stance, thick = broad * m.u(0.4, 0.7), m.u(0.06, 0.1)
    swing = m.u(-0.15, 0.15)
    for sy in (-1, 1):
        hip, foot = (0, sy * stance, leg + thick), (sy * swing, sy * stance * m.u(1, 1.4), thick)
        if blocky:
            center = (0, sy * stance, (leg + thick) / 2)
            parts.append(m.part(BOX, (thick, thick, (leg + thick) / 2, 0.02), center, 1))
        else:
            parts.append(m.limb(hip, foot, thick * 1.2, thick, 1))
        toe = (foot[0] + thick, foot[1], thick * 0.6)
        parts.append(m.part(BOX, (thick * 1.7, thick, thick * 0.6, 0.02), toe, 2))
    top = z + body * 0.85
    arm = m.u(0.05, 0.08)
    for sy in (-1, 1):
        shoulder = (0.0, sy * (broad + arm * 0.5), top - 0.06)
        out, down, ahead = m.u(0.02, 0.4), m.u(-0.4, 0.45), m.u(-0.05, 0.25)
        hand = (ahead, shoulder[1] + sy * out, shoulder[2] - down)
        elbow = (ahead * 0.3, shoulder[1] + sy * (out * 0.6 + 0.05), shoulder[2] - down * 0.5)
        parts += m.bent_limb([shoulder, elbow, hand], arm * 1.1, arm, 0 if blocky else 3)
        parts.append(m.part(ELLIPSOID, (arm * 1.4, arm * 1.4, arm * 1.4), hand, 2))
    skull = m.u(0.12, 0.26)
    center = (0.0, 0.0, top + skull * 0.95 + m.u(0, 0.06))
    parts.append(m.limb((0, 0, top - 0.05), center, skull * 0.4, None, 2))
    if blocky and m.chance(0.6):
        parts.append(m.part(BOX, (skull, skull * m.u(0.9, 1.3), skull * 0.85, 0.03), center, 2))
    else:
        parts.append(m.part(ELLIPSOID, (skull, skull * m.u(0.85, 1.1), skull), center, 2))
    face(m, parts, center, skull)
    if m.chance(0.5):
        hat = (0, 0, center[2] + skull * 0.75)
        brim = skull * m.u(0.9, 1.3)
        if m.chance(0.5):
            parts.append(m.part(CONE, (brim, 0.03, skull * m.u(0.4, 1), 0.01), hat, 3))
        else:
            parts.append(m.part(ELLIPSOID, (skull * 1.08, skull * 1.1, skull * 0.6), hat, 3))
    return parts


def head(m: Maker) -> list[Part]:
    """Make a large head: brow, muzzle, protruding ears, eyes."""
    deep, broad, tall = m.u(0.32, 0.45), m.u(0.32, 0.5), m.u(0.34, 0.48)
    soft = (BLEND, m.u(0.04, 0.12))
    parts = [m.part(ELLIPSOID, (deep, broad, tall), (0, 0, 0), 0)]
    if m.chance(0.8):  # a muzzle or chin
        low = (deep * m.u(0.4, 0.8), 0, -tall * m.u(0.35, 0.75))
        size = (m.u(0.15, 0.32), broad * m.u(0.4, 0.75), tall * m.u(0.3, 0.55))
        parts.append(m.part(ELLIPSOID, size, low, m.n(0, 1), None, soft))
    if m.chance(0.5):  # a brow
        brow = (deep * 0.75, 0, tall * m.u(0.3, 0.5))
        parts.append(m.part(ELLIPSOID, (0.12, broad * 0.75, 0.1), brow, m.n(0, 1), None, soft))
    kind = m.n(0, 3)
    spread, size, rise = m.u(0.9, 1.3), m.u(0.1, 0.24), m.u(-0.2, 0.6)
    out = m.u(0.1, 0.35)
    for sy in (-1, 1):
        root = (m.u(-0.1, 0.05), sy * broad * spread, tall * rise)
        if kind == 0:
            axes = rotation(2, sy * m.u(0, 30))
            parts.append(m.part(ELLIPSOID, (0.07, size, size * 1.1), root, 1, axes))
        elif kind == 1:
            base = (root[0], sy * broad * 0.6, tall * 0.7)
            tip = (root[0], base[1] + sy * out * 0.6, tall * 0.8 + out * 1.6)
            parts.append(m.limb(base, tip, size * 0.8, size * m.u(0.15, 0.8), 1))
        elif kind == 2:
            tip = (root[0], sy * (broad + out), tall * rise + m.u(-0.15, 0.25))
            parts.append(
                m.limb((0, sy * broad * 0.85, tall * rise), tip, size * 0.5, size * 0.6, 1)
            )
        eye = (deep * 0.85, sy * broad * 0.38, tall * 0.18)
        radius = m.u(0.05, 0.11)
        parts.append(m.part(ELLIPSOID, (radius, radius, radius), eye, 2))
        pupil = (eye[0] + radius * 0.8, eye[1], eye[2])
        parts.append(m.part(ELLIPSOID, (radius * 0.5,) * 3, pupil, 3))
    if m.chance(0.4):  # a bust
        parts.append(m.limb((-0.05, 0, -tall), (0, 0, -tall * 0.6), m.u(0.15, 0.25), None, 3))
        foot = m.u(0.25, 0.5)
        parts.append(m.part(ELLIPSOID, (foot * 0.6, foot, 0.15), (-0.05, 0, -tall - 0.1), 3))
    return parts


def face(m: Maker, parts: list[Part], center: Point, skull: float) -> None:
    """Add eyes, and sometimes a nose, to the +X side of a head."""
    x, y, z = center
    size = skull * m.u(0.12, 0.25)
    for sy in (-1, 1):
        eye = (x + skull * 0.88, y + sy * skull * 0.38, z + skull * 0.2)
        parts.append(m.part(ELLIPSOID, (size, size, size), eye, 3))
    if m.chance(0.5):
        nose = (x + skull * 1.0, y, z - skull * 0.12)
        parts.append(m.part(ELLIPSOID, (size * 1.3, size, size), nose, 1))
