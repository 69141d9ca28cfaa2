"""A mesh one can use: no floaters, no holes, smoother, fewer faces; by Blender's own tools."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, FloatProperty, IntProperty

from ..inference.message import Message
from ..properties import check_declared, unlimited
from ..runner import Run
from ..scene.mesh_edits import Step
from .edits_mesh import EditsMesh
from .tool_run import tool_run

FLOATERS = {
    "name": "Remove Floaters",
    "description": "Loose parts with less than this part of the largest one's vertices are "
    "removed; 1 keeps the largest only",
    "min": 0.0,
    "max": 1.0,
    "soft_min": 0.0,
    "soft_max": 1.0,
    "default": 0.05,
    "subtype": "FACTOR",
}
SMOOTH = {
    "name": "Smooth",
    "description": "Passes of Laplacian smoothing, which keeps the volume",
    "min": 0,
    "max": 200,
    "soft_min": 0,
    "soft_max": 20,
    "default": 0,
}
FACES = {
    "name": "Faces",
    "description": "Number of triangles to reduce the mesh to; 0 keeps all",
    "min": 0,
    "max": 100_000_000,
    "soft_min": 0,
    "soft_max": 200_000,
    "default": 0,
}


class TRIPOSR_OT_clean_up(EditsMesh, bpy.types.Operator):
    """Remove loose parts, fill holes, smooth and reduce faces; colors stay exact"""

    bl_idname = "triposr.clean_up"
    bl_label = "Clean Up Mesh (TripoSR)"

    floaters: FloatProperty(**unlimited(FLOATERS))
    holes: BoolProperty(
        name="Fill Holes", description="Close the surface, as 3D printing needs", default=True
    )
    smooth: IntProperty(**unlimited(SMOOTH))
    faces: IntProperty(**unlimited(FACES))

    settings = ("floaters", "holes", "smooth", "faces")

    def run(self, context: bpy.types.Context) -> Run:
        for of, value in ((FLOATERS, self.floaters), (SMOOTH, self.smooth), (FACES, self.faces)):
            check_declared(of, value)
        steps: list[Step] = []
        if self.holes:
            steps.append(("fill_holes", {}))
        if self.smooth:
            steps.append(("smooth", {"passes": self.smooth}))
        if self.faces:
            steps.append(("reduce", {"faces": self.faces}))
        return tool_run(context, Message("Clean Up"), steps, self.is_clicked, self.floaters)


classes = (TRIPOSR_OT_clean_up,)
