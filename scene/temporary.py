"""Folders for temporary files."""

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
"""Folders to try in this order: Blender's own may be gone, write-protected or full."""


def in_temporary_place(work: Callable[[str], T]) -> T:
    """Result of `work` for the first folder in which it can write.

    Args:
        work: Called with a folder; raises OSError where nothing can be written.

    Raises:
        InputError: No folder can be written to.
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
