"""Paths of files as Blender saves them, whichever system wrote them."""

from __future__ import annotations

import os
from pathlib import Path

import bpy


def path_of(image: bpy.types.Image) -> Path:
    """The absolute path of an image data-block's file. Separators of Windows become this system's,
    because Blender itself reads both.
    """
    path = bpy.path.abspath(image.filepath, library=image.library)
    if os.sep == "/" and "\\" in path and not os.path.lexists(path):
        path = path.replace("\\", "/")
    return Path(path)
