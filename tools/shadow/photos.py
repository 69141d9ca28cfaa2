"""Pictures of subjects on plain backdrops, with and without shadows: what the network learns from.

Solids come with the shadows of their floor, drawn subjects with those that one paints: what lies
behind, moved, sheared, squashed and blurred. A third has none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from drawn import clouds, make_drawn, random_color
from layers import Layer, read_layer
from triposr.inference import InputError
from triposr.inference.picture.plain_background import excess_over_backdrop
from triposr.inference.picture.shadow import network_input

DRAWN = 0.45
"""Part of the pictures that show a drawn subject; the others show a solid."""

NO_SHADOW = 0.3
"""Part of the pictures without any shadow."""

FACETS = 0.2
"""Part of the subjects that have flat facets."""

SMALLEST = 0.015
"""Part of the picture that the subject must cover."""


@dataclass(frozen=True)
class Photo:
    """A picture and what is known of it.

    Attributes:
        rgb: (H, W, 3) uint8.
        alpha: (H, W) float32, the subject, 0 to 1.
    """

    rgb: NDArray[np.uint8]
    alpha: NDArray[np.float32]


def make_photo(rng: np.random.Generator, folder: Path, layers: int, size: int) -> Photo:
    """A picture, `size` pixels square.

    Args:
        folder, layers: Where there are layers of solids, and how many (from seed 0).
    """
    if rng.random() < DRAWN:
        layer = make_drawn(rng, size)
        if rng.random() < FACETS:
            layer = replace(layer, color=with_facets(rng, layer.color))
    else:
        layer = scaled(read_layer(folder, int(rng.integers(layers))), size)
        layer = recolored(rng, layer)
        if rng.random() < 0.2:
            layer = together(layer, make_drawn(rng, size))
    if rng.random() < 0.5:
        layer = moved(rng, layer)
    dimming = np.zeros(layer.alpha.shape, np.float32)
    if rng.random() > NO_SHADOW:
        dimming = random_dimming(rng, layer)
    return taken(rng, layer, dimming)


def network_sample(photo: Photo) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
    """Return the network's input (4, H, W) and target (H, W), if it would see the picture at all.

    It is not if hardly anything of the subject is in it, or if its backdrop is not plain.
    """
    if photo.alpha.mean() < SMALLEST:
        return None
    try:
        excess, backdrop = excess_over_backdrop(photo.rgb)
    except InputError:
        return None
    return network_input(photo.rgb, backdrop, excess), photo.alpha


def scaled(layer: Layer, size: int) -> Layer:
    """The layer at another size."""

    def resized(image: NDArray[np.float32]) -> NDArray[np.float32]:
        kind = cv2.INTER_AREA if size < len(image) else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(image, (size, size), interpolation=kind))

    assert layer.cast is not None and layer.around is not None
    alpha = resized(layer.alpha)
    color = resized(layer.color * layer.alpha[..., None]) / np.maximum(alpha, 1e-3)[..., None]
    return Layer(color, alpha, resized(layer.cast), resized(layer.around))


def together(behind: Layer, before: Layer) -> Layer:
    """Two subjects as one."""
    cover = before.alpha[..., None]
    color = behind.color * (1 - cover) + before.color * cover
    return Layer(color, np.maximum(behind.alpha, before.alpha), behind.cast, behind.around)


def recolored(rng: np.random.Generator, layer: Layer) -> Layer:
    """The layer, often as a gray, pale, dark or metal one, or with a texture."""
    color = layer.color
    kind = rng.random()
    gray = color.mean(axis=-1, keepdims=True) / 255
    if kind < 0.35:
        high, low = rng.uniform(0.3, 1.1), rng.uniform(0, 0.5)
        gray = low + (high - low) * gray
        color = gray * (255 * rng.uniform(0.93, 1.0, 3).astype(np.float32))
    elif kind < 0.5:
        color = (gray * rng.uniform(0.6, 1.6)) * random_color(rng)
    elif kind < 0.6:
        waves = np.sin(gray * np.float32(rng.uniform(4, 16)) + np.float32(rng.uniform(0, 6)))
        color = (150 + 95 * waves) * rng.uniform(0.8, 1.0, 3).astype(np.float32)
    elif kind < 0.7:  # porcelain, as bright as the backdrop in places
        gray = np.clip(rng.uniform(0.45, 0.85) + rng.uniform(0.3, 0.6) * gray, 0, 1)
        color = gray * (255 * rng.uniform(0.95, 1.0, 3).astype(np.float32))
    elif kind < 0.8:
        color = 255 * (color / 255) ** np.float32(rng.uniform(0.4, 2.2))
    if rng.random() < 0.35:
        color = color * (1 + rng.uniform(0.05, 0.45) * clouds(rng, len(color))[..., None])
    if rng.random() < 0.35:
        color = with_patches(rng, color, gray)
    if rng.random() < FACETS:
        color = with_facets(rng, color)
    if rng.random() < 0.3:
        color = with_details(rng, color)
    return Layer(np.clip(color, 0, 255).astype(np.float32), layer.alpha, layer.cast, layer.around)


def with_patches(
    rng: np.random.Generator, color: NDArray[np.float32], gray: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Colors (H, W, 3), but white or gray in places, where only the shading (H, W, 1) is left."""
    where = clouds(rng, len(color)) + rng.uniform(-0.5, 0.5)
    cover = np.clip(where * rng.uniform(3, 60) + 0.5, 0, 1)[..., None]
    dark = float(rng.uniform(0.3, 1.0))
    light = np.clip(dark + (1 - dark) * rng.uniform(0.8, 1.4) * gray, 0, 1)
    patch = light * (rng.choice([252, 252, 200]) * rng.uniform(0.95, 1, 3))
    return np.asarray(color * (1 - cover) + patch * cover, np.float32)


def with_facets(rng: np.random.Generator, color: NDArray[np.float32]) -> NDArray[np.float32]:
    """Colors (H, W, 3), some of which give way to flat facets, most of them nearly white."""
    size = len(color)
    seeds = np.ones((size, size), np.uint8)
    count = int(rng.integers(20, 200))
    seeds[rng.integers(size, size=count), rng.integers(size, size=count)] = 0
    _, cells = cv2.distanceTransformWithLabels(
        seeds, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    most = int(cells.max()) + 1
    base = np.array((255, 255, 255)) if rng.random() < 0.7 else random_color(rng)
    shades = rng.uniform(rng.uniform(0.6, 0.95), 1.0, (most, 1)) * rng.uniform(0.95, 1, (most, 3))
    is_facet = rng.random(most) < rng.uniform(0.1, 0.7)
    return np.where(is_facet[cells][..., None], (base * shades)[cells], color).astype(np.float32)


def with_details(rng: np.random.Generator, color: NDArray[np.float32]) -> NDArray[np.float32]:
    """Colors (H, W, 3) with lines and small parts on them."""
    details = make_drawn(rng, len(color))
    cover = details.alpha[..., None]
    return color * (1 - cover) + details.color * cover


def moved(rng: np.random.Generator, layer: Layer) -> Layer:
    """The layer mirrored, larger or smaller, elsewhere, and slightly turned."""
    size = len(layer.alpha)
    turn = 0.0 if layer.cast is not None else rng.normal(0, 10)
    turned = cv2.getRotationMatrix2D((size / 2, size / 2), turn, rng.uniform(0.75, 1.25))
    turned[:, 2] += rng.uniform(-0.12, 0.12, 2) * size
    if rng.random() < 0.5:
        turned = turned @ np.array([(-1, 0, size), (0, 1, 0), (0, 0, 1)], float)

    def warped(image: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(cv2.warpAffine(image, turned, (size, size)))

    alpha = warped(layer.alpha)
    color = warped(layer.color * layer.alpha[..., None]) / np.maximum(alpha, 1e-3)[..., None]
    if layer.cast is None or layer.around is None:
        return Layer(color, alpha)
    return Layer(color, alpha, warped(layer.cast), warped(layer.around))


def random_dimming(rng: np.random.Generator, layer: Layer) -> NDArray[np.float32]:
    """Part of the backdrop's light (H, W) that shadows take, 0 to 1."""
    size = len(layer.alpha)
    light = np.ones((size, size), np.float32)
    is_solid = layer.cast is not None and layer.around is not None
    if is_solid and rng.random() < 0.65:
        strength, blur = rng.uniform(0.1, 0.65), random_blur(rng, size) * 0.6
        light *= 1 - np.float32(strength) * cv2.GaussianBlur(layer.cast, (0, 0), blur)
        around = cv2.GaussianBlur(layer.around, (0, 0), 1.0)
        light *= 1 - np.float32(rng.uniform(0, 0.7)) * around
        if rng.random() < 0.7:
            return 1 - light
    for _ in range(1 + int(rng.random() < 0.25)):
        strength = np.float32(rng.uniform(0.15, 0.6))
        light *= 1 - strength * painted_shadow(rng, layer.alpha)
    return 1 - light


def random_blur(rng: np.random.Generator, size: int) -> float:
    """Radius in pixels: 0.5 % to 6 % of the side."""
    return math.exp(rng.uniform(math.log(0.005), math.log(0.06))) * size


def painted_shadow(rng: np.random.Generator, alpha: NDArray[np.float32]) -> NDArray[np.float32]:
    """A shadow (H, W) of 0 to 1 as pictures are given in a drawing program."""
    size = len(alpha)
    rows, columns = np.nonzero(alpha > 0.5)
    if not len(rows):
        return np.zeros_like(alpha)
    foot, wide = float(rows.max()), float(np.ptp(columns)) + 1
    blur = random_blur(rng, size)
    kind = rng.choice(["drop", "halo", "contact", "floor", "cast", "back"])
    if kind == "contact":
        shadow = np.zeros_like(alpha)
        center = float(columns.mean()) + rng.normal(0, 0.05 * wide), foot - rng.uniform(-8, 8)
        half = wide * rng.uniform(0.3, 0.7), max(2.0, rng.uniform(0.01, 0.08) * size)
        cv2.ellipse(shadow, (center, (2 * half[0], 2 * half[1]), 0.0), 1.0, -1)
    else:
        shear, squash = 0.0, 1.0
        move = rng.uniform(-0.09, 0.09, 2) * size
        if kind == "halo":
            move *= 0.15
        elif kind != "drop":
            shear = rng.uniform(-1.3, 1.3) if kind != "floor" else rng.uniform(-0.2, 0.2)
            squash = rng.uniform(0.1, 0.7) * (-1 if kind == "back" else 1)
            move *= 0.1
        # Sheared and squashed about the foot, on which it stands.
        turned = np.array([(1, shear, move[0] - shear * foot), (0, squash, (1 - squash) * foot)])
        turned[1, 2] += move[1]
        shadow = cv2.warpAffine(alpha, turned, (size, size))
    if rng.random() < 0.2:  # sharp at the foot, soft far from it
        soft = cv2.GaussianBlur(shadow, (0, 0), blur)
        sharp = cv2.GaussianBlur(shadow, (0, 0), max(1.0, 0.3 * blur))
        far = np.clip(abs(np.arange(size) - foot) / (0.4 * size), 0, 1).astype(np.float32)
        return np.asarray(sharp + (soft - sharp) * far[:, None])
    return np.asarray(cv2.GaussianBlur(shadow, (0, 0), blur))


def random_backdrop(rng: np.random.Generator, size: int) -> NDArray[np.float32]:
    """The bare backdrop (H, W, 3) of 0 to 255."""
    kind = rng.random()
    if kind < 0.6:
        color = np.full(3, rng.uniform(236, 255)) - rng.uniform(0, 5, 3)
    elif kind < 0.78:
        color = rng.uniform(50, 240) + rng.uniform(-8, 8, 3)
    elif kind < 0.93:
        color = rng.uniform(60, 250, 3)
    else:
        color = rng.uniform(15, 60) + rng.uniform(-8, 8, 3)
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j].astype(np.float32)
    light = np.ones((size, size), np.float32)
    if rng.random() < 0.4:
        turn = rng.uniform(0, 2 * math.pi)
        slope = np.float32(rng.uniform(0, 0.12))
        light += slope * (np.float32(math.cos(turn)) * x + np.float32(math.sin(turn)) * y)
    if rng.random() < 0.35:
        light -= np.float32(rng.uniform(0, 0.2)) * (x * x + y * y) / 2
    return light[..., None] * np.clip(color, 0, 255).astype(np.float32)


def taken(rng: np.random.Generator, layer: Layer, dimming: NDArray[np.float32]) -> Photo:
    """The picture of a layer on a random backdrop, with a camera's flaws."""
    behind = random_backdrop(rng, len(layer.alpha))
    if rng.random() < 0.15:  # what is white is overexposed
        behind = behind + rng.uniform(0, 15)
    tint = 1 - (rng.uniform(0, 0.12, 3) if rng.random() < 0.4 else np.zeros(3))
    behind = behind.clip(0, 255) * (1 - dimming[..., None] * tint.astype(np.float32))
    cover = layer.alpha[..., None]
    pixels = (behind * (1 - cover) + layer.color * cover).astype(np.float32)
    alpha = layer.alpha
    if rng.random() < 0.5:
        blur = float(rng.uniform(0.3, 1.3))
        pixels, alpha = (cv2.GaussianBlur(image, (0, 0), blur) for image in (pixels, alpha))
    if rng.random() < 0.4:
        pixels = pixels + rng.normal(0, rng.uniform(0.3, 4), pixels.shape)
    rgb = np.clip(np.round(pixels), 0, 255).astype(np.uint8)
    if rng.random() < 0.35:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(50, 97))]
        rgb = cv2.imdecode(cv2.imencode(".jpg", rgb, quality)[1], cv2.IMREAD_COLOR)
    return Photo(np.asarray(rgb), np.asarray(alpha, np.float32))
