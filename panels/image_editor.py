"""The TripoSR tab in the sidebar of the Image Editor."""

from __future__ import annotations

import bpy

from ..session import runs
from ..texts import draw_progress


class TRIPOSR_PT_image_editor(bpy.types.Panel):
    bl_space_type = "IMAGE_EDITOR"
    bl_region_type = "UI"
    bl_category = "TripoSR"
    bl_label = "Image to 3D"

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        if runs.is_running():
            state = runs.state
            draw_progress(layout, state.fraction, state.label, "triposr.cancel").scale_y = 1.5
        else:
            row = layout.row()
            row.scale_y = 1.5
            row.operator("triposr.generate_from_editor", text="Generate", icon="MESH_MONKEY")


classes = (TRIPOSR_PT_image_editor,)
