"""The TripoSR tab in the sidebar of the Image Editor."""

from __future__ import annotations

import bpy

from ..session import runs


class TRIPOSR_PT_image_editor(bpy.types.Panel):
    bl_space_type = "IMAGE_EDITOR"
    bl_region_type = "UI"
    bl_category = "TripoSR"
    bl_label = "Image to 3D"

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        row = layout.row()
        row.scale_y = 1.5
        if runs.is_running():
            row.progress(factor=runs.state.fraction, text=runs.state.label)
            row.operator("triposr.cancel", text="", icon="CANCEL")
        else:
            row.operator("triposr.generate_from_editor", text="Generate", icon="MESH_MONKEY")


classes = (TRIPOSR_PT_image_editor,)
