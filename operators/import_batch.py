"""Importing objects of a batch: from the File menu, from scripts."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_iface as iface_
from bpy.props import StringProperty

from ..properties import declaring
from ..settings import BATCH, checked, values_of
from ..tasks.import_batch import batch_import
from ..tasks.session import imports
from .file_browser import AsksForFile
from .reporting import do_now


class TRIPOSR_OT_import_batch(declaring(BATCH, limited=False), AsksForFile, bpy.types.Operator):
    """Import the objects of a batch in a grid, with all that refining and texturing them needs"""

    bl_idname = "triposr.import_batch"
    bl_label = "Import Batch (TripoSR)"
    # No UNDO: the undo step is pushed when the objects are there, not at the click.
    bl_options = {"REGISTER"}

    filter_glob: StringProperty(default="*.jsonl", options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if imports.is_running():
            cls.poll_message_set(iface_("Wait until the batch is imported, or cancel that"))
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        chosen = checked(BATCH, values_of(BATCH, self))
        task = batch_import(context, self.filepath, self.is_clicked, **chosen)
        if not self.is_clicked:
            return do_now(self, task)
        imports.submit(task)
        return {"FINISHED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        for setting in BATCH:
            layout.prop(self, setting.name)


class TRIPOSR_OT_cancel_import(bpy.types.Operator):
    """Stop importing the batch; nothing is added to the scene"""

    bl_idname = "triposr.cancel_import"
    bl_label = "Cancel Import (TripoSR)"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not imports.is_running():
            cls.poll_message_set(iface_("No batch is being imported"))
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        imports.cancel()
        return {"FINISHED"}


class TRIPOSR_OT_dismiss_import(bpy.types.Operator):
    """Hide this message"""

    bl_idname = "triposr.dismiss_import"
    bl_label = "Dismiss"
    bl_options = {"INTERNAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        imports.dismiss()
        return {"FINISHED"}


classes = (TRIPOSR_OT_import_batch, TRIPOSR_OT_cancel_import, TRIPOSR_OT_dismiss_import)
