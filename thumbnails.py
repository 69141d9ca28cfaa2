"""Small pictures of files for the lists in the panels; Blender makes them when they are drawn."""

from __future__ import annotations

import os
from pathlib import Path

import bpy
import bpy.utils.previews

_files: bpy.utils.previews.ImagePreviewCollection | None = None


def file_thumbnail(path: Path) -> int:
    """The number of an icon that shows a picture's file; 0 without a window to show it in."""
    if bpy.app.background or not os.path.isfile(path):
        return 0
    assert _files is not None
    name = ascii(str(path))  # a name on a disk may be anything, one in Blender is UTF-8
    known = _files.get(name) or _files.load(name, str(path), "IMAGE")
    return known.icon_id


def register() -> None:
    global _files
    _files = bpy.utils.previews.new()


def unregister() -> None:
    global _files
    bpy.utils.previews.remove(_files)
    _files = None
