"""The TripoSR tab in the sidebar of the Image Editor."""

from __future__ import annotations

import bpy

from ..session import runs
from .queue import draw_outcome, draw_queue


class TRIPOSR_PT_image_editor(bpy.types.Panel):
    bl_space_type = "IMAGE_EDITOR"
    bl_region_type = "UI"
    bl_category = "TripoSR"
    bl_label = "Image to 3D"

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        row = layout.row()
        row.scale_y = 1.5
        text = "Add to Queue" if runs.is_running() else "Generate"
        row.operator("triposr.generate_from_editor", text=text, icon="MESH_MONKEY")
        if runs.is_running():
            draw_queue(layout)
        draw_outcome(layout)


classes = (TRIPOSR_PT_image_editor,)
