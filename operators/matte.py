"""The picture before it becomes a mesh: opening it, mending its cut-out, painting its matte."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.props import EnumProperty, StringProperty

from .. import preview
from ..inference.limits import FILE_SUFFIXES
from ..inference.types import ignore_progress
from ..runner import explain
from ..scene.image import new_matte, open_image


class TRIPOSR_OT_open_picture(bpy.types.Operator):
    """Choose the picture to build in 3D"""

    bl_idname = "triposr.open_picture"
    bl_label = "Open Picture (TripoSR)"
    bl_options = {"UNDO"}

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: StringProperty(
        default=";".join(f"*{suffix}" for suffix in FILE_SUFFIXES), options={"HIDDEN"}
    )

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        path = Path(bpy.path.abspath(self.filepath))
        image = open_image(path)
        if image is None:
            self.report({"ERROR"}, f"{path.name} is not a picture. Choose a PNG or JPEG file.")
            return {"CANCELLED"}
        context.scene.triposr.image = image
        return {"FINISHED"}


class _NeedsPicture:
    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if context.scene.triposr.image is None:
            cls.poll_message_set("Open a picture first")
            return False
        return True


class TRIPOSR_OT_remedy(_NeedsPicture, bpy.types.Operator):
    """Do what helps against this"""

    bl_idname = "triposr.remedy"
    bl_label = "Mend the Picture (TripoSR)"
    bl_options = {"INTERNAL", "UNDO"}

    kind: EnumProperty(
        items=tuple((kind, *texts) for kind, texts in preview.REMEDIES.items()),
        options={"SKIP_SAVE"},
    )

    @classmethod
    def description(cls, context: bpy.types.Context, properties: object) -> str:
        return preview.REMEDIES[properties.kind][1]

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.triposr
        if self.kind == "edge":
            return bpy.ops.triposr.edit_matte()
        if self.kind == "tiny":
            return bpy.ops.triposr.open_picture("INVOKE_DEFAULT")
        if self.kind == "several":
            settings.keep_largest = True
        else:
            settings.image.triposr.matte = None
            settings.background = "none" if self.kind == "empty" else "plain"
        return {"FINISHED"}


class TRIPOSR_OT_edit_matte(_NeedsPicture, bpy.types.Operator):
    """Paint what belongs to the subject: white is kept, black is left out"""

    bl_idname = "triposr.edit_matte"
    bl_label = "Edit Matte (TripoSR)"
    bl_options = {"UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        image = context.scene.triposr.image
        if image.library is not None:
            self.report({"ERROR"}, f"{image.name} belongs to a linked file. Make it local first.")
            return {"CANCELLED"}
        if image.triposr.matte is None:
            try:
                alpha = _present_matte(context)
            except Exception as error:  # the boundary at which the artist is told
                self.report({"ERROR"}, str(explain(error)))
                return {"CANCELLED"}
            image.triposr.matte = new_matte(alpha, f"{image.name} Matte")
        if not bpy.app.background:
            _open_to_paint(context, image.triposr.matte)
        return {"FINISHED"}


def _present_matte(context: bpy.types.Context):
    """The matte (H, W) uint8 that the settings give; all of the picture where they fail."""
    if preview.is_current(context.scene):
        return preview.shown.preview.matte
    return preview.preview_work(context.scene)(ignore_progress).matte


def _open_to_paint(context: bpy.types.Context, matte: bpy.types.Image) -> None:
    """Show the matte in an Image Editor, in one that is open or in a window of its own."""
    windows = context.window_manager.windows
    editors = [a for w in windows for a in w.screen.areas if a.type == "IMAGE_EDITOR"]
    if not editors:
        bpy.ops.wm.window_new()
        editors = [windows[-1].screen.areas[0]]
        editors[0].ui_type = "IMAGE_EDITOR"
    space = editors[0].spaces.active
    space.image = matte
    space.ui_mode = "PAINT"


class TRIPOSR_OT_remove_matte(_NeedsPicture, bpy.types.Operator):
    """Forget what was painted, and cut the subject out as the Background setting says"""

    bl_idname = "triposr.remove_matte"
    bl_label = "Remove Matte (TripoSR)"
    bl_options = {"UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        context.scene.triposr.image.triposr.matte = None
        return {"FINISHED"}


class TRIPOSR_OT_refresh_preview(_NeedsPicture, bpy.types.Operator):
    """Look at the picture and its matte again"""

    bl_idname = "triposr.refresh_preview"
    bl_label = "Refresh Preview (TripoSR)"
    bl_options = {"INTERNAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        preview.refresh()
        return {"FINISHED"}


classes = (
    TRIPOSR_OT_open_picture,
    TRIPOSR_OT_remedy,
    TRIPOSR_OT_edit_matte,
    TRIPOSR_OT_remove_matte,
    TRIPOSR_OT_refresh_preview,
)
