"""Subjects drawn in two dimensions: thin parts, grids, letters, holes, hair; any color and gloss.

They have what the solids lack: wires and spokes a pixel or two wide, brush strokes, and insides
whose grays run as softly as a shadow.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from layers import Layer

FINE = 4  # bits below a pixel that OpenCV draws with

Mask = NDArray[np.uint8]
Color = NDArray[np.float32]
Drawer = Callable[[np.random.Generator, Mask], None]


def make_drawn(
    rng: np.random.Generator, size: int, drawers: tuple[Drawer, ...] | None = None
) -> Layer:
    """A subject in the middle of a square, of any parts or of those that `drawers` draw."""
    alpha = np.zeros((size, size), np.float32)
    color = np.zeros((size, size, 3), np.float32)
    palette = random_palette(rng, 3)
    if rng.random() < 0.35:
        palette.append((rng.uniform(235, 255) - rng.uniform(0, 8, 3)).astype(np.float32))
    drawers = drawers or DRAWERS
    for _ in range(int(rng.integers(1, 6))):
        mask = np.zeros((size, size), np.uint8)
        drawers[rng.integers(len(drawers))](rng, mask)
        paint = shaded(rng, mask, palette[rng.integers(len(palette))])
        cover = (mask / np.float32(255))[..., None]
        color = color * (1 - cover) + paint * cover
        alpha = np.maximum(alpha, cover[..., 0])
    return Layer(color, alpha)


def random_color(rng: np.random.Generator) -> Color:
    """A color (3,) of 0 to 255, often a gray, and often nearly black or white."""
    kind = rng.random()
    if kind < 0.2:
        value, spread = rng.uniform(10, 70), 12.0
    elif kind < 0.4:
        value, spread = rng.uniform(200, 250), 8.0
    elif kind < 0.65:
        value, spread = rng.uniform(60, 210), 8.0
    else:
        value, spread = rng.uniform(60, 200), 90.0
    return np.clip(value + rng.uniform(-spread, spread, 3), 0, 255).astype(np.float32)


def random_palette(rng: np.random.Generator, count: int) -> list[Color]:
    """Colors that go together at times."""
    first = random_color(rng)
    alike = rng.random() < 0.5
    others = [
        np.clip(first * rng.uniform(0.6, 1.4), 0, 255).astype(np.float32)
        if alike
        else random_color(rng)
        for _ in range(count - 1)
    ]
    return [first, *others]


def shaded(rng: np.random.Generator, mask: Mask, color: Color) -> NDArray[np.float32]:
    """The paint (H, W, 3) of a part: flat, rounded, metal or rough."""
    size = len(mask)
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j].astype(np.float32)
    light = np.full(mask.shape, rng.uniform(0.75, 1.05), np.float32)
    turn = rng.uniform(0, 2 * math.pi)
    along = x * np.float32(math.cos(turn)) + y * np.float32(math.sin(turn))
    if rng.random() < 0.5:
        light += np.float32(rng.uniform(0, 0.45)) * along
    kind = rng.random()
    if kind < 0.6:
        deep = cv2.distanceTransform((mask > 127).astype(np.uint8), cv2.DIST_L2, 3)
        round_to = float(rng.uniform(0.02, 0.15)) * size
        height = np.sqrt(np.clip(round_to**2 - np.clip(round_to - deep, 0, None) ** 2, 0, None))
        height = cv2.GaussianBlur(height, (0, 0), float(rng.uniform(0.8, 3)))
        slope_x = cv2.Sobel(height, cv2.CV_32F, 1, 0, scale=1 / 8)
        slope_y = cv2.Sobel(height, cv2.CV_32F, 0, 1, scale=1 / 8)
        up = 1 / np.sqrt(1 + slope_x**2 + slope_y**2)
        facing = up * (
            np.float32(rng.uniform(0.3, 0.9))
            - np.float32(rng.uniform(-0.6, 0.6)) * slope_x
            - np.float32(rng.uniform(-0.2, 0.9)) * slope_y
        )
        if kind < 0.42:
            ambient = np.float32(rng.uniform(0.3, 0.8))
            light *= ambient + (np.float32(1.1) - ambient) * np.clip(facing, 0, 1.2)
        else:  # metal mirrors bright and dark bands of its surroundings
            waves = np.float32(rng.uniform(2, 9)) * facing + np.float32(rng.uniform(0, 6))
            light *= np.float32(0.75) + np.float32(rng.uniform(0.15, 0.6)) * np.sin(waves)
        if rng.random() < 0.3:
            light += np.float32(rng.uniform(0.2, 0.9)) * np.clip(facing, 0, 1) ** 12
    if rng.random() < 0.3:
        light *= 1 + np.float32(rng.uniform(0.05, 0.4)) * clouds(rng, size)
    paint = light[..., None] * color
    if rng.random() < 0.15:
        other = random_color(rng)
        period = rng.uniform(0.03, 0.3)
        turn = rng.uniform(0, math.pi)
        phase = x * np.float32(math.cos(turn)) + y * np.float32(math.sin(turn))
        stripes = (np.floor(phase / np.float32(period)) % 2)[..., None]
        paint = paint * (1 - stripes) + light[..., None] * other * stripes
    return np.clip(paint, 0, 255).astype(np.float32)


def clouds(rng: np.random.Generator, size: int) -> NDArray[np.float32]:
    """Noise (size, size) of several sizes, about -1 to 1."""
    total = np.zeros((size, size), np.float32)
    finest = int(rng.integers(4, 8))
    for octave in range(2, finest):
        coarse = rng.uniform(-1, 1, (2**octave, 2**octave)).astype(np.float32)
        total += cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC) / (octave - 1)
    return total / max(float(np.abs(total).max()), 1e-6)


def _points(points: NDArray[np.floating]) -> NDArray[np.int32]:
    return np.round(np.asarray(points) * (1 << FINE)).astype(np.int32).reshape(-1, 1, 2)


def _line(mask: Mask, points: NDArray[np.floating], width: float, closed: bool = False) -> None:
    thick = max(1, round(width))
    cv2.polylines(mask, [_points(points)], closed, 255, thick, cv2.LINE_AA, FINE)


def _fill(mask: Mask, points: NDArray[np.floating], value: int = 255) -> None:
    cv2.fillPoly(mask, [_points(points)], value, cv2.LINE_AA, FINE)


def _width(rng: np.random.Generator, size: int) -> float:
    """Of something thin, in pixels: from a wire's to a table leg's."""
    return math.exp(rng.uniform(math.log(0.004), math.log(0.05))) * size


def _middle(rng: np.random.Generator, size: int) -> NDArray[np.float64]:
    return rng.uniform(0.3, 0.7, 2) * size


def _ring(count: int, start: float) -> NDArray[np.float64]:
    turns = start + np.arange(count) * (2 * math.pi / count)
    return np.column_stack((np.cos(turns), np.sin(turns)))


def blob(rng: np.random.Generator, mask: Mask) -> None:
    """A smooth or jagged outline."""
    size = len(mask)
    count = int(rng.integers(3, 9))
    radii = rng.uniform(0.5, 1.0, count)
    if rng.random() < 0.6:
        turns = np.linspace(0, 2 * math.pi, 73)[:-1]
        waves = sum(
            rng.uniform(-0.25, 0.25) / n * np.cos(n * turns + rng.uniform(0, 6))
            for n in range(1, count)
        )
        points = (1 + waves)[:, None] * np.column_stack((np.cos(turns), np.sin(turns)))
    else:
        points = radii[:, None] * _ring(count, rng.uniform(0, 6))
    reach = rng.uniform(0.06, 0.34, 2) * size
    _fill(mask, _middle(rng, size) + points * reach)


def lathe(rng: np.random.Generator, mask: Mask) -> None:
    """Something turned: a vase, a leg, a bottle."""
    size = len(mask)
    rows = np.linspace(rng.uniform(0.1, 0.4), rng.uniform(0.6, 0.92), 40) * size
    knots = rng.uniform(0.02, rng.uniform(0.05, 0.25), int(rng.integers(3, 8))) * size
    half = np.interp(np.linspace(0, 1, 40), np.linspace(0, 1, len(knots)), knots)
    if rng.random() < 0.7:
        half = cv2.GaussianBlur(half.reshape(1, -1), (0, 0), 2.0).ravel()
    center = rng.uniform(0.3, 0.7) * size
    left, right = np.column_stack((center - half, rows)), np.column_stack((center + half, rows))
    _fill(mask, np.vstack((left, right[::-1])))


def legs(rng: np.random.Generator, mask: Mask) -> None:
    """Two to six legs, at times with struts between them."""
    size = len(mask)
    count = int(rng.integers(2, 7))
    top, bottom = rng.uniform(0.35, 0.65) * size, rng.uniform(0.75, 0.95) * size
    heads = np.sort(rng.uniform(0.25, 0.75, count)) * size
    feet = heads + rng.uniform(-0.12, 0.12, count) * size
    width = _width(rng, size)
    bend = rng.uniform(-0.06, 0.06, count) * size * (rng.random() < 0.5)
    for head, foot, off in zip(heads, feet, bend, strict=True):
        foot_y = bottom - rng.uniform(0, 0.12) * size
        knee = ((head + foot) / 2 + off, (top + foot_y) / 2)
        _line(mask, np.array([(head, top), knee, (foot, foot_y)]), width)
    if rng.random() < 0.4:
        y = rng.uniform(top, bottom)
        _line(mask, np.array([(heads[0], y), (heads[-1], y)]), max(1, width * 0.7))


def wheel(rng: np.random.Generator, mask: Mask) -> None:
    """A ring with spokes, seen from any side."""
    size = len(mask)
    center, radius = _middle(rng, size), rng.uniform(0.08, 0.3) * size
    flat = np.array([rng.uniform(0.4, 1), 1])
    width = _width(rng, size)
    _line(mask, center + radius * flat * _ring(72, 0), width, True)
    count = int(rng.integers(0, 18))
    for spoke in _ring(count, rng.uniform(0, 6)) if count else ():
        _line(mask, np.array([center, center + radius * flat * spoke]), width * 0.5)


def grid(rng: np.random.Generator, mask: Mask) -> None:
    """Bars across each other: a fence, a rack, a basket."""
    size = len(mask)
    center, half = _middle(rng, size), rng.uniform(0.08, 0.3, 2) * size
    turn = rng.normal(0, 0.25)
    axes = np.array([(math.cos(turn), math.sin(turn)), (-math.sin(turn), math.cos(turn))])
    width = _width(rng, size) * 0.6
    for axis in range(2):
        for place in np.linspace(-1, 1, int(rng.integers(2, 10))):
            ends = np.array([(place, -1), (place, 1)], float)[:, :: 1 if axis else -1]
            _line(mask, center + (ends * half) @ axes, width)


def wires(rng: np.random.Generator, mask: Mask) -> None:
    """Curves: cables, antennas, necks, handles."""
    size = len(mask)
    for _ in range(int(rng.integers(1, 4))):
        corners = _middle(rng, size) + np.cumsum(rng.normal(0, 0.13 * size, (4, 2)), axis=0)
        t = np.linspace(0, 1, 24)[:, None]
        a, b, c, d = corners
        curve = (1 - t) ** 3 * a + 3 * t * (1 - t) ** 2 * b + 3 * t * t * (1 - t) * c + t**3 * d
        _line(mask, curve, _width(rng, size))


def letters(rng: np.random.Generator, mask: Mask) -> None:
    """A few characters."""
    size = len(mask)
    text = "".join(rng.choice(list("ABCDEGHKMRSW34578&%#")) for _ in range(rng.integers(1, 5)))
    font = int(rng.integers(0, 8))
    thick = max(1, round(_width(rng, size)))
    scale = rng.uniform(0.9, 2.6) * size / 320
    (width, height), _ = cv2.getTextSize(text, font, scale, thick)
    x, y = _middle(rng, size)
    corner = int(x - width / 2), int(y + height / 2)
    cv2.putText(mask, text, corner, font, scale, 255, thick, cv2.LINE_AA)


def hair(rng: np.random.Generator, mask: Mask) -> None:
    """Strands that hang or stick out: a tail, feathers, grass."""
    size = len(mask)
    root, length = _middle(rng, size), rng.uniform(0.08, 0.35) * size
    aim, spread = rng.uniform(0, 2 * math.pi), rng.uniform(0.05, 0.9)
    wide = rng.uniform(0.01, 0.12) * size
    for _ in range(int(rng.integers(5, 60))):
        turn = aim + rng.normal(0, spread)
        start = root + rng.normal(0, wide, 2)
        middle = start + 0.5 * length * np.array([math.cos(turn), math.sin(turn)])
        turn += rng.normal(0, 0.3)
        end = middle + rng.uniform(0.2, 0.6) * length * np.array([math.cos(turn), math.sin(turn)])
        _line(mask, np.array([start, middle, end]), rng.uniform(1, 0.012 * size + 1))


def branches(rng: np.random.Generator, mask: Mask) -> None:
    """A bare bush, a claw, a hand."""
    size = len(mask)

    def grow(start: NDArray[np.float64], turn: float, length: float, width: float) -> None:
        end = start + length * np.array([math.cos(turn), math.sin(turn)])
        _line(mask, np.array([start, end]), width)
        if length > 0.05 * size:
            for _ in range(int(rng.integers(1, 4))):
                share = rng.uniform(0.55, 0.8)
                grow(end, turn + rng.normal(0, 0.6), share * length, share * width)

    length = rng.uniform(0.1, 0.2) * size
    grow(_middle(rng, size), rng.uniform(0, 2 * math.pi), length, _width(rng, size))


def pierced(rng: np.random.Generator, mask: Mask) -> None:
    """A plate with holes, or only its frame."""
    size = len(mask)
    center, half = _middle(rng, size), rng.uniform(0.1, 0.32, 2) * size
    turn = rng.normal(0, 0.3)
    corners = math.sqrt(2) * _ring(4, math.pi / 4 + turn)
    _fill(mask, center + corners * half)
    if rng.random() < 0.4:
        _fill(mask, center + corners * half * rng.uniform(0.5, 0.9), 0)
        return
    for _ in range(int(rng.integers(1, 8))):
        radius = rng.uniform(0.015, 0.08) * size
        hole = center + rng.uniform(-0.7, 0.7, 2) * half
        _fill(mask, hole + radius * _ring(int(rng.choice([4, 6, 40])), rng.uniform(0, 6)), 0)


DRAWERS: tuple[Drawer, ...] = (
    *(blob, blob, lathe, lathe, legs, legs, wheel, grid),
    *(wires, letters, hair, branches, pierced),
)
"""Kinds of parts; a kind that is listed twice is drawn twice as often."""

THIN: tuple[Drawer, ...] = (legs, wheel, grid, wires, letters, hair, branches)
"""Of these, parts that may be a pixel or two wide."""
