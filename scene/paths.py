"""Paths that Blender keeps, on whichever system they were written."""

from __future__ import annotations

import os
from pathlib import Path

import bpy


def path_of(image: bpy.types.Image) -> Path:
    """The file of an image data-block, absolute; with this system's separators where it was written
    on Windows. Blender itself reads both.
    """
    path = bpy.path.abspath(image.filepath, library=image.library)
    if os.sep == "/" and "\\" in path and not os.path.lexists(path):
        path = path.replace("\\", "/")
    return Path(path)
