"""Files of light, such as OpenEXR: which of them need Blender, and how little of them it keeps."""

from __future__ import annotations

import logging
from pathlib import Path

import bpy

from ..inference.errors import importing
from ..inference.picture.limits import LINEAR_SUFFIXES, WORKING_SIDE
from .managed_colors import space_of_new, usual_space

log = logging.getLogger(__name__)

OWN_SPACES = ("sRGB", "Linear Rec.709")
"""Color spaces of 8-bit pictures and of light in Blender's own color configuration."""


def is_plain_light(path: Path) -> bool:
    """Whether a file holds light in which Blender sees nothing that our own decoder does not.

    Blender decodes on the main thread, which may take a second for one file of a drop of many.
    """
    if path.suffix.lower() not in LINEAR_SUFFIXES:
        return False
    if (usual_space(), space_of_new(is_float=True)) != OWN_SPACES:
        return False
    with importing("Pillow"):
        from ..inference.picture import other_decoder
    try:
        with open(path, "rb") as file:
            return other_decoder.is_plain_light(file.read(other_decoder.HEADER))
    except OSError as error:  # raised again when the file is decoded
        log.info("Cannot read the start of %r: %s", path, error)
        return False


def shrink(image: bpy.types.Image) -> None:
    """Scale an image data-block down to what the network can use.

    To convert its colors takes longer than that, and all its pixels would be copied.
    """
    longest = max(image.size)
    if longest > WORKING_SIDE:
        width, height = (max(1, round(side * WORKING_SIDE / longest)) for side in image.size)
        image.scale(width, height)
