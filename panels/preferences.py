"""Add-on preferences: models, device, memory."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_iface as iface_

from ..inference.engine import engine
from ..inference.machine.own_torch import TorchBuild
from ..inference.model.catalog import MODELS, TRIPOSR, PublishedModel, hub_address
from ..preferences import MachineSettings, model_folder, offline_reason
from ..tasks.inventory import Inventory, known
from ..tasks.session import ADDON, upkeep
from ..texts import localized
from .gpu import draw_gpu, draw_gpu_build
from .layout import draw_message, draw_progress, draw_text


class TripoSRPreferences(MachineSettings, bpy.types.AddonPreferences):
    bl_idname = ADDON

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        found = known(context)
        self._draw_models(context, layout, found)
        layout.separator()
        self._draw_devices(context, layout, found)
        layout.separator()
        layout.prop(self, "show_colors")
        layout.operator("triposr.copy_report", text="Copy Report", icon="COPYDOWN")

    def _draw_models(
        self, context: bpy.types.Context, layout: bpy.types.UILayout, found: Inventory | None
    ) -> None:
        layout.label(text="Models")
        column = layout.column(align=True)
        column.prop(self, "model_folder", placeholder=str(model_folder(context)))
        box = layout.box().column()
        draw_offline(box)
        if found is None:
            draw_looking(box)
        for model in MODELS if found is not None else ():
            draw_model(box, model, found)
        draw_upkeep(layout)
        layout.operator("triposr.import_model", text="Import from Disk", icon="IMPORT")
        layout.prop(self, "keep_original")
        column = layout.column(align=True)
        column.prop(self, "hub_mirror", placeholder=hub_address())
        column.prop(self, "github_mirror", placeholder="https://github.com")

    def _draw_devices(
        self, context: bpy.types.Context, layout: bpy.types.UILayout, found: Inventory | None
    ) -> None:
        layout.label(text="Device and Memory")
        row = layout.row(align=True)
        row.prop(self, "device")
        row.operator("triposr.detect_devices", text="", icon="FILE_REFRESH")
        for device in engine.devices:
            if device.problem:
                _hint(layout, device.problem, "ERROR")
        layout.prop(self, "precision")
        layout.prop(self, "threads")
        row = layout.row(align=True)
        row.prop(self, "keep_loaded")
        if self.keep_loaded == "minutes":
            row.prop(self, "keep_minutes")
        if engine.takes_memory():
            row = layout.split(factor=0.4)
            row.label()
            row.operator("triposr.unload_model", text="Unload Now", icon="TRASH")
        draw_gpu(context, layout, with_minor=True)
        if found is not None:
            draw_gpu_build(layout, found)
        servers = iface_("PyTorch's and NVIDIA's servers")
        layout.prop(self, "pytorch_mirror", placeholder=servers)
        layout.prop(self, "torch_folder")
        build = None if found is None else found.torch
        if isinstance(build, TorchBuild):
            version, made_for = localized(build.version), localized(build.made_for)
            _hint(layout, f"torch {version}, {made_for}", "CHECKMARK")
        elif build is not None:
            _hint(layout, build, "ERROR")


def draw_offline(layout: bpy.types.UILayout) -> None:
    """Draw why downloads are not allowed, if so, and a button that opens the setting."""
    if not (reason := offline_reason()):
        return
    draw_text(layout, reason, "INTERNET_OFFLINE")
    if not bpy.app.online_access_override:
        layout.operator("screen.userpref_show", text="Open Preferences").section = "SYSTEM"


def _hint(layout: bpy.types.UILayout, text: str, icon: str) -> None:
    """Draw a text below the value of a property."""
    row = layout.split(factor=0.4)
    row.label()
    draw_text(row, text, icon)


def draw_looking(layout: bpy.types.UILayout) -> None:
    """Draw the label for the time before the first look at the disks ends."""
    layout.label(text="Looking for models", icon="SORTTIME")


def draw_model(layout: bpy.types.UILayout, model: PublishedModel, found: Inventory) -> None:
    """Draw a row with a model and its buttons."""
    row = layout.row()
    is_there = model.name in found.installed
    comes_along = model is TRIPOSR and not is_there and found.is_bundled
    row.label(text=model.label, icon="CHECKMARK" if is_there or comes_along else "BLANK1")
    if comes_along:
        row.label(text="Comes with the Add-on")
        return
    row.label(text=f"{model.size / 1e6:,.0f} MB, {model.license}")
    if is_there and model is TRIPOSR and found.needs_conversion:
        row.operator(
            "triposr.download_model", text="Convert", icon="FILE_REFRESH"
        ).model = model.name
    if is_there:
        row.operator("triposr.remove_model", text="Remove", icon="TRASH").model = model.name
    else:
        row = row.row()
        row.enabled = not upkeep.is_running()
        row.operator("triposr.download_model", text="Download", icon="IMPORT").model = model.name


def draw_upkeep(layout: bpy.types.UILayout) -> None:
    """Draw the running download, import or detection, and the message of the last one."""
    state = upkeep.state
    if upkeep.is_running():
        layout.label(text=localized(state.title), icon="IMPORT", translate=False)
        draw_progress(layout, state.fraction, state.label, "triposr.cancel_download")
        return
    if state.error:
        draw_message(layout.box(), (state.error, state.hint), "ERROR", "triposr.dismiss_download")
    elif state.message:
        icon = "INFO" if state.canceled else "CHECKMARK"
        draw_message(layout, (state.message,), icon, "triposr.dismiss_download")


classes = (TripoSRPreferences,)
