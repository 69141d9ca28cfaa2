"""Installing and removing the build of torch that uses the artist's NVIDIA card."""

from __future__ import annotations

from collections.abc import Iterator

import bpy
from bpy.app.translations import pgettext_iface as iface_

from ..inference.engine import engine
from ..inference.files.download import RESERVE
from ..inference.machine.gpu_builds import LICENSES, GpuBuild, hosts
from ..inference.message import Message, size_text
from ..preferences import offline_reason
from ..tasks import inventory
from ..tasks.gpu import findings, installation, offer, removal
from ..tasks.session import pictures, upkeep
from ..texts import localized, report
from .reporting import do_now

DIALOG_WIDTH = 420
"""Width of the dialog, in pixels at scale 1."""


class TRIPOSR_OT_use_gpu(bpy.types.Operator):
    """Download the build of torch that this machine's NVIDIA card needs, try it, and use it"""

    bl_idname = "triposr.use_gpu"
    bl_label = "Use My GPU"

    is_clicked = False
    offered = None
    """What the dialog is about: what `offer` returned."""

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
        if findings() is None:  # as when it is called from the search menu, before any panel
            report(self, Message("Looking at the graphics card: try again in a moment"))
            return {"CANCELLED"}
        self.offered = offer(context)
        return context.window_manager.invoke_props_dialog(
            self, width=DIALOG_WIDTH, confirm_text=iface_("Download")
        )

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        choice, build = self.offered
        column = layout.column(align=True)
        text = iface_("torch {version}, for {card}")
        column.label(
            text=text.format(version=build.version, card=choice.card.name), translate=False
        )
        text = iface_("From {hosts}").format(hosts=", ".join(hosts(build)))
        column.label(text=text, translate=False)
        for text in _about_sizes(build, inventory.known(context)):
            column.label(text=localized(text), translate=False)
        if engine.has_torch():
            column.label(text="Restart Blender afterwards: another torch is already loaded")
        else:
            column.label(text="Blender need not be restarted")
        column = layout.column(align=True)
        column.label(text="By downloading, you accept NVIDIA's licenses:")
        row = column.row(align=True)
        for name, address in LICENSES.items():
            row.operator("wm.url_open", text=name, icon="URL", translate=False).url = address

    def execute(self, context: bpy.types.Context) -> set[str]:
        if not self.is_clicked:
            return do_now(self, installation(context, *offer(context)))
        upkeep.submit(installation(context, *self.offered))
        return {"FINISHED"}


def _about_sizes(build: GpuBuild, found: inventory.Inventory | None) -> Iterator[Message]:
    """Say what a build takes: the network now, the disk meanwhile and afterwards."""
    arrived = 0 if found is None else min(found.gpu_downloads.get(build.folder_name, 0), build.size)
    missing = build.size - arrived
    if arrived:
        yield Message(
            "{missing} of {size} left to download",
            missing=size_text(missing),
            size=size_text(build.size),
        )
    else:
        yield Message("{size} to download", size=size_text(build.size))
    needed = missing + build.unpacked
    yield Message(
        "Needs {needed} of free disk space meanwhile, and takes {disk} afterwards",
        needed=size_text(needed),
        disk=size_text(build.unpacked),
    )
    if found is not None and found.free is not None and found.free < needed + RESERVE:
        yield Message(
            "Only {free} are free: make room, or choose a Model Folder on another disk",
            free=size_text(found.free),
        )


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
