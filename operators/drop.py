"""Pictures dropped on the 3D viewport."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.props import CollectionProperty, StringProperty

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
        return self._generate("INVOKE_DEFAULT")

    def execute(self, context: bpy.types.Context) -> set[str]:
        return self._generate("EXEC_DEFAULT")

    def _generate(self, call_context: str) -> set[str]:
        for file in self.files:
            path = Path(self.directory) / file.name
            try:
                bpy.ops.triposr.generate(call_context, filepath=str(path))
            except RuntimeError as error:  # one bad picture does not stop the others
                self.report({"ERROR"}, str(error).removeprefix("Error: ").strip())
        return {"FINISHED"}


class TRIPOSR_FH_image(bpy.types.FileHandler):
    bl_idname = "TRIPOSR_FH_image"
    bl_label = "Picture for TripoSR"
    bl_import_operator = "triposr.drop_image"
    bl_file_extensions = EXTENSIONS

    @classmethod
    def poll_drop(cls, context: bpy.types.Context) -> bool:
        return context.area is not None and context.area.type == "VIEW_3D"


classes = (TRIPOSR_OT_drop_image, TRIPOSR_FH_image)
