"""A Blender image becomes a picture that a thread may read: its file if that is enough, else what
Blender makes of it.
"""

from __future__ import annotations

import io
import logging
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import bpy
import numpy as np

from ..inference.errors import DependencyError, InputError, importing
from ..inference.picture.limits import DISPLAY_SUFFIXES, LINEAR_SUFFIXES
from .frames import active_tile, file_of_frame, file_of_tile, frame_number
from .image_files import opened_like
from .light_files import is_plain_light, shrink
from .managed_colors import as_displayed, is_usual_space
from .paths import path_of
from .pixels import SCENE_RESULTS, check_size, new_image, picture_from_pixels, pixels_of
from .renders import render_as_seen

if TYPE_CHECKING:
    from PIL import Image

log = logging.getLogger(__name__)

MANAGED_SUFFIXES = (*LINEAR_SUFFIXES, ".dpx", ".cin")
"""Endings of files whose colors only Blender's color management knows."""

Picture = Callable[[], "Path | Image.Image | bytes"]
"""Returns the picture. The worker calls it, because converting many pixels takes long."""


def picture_of(image: bpy.types.Image, user: bpy.types.ImageUser | None = None) -> Picture:
    """What the artist sees in an image data-block, detached from Blender.

    Args:
        image: Any image: of a file, painted, generated, tiled, a sequence, a movie, a render.
        user: Says which frame of a sequence or movie is shown; without one, it is the scene's
            current frame.

    Returns:
        A function that returns one of three things. The file, or its packed content, if the image
        is unchanged since it was read: so its EXIF rotation and color profile are applied. What
        Blender's color management makes of the image, if it is not in the usual color space of
        8-bit pictures. Else the pixels.

    Raises:
        InputError: The image has no pixels, or too many.
    """
    if image.type in SCENE_RESULTS:
        content = render_as_seen(image)
        return lambda: content
    path = path_of(image)
    if image.source == "MOVIE" and os.path.isfile(path):
        return _of_movie(image, path, frame_number(user) - 1)
    if image.source == "SEQUENCE" and not image.is_dirty:
        frame = file_of_frame(path, frame_number(user))
        if os.path.isfile(frame):
            with opened_like(frame, image) as single:
                return _of_single(single, frame)
    return _of_single(image, path)


def picture_of_file(path: Path) -> Picture:
    """The picture of a file: the file itself, unless only Blender knows its colors or which of its
    frames the scene shows.

    What is wrong with the file is raised when the picture is read, so that one bad file does not
    stop the others of a queue.
    """
    if os.path.isfile(path) and not is_plain_light(path) and _begins_as_promised(path):
        try:
            image = bpy.data.images.load(str(path), check_existing=False)
        except (RuntimeError, UnicodeError) as error:  # decoding it raises what the artist sees
            log.info("Blender cannot open %r: %s", path, error)
            return lambda: path
        try:
            if image.source == "MOVIE" and not _is_plain(path):  # a GIF's first frame is taken
                return picture_of(image)
            is_managed = path.suffix.lower() in MANAGED_SUFFIXES
            if (is_managed or not is_usual_space(image)) and all(image.size):
                check_size(image)
                shrink(image)
                return _of_single(image, path)
        except InputError as error:
            return partial(_refuse, error)
        finally:
            bpy.data.images.remove(image)
    return lambda: path


def _refuse(error: InputError) -> Path:
    raise error


def _of_single(image: bpy.types.Image, path: Path) -> Picture:
    """The picture of an image that has one frame, whose file is at a path."""
    has_alpha = image.alpha_mode in ("STRAIGHT", "PREMUL")
    is_usual = is_usual_space(image)
    # Only Blender splits a picture into views, and Pillow cannot ignore alpha.
    is_plain = is_usual and _is_plain(path) and has_alpha and not image.use_multiview
    if image.source in ("FILE", "TILED") and is_plain and not image.is_dirty:
        tile = active_tile(image)
        for packed in image.packed_files:
            if packed.tile_number == tile or not tile:
                content = bytes(packed.packed_file.data)
                return lambda: content
        path = file_of_tile(path, tile)
        if os.path.isfile(path):
            return lambda: path
    check_size(image)
    is_composed = image.type == "MULTILAYER" or image.source == "TILED" or image.use_multiview
    if is_composed or image.is_float or not is_usual:
        return partial(_from_png, as_displayed(image), has_alpha)
    return partial(picture_from_pixels, pixels_of(image), has_alpha)


def _begins_as_promised(path: Path) -> bool:
    """Whether a file may be what its name promises.

    Blender warns on the console when one asks for the color space of what it could not read.
    """
    if not _is_plain(path):
        return True
    try:
        with importing("Pillow"):
            from ..inference.picture.decode import begins_as_picture
    except DependencyError as error:  # raised again when the picture is decoded
        log.info("%s", error)
        return True
    return begins_as_picture(path)


def _is_plain(path: Path) -> bool:
    """Whether a file's name promises display-referred colors and a format that we decode."""
    return path.suffix.lower() in DISPLAY_SUFFIXES


def _of_movie(image: bpy.types.Image, path: Path, index: int) -> Picture:
    """A frame of a movie, or of an animated picture, which Blender treats as a movie."""
    if _is_plain(path) and index <= 0:
        return lambda: path
    frame = partial(_movie_frame, path, index, image.frame_duration)
    if is_usual_space(image):
        return frame
    single = new_image(np.asarray(frame().convert("RGBA")), image.name)
    try:
        single.colorspace_settings.name = image.colorspace_settings.name
        return partial(_from_png, as_displayed(single), has_alpha=True)
    finally:
        bpy.data.images.remove(single)


def _movie_frame(path: Path, index: int, duration: int) -> Image.Image:
    """A frame by its number from 0. No bpy: this runs on the worker."""
    with importing("Pillow"):
        from ..inference.picture.movie import frame_of_animation, frame_of_movie

    if _is_plain(path):  # Blender counts its frames by time
        return frame_of_animation(path, index / max(duration, 1))
    return frame_of_movie(path, index)


def _from_png(content: bytes, has_alpha: bool) -> Image.Image | bytes:
    """The picture of a PNG file that Blender saved. No bpy: this runs on the worker."""
    if has_alpha:
        return content
    with importing("Pillow"):
        from PIL import Image

    with Image.open(io.BytesIO(content), formats=("PNG",)) as image:
        return image.convert("RGB")
