"""A Blender image becomes a picture that a thread may read."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import bpy
import numpy as np

from ..inference.errors import InputError, importing
from ..inference.limits import FILE_SUFFIXES, MAX_PIXELS, too_large

if TYPE_CHECKING:
    from PIL import Image


SCENE_RESULTS = ("RENDER_RESULT", "COMPOSITING")
"""Types of images that Blender renders, without pixels that a script could read."""

Picture = Callable[[], "Path | Image.Image | bytes"]
"""Gives the picture; called on the worker, because large pixels take long to convert."""


def picture_of(image: bpy.types.Image) -> Picture:
    """What the artist sees in an image data-block, detached from Blender.

    Returns:
        Gives the file, or its packed content, of an image that is unchanged since it was read, so
        that Pillow applies its EXIF rotation and color profile; else the pixels, display-referred
        RGBA.

    Raises:
        InputError: The image has no pixels, or too many.
    """
    if image.type in SCENE_RESULTS:
        return _rendered(image)
    path = Path(bpy.path.abspath(image.filepath, library=image.library))
    has_alpha = image.alpha_mode in ("STRAIGHT", "PREMUL")
    # Pillow reads no EXR and no HDR, and knows nothing of an alpha channel that is to be ignored.
    is_plain = path.suffix.lower() in FILE_SUFFIXES and has_alpha
    if image.source in ("FILE", "MOVIE") and not image.is_dirty and is_plain:
        if image.packed_file is not None:
            content = bytes(image.packed_file.data)
            return lambda: content
        if path.is_file():
            return lambda: path
    return partial(
        _from_pixels,
        _pixels(image),
        is_linear=image.is_float and image.colorspace_settings.name != "Non-Color",
        has_alpha=has_alpha,
    )


def _rendered(image: bpy.types.Image) -> Picture:
    """A render as the artist sees it: with the scene's view transform, look and exposure."""
    scene = bpy.context.scene
    settings = scene.render.image_settings
    names = (
        "media_type",
        "file_format",
        "color_mode",
        "color_depth",
        "compression",
        "color_management",
    )
    # A media type (Blender 5) decides which file formats there are, and comes first.
    before = {name: getattr(settings, name) for name in names if hasattr(settings, name)}
    folder = Path(tempfile.mkdtemp(dir=bpy.app.tempdir))
    try:
        if "media_type" in before:
            settings.media_type = "IMAGE"
        settings.file_format, settings.color_mode, settings.color_depth = "PNG", "RGBA", "8"
        settings.compression, settings.color_management = 0, "FOLLOW_SCENE"
        image.save_render(str(folder / "render.png"), scene=scene)
        content = (folder / "render.png").read_bytes()
    except (RuntimeError, FileNotFoundError) as error:
        raise InputError(
            "The image {name!r} holds no picture yet", "Render the scene first", name=image.name
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        for name, value in before.items():
            setattr(settings, name, value)
    return lambda: content


def open_image(path: Path) -> bpy.types.Image | None:
    """The image data-block of a picture file, or None if Blender cannot read it."""
    known = set(bpy.data.images)
    try:
        image = bpy.data.images.load(str(path), check_existing=True)
    except RuntimeError:  # the file is missing or may not be read
        return None
    if all(image.size):  # which reads the file
        return image
    if image not in known:
        bpy.data.images.remove(image)
    return None


def matte_of(image: bpy.types.Image) -> np.ndarray:
    """A painted matte: (H, W) uint8, top row first, 255 where the subject is.

    Raises:
        InputError: The image has no pixels, or too many.
    """
    values = _pixels(image)[::-1]
    gray = values[..., :3].mean(axis=-1) if image.channels >= 3 else values[..., 0]
    return (gray.clip(0, 1) * 255).round().astype(np.uint8)


def white_matte(image: bpy.types.Image) -> np.ndarray:
    """A matte that takes all of a picture for the subject: (H, W) uint8."""
    width, height = image.size
    return np.full((height, width), 255, np.uint8)


def new_matte(alpha: np.ndarray, name: str) -> bpy.types.Image:
    """An image data-block to paint on, from a matte (H, W) uint8, top row first; packed."""
    height, width = alpha.shape
    rgba = np.full((height, width, 4), 255, np.uint8)
    rgba[..., :3] = alpha[..., None]
    return new_image(rgba, name, is_color=False)


def new_image(rgba: np.ndarray, name: str, is_color: bool = True) -> bpy.types.Image:
    """A packed image data-block of pixels (H, W, 4) uint8, top row first."""
    height, width, _ = rgba.shape
    image = bpy.data.images.new(name, width, height, alpha=is_color)
    if not is_color:
        image.colorspace_settings.name = "Non-Color"
    image.pixels.foreach_set((rgba[::-1] / np.float32(255)).ravel())
    image.pack()
    return image


def _pixels(image: bpy.types.Image) -> np.ndarray:
    """A copy of the pixels: (H, W, channels) float32, bottom row first."""
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise too_large(image.name)
    if not len(image.pixels):
        raise InputError(
            "The image {name!r} has no pixels",
            "Save it as a PNG file, and open that",
            name=image.name,
        )
    values = np.empty(width * height * image.channels, np.float32)
    image.pixels.foreach_get(values)
    return values.reshape(height, width, image.channels)


def _from_pixels(values: np.ndarray, is_linear: bool, has_alpha: bool) -> Image.Image:
    """The picture of such pixels. No bpy: this runs on the worker."""
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
    if is_linear:
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
