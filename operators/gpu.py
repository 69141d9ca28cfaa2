"""Installing and removing the build of torch that uses the artist's NVIDIA card."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_iface as iface_

from ..inference.engine import engine
from ..inference.machine.gpu_builds import LICENSE, hosts
from ..preferences import offline_reason
from ..tasks.gpu import installation, offer, removal
from ..tasks.session import pictures, upkeep
from .reporting import do_now

DIALOG_WIDTH = 420
"""Width of the dialog, in pixels at scale 1."""


class TRIPOSR_OT_use_gpu(bpy.types.Operator):
    """Download the build of torch that this machine's NVIDIA card needs, try it, and use it"""

    bl_idname = "triposr.use_gpu"
    bl_label = "Use My GPU"

    is_clicked = False

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if upkeep.is_running():
            cls.poll_message_set(iface_("Wait until the running task is done"))
            return False
        if reason := offline_reason():
            cls.poll_message_set(reason)
            return False
        return True

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        self.is_clicked = True
        offer(context)  # raises for a script's call without a card, before any dialog
        return context.window_manager.invoke_props_dialog(
            self, width=DIALOG_WIDTH, confirm_text=iface_("Download")
        )

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        choice, build = offer(context)
        column = layout.column(align=True)
        text = iface_("torch {version}, for {card}")
        column.label(
            text=text.format(version=build.version, card=choice.card.name), translate=False
        )
        text = iface_("From {hosts}").format(hosts=", ".join(hosts(build)))
        column.label(text=text, translate=False)
        text = iface_("{size:.1f} GB to download, {disk:.1f} GB on the disk afterwards")
        text = text.format(size=build.size / 1e9, disk=build.unpacked / 1e9)
        column.label(text=text, translate=False)
        if engine.has_torch():
            column.label(text="Restart Blender afterwards: another torch is already loaded")
        else:
            column.label(text="Blender need not be restarted")
        row = layout.split(factor=0.75)
        row.label(text="By downloading, you accept NVIDIA's license")
        row.operator("wm.url_open", text="Read It", icon="URL").url = LICENSE

    def execute(self, context: bpy.types.Context) -> set[str]:
        task = installation(context)
        if not self.is_clicked:
            return do_now(self, task)
        upkeep.submit(task)
        return {"FINISHED"}


class TRIPOSR_OT_remove_gpu_build(bpy.types.Operator):
    """Delete the build of torch that Use My GPU installed, and downloads that were not finished"""

    bl_idname = "triposr.remove_gpu_build"
    bl_label = "Remove GPU Build (TripoSR)"

    is_clicked = False

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if upkeep.is_running() or pictures.is_running():
            cls.poll_message_set(iface_("Wait until the running task is done"))
            return False
        return True

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        self.is_clicked = True
        return context.window_manager.invoke_confirm(self, event)

    def execute(self, context: bpy.types.Context) -> set[str]:
        task = removal(context)
        if not self.is_clicked:
            return do_now(self, task)
        upkeep.submit(task)
        return {"FINISHED"}


classes = (TRIPOSR_OT_use_gpu, TRIPOSR_OT_remove_gpu_build)
