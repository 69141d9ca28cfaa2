"""Where files may be kept for a moment."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable
from typing import TypeVar

import bpy

from ..inference.errors import InputError

log = logging.getLogger(__name__)

T = TypeVar("T")

TEMPORARY_PLACES: tuple[Callable[[], str], ...] = (
    lambda: bpy.app.tempdir,
    tempfile.gettempdir,
    lambda: bpy.utils.extension_path_user(__package__.rpartition(".")[0], create=True),
)
"""Blender's own folder may be gone, write-protected, full; then others are tried."""


def in_temporary_place(work: Callable[[str], T]) -> T:
    """What `work` gives for the first place in which it can write.

    Args:
        work: Called with a folder; raises OSError where nothing can be written.

    Raises:
        InputError: Nothing can be written anywhere.
    """
    for place in TEMPORARY_PLACES:
        try:
            return work(place())
        except (OSError, ValueError) as error:  # ValueError: installed as no extension
            log.info("Nothing can be written there: %s", error)
    raise InputError(
        "No temporary file can be written",
        "Choose a folder for them in Blender's preferences, under File Paths",
    )
