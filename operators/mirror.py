"""Symmetry: one half of an object becomes the mirror image of the other."""

from __future__ import annotations

import bpy
from bpy.props import EnumProperty

from ..inference.message import Message
from ..runner import Run
from ..scene.source import source_of
from .edits_mesh import EditsMesh
from .tool_run import tool_run


class TRIPOSR_OT_mirror(EditsMesh, bpy.types.Operator):
    """Replace one half of the object by the mirror image of the better one, with its colors"""

    bl_idname = "triposr.mirror"
    bl_label = "Mirror (TripoSR)"

    keep: EnumProperty(
        name="Keep",
        description="The half that is kept; the plane between them is the middle of the picture",
        items=(
            ("auto", "Automatic", "The half with more surface: what is missing has none"),
            ("left", "Left", "The half on the side of the object's own -X"),
            ("right", "Right", "The half on the side of the object's own X"),
        ),
        default="auto",
    )

    settings = ("keep",)

    def run(self, context: bpy.types.Context) -> Run:
        _, placement = source_of(context.object)
        settings = {"middle": placement.middle, "keep": self.keep}
        return tool_run(context, Message("Mirror"), [("mirror", settings)], self.is_clicked)


classes = (TRIPOSR_OT_mirror,)
