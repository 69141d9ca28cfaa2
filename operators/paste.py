"""Pasting a picture from the clipboard."""

from __future__ import annotations

import bpy

from ..tasks.paste import pasting
from ..tasks.session import pastes
from .reporting import do_now


class TRIPOSR_OT_paste_image(bpy.types.Operator):
    """Use the picture or picture file on the clipboard"""

    bl_idname = "triposr.paste_image"
    bl_label = "Paste Image (TripoSR)"
    bl_options = {"REGISTER"}

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        # Beside Blender: if Blender owns the clipboard, it must be free to answer like any program.
        pastes.submit(pasting(context))
        return {"FINISHED"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        return do_now(self, pasting(context))


classes = (TRIPOSR_OT_paste_image,)
