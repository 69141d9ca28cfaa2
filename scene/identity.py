"""Finding a data-block again, whatever it is called by then."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import bpy

Block = TypeVar("Block", bound=bpy.types.ID)


def with_uid(blocks: Iterable[Block], uid: int) -> Block | None:
    """The data-block with a session_uid, if it is still there; undo leaves it as it is."""
    return next((block for block in blocks if block.session_uid == uid), None)
