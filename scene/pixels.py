"""Pixels of image data-blocks: read from them, made into pictures, written into new ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy
import numpy as np

from ..inference.errors import InputError, importing
from ..inference.picture.limits import MAX_PIXELS, too_large

if TYPE_CHECKING:
    from PIL import Image

SCENE_RESULTS = ("RENDER_RESULT", "COMPOSITING")
"""Types of images that Blender renders, whose pixels no script can read."""


def pixels_of(image: bpy.types.Image) -> np.ndarray:
    """A copy of the pixels: (H, W, channels) float32, bottom row first.

    Raises:
        InputError: The image has no pixels, or too many.
    """
    check_size(image)
    if not len(image.pixels):
        raise without_pixels(image)
    width, height = image.size
    values = np.empty(width * height * image.channels, np.float32)
    image.pixels.foreach_get(values)
    return values.reshape(height, width, image.channels)


def check_size(image: bpy.types.Image) -> None:
    """Raise InputError for an image with too many pixels."""
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise too_large(image.name)


def without_pixels(image: bpy.types.Image) -> InputError:
    """The error for an image that has no pixels."""
    if image.type in SCENE_RESULTS:
        return InputError(
            "The image {name!r} holds no picture yet", "Render the scene first", name=image.name
        )
    return InputError(
        "The image {name!r} has no pixels", "Save it as a PNG file, and open that", name=image.name
    )


def picture_from_pixels(values: np.ndarray, has_alpha: bool) -> Image.Image:
    """The picture of pixels that `pixels_of` copied. No bpy: this runs on the worker."""
    with importing("Pillow"):
        from PIL import Image

    height, width, channels = values.shape
    rgba = np.ones((height, width, 4), np.float32)
    # Blender's rows run from the bottom up, Pillow's from the top down.
    if channels < 3:
        rgba[..., :3] = values[::-1, :, :1]
    else:
        rgba[..., :channels] = values[::-1]
    if not has_alpha:
        rgba[..., 3] = 1
    return Image.fromarray((rgba.clip(0, 1) * 255).round().astype(np.uint8))


def new_image(rgba: np.ndarray, name: str, is_color: bool = True) -> bpy.types.Image:
    """A packed image data-block of pixels (H, W, 4) uint8, top row first."""
    height, width, _ = rgba.shape
    image = bpy.data.images.new(name, width, height, alpha=is_color, is_data=not is_color)
    image.pixels.foreach_set((rgba[::-1] / np.float32(255)).ravel())
    image.pack()
    return image


def packed_image(content: bytes, name: str, is_data: bool = False) -> bpy.types.Image:
    """A packed image data-block of a PNG file's content, which Blender decodes when it is shown.

    Args:
        is_data: Whether the values are no colors. Colors keep the color space that Blender gives
            new images: studios name it in their own way.
    """
    image = bpy.data.images.new(name, 1, 1, is_data=is_data)
    image.pack(data=content, data_len=len(content))
    image.source = "FILE"
    return image
