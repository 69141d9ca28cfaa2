"""Panels of the settings for the next object: Options and Placement."""

from __future__ import annotations

import bpy

from .presets import TRIPOSR_PT_presets
from .tab import SubPanel


class TRIPOSR_PT_options(SubPanel, bpy.types.Panel):
    bl_label = "Options"

    def draw_header_preset(self, context: bpy.types.Context) -> None:
        TRIPOSR_PT_presets.draw_panel_header(self.layout)

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
        row = layout.row(align=True)
        row.prop(settings, "foreground_ratio", text="Foreground", slider=True)
        row.operator("triposr.variants", text="", icon="MOD_ARRAY")
        layout.prop(settings, "resolution")
        layout.prop(settings, "threshold", text="Threshold")
        layout.prop(settings, "closed")
        column = layout.column()
        column.prop(settings, "texture")
        if settings.texture != "none":
            column.prop(settings, "texture_faces")


class TRIPOSR_PT_placement(SubPanel, bpy.types.Panel):
    bl_label = "Placement"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        settings = context.scene.triposr
        layout.prop(settings, "size")
        for name in ("measure", "origin", "facing", "drop_at"):
            layout.prop(settings, name)


classes = (TRIPOSR_PT_options, TRIPOSR_PT_placement)
