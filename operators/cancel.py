"""Canceling tasks that generate, and hiding their last message."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_iface as iface_
from bpy.app.translations import pgettext_tip as tip_
from bpy.props import BoolProperty

from ..tasks.session import pictures


class TRIPOSR_OT_cancel(bpy.types.Operator):
    """Stop generating from the current picture; nothing is added to the scene"""

    bl_idname = "triposr.cancel"
    bl_label = "Cancel Generating (TripoSR)"

    everything: BoolProperty(
        name="Everything",
        description="Also remove the waiting pictures from the queue",
        options={"SKIP_SAVE"},
    )

    @classmethod
    def description(cls, context: bpy.types.Context, properties: object) -> str:
        if properties.everything:
            return tip_(
                "Stop generating from the current picture, and remove the waiting ones "
                "from the queue"
            )
        return tip_(cls.__doc__)

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not pictures.is_running():
            cls.poll_message_set(iface_("Nothing is being generated"))
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        if self.everything:
            pictures.cancel_all()
        else:
            pictures.cancel()
        return {"FINISHED"}


class TRIPOSR_OT_dismiss(bpy.types.Operator):
    """Hide this message"""

    bl_idname = "triposr.dismiss"
    bl_label = "Dismiss"
    bl_options = {"INTERNAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        pictures.dismiss()
        return {"FINISHED"}


classes = (TRIPOSR_OT_cancel, TRIPOSR_OT_dismiss)
