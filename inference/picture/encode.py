"""Encodes a picture for programs that show it. No torch, no bpy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..errors import importing

with importing("opencv-python-headless"):
    import cv2

if TYPE_CHECKING:
    from PIL import Image

COMPRESSION = 1
"""Zlib's level, 0...9: the higher ones take several times as long for a few percent."""


def png_of(picture: Image.Image, longest: int) -> bytes:
    """Encode a picture as a PNG file, smaller if need be. Other threads go on meanwhile.

    Args:
        picture: RGBA.
        longest: The most pixels along its longer side.
    """
    small = picture.copy()
    small.thumbnail((longest, longest))
    # OpenCV lets go of Python's lock, which Pillow's encoder keeps.
    swapped = cv2.cvtColor(np.asarray(small), cv2.COLOR_RGBA2BGRA)
    _, content = cv2.imencode(".png", swapped, (cv2.IMWRITE_PNG_COMPRESSION, COMPRESSION))
    return content.tobytes()
