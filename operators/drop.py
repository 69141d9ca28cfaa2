"""Pictures dropped on the 3D viewport."""

from __future__ import annotations

import logging
from pathlib import Path

import bpy
from bpy.props import CollectionProperty, StringProperty

from ..inference.errors import reported
from ..inference.limits import FILE_SUFFIXES
from ..scene.image import open_image

log = logging.getLogger(__name__)


class TRIPOSR_OT_drop_image(bpy.types.Operator):
    """Build a colored mesh from each dropped picture"""

    bl_idname = "triposr.drop_image"
    bl_label = "Generate 3D Mesh (TripoSR)"
    bl_options = {"INTERNAL"}

    directory: StringProperty(subtype="DIR_PATH", options={"HIDDEN", "SKIP_SAVE"})
    files: CollectionProperty(
        type=bpy.types.OperatorFileListElement, options={"HIDDEN", "SKIP_SAVE"}
    )

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        _open_tab(context)
        return self._generate(context, "INVOKE_DEFAULT")

    def execute(self, context: bpy.types.Context) -> set[str]:
        return self._generate(context, "EXEC_DEFAULT")

    def _generate(self, context: bpy.types.Context, call_context: str) -> set[str]:
        paths = [Path(self.directory) / file.name for file in self.files]
        for path in paths:
            try:
                bpy.ops.triposr.generate(call_context, filepath=str(path))
            except RuntimeError as error:  # one bad picture does not stop the others
                self.report({"ERROR"}, reported(error))
        # The panel shows a single picture, so that other settings can be tried with it.
        if len(paths) == 1 and (image := open_image(paths[0])) is not None:
            context.scene.triposr.image = image
        return {"FINISHED"}


def _open_tab(context: bpy.types.Context) -> None:
    """Open the sidebar at our tab: what a drop started shows its progress there."""
    if context.area is None or context.area.type != "VIEW_3D":
        return
    context.area.spaces.active.show_region_ui = True
    sidebar = next(region for region in context.area.regions if region.type == "UI")
    try:
        sidebar.active_panel_category = "TripoSR"
    except (AttributeError, TypeError):  # before the sidebar's first drawing it has no tabs
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
