"""Exporting for a target: from the panel, from the File menu, from scripts."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.app.translations import pgettext_iface as iface_
from bpy.app.translations import pgettext_tip as tip_
from bpy.props import BoolProperty, StringProperty

from ..properties import declared
from ..scene.export.names import file_name
from ..scene.export.targets import TARGETS
from ..settings import TARGET
from ..tasks.export import export
from ..tasks.session import exports
from .file_browser import AsksForFile
from .reporting import do_now


class TRIPOSR_OT_export(AsksForFile, bpy.types.Operator):
    """Export the active object so that it arrives whole: right axes, real size, colors"""

    bl_idname = "triposr.export"
    bl_label = "Export (TripoSR)"

    target: declared(TARGET)
    check_existing: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    filter_glob: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def description(cls, context: bpy.types.Context, properties: object) -> str:
        return tip_(next(text for name, _, text in TARGET.choices if name == properties.target))

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if context.object is None or context.object.type != "MESH":
            cls.poll_message_set(iface_("Select a mesh to export"))
            return False
        if context.mode != "OBJECT":
            cls.poll_message_set(iface_("Switch to Object Mode"))
            return False
        if exports.is_running():
            cls.poll_message_set(iface_("Wait until the export is done, or cancel it"))
            return False
        return True

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if not self.filepath:
            folder = Path(bpy.data.filepath).parent if bpy.data.filepath else Path.home()
            self.filepath = str(folder / file_name(context.object.name)) + self._endings()[0]
        self._filter()
        return super().invoke(context, event)

    def check(self, context: bpy.types.Context) -> bool:
        """Let the name end as the target asks, when the artist chooses another in the browser."""
        self._filter()
        endings, path = self._endings(), self.filepath
        ours = {ending for target in TARGETS.values() for ending in target.endings if ending}
        ending = Path(path).suffix.lower()
        if ending in endings or not Path(path).name:
            return False
        self.filepath = (path[: -len(ending)] if ending in ours else path) + endings[0]
        return self.filepath != path

    def execute(self, context: bpy.types.Context) -> set[str]:
        task = export(context, context.object, self.filepath, self.target, self.is_clicked)
        if not self.is_clicked:
            return do_now(self, task)
        exports.submit(task)
        return {"FINISHED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.prop(self, "target")

    def _endings(self) -> tuple[str, ...]:
        return TARGETS[self.target].endings

    def _filter(self) -> None:
        self.filter_glob = ";".join(f"*{ending}" for ending in self._endings() if ending)


class TRIPOSR_OT_cancel_export(bpy.types.Operator):
    """Stop exporting; no file is written or replaced"""

    bl_idname = "triposr.cancel_export"
    bl_label = "Cancel Export (TripoSR)"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not exports.is_running():
            cls.poll_message_set(iface_("Nothing is being exported"))
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        exports.cancel()
        return {"FINISHED"}


class TRIPOSR_OT_dismiss_export(bpy.types.Operator):
    """Hide this message"""

    bl_idname = "triposr.dismiss_export"
    bl_label = "Dismiss"
    bl_options = {"INTERNAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        exports.dismiss()
        return {"FINISHED"}


classes = (TRIPOSR_OT_export, TRIPOSR_OT_cancel_export, TRIPOSR_OT_dismiss_export)
