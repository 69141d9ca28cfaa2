"""Decodes what Pillow does not, or not well: OpenEXR, Radiance, TIFF of more than 8 bits.

The size of a picture is known before the picture is decoded.
"""

from __future__ import annotations

import logging
import os
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import importing
from . import exr, tiff
from .color import rgba_of_numbers, to_srgb_primaries

with importing("Pillow"):
    from PIL import ExifTags, Image, TiffImagePlugin

log = logging.getLogger(__name__)

HDR_MAGICS = (b"#?RADIANCE", b"#?RGBE")
HEADER = 1 << 20
"""Most bytes of a header that is text."""


@dataclass(frozen=True)
class Header:
    """Facts about a picture, known before it is decoded.

    Attributes:
        size: Width and height.
        is_light: Whether its numbers are amounts of light.
        is_premultiplied: Whether the colors are multiplied by alpha.
        primaries: See `color.to_srgb_primaries`.
        tags: Tags of a TIFF file; empty for other files.
    """

    size: tuple[int, int]
    is_light: bool = False
    is_premultiplied: bool = False
    primaries: tuple[float, ...] | None = None
    tags: Mapping[int, Any] = field(default_factory=dict)


def header_of(content: bytes) -> Header | None:
    """The header of a picture that OpenCV may decode; None for any other content."""
    try:
        if content.startswith(exr.MAGIC):
            return _exr_header(content)
        if content.startswith(HDR_MAGICS):
            return _text_header(rb"\n\n-Y (?P<height>\d+) \+X (?P<width>\d+)\n", content)
        if content.startswith(b"PF"):
            return _text_header(rb"^PF\s+(?P<width>\d+)\s+(?P<height>\d+)\s", content)
        if content.startswith(tiff.MAGICS):
            return _tiff_header(content)
        if content.startswith(b"BM"):
            width, height = struct.unpack_from("<ii", content, 18)
            return Header((abs(width), abs(height)))
    except Exception as error:  # a damaged header can raise anything
        log.info("Cannot read the header: %r", error)
    return None


def is_plain_light(start: bytes) -> bool:
    """Whether every decoder sees the same light in a file, given its first `HEADER` bytes: with the
    primaries of sRGB, and one picture only.
    """
    header = header_of(start)
    if header is None or not header.is_light or to_srgb_primaries(header.primaries) is not None:
        return False
    return not start.startswith(exr.MAGIC) or exr.is_plain(start)


def decode(content: bytes, header: Header, is_known: bool = False) -> Image.Image | None:
    """The picture as 8-bit sRGB RGBA; None if it cannot be decoded here either.

    Args:
        content: Content of the file.
        header: Header of this content.
        is_known: Whether Pillow can decode it, too.

    Raises:
        DependencyError: OpenCV is needed and cannot be imported.
    """
    if content.startswith(tiff.MAGICS) and (found := tiff.numbers_of(content, header.tags)):
        picture = rgba_of_numbers(found[0], header.tags, is_premultiplied=found[1])
    elif is_known or tiff.has_planes(header.tags):
        return None
    else:
        if content.startswith(exr.MAGIC):
            content = exr.with_plain_names(content)
        values = _by_opencv(content)
        if values is None or values.shape[1::-1] != header.size:
            return None
        picture = rgba_of_numbers(
            values, header.tags, header.is_light, header.is_premultiplied, header.primaries
        )
    # TIFF and EXIF share this tag.
    if orientation := header.tags.get(ExifTags.Base.Orientation):
        picture.getexif()[ExifTags.Base.Orientation] = orientation
    return picture


def _by_opencv(content: bytes) -> NDArray[Any] | None:
    """Numbers (H, W, channels): gray or RGB, and alpha if there is one; None if OpenCV fails."""
    # OpenCV reads this when it decodes its first such file; others in this process may set it.
    os.environ.setdefault("OPENCV_IO_ENABLE_OPENEXR", "1")
    with importing("opencv-python-headless"):
        import cv2

    try:
        values = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        log.info("OpenCV cannot decode it: %s", error)
        return None
    if values is None:
        return None
    if values.ndim == 2:
        return values[..., None]
    return values if values.shape[2] < 3 else values[..., (2, 1, 0, 3)[: values.shape[2]]]


def _text_header(pattern: bytes, content: bytes) -> Header | None:
    found = re.search(pattern, content[:HEADER])
    if found is None:
        return None
    return Header((int(found["width"]), int(found["height"])), is_light=True)


def _exr_header(content: bytes) -> Header:
    attributes = exr.attributes_of(content)
    primaries = exr.primaries_of(content, attributes)
    return Header(exr.size_of(content, attributes), True, True, primaries)


def _tiff_header(content: bytes) -> Header:
    tags = tiff.tags_of(content)
    extra = tags.get(tiff.EXTRA, ())
    return Header(
        (int(tags[TiffImagePlugin.IMAGEWIDTH]), int(tags[TiffImagePlugin.IMAGELENGTH])),
        is_premultiplied=tiff.STRAIGHT not in (extra if isinstance(extra, tuple) else (extra,)),
        tags=tags,
    )
