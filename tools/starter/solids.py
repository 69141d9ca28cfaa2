"""Solids: parts that join, in order, into one object with colors.

Lengths are in units of the model's frame: X toward the camera, Z up.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from primitives import (
    ARC,
    AXES,
    BOX,
    CAPSULE,
    CENTER,
    COLOR,
    COLUMNS,
    CONE,
    CUT,
    DIMS,
    ELLIPSOID,
    JOIN,
    LATHE,
    PLAIN,
    SECOND,
    colors,
    distances,
    project,
)

Vector = tuple[float, float, float] | NDArray[np.float64]


@dataclass
class Part:
    """One primitive.

    Attributes:
        kind, dims: Its kind and dimensions; see `primitives`.
        center: Position of its origin.
        axes: (3, 3) rotation; the columns are its own x, y and z.
        profile: (n, 2) corners of a LATHE or PRISM, in order.
        op: How it combines with the parts before it: JOIN, CUT or BLEND.
        blend: Radius of the seam for BLEND.
        color, second: Display-referred sRGB albedo in [0, 1].
        pattern, period: How the two colors alternate, and the length of a period.
        gloss: Strength of the highlight, 0 (matte) to 1.
    """

    kind: int
    dims: tuple[float, ...]
    center: NDArray[np.float64] = field(default_factory=lambda: np.zeros(3))
    axes: NDArray[np.float64] = field(default_factory=lambda: np.eye(3))
    profile: NDArray[np.float64] | None = None
    op: int = JOIN
    blend: float = 0.0
    color: Vector = (0.5, 0.5, 0.5)
    second: Vector = (0.5, 0.5, 0.5)
    pattern: int = PLAIN
    period: float = 0.2
    gloss: float = 0.0

    def turned(self, rotation: NDArray[np.float64]) -> Part:
        """Return the part turned about the origin."""
        return self._moved(rotation @ self.center, rotation @ self.axes, 1.0)

    def shifted(self, offset: Vector) -> Part:
        """Return the part moved by `offset`."""
        return self._moved(self.center + np.asarray(offset), self.axes, 1.0)

    def scaled(self, factor: float) -> Part:
        """Return the part scaled about the origin."""
        return self._moved(self.center * factor, self.axes, factor)

    def _moved(self, center: NDArray[np.float64], axes: NDArray[np.float64], factor: float) -> Part:
        dims = tuple(
            value if (self.kind == ARC and index == 2) else value * factor
            for index, value in enumerate(self.dims)
        )
        profile = None if self.profile is None else self.profile * factor
        return Part(
            self.kind,
            dims,
            center,
            axes,
            profile,
            self.op,
            self.blend * factor,
            self.color,
            self.second,
            self.pattern,
            self.period * factor,
            self.gloss,
        )

    def outline(self) -> tuple[NDArray[np.float64], float]:
        """Return points (n, 3) and a radius: the hull of balls there all but holds the part."""
        local, radius = _local_outline(self)
        return local @ self.axes.T + self.center, radius


def _local_outline(part: Part) -> tuple[NDArray[np.float64], float]:
    dims = part.dims
    circle = np.linspace(0, 2 * np.pi, 25)[:-1]
    ring = np.stack((np.cos(circle), np.sin(circle)), axis=1)
    if part.kind == ELLIPSOID:
        height = np.linspace(-1, 1, 13)
        points = [
            np.column_stack((ring * np.sqrt(1 - z * z), np.full(len(ring), z))) for z in height
        ]
        return np.concatenate(points) * np.array(dims[:3]), 0.0
    if part.kind == BOX:
        corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
        return corners * (np.array(dims[:3]) - dims[3]), dims[3]
    if part.kind == CAPSULE:
        height = np.linspace(-1, 1, 7)
        ball = np.concatenate(
            [np.column_stack((ring * np.sqrt(1 - z * z), np.full(len(ring), z))) for z in height]
        )
        return np.concatenate((ball * dims[0], ball * dims[1] + [0, 0, dims[2]])), 0.0
    if part.kind == CONE:
        rims = [
            np.column_stack((ring * max(r - dims[3], 0), np.full(len(ring), z)))
            for r, z in ((dims[0], -dims[2] + dims[3]), (dims[1], dims[2] - dims[3]))
        ]
        return np.concatenate(rims), dims[3]
    if part.kind == ARC:
        angle = np.linspace(-dims[2], dims[2], 25)
        return dims[0] * np.column_stack((np.sin(angle), np.cos(angle), 0 * angle)), dims[1]
    assert part.profile is not None
    if part.kind == LATHE:
        turned = [np.column_stack((ring * r, np.full(len(ring), z))) for r, z in part.profile]
        return np.concatenate(turned), dims[0]
    sides = [
        np.column_stack((part.profile[:, 0], np.full(len(part.profile), y), part.profile[:, 1]))
        for y in (-dims[0], dims[0])
    ]
    return np.concatenate(sides), dims[1]


@dataclass
class Solid:
    """Parts, packed for the compiled functions.

    Attributes:
        family: The object's family.
        parts: (n, COLUMNS) float64.
        profiles: (m, corners, 2) float64, padded; `corners` (m,) is how many of them count.
        outline: (k, 4) float64, centers and radii of balls whose hull all but holds the solid.
    """

    family: str
    parts: NDArray[np.float64]
    profiles: NDArray[np.float64]
    corners: NDArray[np.int64]
    outline: NDArray[np.float64]

    @classmethod
    def pack(cls, family: str, parts: list[Part]) -> Solid:
        """Pack parts, in the order in which they are combined."""
        shaped = [part.profile for part in parts if part.profile is not None]
        longest = max([len(profile) for profile in shaped], default=1)
        profiles = np.zeros((max(len(shaped), 1), longest, 2))
        corners = np.zeros(len(profiles), np.int64)
        for row, profile in enumerate(shaped):
            profiles[row, : len(profile)], corners[row] = profile, len(profile)
        packed = np.zeros((len(parts), COLUMNS))
        row = 0
        for line, part in zip(packed, parts, strict=True):
            points, radius = part.outline()
            bound = np.linalg.norm(points - part.center, axis=1).max() + radius
            line[:8] = (
                *(part.kind, part.op, part.blend, row, bound),
                *(part.pattern, part.period, part.gloss),
            )
            line[CENTER : CENTER + 3] = part.center
            line[DIMS : DIMS + len(part.dims)] = part.dims
            line[AXES : AXES + 9] = part.axes.T.ravel()
            line[COLOR : COLOR + 3], line[SECOND : SECOND + 3] = part.color, part.second
            row += part.profile is not None
        balls = [
            np.column_stack((points, np.full(len(points), radius)))
            for points, radius in (part.outline() for part in parts if part.op != CUT)
        ]
        return cls(family, packed, profiles, corners, np.concatenate(balls))

    def distance(self, points: NDArray[np.floating]) -> NDArray[np.float32]:
        """Return signed distances at points (N, 3): (N,) float32.

        They are exact near the surface of plain parts.
        """
        return distances(
            self.parts, self.profiles, self.corners, np.ascontiguousarray(points, np.float64)
        )

    def color(self, points: NDArray[np.floating]) -> NDArray[np.float32]:
        """Return the nearest part's albedo at points (N, 3): (N, 3) float32 sRGB in [0, 1].

        The albedo is display-referred.
        """
        return colors(
            self.parts, self.profiles, self.corners, np.ascontiguousarray(points, np.float64)
        )

    def onto_surface(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Move points (N, 3) along the gradient to the surface: (N, 3); a few may miss it."""
        return project(self.parts, self.profiles, self.corners, np.array(points, np.float64))
