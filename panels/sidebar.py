"""The TripoSR tab in the sidebar of the 3D viewport (N)."""

from __future__ import annotations

import textwrap

import bpy

from .. import session
from ..preferences import uses_starter

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
        if session.is_running():
            self._draw_progress(layout)
        else:
            row = layout.row()
            row.scale_y = 1.5
            row.enabled = settings.image is not None
            row.operator("triposr.generate", text="Generate", icon="MESH_MONKEY")
            if settings.image is None:
                layout.label(text="Open or drop a picture to begin", icon="INFO")
        self._draw_outcome(context, layout)
        if uses_starter(context):
            layout.label(text="Model: Starter (Draft)", icon="INFO")
        else:
            layout.label(text="Model: TripoSR", icon="CHECKMARK")

    def _draw_progress(self, layout: bpy.types.UILayout) -> None:
        state = session.state
        row = layout.row(align=True)
        row.scale_y = 1.5
        row.progress(factor=state.fraction, text=state.label)
        row.operator("triposr.cancel", text="", icon="CANCEL")
        if session.waiting():
            layout.label(text=f"{session.waiting()} more waiting", icon="SORTTIME")

    def _draw_outcome(self, context: bpy.types.Context, layout: bpy.types.UILayout) -> None:
        state = session.state
        if state.error:
            _draw_message(context, layout.box(), (state.error, state.hint), "ERROR")
        elif state.message and not session.is_running():
            icon = "INFO" if state.canceled else "CHECKMARK"
            _draw_message(context, layout, (state.message,), icon)


def _draw_message(
    context: bpy.types.Context, layout: bpy.types.UILayout, texts: tuple[str, ...], icon: str
) -> None:
    """Sentences, wrapped to the sidebar's width, with a button that hides them."""
    scale = context.preferences.system.ui_scale
    width = max(20, int((context.region.width / scale - 90) / CHARACTER_WIDTH))
    row = layout.row()
    column = row.column(align=True)
    for number, text in enumerate(texts):
        for index, line in enumerate(textwrap.wrap(text, width)):
            column.label(text=line, icon=icon if number == index == 0 else "BLANK1")
    row.operator("triposr.dismiss", text="", icon="X", emboss=False)


class TRIPOSR_PT_options(_Sidebar, bpy.types.Panel):
    bl_label = "Options"
    bl_parent_id = "TRIPOSR_PT_generate"

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        settings = context.scene.triposr
        layout.prop(settings, "background")
        # Short labels: the full names do not fit into a sidebar of the usual width.
        layout.prop(settings, "foreground_ratio", text="Foreground", slider=True)
        layout.prop(settings, "resolution")
        layout.prop(settings, "threshold", text="Threshold")
        layout.prop(settings, "closed")
        layout.prop(settings, "size")


classes = (TRIPOSR_PT_generate, TRIPOSR_PT_options)
