"""Thumbnails for the lists in the panels; Blender makes them when they are drawn."""

from __future__ import annotations

from pathlib import Path

import bpy
import bpy.utils.previews

from ..scene.identity import with_uid

_files: bpy.utils.previews.ImagePreviewCollection | None = None


def thumbnail(picture: Path | int) -> int:
    """Icon number for a picture, given as a file or as the session_uid of an image; 0 for none.

    Without a window there is none: Blender would keep an image's preview after the image is gone,
    and crash when it frees the preview.
    """
    if bpy.app.background or not picture:
        return 0
    if isinstance(picture, Path):
        return _file_thumbnail(picture)
    image = with_uid(bpy.data.images, picture)
    return 0 if image is None else bpy.types.UILayout.icon(image)


def _file_thumbnail(path: Path) -> int:
    assert _files is not None
    name = ascii(str(path))  # file names may contain any bytes, names in Blender are UTF-8
    if (known := _files.get(name)) is None:
        known = _files.load(name, str(path), "IMAGE")
    return known.icon_id


def register() -> None:
    global _files
    _files = bpy.utils.previews.new()


def unregister() -> None:
    global _files
    bpy.utils.previews.remove(_files)
    _files = None
