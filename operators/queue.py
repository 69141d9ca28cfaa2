"""Moving, removing and retrying pictures in the queue."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_iface as iface_
from bpy.props import IntProperty

from ..tasks.session import pictures


class _OnWaiting:
    """Base of operators on a waiting picture."""

    number: IntProperty(options={"SKIP_SAVE", "HIDDEN"}, min=0)

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not pictures.waiting():
            cls.poll_message_set(iface_("No picture is waiting"))
            return False
        return True


class TRIPOSR_OT_move_waiting(_OnWaiting, bpy.types.Operator):
    """Move this picture up or down in the queue"""

    bl_idname = "triposr.move_waiting"
    bl_label = "Move Waiting Picture (TripoSR)"

    by: IntProperty(default=-1, options={"SKIP_SAVE", "HIDDEN"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        if self.number < len(pictures.waiting()):  # else the queue has moved on since the redraw
            pictures.move(self.number, self.by)
        return {"FINISHED"}


class TRIPOSR_OT_remove_waiting(_OnWaiting, bpy.types.Operator):
    """Remove this picture from the queue"""

    bl_idname = "triposr.remove_waiting"
    bl_label = "Remove Waiting Picture (TripoSR)"

    def execute(self, context: bpy.types.Context) -> set[str]:
        if self.number < len(pictures.waiting()):
            pictures.remove(self.number)
        return {"FINISHED"}


class TRIPOSR_OT_retry(bpy.types.Operator):
    """Try failed pictures again, with the same settings"""

    bl_idname = "triposr.retry"
    bl_label = "Retry Picture (TripoSR)"

    number: IntProperty(options={"SKIP_SAVE", "HIDDEN"}, min=-1, default=-1)  # -1: all

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not pictures.failed():
            cls.poll_message_set(iface_("No picture has failed"))
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        if self.number < 0:
            pictures.retry_all()
        elif self.number < len(pictures.failed()):
            pictures.retry(self.number)
        return {"FINISHED"}


classes = (TRIPOSR_OT_move_waiting, TRIPOSR_OT_remove_waiting, TRIPOSR_OT_retry)
