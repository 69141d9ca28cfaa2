"""A Blender image becomes a picture that a thread may read."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import bpy
import numpy as np

from ..inference.errors import InputError

if TYPE_CHECKING:
    from PIL import Image


Picture = Callable[[], "Path | Image.Image"]
"""Gives the picture; called on the worker, because large pixels take long to convert."""


def picture_of(image: bpy.types.Image) -> Picture:
    """What the artist sees in an image data-block, detached from Blender.

    Returns:
        Gives the file of an image that is unchanged since it was read, so that Pillow applies its
        EXIF rotation and color profile; else the pixels, display-referred RGBA.

    Raises:
        InputError: The image has no pixels.
    """
    path = Path(bpy.path.abspath(image.filepath, library=image.library))
    if (
        image.source == "FILE"
        and not image.is_dirty
        and image.packed_file is None
        # Pillow reads no EXR and no HDR; Blender's own pixels serve for those.
        and not image.is_float
        and path.is_file()
    ):
        return lambda: path
    return partial(_from_pixels, _pixels(image), image.is_float)


def _pixels(image: bpy.types.Image) -> np.ndarray:
    """A copy of the pixels: (H, W, channels) float32, bottom row first."""
    width, height = image.size
    if not (image.has_data or len(image.pixels)) or not width or not height:
        raise InputError(
            f"The image {image.name!r} has no pixels", "Open it from its file, or save it first"
        )
    values = np.empty(width * height * image.channels, np.float32)
    image.pixels.foreach_get(values)
    return values.reshape(height, width, image.channels)


def _from_pixels(values: np.ndarray, is_float: bool) -> Image.Image:
    """The picture of such pixels. No bpy: this runs on the worker."""
    from PIL import Image

    height, width, channels = values.shape
    rgba = np.ones((height, width, 4), np.float32)
    # Blender's rows run from the bottom up, Pillow's from the top down.
    if channels < 3:
        rgba[..., :3] = values[::-1, :, :1]
    else:
        rgba[..., :channels] = values[::-1]
    if is_float:
        rgba = float_to_display(rgba)
    return Image.fromarray((np.nan_to_num(rgba).clip(0, 1) * 255).round().astype(np.uint8))


def float_to_display(rgba: np.ndarray) -> np.ndarray:
    """Scene linear RGBA with associated alpha, as Blender keeps float images, to display-referred
    sRGB with straight alpha: (H, W, 4) float32. The transfer curve is that of IEC 61966-2-1.
    """
    alpha = rgba[..., 3:]
    straight = np.divide(rgba[..., :3], alpha, out=np.zeros_like(rgba[..., :3]), where=alpha > 0)
    linear = straight.clip(0, 1)
    curved = 1.055 * linear ** (1 / 2.4) - 0.055
    return np.concatenate((np.where(linear <= 0.0031308, 12.92 * linear, curved), alpha), axis=-1)
