"""The file of the picture that an object was made from, as long as it can be found.

The mesh points to an image data-block, which holds the path: Blender corrects such paths when a
.blend is saved elsewhere or appended from, and exports none of them. If the path fails, a file of
that name beside the .blend is taken, provided that it is the same picture.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import bpy

from .paths import path_of


def keep_file(blender_object: bpy.types.Object, path: Path | None) -> None:
    """Remember the file of the picture that an object was made from; None if there was no file."""
    note = blender_object.data.triposr
    note.picture, note.place = None, ""
    if path is not None:
        note.picture, note.place = _reference_to(path), _digest_of_place(path)


def keep_unseen_file(blender_object: bpy.types.Object, filepath: str) -> None:
    """Remember a path from an older .blend without looking at the file."""
    note = blender_object.data.triposr
    note.picture = _unseen(filepath)
    # A relative path may lead to another picture by now.
    note.place = "" if filepath.startswith("//") else _digest_of_place(Path(filepath))


def kept_file(blender_object: bpy.types.Object) -> Path | None:
    """The file of the picture that an object was made from, if it exists.

    In its old place, the file may have changed since; anywhere else, it must be the same picture.
    """
    # Imported here, because it imports Pillow, and enabling the add-on must not need Pillow.
    from ..inference.picture.decode import digest_of

    note, digest = blender_object.data.triposr, blender_object.triposr.digest
    if note.picture is None:
        return None
    path = path_of(note.picture)
    beside = [Path(bpy.data.filepath).parent / path.name] if bpy.data.filepath else []
    for candidate in (path, *beside):
        if candidate.is_file() and (
            _digest_of_place(candidate) == note.place or digest_of(candidate) == digest
        ):
            return candidate
    return None


def _reference_to(path: Path) -> bpy.types.Image:
    """An image data-block that refers to a file."""
    for check_existing in (True, False):
        try:
            image = bpy.data.images.load(str(path), check_existing=check_existing)
        except RuntimeError:  # it was deleted since it was read, or may not be read now
            return _unseen(str(path))
        if not image.is_dirty and image.packed_file is None:  # if painted on, it is another picture
            break
    if bpy.data.filepath and bpy.context.preferences.filepaths.use_relative_paths:
        try:
            image.filepath = bpy.path.relpath(str(path))
        except ValueError:  # on another drive than the .blend
            image.filepath = str(path)
    return image


def _unseen(filepath: str) -> bpy.types.Image:
    image = bpy.data.images.new(os.path.basename(filepath), 1, 1)
    image.source, image.filepath = "FILE", filepath
    return image


def _digest_of_place(path: Path) -> str:
    """Digest by which two paths can be compared, but that does not reveal them."""
    return hashlib.sha256(os.fsencode(path)).hexdigest()
