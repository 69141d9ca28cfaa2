"""The picture's file that an object was made of, as long as it can be found.

An image data-block that the mesh points to holds its path, because Blender keeps such paths right
when a .blend is saved elsewhere or appended from, and exports none of them. Where the path fails
all the same, a picture of that name beside the .blend is taken if it is the same one.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import bpy

from .paths import path_of


def keep_file(blender_object: bpy.types.Object, path: Path | None) -> None:
    """Remember the file of the picture that an object was made of; None: it was none."""
    note = blender_object.data.triposr
    note.picture, note.place = None, ""
    if path is not None:
        note.picture, note.place = _reference_to(path), _digest_of_place(path)


def keep_unseen_file(blender_object: bpy.types.Object, filepath: str) -> None:
    """Likewise for a path of an older file, which is not looked at now."""
    note = blender_object.data.triposr
    note.picture = _unseen(filepath)
    # A relative one may have become that of another picture.
    note.place = "" if filepath.startswith("//") else _digest_of_place(Path(filepath))


def kept_file(blender_object: bpy.types.Object) -> Path | None:
    """The file of the picture that an object was made of, if it is there.

    What lies where it lay may have been changed since; anywhere else it must be the same picture.
    """
    # Imported here, because it imports Pillow, which enabling the add-on must not need.
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
    """An image data-block that stands for a file."""
    for check_existing in (True, False):
        try:
            image = bpy.data.images.load(str(path), check_existing=check_existing)
        except RuntimeError:  # it has gone since it was read, or may not be read any more
            return _unseen(str(path))
        if not image.is_dirty and image.packed_file is None:  # painted on, it is another picture
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
    """Tells whether two paths are the same, and nothing else."""
    return hashlib.sha256(os.fsencode(path)).hexdigest()
