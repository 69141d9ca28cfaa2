"""A mesh one can use: no floaters, no holes, smoother, fewer faces; by Blender's own modifiers."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, FloatProperty, IntProperty

from ..properties import check_declared, unlimited
from ..scene.mesh import fill_holes, keep_parts, triangulate
from ..scene.placement import Placement
from .edits_mesh import EditsMesh, apply_modifier

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

    def check_values(self) -> None:
        for of, value in ((FLOATERS, self.floaters), (SMOOTH, self.smooth), (FACES, self.faces)):
            check_declared(of, value)

    def begin(self, context: bpy.types.Context) -> None:
        if self.floaters:
            keep_parts(context.object.data, self.floaters)

    def edit(self, context: bpy.types.Context, placement: Placement) -> None:
        if self.holes:
            fill_holes(context.object.data)
        if self.smooth:
            apply_modifier(context, "LAPLACIANSMOOTH", iterations=self.smooth, lambda_factor=0.5)
        if 0 < self.faces < len(context.object.data.polygons):
            triangulate(context.object.data)  # the budget is one of triangles
            count = len(context.object.data.polygons)
            apply_modifier(context, "DECIMATE", ratio=self.faces / count)


classes = (TRIPOSR_OT_clean_up,)
