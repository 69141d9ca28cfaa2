"""Remarks on what a task has left out: for the artist, for scripts and for shells."""

from __future__ import annotations

from collections.abc import Sequence

import bpy

from ..inference.message import Message

CHANGED = Message("the picture has changed since the object was first made")


def note_remarks(target: bpy.types.Object, remarks: Sequence[str]) -> None:
    """Let an object say what the last task on it has left out; nothing, if there are no remarks.

    Scripts read it, so it is English.
    """
    target.triposr.remark = "; ".join(remarks)


def with_remarks(summary: Message, remarks: Sequence[str]) -> Message:
    """A summary of a task, with its remarks."""
    for remark in remarks:
        summary = Message("{summary}; {remark}", summary=summary, remark=remark)
    return summary
