"""Shadows that a solid casts on the floor on which it stands, seen by the camera of its picture."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from primitives import jit, nearest
from solids import Solid
from views import Camera, Light, Window, hit, through_pixel

RAYS = 6
"""Rays from a point of the floor toward different places of the lamp."""

LOWEST_LAMP = 0.2
"""Sine of the lamp's height above the floor from which it casts a shadow worth drawing."""


def floor_shadows(
    solid: Solid,
    camera: Camera,
    light: Light,
    softness: float,
    size: int,
    window: Window,
    seed: int,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """How much of the lamp's light, and of that from all around, the floor lacks.

    Args:
        softness: Radius of the lamp over its distance.
        size: Side of the picture in pixels.
        window: The part of what the camera sees that the picture shows.
        seed: Of the places of the lamp that are tried.

    Returns:
        Two (size, size) of 0 (all is there) to 1; 0 where no floor is seen. The first is grainy.
    """
    position, axes = camera.pose()
    across = math.tan(math.radians(camera.fov / 2))
    lamp = np.array(light.direction) @ np.stack((axes[0], axes[1], -axes[2]))
    lowest = float((solid.outline[:, 2] - solid.outline[:, 3]).min())
    shaped = solid.parts, solid.profiles, solid.corners
    return _trace_floor(
        *shaped, position, axes, across, lamp, softness, lowest, size, *window, seed
    )


@jit
def _trace_floor(
    parts,
    profiles,
    corners,
    position,
    axes,
    across,
    lamp,
    softness,
    lowest,
    size,
    left,
    top,
    side,
    seed,
):
    np.random.seed(seed)
    cast = np.zeros((size, size), np.float32)
    around = np.zeros((size, size), np.float32)
    for row in range(size):
        for column in range(size):
            dx, dy, dz = through_pixel(axes, across, size, left, top, side, row, column)
            if dz > -1e-3:
                continue
            t = (lowest - position[2]) / dz
            if t < 0.0:
                continue
            x, y = position[0] + t * dx, position[1] + t * dy
            if x * x + y * y > 9.0:
                continue
            z = lowest + 2e-3
            for step in (0.05, 0.12, 0.25):
                gap = nearest(parts, profiles, corners, x, y, z + step)[0]
                around[row, column] += (1.0 - min(max(gap / step, 0.0), 1.0)) / 3.0
            blocked = 0.0
            for _ in range(RAYS):
                lx = lamp[0] + softness * np.random.normal()
                ly = lamp[1] + softness * np.random.normal()
                lz = lamp[2] + softness * np.random.normal()
                norm = np.sqrt(lx * lx + ly * ly + lz * lz)
                lx, ly, lz = lx / norm, ly / norm, lz / norm
                if lz > 0.02 and hit(parts, profiles, corners, x, y, z, lx, ly, lz) >= 0.0:
                    blocked += 1.0
            cast[row, column] = blocked / RAYS
    return cast, around
