"""A picture's camera, in the model's frame. No torch, no bpy."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

SENSOR = 36.0
"""Width in millimeters of the film for which focal lengths are usually stated, and of Blender's
default sensor.
"""

POOR, GOOD = 0.5, 0.7
"""Match below which a camera is a guess, and from which on the photo is projected through it: in
between, colors would land on the wrong parts.
"""


@dataclass(frozen=True)
class Camera:
    """A pinhole camera that took a picture; its axis passes through the model's origin.

    The axis need not meet the middle of the picture: TripoSR sees the subject cut out and centered,
    as if a shifted lens had taken it.

    Attributes:
        elevation: Degrees above the horizon.
        azimuth: Degrees around Z from +X, where TripoSR's camera stands, toward +Y.
        fov: Field of view along the picture's longer side if the axis met its middle, in degrees.
        distance: Distance from the model's origin, in model units.
        center: (x, y) of the axis in the picture, in pixels from its top left corner.
        width, height: Size of the picture in pixels.
    """

    elevation: float
    azimuth: float
    fov: float
    distance: float
    center: tuple[float, float]
    width: int
    height: int

    @property
    def focal(self) -> float:
        """Focal length in pixels."""
        return focal_of(self.fov, self.width, self.height)

    @property
    def position(self) -> NDArray[np.float64]:
        """Where it stands, (3,), in the model's frame."""
        return pose_of(self.elevation, self.azimuth, self.distance)[0]

    @property
    def axes(self) -> NDArray[np.float64]:
        """Unit vectors to the right, up and along the view, as rows (3, 3), in the same frame."""
        return pose_of(self.elevation, self.azimuth, self.distance)[1]

    @property
    def pose(self) -> NDArray[np.float64]:
        """Matrix (4, 4) from the camera's frame to the model's; the camera looks along its -Z, and
        +Y is up, as in Blender and OpenGL.
        """
        right, up, forward = self.axes
        matrix = np.eye(4)
        matrix[:3] = np.column_stack((right, up, -forward, self.position))
        return matrix

    @property
    def shift(self) -> tuple[float, float]:
        """How far the picture's middle lies to the right of the axis, and above it, relative to the
        longer side: Blender's `shift_x` and `shift_y`.
        """
        longer = max(self.width, self.height)
        x, y = self.center
        return (self.width / 2 - x) / longer, (y - self.height / 2) / longer

    def lens(self, sensor: float = SENSOR) -> float:
        """Focal length in millimeters, for a sensor whose longer side has that many."""
        return sensor * self.focal / max(self.width, self.height)

    def project(
        self, points: NDArray[np.floating[Any]]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Project points into the picture.

        Args:
            points: (N, 3) in the model's frame.

        Returns:
            (N, 2) float64: x to the right and y downward in pixels from the picture's top left
            corner, so that pixels have their centers at halves. And (N,) float64, the depth along
            the view in model units; a point with a depth of 0 or less is not in front of the
            camera, and its pixel means nothing.
        """
        seen = (np.asarray(points, np.float64) - self.position) @ self.axes.T
        depth = seen[:, 2]
        scale = self.focal / np.where(depth > 0, depth, np.inf)
        x, y = self.center
        return np.column_stack((x + seen[:, 0] * scale, y - seen[:, 1] * scale)), depth

    def resized(self, width: int, height: int) -> Camera:
        """Return the camera of the same picture with another number of pixels."""
        x, y = self.center
        center = (x * width / self.width, y * height / self.height)
        return replace(self, center=center, width=width, height=height)


def pose_of(
    elevation: float, azimuth: float, distance: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the position (3,) and the axes (3, 3) of a camera; see `Camera`."""
    up, around = math.radians(elevation), math.radians(azimuth)
    rise, level = math.sin(up), math.cos(up)
    x, y = math.cos(around), math.sin(around)
    right, above, back = (-y, x, 0.0), (-rise * x, -rise * y, level), (level * x, level * y, rise)
    axes = np.array((right, above, back))
    axes[2] *= -1
    return np.array(back) * distance, axes


def focal_of(fov: float, width: int, height: int) -> float:
    """Return the focal length in pixels for a field of view in degrees along the longer side."""
    return max(width, height) / 2 / math.tan(math.radians(fov) / 2)


def fov_of(focal: float, width: int, height: int) -> float:
    """Return the field of view in degrees along the longer side for a focal length in pixels."""
    return math.degrees(2 * math.atan(max(width, height) / 2 / focal))
