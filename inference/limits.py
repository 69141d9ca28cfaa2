"""Which pictures are taken: their file names and their size. No Pillow."""

from __future__ import annotations

from .errors import InputError

MAX_PIXELS = 100_000_000
"""Above this a picture is refused before it is decoded: 400 MB as RGBA."""

FILE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".tga")
"""Endings of the files that are opened as pictures by their name."""


def too_large(name: str) -> InputError:
    """The error for a picture of more than `MAX_PIXELS`, by its name or a message."""
    return InputError(
        "{name} has more than {count} million pixels",
        "Scale it down; 2,000 pixels a side are plenty",
        name=name,
        count=MAX_PIXELS // 1_000_000,
    )
