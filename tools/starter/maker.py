"""Tools of the families for making objects: random numbers, a palette, painted parts."""

from __future__ import annotations

import colorsys
import math

import numpy as np
from numpy.typing import NDArray

from primitives import CAPSULE, CHECKS, DOTS, HALVES, PLAIN, STRIPES
from solids import Part

Point = tuple[float, float, float]


class Maker:
    """Random numbers, a palette, and parts painted from it."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.palette = [self._color() for _ in range(rng.integers(2, 5))]
        self.gloss = float(rng.choice([0.0, 0.0, rng.uniform(0.05, 0.5)]))
        self.patterned = rng.random() < 0.3

    def _color(self) -> Point:
        kind = self.rng.random()
        hue = self.rng.random()
        if kind < 0.2:  # grays
            saturation, value = self.rng.uniform(0, 0.08), self.rng.uniform(0.06, 0.97)
        elif kind < 0.4:  # woods, skins, stones
            hue, saturation, value = (
                self.rng.uniform(0.03, 0.12),
                self.rng.uniform(0.2, 0.75),
                self.rng.uniform(0.2, 0.9),
            )
        else:
            saturation, value = self.rng.uniform(0.25, 1), self.rng.uniform(0.2, 1)
        return colorsys.hsv_to_rgb(hue, saturation, value)

    def u(self, low: float, high: float) -> float:
        """Return a random number between `low` and `high`."""
        return float(self.rng.uniform(low, high))

    def n(self, low: int, high: int) -> int:
        """Return a random whole number from `low` to `high`, both included."""
        return int(self.rng.integers(low, high + 1))

    def chance(self, probability: float) -> bool:
        """Return True with this probability."""
        return bool(self.rng.random() < probability)

    def paint(self, index: int | None = None) -> dict[str, object]:
        """Choose a part's color, pattern and gloss; the color is `index` of the palette, or any."""
        if index is None:
            index = self.n(0, len(self.palette) - 1)
        first = self.palette[index % len(self.palette)]
        second = self.palette[(index + 1) % len(self.palette)]
        pattern = PLAIN
        if self.patterned and self.chance(0.5):
            pattern = int(self.rng.choice([STRIPES, CHECKS, DOTS, HALVES]))
        return {
            "color": first,
            "second": second,
            "pattern": pattern,
            "period": self.u(0.08, 0.3),
            "gloss": self.gloss,
        }

    def part(
        self,
        kind: int,
        dims: tuple[float, ...],
        center: Point = (0, 0, 0),
        color: int | None = None,
        axes: NDArray[np.float64] | None = None,
        op: int | tuple[int, float] = 0,
        profile: NDArray[np.float64] | None = None,
    ) -> Part:
        """Make a painted part; `op` may be (BLEND, radius)."""
        op, blend = op if isinstance(op, tuple) else (op, 0.0)
        return Part(
            kind=kind,
            dims=tuple(float(value) for value in dims),
            center=np.array(center, np.float64),
            axes=np.eye(3) if axes is None else axes,
            profile=profile,
            op=op,
            blend=blend,
            **self.paint(color),  # type: ignore[arg-type]
        )

    def limb(
        self,
        start: Point,
        end: Point,
        thick: float,
        thin: float | None = None,
        color: int | None = None,
        op: int | tuple[int, float] = 0,
    ) -> Part:
        """Make a capsule between two points."""
        thin = thick if thin is None else thin
        along = np.subtract(end, start)
        length = max(float(np.linalg.norm(along)), abs(thick - thin) * 1.1 + 1e-3)
        return self.part(CAPSULE, (thick, thin, length), start, color, frame_along(along), op)

    def bent_limb(
        self,
        points: list[Point],
        thick: float,
        thin: float | None = None,
        color: int | None = None,
        op: int | tuple[int, float] = 0,
    ) -> list[Part]:
        """Make capsules along the quadratic Bezier curve of three control points."""
        thin = thick if thin is None else thin
        a, b, c = (np.array(point, float) for point in points)
        count = 5
        ts = np.linspace(0, 1, count + 1)
        curve = [(1 - t) ** 2 * a + 2 * t * (1 - t) * b + t * t * c for t in ts]
        widths = thick + (thin - thick) * ts
        shade = self.n(0, 3) if color is None else color
        return [
            self.limb(tuple(curve[i]), tuple(curve[i + 1]), widths[i], widths[i + 1], shade, op)
            for i in range(count)
        ]


def frame_along(direction: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a rotation (3, 3) whose z axis points along `direction`."""
    z = direction / np.linalg.norm(direction)
    helper = np.array([1.0, 0, 0]) if abs(z[0]) < 0.9 else np.array([0, 1.0, 0])
    y = np.cross(z, helper)
    y /= np.linalg.norm(y)
    return np.column_stack((np.cross(y, z), y, z))


def rotation(axis: int, degrees: float) -> NDArray[np.float64]:
    """Return a rotation (3, 3) around x (0), y (1) or z (2)."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    i, j = (axis + 1) % 3, (axis + 2) % 3
    result = np.eye(3)
    result[i, i], result[i, j], result[j, i], result[j, j] = c, -s, s, c
    return result
