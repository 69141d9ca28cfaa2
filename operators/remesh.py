"""Even faces in place of the lattice's triangles, by Blender's own remeshers."""

from __future__ import annotations

import bpy
from bpy.props import EnumProperty, FloatProperty, IntProperty

from ..inference.message import Message
from ..inference.types import check_range
from ..properties import check_declared, unlimited
from ..runner import Run
from ..scene.mesh_edits import Step
from .edits_mesh import EditsMesh
from .tool_run import tool_run

VOXEL_RANGE = (0.0, 1e6)
"""Object units."""

QUADS = {
    "name": "Faces",
    "description": "Number of quads, about",
    "min": 100,
    "max": 1_000_000,
    "soft_min": 100,
    "soft_max": 50_000,
    "default": 5_000,
}


class TRIPOSR_OT_remesh(EditsMesh, bpy.types.Operator):
    """Replace the faces by even ones, of voxels or of quads that follow the shape; colors stay"""

    bl_idname = "triposr.remesh"
    bl_label = "Remesh (TripoSR)"

    kind: EnumProperty(
        name="Method",
        description="How the new faces are made",
        items=(
            ("voxel", "Voxel", "A grid: closed and even, joins what overlaps; good for sculpting"),
            ("quads", "Quads", "Quads that follow the shape (QuadriFlow); takes some seconds"),
        ),
        default="voxel",
    )
    voxel_size: FloatProperty(
        name="Voxel Size",
        description="Side of a voxel; 0: the longest side's 128th part",
        subtype="DISTANCE",
        soft_min=0.0,
        default=0.0,
        precision=4,
    )
    faces: IntProperty(**unlimited(QUADS))

    settings = ("kind", "voxel_size", "faces")

    def run(self, context: bpy.types.Context) -> Run:
        check_range("Voxel size", self.voxel_size, VOXEL_RANGE)
        check_declared(QUADS, self.faces)
        step: Step = ("voxels", {"size": self.voxel_size})
        if self.kind == "quads":
            step = ("quads", {"faces": self.faces})
        return tool_run(context, Message("Remesh"), [step], self.is_clicked)

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.prop(self, "kind")
        layout.prop(self, "voxel_size" if self.kind == "voxel" else "faces")


classes = (TRIPOSR_OT_remesh,)
