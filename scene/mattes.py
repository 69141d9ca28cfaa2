"""Mattes as image data-blocks that the artist paints on."""

from __future__ import annotations

import bpy
import numpy as np

from .pixels import new_image, pixels_of, without_pixels


def matte_of(image: bpy.types.Image) -> np.ndarray:
    """A painted matte: (H, W) uint8, top row first, 255 where the subject is.

    Raises:
        InputError: The image has no pixels, or too many.
    """
    values = pixels_of(image)[::-1]
    gray = values[..., :3].mean(axis=-1) if image.channels >= 3 else values[..., 0]
    return (gray.clip(0, 1) * 255).round().astype(np.uint8)


def white_matte(image: bpy.types.Image) -> np.ndarray:
    """A matte that declares the whole picture the subject: (H, W) uint8.

    Raises:
        InputError: The picture has no pixels.
    """
    width, height = image.size
    if not width * height:
        raise without_pixels(image)
    return np.full((height, width), 255, np.uint8)


def new_matte(alpha: np.ndarray, name: str) -> bpy.types.Image:
    """A packed image data-block to paint on, from a matte (H, W) uint8, top row first."""
    height, width = alpha.shape
    rgba = np.full((height, width, 4), 255, np.uint8)
    rgba[..., :3] = alpha[..., None]
    return new_image(rgba, name, is_color=False)
