"""Operators that take files, or ask for one in the file browser where they are clicked."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.props import CollectionProperty, StringProperty

from ..inference.picture.limits import FILE_SUFFIXES

PICTURES = ";".join(f"*{suffix}" for suffix in FILE_SUFFIXES)
"""What the file browser shows to who opens a picture."""


class TakesFiles:
    """Operators that take several files, as the file browser and a drop give them."""

    directory: StringProperty(subtype="DIR_PATH", options={"HIDDEN", "SKIP_SAVE"})
    files: CollectionProperty(
        type=bpy.types.OperatorFileListElement, options={"HIDDEN", "SKIP_SAVE"}
    )

    def paths(self) -> list[Path]:
        return [Path(self.directory) / file.name for file in self.files]


class AsksForFile:
    """Operators that ask for one; `execute` reads `filepath`, and `is_clicked` where it matters."""

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})

    is_clicked = False

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        self.is_clicked = True
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}
