"""Pictures dropped on the 3D viewport."""

from __future__ import annotations

import logging
from pathlib import Path

import bpy
from bpy.props import CollectionProperty, StringProperty

log = logging.getLogger(__name__)

EXTENSIONS = ".png;.jpg;.jpeg;.webp;.bmp;.tif;.tiff;.gif;.tga"


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
        return self._generate(context, "INVOKE_DEFAULT")

    def execute(self, context: bpy.types.Context) -> set[str]:
        return self._generate(context, "EXEC_DEFAULT")

    def _generate(self, context: bpy.types.Context, call_context: str) -> set[str]:
        paths = [Path(self.directory) / file.name for file in self.files]
        if len(paths) == 1:
            _show_in_panel(context, paths[0])
        for path in paths:
            try:
                bpy.ops.triposr.generate(call_context, filepath=str(path))
            except RuntimeError as error:  # one bad picture does not stop the others
                self.report({"ERROR"}, str(error).removeprefix("Error: ").strip())
        return {"FINISHED"}


def _show_in_panel(context: bpy.types.Context, path: Path) -> None:
    """Make a dropped picture the panel's, so that the artist can try other settings with it."""
    try:
        context.scene.triposr.image = bpy.data.images.load(str(path), check_existing=True)
    except RuntimeError:  # Blender cannot read it; the run will say what is wrong with it
        log.info("Blender cannot open %s", path.name)


class TRIPOSR_FH_image(bpy.types.FileHandler):
    bl_idname = "TRIPOSR_FH_image"
    bl_label = "Picture for TripoSR"
    bl_import_operator = "triposr.drop_image"
    bl_file_extensions = EXTENSIONS

    @classmethod
    def poll_drop(cls, context: bpy.types.Context) -> bool:
        return context.area is not None and context.area.type == "VIEW_3D"


classes = (TRIPOSR_OT_drop_image, TRIPOSR_FH_image)
