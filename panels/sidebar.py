"""First panels of our tab: the picture, the Generate button, the queue and the preview."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_iface as iface_

from ..inference.engine import engine
from ..inference.errors import NO_SUBJECT
from ..inference.model.catalog import TRIPOSR
from ..preferences import offline_reason
from ..tasks import preview
from ..tasks.inventory import known
from ..tasks.session import ADDON, mattes, pastes, pictures, previews, upkeep
from .batch import draw_import
from .gpu import draw_gpu
from .layout import draw_text
from .preferences import draw_looking, draw_upkeep
from .queue import draw_button, draw_tasks
from .tab import SubPanel, Tab


class TRIPOSR_PT_generate(Tab, bpy.types.Panel):
    bl_label = "Image to 3D"

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        settings = context.scene.triposr
        row = layout.row()
        row.column().template_ID(settings, "image", open="image.open")
        row.operator("triposr.paste_image", text="", icon="PASTEDOWN")
        draw_button(layout, "triposr.generate").enabled = settings.image is not None
        if settings.image is None and not pictures.is_running():
            layout.label(text="Open, paste or drop a picture to begin", icon="INFO")
        draw_tasks(layout)
        draw_import(layout)
        if pastes.is_running():
            layout.label(text="Reading the clipboard", icon="SORTTIME")
        _draw_model(context, layout)


def _draw_model(context: bpy.types.Context, layout: bpy.types.UILayout) -> None:
    """Draw the model in use, its download, and device problems."""
    row = layout.row()
    found = known(context)
    is_starter = found is not None and found.uses_starter
    if found is None:
        draw_looking(row)
    elif is_starter:
        row.label(text="Model: Starter (Draft)", icon="INFO")
    else:
        row.label(text="Model: TripoSR", icon="CHECKMARK")
    row.operator("preferences.addon_show", text="", icon="PREFERENCES").module = ADDON
    if is_starter and not upkeep.is_running():
        text = iface_("Download TripoSR, {size:.1f} GB").format(size=TRIPOSR.size / 1e9)
        row = layout.row(align=True)
        row.operator("triposr.download_model", text=text, icon="IMPORT").model = TRIPOSR.name
        if offline_reason() and not bpy.app.online_access_override:
            go_online = row.operator("screen.userpref_show", text="", icon="INTERNET_OFFLINE")
            go_online.section = "SYSTEM"
    draw_upkeep(layout)
    is_told = draw_gpu(context, layout)
    for device in engine.devices:
        # "cuda" without a number stands for the card that the notice above is about.
        if device.problem and not (is_told and device.name == "cuda"):
            draw_text(layout, device.problem, "ERROR")


class TRIPOSR_PT_preview(SubPanel, bpy.types.Panel):
    bl_label = "Preview"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return context.scene.triposr.image is not None

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        scene = context.scene
        preview.request(scene)
        view = preview.view_of(scene)
        if view.error:
            box = layout.box()
            draw_text(box, view.error, "ERROR")
            draw_text(box, view.hint, "BLANK1")
            if view.error == NO_SUBJECT:
                _draw_remedy(box, "empty")
        elif view.preview is not None:
            row = layout.row()
            row.active = preview.is_current(scene)
            _draw_picture(row, view, preview.CUT_OUT).label(text="Cut-Out")
            _draw_picture(row, view, preview.SQUARE).label(text="Network Sees")
            for finding in view.preview.findings if row.active else ():
                box = layout.box()
                draw_text(box, finding.message, "ERROR")
                _draw_remedy(box, finding.kind)
        if previews.is_running() or mattes.is_running():
            layout.label(text="Updating the preview", icon="SORTTIME")
        _draw_matte(layout, scene.triposr.image.triposr.matte)


def _draw_picture(layout: bpy.types.UILayout, view: preview.View, name: str) -> bpy.types.UILayout:
    """Draw one of the two pictures of the preview; return its column."""
    column = layout.column()
    column.template_icon(view.icons[name].icon_id, scale=5.5)
    return column


def _draw_matte(layout: bpy.types.UILayout, matte: bpy.types.Image | None) -> None:
    row = layout.row(align=True)
    text = iface_("Edit Matte") if matte is None else iface_("Edit Painted Matte")
    row.operator("triposr.edit_matte", text=text, icon="BRUSH_DATA")
    row.operator("triposr.refresh_preview", text="", icon="FILE_REFRESH")
    if matte is not None:
        row.operator("triposr.remove_matte", text="", icon="X")


def _draw_remedy(layout: bpy.types.UILayout, kind: str) -> None:
    """Draw the button that helps with a finding."""
    layout.operator("triposr.remedy", text=preview.REMEDIES[kind][0]).kind = kind


classes = (TRIPOSR_PT_generate, TRIPOSR_PT_preview)
