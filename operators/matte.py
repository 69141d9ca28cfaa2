"""The picture before it becomes a mesh: open it, fix its cut-out, paint its matte."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.app.translations import pgettext_iface as iface_
from bpy.app.translations import pgettext_tip as tip_
from bpy.props import EnumProperty, StringProperty

from ..inference.message import Message
from ..scene.identity import check_local
from ..scene.image_files import open_image
from ..tasks import preview
from ..tasks.matte import paint_matte
from ..texts import report
from .file_browser import PICTURES, AsksForFile


class TRIPOSR_OT_open_picture(AsksForFile, bpy.types.Operator):
    """Choose the picture to build in 3D"""

    bl_idname = "triposr.open_picture"
    bl_label = "Open Picture (TripoSR)"
    bl_options = {"UNDO"}

    filter_glob: StringProperty(default=PICTURES, options={"HIDDEN"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        path = Path(bpy.path.abspath(self.filepath))
        image = open_image(path)
        if image is None:
            message = Message("{name} is not a picture. Choose a PNG or JPEG file.", name=path.name)
            report(self, message, "ERROR")
            return {"CANCELLED"}
        context.scene.triposr.image = image
        return {"FINISHED"}


class _NeedsPicture:
    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if context.scene.triposr.image is None:
            cls.poll_message_set(iface_("Open a picture first"))
            return False
        return True


class TRIPOSR_OT_remedy(_NeedsPicture, bpy.types.Operator):
    """Fix this problem"""

    bl_idname = "triposr.remedy"
    bl_label = "Fix the Picture (TripoSR)"
    bl_options = {"INTERNAL", "UNDO"}

    kind: EnumProperty(
        items=tuple((kind, *texts) for kind, texts in preview.REMEDIES.items()),
        options={"SKIP_SAVE"},
    )

    @classmethod
    def description(cls, context: bpy.types.Context, properties: object) -> str:
        return tip_(preview.REMEDIES[properties.kind][1])

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.triposr
        if self.kind == "tiny":
            bpy.ops.triposr.open_picture("INVOKE_DEFAULT")
            return {"CANCELLED"}  # the other operator pushes its own undo step
        if self.kind in ("edge", "shadow"):
            paint_matte(context.scene, is_clicked=True)
            return {"CANCELLED"}  # likewise
        if self.kind == "several":
            settings.keep_largest = True
        else:
            _forget_matte(settings.image)
            settings.background = "none" if self.kind == "empty" else "plain"
        return {"FINISHED"}


class TRIPOSR_OT_edit_matte(_NeedsPicture, bpy.types.Operator):
    """Paint what belongs to the subject: white keeps, black removes"""

    bl_idname = "triposr.edit_matte"
    bl_label = "Edit Matte (TripoSR)"
    # No UNDO: the undo step is pushed when the matte is ready.

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        paint_matte(context.scene, is_clicked=True)
        return {"FINISHED"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        paint_matte(context.scene, is_clicked=False)
        return {"FINISHED"}


class TRIPOSR_OT_remove_matte(_NeedsPicture, bpy.types.Operator):
    """Discard the painted matte, and cut out the subject with the Background setting"""

    bl_idname = "triposr.remove_matte"
    bl_label = "Remove Matte (TripoSR)"
    bl_options = {"UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        _forget_matte(context.scene.triposr.image)
        return {"FINISHED"}


def _forget_matte(image: bpy.types.Image) -> None:
    """Remove the painted matte; raises InputError if the picture belongs to a linked file."""
    check_local(image)
    image.triposr.matte = None


class TRIPOSR_OT_refresh_preview(_NeedsPicture, bpy.types.Operator):
    """Update the preview of the picture and its matte"""

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
