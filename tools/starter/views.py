"""Pictures of solids by sphere tracing: color, alpha, and the point that each pixel shows."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from primitives import GLOSS, albedo, gradient, jit, nearest
from solids import Solid

FRAME = 0.98
"""Radius around the origin that a camera keeps in view, in model units: a solid's longest side is
1.1, and the corner of such a cube is 0.95 away."""

Window = tuple[float, float, float]
"""Left, top and side of a square in the picture; the picture's side is 1."""

WHOLE: Window = (0.0, 0.0, 1.0)


@dataclass(frozen=True)
class Camera:
    """A camera that looks at the origin.

    Attributes:
        azimuth: Degrees around Z from +X, from where pictures are taken, toward +Y.
        elevation: Degrees above the horizon.
        fov: Vertical and horizontal field of view in degrees.
    """

    azimuth: float = 0.0
    elevation: float = 15.0
    fov: float = 40.0

    @property
    def distance(self) -> float:
        """Distance from the origin at which a ball of radius FRAME just fits."""
        return FRAME / math.sin(math.radians(self.fov / 2))

    def pose(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the position (3,) and the axes as rows (3, 3): right, up and forward."""
        around, up = math.radians(self.azimuth), math.radians(self.elevation)
        back = np.array(
            [math.cos(up) * math.cos(around), math.cos(up) * math.sin(around), math.sin(up)]
        )
        right = np.array([-math.sin(around), math.cos(around), 0.0])
        return back * self.distance, np.stack((right, np.cross(back, right), -back))

    def project(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Project points (N, 3): column and row in [0, 1] of the picture, and depth, as (N, 3)."""
        position, axes = self.pose()
        seen = (np.asarray(points, np.float64) - position) @ axes.T
        scale = 0.5 / math.tan(math.radians(self.fov / 2)) / seen[:, 2]
        return np.column_stack((0.5 + seen[:, 0] * scale, 0.5 - seen[:, 1] * scale, seen[:, 2]))

    def directions(
        self, columns: NDArray[np.floating], rows: NDArray[np.floating]
    ) -> NDArray[np.float64]:
        """Return rays (N, 3) of unit length through places (N,) of the picture, in [0, 1]."""
        across = math.tan(math.radians(self.fov / 2))
        right, up, forward = self.pose()[1]
        u, v = ((2 * columns - 1) * across)[:, None], ((1 - 2 * rows) * across)[:, None]
        rays = forward + u * right + v * up
        return rays / np.linalg.norm(rays, axis=1, keepdims=True)

    def window(self, solid: Solid) -> Window:
        """Return a square window that holds all of the solid and little else."""
        seen = self.project(solid.outline[:, :3])
        scale = 0.5 / math.tan(math.radians(self.fov / 2))
        radius = (scale * solid.outline[:, 3] / seen[:, 2] * 1.1)[:, None]
        low = (seen[:, :2] - radius).min(axis=0)
        high = (seen[:, :2] + radius).max(axis=0)
        side = float((high - low).max()) * 1.02
        left, top = (low + high) / 2 - side / 2
        return float(left), float(top), side


@dataclass(frozen=True)
class Light:
    """A distant lamp and ambient light.

    Attributes:
        direction: Toward the lamp: to the right, up and toward the camera; unit length.
        strength: Strength of the lamp, scene-linear.
        ambient: Strength of the ambient light.
        shadows: Whether the lamp casts shadows.
    """

    direction: tuple[float, float, float] = (0.3, 0.55, 0.78)
    strength: float = 0.75
    ambient: float = 0.45
    shadows: bool = False


@dataclass(frozen=True)
class View:
    """A camera's picture and the surface points in it.

    Attributes:
        rgba: (S, S, 4) uint8, display-referred, straight alpha.
        positions: (S, S, 3) float32, the surface point at each pixel; nan outside the object.
    """

    rgba: NDArray[np.uint8]
    positions: NDArray[np.float32]

    @property
    def mask(self) -> NDArray[np.bool_]:
        """The silhouette (S, S)."""
        return self.rgba[..., 3] > 127


def render(solid: Solid, camera: Camera, light: Light, size: int, window: Window = WHOLE) -> View:
    """Render the `window` of a camera's picture of `solid`, `size` pixels square."""
    position, axes = camera.pose()
    across = math.tan(math.radians(camera.fov / 2))
    lamp = np.array(light.direction) @ np.stack((axes[0], axes[1], -axes[2]))
    rgba, positions = _trace(
        *(solid.parts, solid.profiles, solid.corners, position, axes, across),
        *(lamp, light.strength, light.ambient, light.shadows, size, *window),
    )
    return View(rgba, positions)


@jit
def through_pixel(axes, across, size, left, top, side, row, column):
    """Return the direction, of no particular length, from the camera through a pixel's center."""
    u = (2.0 * (left + side * (column + 0.5) / size) - 1.0) * across
    v = (1.0 - 2.0 * (top + side * (row + 0.5) / size)) * across
    dx = axes[2, 0] + u * axes[0, 0] + v * axes[1, 0]
    dy = axes[2, 1] + u * axes[0, 1] + v * axes[1, 1]
    dz = axes[2, 2] + u * axes[0, 2] + v * axes[1, 2]
    return dx, dy, dz


@jit
def hit(parts, profiles, corners, ox, oy, oz, dx, dy, dz):
    """Return the distance along a ray to the surface, or -1; only in the ball of radius FRAME."""
    along = -(ox * dx + oy * dy + oz * dz)
    gap = ox * ox + oy * oy + oz * oz - along * along - FRAME * FRAME
    if gap > 0.0:
        return -1.0
    half = np.sqrt(-gap)
    t, end = max(along - half, 0.0), along + half
    for _ in range(160):
        if t > end:
            break
        d = nearest(parts, profiles, corners, ox + t * dx, oy + t * dy, oz + t * dz)[0]
        if d < 1e-3:
            return t
        t += d
    return -1.0


@jit
def to_display(value):
    """Convert scene-linear to sRGB."""
    value = min(max(value, 0.0), 1.0)
    return 12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055


@jit
def to_linear(value):
    """Convert sRGB to scene-linear."""
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


@jit
def _trace(
    parts,
    profiles,
    corners,
    position,
    axes,
    across,
    lamp,
    strength,
    ambient,
    shadows,
    size,
    left,
    top,
    side,
):
    rgba = np.zeros((size, size, 4), np.uint8)
    positions = np.full((size, size, 3), np.nan, np.float32)
    color = np.empty(3)
    ox, oy, oz = position[0], position[1], position[2]
    for row in range(size):
        for column in range(size):
            dx, dy, dz = through_pixel(axes, across, size, left, top, side, row, column)
            length = np.sqrt(dx * dx + dy * dy + dz * dz)
            dx, dy, dz = dx / length, dy / length, dz / length
            t = hit(parts, profiles, corners, ox, oy, oz, dx, dy, dz)
            if t < 0.0:
                continue
            x, y, z = ox + t * dx, oy + t * dy, oz + t * dz
            positions[row, column, 0] = x
            positions[row, column, 1] = y
            positions[row, column, 2] = z
            owner = nearest(parts, profiles, corners, x, y, z)[1]
            nx, ny, nz = gradient(parts, profiles, corners, x, y, z)
            albedo(parts[owner], x, y, z, color)

            facing = nx * lamp[0] + ny * lamp[1] + nz * lamp[2]
            lit = strength * max(facing, 0.0)
            if shadows and lit > 0.0:
                e = 0.01
                sx, sy, sz = x + e * nx, y + e * ny, z + e * nz
                if hit(parts, profiles, corners, sx, sy, sz, lamp[0], lamp[1], lamp[2]) >= 0.0:
                    lit = 0.0
            # Ambient light reaches a hollow less than a bulge, and is stronger from above.
            free = 0.0
            for step in (0.04, 0.12):
                at = nearest(parts, profiles, corners, x + step * nx, y + step * ny, z + step * nz)
                free += 0.5 * min(max(at[0] / step, 0.0), 1.0)
            around = ambient * (0.4 + 0.6 * free) * (0.8 + 0.2 * nz)
            gloss = parts[owner, GLOSS]
            shine = 0.0
            if gloss > 0.0 and lit > 0.0:
                hx, hy, hz = lamp[0] - dx, lamp[1] - dy, lamp[2] - dz
                norm = np.sqrt(hx * hx + hy * hy + hz * hz) + 1e-9
                shine = gloss * max((nx * hx + ny * hy + nz * hz) / norm, 0.0) ** 40.0
            for i in range(3):
                value = to_linear(color[i]) * (lit + around) + shine
                rgba[row, column, i] = np.uint8(255.0 * to_display(value) + 0.5)
            rgba[row, column, 3] = 255
    return rgba, positions
