"""Opens picture files as image data-blocks."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import bpy
import numpy as np

from ..inference.errors import TripoSRError, importing
from .pixels import new_image

log = logging.getLogger(__name__)

LONGEST_SIDE = 4096
"""Longest side, in pixels, of a picture that we decode for Blender; the network sees 512."""


def open_image(path: Path) -> bpy.types.Image | None:
    """The image data-block of a picture file, or None if it cannot be read."""
    if not os.path.isfile(path):  # Blender would wait for a pipe
        return None
    known = set(bpy.data.images)
    try:
        image = bpy.data.images.load(str(path), check_existing=True)
    except RuntimeError:  # the file is missing or may not be read
        return None
    if all(image.size):  # which reads the file
        return image
    if image not in known:
        bpy.data.images.remove(image)
    return _decoded(path)


def _decoded(path: Path) -> bpy.types.Image | None:
    """A packed image data-block of a picture file that only we can read, or None."""
    try:
        with importing("Pillow"):
            from ..inference.picture.decode import open_picture
        picture = open_picture(path)
    except TripoSRError as error:
        log.info("Cannot read %s: %s", path.name, error)
        return None
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    return new_image(np.asarray(picture), path.name)


@contextmanager
def opened_like(path: Path, other: bpy.types.Image) -> Iterator[bpy.types.Image]:
    """A file as a temporary data-block with the color space and alpha mode of another image."""
    image = bpy.data.images.load(str(path), check_existing=False)
    try:
        space = other.colorspace_settings.name
        if space not in ("", image.colorspace_settings.name):
            image.colorspace_settings.name = space
        image.alpha_mode = other.alpha_mode
        yield image
    finally:
        bpy.data.images.remove(image)
