"""Which pictures are read: the endings of their files, and their size. No Pillow."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from ..errors import InputError

MAX_PIXELS = 100_000_000
"""Most pixels of a picture, 400 MB as RGBA: a larger one is refused before it is decoded."""

WORKING_SIDE = 2048
"""Longest side in pixels that is matted; the network sees a quarter of it."""


def _has_avif() -> bool:
    """Whether this Pillow decodes AVIF, found out without importing it."""
    spec = find_spec("PIL")
    folders = spec.submodule_search_locations if spec is not None else None
    return any(any(Path(folder).glob("_avif.*")) for folder in folders or ())


DISPLAY_SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".webp", ".tif", ".tiff", ".bmp", ".dib"),
    *(".gif", ".tga", ".jp2", ".j2k", ".j2c", ".ppm", ".pgm", ".pbm", ".pnm", ".ico", ".psd"),
    *(".dds", ".sgi", ".rgb", ".qoi", *((".avif",) if _has_avif() else ())),
)
"""Endings of the files whose numbers are colors as a screen shows them."""

LINEAR_SUFFIXES = (".exr", ".hdr", ".pfm")
"""Endings of the files whose numbers are amounts of light."""

FILE_SUFFIXES = DISPLAY_SUFFIXES + LINEAR_SUFFIXES
"""Endings of all files that are opened as pictures."""


def too_large(name: str) -> InputError:
    """The error for a picture of more than `MAX_PIXELS`, by its name or a message."""
    return InputError(
        "{name} has more than {count} million pixels",
        "Scale it down; 2,000 pixels a side are plenty",
        name=name,
        count=MAX_PIXELS // 1_000_000,
    )
