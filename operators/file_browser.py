"""Bases of operators that take files or open the file browser."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.props import CollectionProperty, StringProperty

from ..inference.picture.limits import FILE_SUFFIXES

PICTURES = ";".join(f"*{suffix}" for suffix in FILE_SUFFIXES)
"""Filter of the file browser for pictures."""


class TakesFiles:
    """Base of operators that take several files from the file browser or from a drop."""

    directory: StringProperty(subtype="DIR_PATH", options={"HIDDEN", "SKIP_SAVE"})
    files: CollectionProperty(
        type=bpy.types.OperatorFileListElement, options={"HIDDEN", "SKIP_SAVE"}
    )

    def paths(self) -> list[Path]:
        return [Path(self.directory) / file.name for file in self.files]


class AsksForFile:
    """Base of operators that open the file browser at a click; `execute` reads `filepath`."""

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})

    is_clicked = False

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        self.is_clicked = True
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}
