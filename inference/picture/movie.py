"""Single frames of movies and animated pictures. No torch, no bpy."""

from __future__ import annotations

import logging
from pathlib import Path

from ..errors import InputError, importing
from .decode import known_formats

with importing("Pillow"):
    from PIL import Image

log = logging.getLogger(__name__)


def frame_of_movie(path: Path, index: int) -> Image.Image:
    """A frame of a movie, by its number from 0; the last frame if the number is too high.

    Raises:
        InputError: It cannot be read.
    """
    with importing("opencv-python-headless"):
        import cv2

    movie = cv2.VideoCapture(str(path))
    try:
        last = max(int(movie.get(cv2.CAP_PROP_FRAME_COUNT)) - 1, 0)
        movie.set(cv2.CAP_PROP_POS_FRAMES, min(max(index, 0), last))
        is_read, frame = movie.read()
    finally:
        movie.release()
    if not is_read:
        raise _unreadable(path)
    return Image.fromarray(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))


def frame_of_animation(path: Path, part: float) -> Image.Image:
    """The frame that an animated picture shows after a part (0...1) of its time, with its alpha.

    Raises:
        InputError: It cannot be read.
    """
    try:
        with Image.open(path, formats=known_formats()) as animation:
            count = getattr(animation, "n_frames", 1)
            animation.seek(min(max(int(part * count), 0), count - 1))
            return animation.convert("RGBA")
    except Exception as error:  # Pillow's decoders raise nearly anything for damaged files
        log.info("Cannot read a frame of %s: %r", path, error)
        raise _unreadable(path) from error


def _unreadable(path: Path) -> InputError:
    return InputError(
        "No frame of the movie {name} can be read",
        "Save the frame as a PNG file, and open that",
        name=path.name,
    )
