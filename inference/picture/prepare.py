"""A picture becomes the network's input: matte, crop, pad, composite. No bpy."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import NO_SUBJECT, InputError, importing
from ..message import Message
from ..types import Options, PreparedImage, Tick, ignore_progress
from .decode import open_picture
from .limits import MAX_PIXELS, WORKING_SIDE, too_large
from .matting import remove_background

with importing("Pillow"):
    from PIL import Image

log = logging.getLogger(__name__)

GRAY = 0.5
"""The background that the network was trained with, display-referred."""

STRAY_ALPHA = 12
"""Alpha (of 255) up to which a pixel counts as noise of the matte."""

STRAY_AREA = 0.002
"""Area, relative to the largest part of the subject, below which a part counts as noise."""


def prepare_image(
    image: Image.Image | Path | str | bytes,
    options: Options | None = None,
    tick: Tick | None = None,
    matte: NDArray[np.uint8] | None = None,
) -> PreparedImage:
    """Make a picture ready for the network.

    Args:
        image: A picture, the path of a file, or a file's content; see `open_picture`.
        options: How the background is removed and the subject framed.
        tick: Called with the stage `prepare`.
        matte: (H, W) uint8 of any size, stretched over the picture: 255 is subject. Replaces the
            background method of the options.

    Raises:
        InputError: The picture cannot be read, or no subject is found in it.
        DependencyError: rembg, onnxruntime or OpenCV is needed and cannot be imported.
        ModelFilesError: The matting model's file is missing or damaged.
    """
    options = options or Options()
    tick = tick or ignore_progress
    started = time.perf_counter()
    tick("prepare", 0.0)
    picture = open_picture(image)
    size = picture.size
    if options.crop == "subject":
        picture = _limit_size(picture)
    tick("prepare", 0.2)
    cutout = remove_background(picture, options) if matte is None else _with(picture, matte)
    tick("prepare", 0.8)
    if options.background == "none" and matte is None:
        square = _pad_to_square(np.asarray(cutout))
    elif options.crop == "published":
        square = crop_as_published(np.asarray(cutout), options.foreground_ratio)
    else:
        cutout = _without_strays(cutout, 1.0 if options.keep_largest else STRAY_AREA)
        square = _crop_to_subject(np.asarray(cutout), options.foreground_ratio)
    rgb = composite_on_gray(square, quantize=options.crop == "published")
    tick("prepare", 1.0)
    log.info("Prepared the picture: %.2f s", time.perf_counter() - started)
    return PreparedImage(rgb=rgb, cutout=cutout, size=size)


def _with(picture: Image.Image, matte: NDArray[np.uint8]) -> Image.Image:
    """An upright picture with a matte of any size as its alpha."""
    alpha = Image.fromarray(matte, mode="L").resize(picture.size, Image.Resampling.BILINEAR)
    cutout = picture.copy()
    cutout.putalpha(alpha)
    return cutout


def _limit_size(picture: Image.Image) -> Image.Image:
    if max(picture.size) <= WORKING_SIDE:
        return picture
    # Premultiplied, or the hidden color of transparent pixels would bleed into the edge.
    small = picture.convert("RGBa")
    small.thumbnail((WORKING_SIDE, WORKING_SIDE), Image.Resampling.LANCZOS)
    return small.convert("RGBA")


def _without_strays(cutout: Image.Image, least: float) -> Image.Image:
    """The cut-out without the specks and veils that a matte leaves far from the subject: without
    parts whose area is below `least` (0...1) of the largest part's.
    """
    with importing("opencv-python-headless"):
        import cv2

    pixels = np.array(cutout)
    visible = (pixels[..., 3] > STRAY_ALPHA).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(visible)
    areas = stats[:, cv2.CC_STAT_AREA]
    areas[0] = 0  # label 0 is the background
    if not areas.any():
        raise empty_matte()
    keep = areas >= least * areas.max()
    pixels[..., 3] *= keep[labels]
    return Image.fromarray(pixels)


def _crop_to_subject(pixels: NDArray[np.uint8], ratio: float) -> NDArray[np.uint8]:
    """The subject's bounding box, centered in a square whose side is the box's longest / ratio."""
    top, bottom, left, right = _bounds(pixels)
    return _centered(pixels[top : bottom + 1, left : right + 1], ratio)


def crop_as_published(pixels: NDArray[np.uint8], ratio: float) -> NDArray[np.uint8]:
    """`resize_foreground` of the published code, pixel by pixel.

    Its flaws are kept: every pixel with alpha > 0 counts, the box's last row and column are lost,
    and it pads twice. Use it to reproduce published results.

    Args:
        pixels: (H, W, 4) uint8.
        ratio: Longest side of the subject over the side of the square.

    Returns:
        (N, N, 4) uint8.
    """
    top, bottom, left, right = _bounds(pixels)
    if bottom == top or right == left:
        raise empty_matte()
    square = _centered(pixels[top:bottom, left:right], 1.0)
    return _centered(square, ratio)


def _bounds(pixels: NDArray[np.uint8]) -> tuple[int, int, int, int]:
    """First and last row, first and last column with alpha > 0."""
    rows, columns = np.nonzero(pixels[..., 3])
    if not len(rows):
        raise empty_matte()
    return int(rows.min()), int(rows.max()), int(columns.min()), int(columns.max())


def empty_matte() -> InputError:
    """The error for a picture in which nothing is left in front of the background."""
    return InputError(NO_SUBJECT, "Choose another Background method or picture")


def _centered(pixels: NDArray[np.uint8], ratio: float) -> NDArray[np.uint8]:
    height, width = pixels.shape[:2]
    side = int(max(height, width) / ratio)
    if side * side > MAX_PIXELS:
        raise too_large(Message("The picture, made square,"))
    square = np.zeros((side, side, 4), np.uint8)
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = pixels
    return square


def _pad_to_square(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return _centered(pixels, 1.0)


def composite_on_gray(pixels: NDArray[np.uint8], quantize: bool = False) -> NDArray[np.float32]:
    """RGBA (N, N, 4) uint8 over 50 % gray: RGB (N, N, 3) float32 in [0, 1].

    Args:
        pixels: Straight alpha, display-referred.
        quantize: Truncate to 8 bits, as the published code does on the way to the network.
    """
    straight = pixels.astype(np.float32) / 255.0
    color, alpha = straight[..., :3], straight[..., 3:]
    rgb = color * alpha + (1 - alpha) * np.float32(GRAY)
    if quantize:
        rgb = (rgb * 255.0).astype(np.uint8).astype(np.float32) / 255.0
    return np.asarray(rgb, np.float32)
