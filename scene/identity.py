"""Finds a data-block again after it was renamed, and says whether this file owns it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import bpy

from ..inference.errors import InputError

Block = TypeVar("Block", bound=bpy.types.ID)


def with_uid(blocks: Iterable[Block], uid: int) -> Block | None:
    """The data-block with a session_uid, if it still exists; undo does not change the number."""
    return next((block for block in blocks if block.session_uid == uid), None)


def is_local(*blocks: bpy.types.ID) -> bool:
    """Whether this file owns all of them: none is linked or a library override.

    An override shows changes that the file does not keep. If the mesh of an overridden mesh
    data-block is replaced, Blender (4.5) crashes when the file is saved.
    """
    return all(block.library is None and block.override_library is None for block in blocks)


def check_there(block: bpy.types.ID) -> None:
    """Raise InputError for a data-block that a script still refers to, but has removed."""
    try:
        block.session_uid  # noqa: B018
    except ReferenceError as error:
        raise InputError(
            "What the script refers to was removed from Blender", "Get it again from bpy.data"
        ) from error


def check_local(block: bpy.types.ID) -> None:
    """Raise InputError for a data-block that this file does not own."""
    if block.library is not None:
        raise InputError(
            "{name!r} belongs to a linked file", "Make it local first", name=block.name
        )
    if block.override_library is not None:
        raise InputError("{name!r} is a library override", "Make it local first", name=block.name)
