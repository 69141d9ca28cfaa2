"""Operators that ask for a file: in the file browser for who clicks, at once from a script."""

from __future__ import annotations

import bpy
from bpy.props import StringProperty

from ..inference.limits import FILE_SUFFIXES

PICTURES = ";".join(f"*{suffix}" for suffix in FILE_SUFFIXES)
"""What the file browser shows to who opens a picture."""


class AsksForFile:
    """Such an operator; `execute` reads `filepath`, and `is_clicked` where that matters to it."""

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})

    is_clicked = False

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        self.is_clicked = True
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}
