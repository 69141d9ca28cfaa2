"""Applies Blender's color management: images as an sRGB display shows them without a tone curve."""

from __future__ import annotations

import io
import re
from functools import cache

import bpy
import numpy as np

from ..inference.errors import importing
from .saved_png import restored_settings, saved_png


@cache
def usual_space() -> str:
    """The name of the color space of 8-bit pictures; studios name it in their own way."""
    return space_of_new(is_float=False)


def space_of_new(is_float: bool) -> str:
    """The color space of new images; in Blender 5 each .blend may have its own for float ones."""
    image = bpy.data.images.new("", 1, 1, float_buffer=is_float)
    try:
        return image.colorspace_settings.name
    finally:
        bpy.data.images.remove(image)


def is_usual_space(image: bpy.types.Image) -> bool:
    """Whether an image's numbers are in the usual color space of 8-bit pictures."""
    return image.colorspace_settings.name in ("", usual_space())


def as_displayed(image: bpy.types.Image) -> bytes:
    """An image as an sRGB display shows it, without a tone curve: the content of a PNG file."""
    display, view = plain_view()
    with restored_settings() as scene:
        return saved_png(image, scene, display, view)


@cache
def plain_view() -> tuple[str, str]:
    """The display and the view that return the colors of 8-bit pictures unchanged: sRGB, without a
    tone curve.

    Each color configuration has its own names for them. Therefore each pair is tried on a few
    colors; if none returns them, the nearest pair is taken.
    """
    with importing("Pillow"):
        from PIL import Image

    rgba = np.full((1, 5, 4), 255, np.uint8)
    rgba[0, :, :3] = (203, 48, 48), (48, 203, 48), (48, 48, 203), (20, 20, 20), (200, 200, 200)
    # Floats, because Blender passes bytes unchanged to a view without colors, such as Raw.
    sample = bpy.data.images.new("", 5, 1, float_buffer=True)
    sample.pixels.foreach_set((rgba / np.float32(255)).ravel())
    sample.pack()
    sample.colorspace_settings.name = usual_space()
    best, least = ("", ""), 256
    try:
        with restored_settings() as scene:
            for display, view in _views(scene):
                with Image.open(
                    io.BytesIO(saved_png(sample, scene, display, view)), formats=("PNG",)
                ) as shown:
                    off = int(np.abs(np.asarray(shown.convert("RGBA"), int) - rgba).max())
                if off < least:
                    best, least = (display, view), off
                if off <= 1:
                    break
    finally:
        bpy.data.images.remove(sample)
    return best


def _views(scene: bpy.types.Scene) -> list[tuple[str, str]]:
    """All displays with their views; first those with the names of Blender's own plain view."""
    found = []
    for display in choices(scene.display_settings, "display_device"):
        scene.display_settings.display_device = display
        views = choices(scene.view_settings, "view_transform")
        found += [(display, view) for view in views]
    return sorted(found, key=lambda names: ("srgb" not in names[0].lower(), names[1] != "Standard"))


def choices(owner: bpy.types.bpy_struct, name: str) -> list[str]:
    """The values that a dynamic enumeration offers now; Blender lists them only in the error that
    refuses a wrong value.
    """
    try:
        setattr(owner, name, "\n")
    except TypeError as refusal:
        return re.findall("'([^']+)'", str(refusal).rpartition(" not found in ")[2])
    return []
