"""Dropping pictures on the 3D viewport."""

from __future__ import annotations

import logging
from dataclasses import replace

import bpy

from ..inference.picture.limits import FILE_SUFFIXES
from ..scene.image_files import open_image
from ..scene.placement import Spot
from ..scene.viewpoint import point_under
from ..tasks.generate import row_of_files, spot_for
from ..tasks.queue import Task
from .file_browser import TakesFiles
from .starts_tasks import StartsTasks

log = logging.getLogger(__name__)


class TRIPOSR_OT_drop_image(TakesFiles, StartsTasks, bpy.types.Operator):
    """Build a colored mesh from each dropped picture"""

    bl_idname = "triposr.drop_image"
    bl_label = "Generate 3D Mesh (TripoSR)"
    bl_options = {"REGISTER", "INTERNAL"}

    mouse = None  # x and y in the viewport's region; None if a script calls

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        _open_tab(context)
        self.mouse = event.mouse_region_x, event.mouse_region_y
        return super().invoke(context, event)

    def tasks(self, context: bpy.types.Context, is_clicked: bool) -> list[Task]:
        files = self.paths()
        # Show a single picture in the panel, so that the artist can try other settings with it.
        if len(files) == 1 and (image := open_image(files[0])) is not None:
            context.scene.triposr.image = image
        return row_of_files(context, files, self._spot(context), is_clicked)

    def _spot(self, context: bpy.types.Context) -> Spot:
        on_surface = context.scene.triposr.drop_at == "surface"
        if on_surface and self.mouse is not None and context.region_data is not None:
            point = point_under(context, *self.mouse)
            return replace(spot_for(context, point), is_surface=True)
        return spot_for(context)


def _open_tab(context: bpy.types.Context) -> None:
    """Open the sidebar at our tab, which shows the progress."""
    if context.area is None or context.area.type != "VIEW_3D":
        return
    context.area.spaces.active.show_region_ui = True
    context.area.tag_redraw()
    sidebar = next(region for region in context.area.regions if region.type == "UI")
    try:
        sidebar.active_panel_category = "TripoSR"
    except (AttributeError, TypeError):  # before its first redraw, the sidebar has no tabs
        log.debug("The sidebar has not been drawn yet")


class TRIPOSR_FH_image(bpy.types.FileHandler):
    bl_idname = "TRIPOSR_FH_image"
    bl_label = "Picture for TripoSR"
    bl_import_operator = "triposr.drop_image"
    bl_file_extensions = ";".join(FILE_SUFFIXES)

    @classmethod
    def poll_drop(cls, context: bpy.types.Context) -> bool:
        return context.area is not None and context.area.type == "VIEW_3D"


classes = (TRIPOSR_OT_drop_image, TRIPOSR_FH_image)
