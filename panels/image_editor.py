"""TripoSR tab in the sidebar of the Image Editor."""

from __future__ import annotations

import bpy

from .queue import draw_button, draw_tasks


class TRIPOSR_PT_image_editor(bpy.types.Panel):
    bl_space_type = "IMAGE_EDITOR"
    bl_region_type = "UI"
    bl_category = "TripoSR"
    bl_label = "Image to 3D"

    def draw(self, context: bpy.types.Context) -> None:
        draw_button(self.layout, "triposr.generate_from_editor")
        draw_tasks(self.layout)


classes = (TRIPOSR_PT_image_editor,)
