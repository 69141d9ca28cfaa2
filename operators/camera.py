"""The camera from which an object covers its subject in the picture."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_iface as iface_

from ..tasks.camera import camera_setup
from ..tasks.session import cameras
from .needs_source import NeedsSource
from .reporting import do_now


class TRIPOSR_OT_camera_from_picture(NeedsSource, bpy.types.Operator):
    """Look through a camera from which the object covers its subject in the picture exactly"""

    bl_idname = "triposr.camera_from_picture"
    bl_label = "Camera from Picture (TripoSR)"
    # No UNDO: after a click, the undo step is pushed when the camera arrives.
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if cameras.is_running():
            cls.poll_message_set(iface_("Wait until the camera is there, or cancel it"))
            return False
        return super().poll(context)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        area = 0 if context.area is None else context.area.as_pointer()
        cameras.submit(camera_setup(context, context.object, True, area))
        return {"FINISHED"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        return do_now(self, camera_setup(context, context.object, False))


class TRIPOSR_OT_cancel_camera(bpy.types.Operator):
    """Stop looking for the camera"""

    bl_idname = "triposr.cancel_camera"
    bl_label = "Cancel the Camera (TripoSR)"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return cameras.is_running()

    def execute(self, context: bpy.types.Context) -> set[str]:
        cameras.cancel_all()
        return {"FINISHED"}


class TRIPOSR_OT_dismiss_camera(bpy.types.Operator):
    """Hide this message"""

    bl_idname = "triposr.dismiss_camera"
    bl_label = "Dismiss"
    bl_options = {"INTERNAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        cameras.dismiss()
        return {"FINISHED"}


classes = (TRIPOSR_OT_camera_from_picture, TRIPOSR_OT_cancel_camera, TRIPOSR_OT_dismiss_camera)
