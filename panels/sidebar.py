"""The TripoSR tab in the sidebar of the 3D viewport (N)."""

from __future__ import annotations

import textwrap

import bpy

from .. import preview
from ..inference.catalog import TRIPOSR
from ..preferences import draw_upkeep, uses_starter
from ..session import engine, previews, runs, upkeep

ADDON = __package__.rpartition(".")[0]

CHARACTER_WIDTH = 6.2
"""Average width in pixels of a character of the interface font at scale 1."""


class _Sidebar:
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "TripoSR"


class TRIPOSR_PT_generate(_Sidebar, bpy.types.Panel):
    bl_label = "Image to 3D"

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        settings = context.scene.triposr
        layout.template_ID_preview(settings, "image", open="image.open", rows=3, cols=6)
        if runs.is_running():
            self._draw_progress(layout)
        else:
            row = layout.row()
            row.scale_y = 1.5
            row.enabled = settings.image is not None
            row.operator("triposr.generate", text="Generate", icon="MESH_MONKEY")
            if settings.image is None:
                layout.label(text="Open or drop a picture to begin", icon="INFO")
        self._draw_outcome(context, layout)
        self._draw_model(context, layout)

    def _draw_progress(self, layout: bpy.types.UILayout) -> None:
        state = runs.state
        row = layout.row(align=True)
        row.scale_y = 1.5
        row.progress(factor=state.fraction, text=state.label)
        row.operator("triposr.cancel", text="", icon="CANCEL")
        if runs.waiting():
            layout.label(text=f"{runs.waiting()} more waiting", icon="SORTTIME")

    def _draw_model(self, context: bpy.types.Context, layout: bpy.types.UILayout) -> None:
        """Which model a run uses, on what, and how to get the better one."""
        row = layout.row()
        is_starter = uses_starter(context)
        if is_starter:
            row.label(text="Model: Starter (Draft)", icon="INFO")
        else:
            row.label(text="Model: TripoSR", icon="CHECKMARK")
        if engine.is_loaded():
            row.operator("triposr.unload_model", text="", icon="TRASH")
        if is_starter and not upkeep.is_running():
            text = f"Download TripoSR, {TRIPOSR.size / 1e9:.1f} GB"
            row = layout.row()
            row.operator("triposr.download_model", text=text, icon="IMPORT").model = TRIPOSR.name
            row.operator("preferences.addon_show", text="", icon="PREFERENCES").module = ADDON
        draw_upkeep(layout)
        for problem in (device.problem for device in engine.devices if device.problem):
            _draw_text(context, layout, problem, "ERROR")

    def _draw_outcome(self, context: bpy.types.Context, layout: bpy.types.UILayout) -> None:
        state = runs.state
        if state.error:
            _draw_message(context, layout.box(), (state.error, state.hint), "ERROR")
        elif state.message and not runs.is_running():
            icon = "INFO" if state.canceled else "CHECKMARK"
            _draw_message(context, layout, (state.message,), icon)


def _draw_message(
    context: bpy.types.Context, layout: bpy.types.UILayout, texts: tuple[str, ...], icon: str
) -> None:
    """Sentences, wrapped to the sidebar's width, with a button that hides them."""
    row = layout.row()
    column = row.column(align=True)
    for number, text in enumerate(texts):
        _draw_text(context, column, text, "BLANK1" if number else icon)
    row.operator("triposr.dismiss", text="", icon="X", emboss=False)


def _draw_text(
    context: bpy.types.Context, layout: bpy.types.UILayout, text: str, icon: str
) -> None:
    """A sentence, wrapped to the sidebar's width."""
    scale = context.preferences.system.ui_scale
    width = max(20, int((context.region.width / scale - 90) / CHARACTER_WIDTH))
    column = layout.column(align=True)
    for number, line in enumerate(textwrap.wrap(text, width)):
        column.label(text=line, icon="BLANK1" if number else icon)


class TRIPOSR_PT_preview(_Sidebar, bpy.types.Panel):
    bl_label = "Preview"
    bl_parent_id = "TRIPOSR_PT_generate"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return context.scene.triposr.image is not None

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        scene = context.scene
        preview.request(scene)
        if previews.state.error:
            self._draw_problem(context, layout, previews.state.error, "empty")
        elif preview.shown.preview is not None:
            row = layout.row()
            row.active = preview.is_current(scene)
            for name, text in ((preview.CUT_OUT, "Cut-Out"), (preview.SQUARE, "Network Sees")):
                column = row.column()
                column.template_icon(preview.shown.icons[name], scale=5.5)
                column.label(text=text)
            for finding in preview.shown.preview.findings if row.active else ():
                self._draw_problem(context, layout, finding.message, finding.kind)
        if previews.is_running():
            layout.label(text="Looking at the picture", icon="SORTTIME")
        self._draw_matte(layout, scene.triposr.image.triposr.matte)

    def _draw_problem(
        self, context: bpy.types.Context, layout: bpy.types.UILayout, message: str, kind: str
    ) -> None:
        """What is odd, and a button that mends it."""
        box = layout.box()
        _draw_text(context, box, message, "ERROR")
        box.operator("triposr.remedy", text=preview.REMEDIES[kind][0]).kind = kind

    def _draw_matte(self, layout: bpy.types.UILayout, matte: bpy.types.Image | None) -> None:
        row = layout.row(align=True)
        text = "Edit Matte" if matte is None else "Edit Painted Matte"
        row.operator("triposr.edit_matte", text=text, icon="BRUSH_DATA")
        if matte is not None:
            row.operator("triposr.refresh_preview", text="", icon="FILE_REFRESH")
            row.operator("triposr.remove_matte", text="", icon="X")


class TRIPOSR_PT_options(_Sidebar, bpy.types.Panel):
    bl_label = "Options"
    bl_parent_id = "TRIPOSR_PT_generate"

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        settings = context.scene.triposr
        column = layout.column()
        column.active = settings.image is None or settings.image.triposr.matte is None
        column.prop(settings, "background")
        if settings.background in ("auto", "model"):
            column.prop(settings, "matting_model", text="Model")
        layout.prop(settings, "keep_largest")
        # Short labels: the full names do not fit into a sidebar of the usual width.
        layout.prop(settings, "foreground_ratio", text="Foreground", slider=True)
        layout.prop(settings, "resolution")
        layout.prop(settings, "threshold", text="Threshold")
        layout.prop(settings, "closed")
        layout.prop(settings, "size")


classes = (TRIPOSR_PT_generate, TRIPOSR_PT_preview, TRIPOSR_PT_options)
