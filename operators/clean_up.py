"""A mesh one can use: no floaters, smoother, fewer faces; with Blender's own modifiers, and colors
asked from the scene code again.
"""

from __future__ import annotations

import bpy
from bpy.props import FloatProperty, IntProperty

from ..preferences import torch_folder
from ..runner import explain
from ..scene.mesh import check_editable, keep_parts
from ..scene.source import check_fits, recolor, source_of
from ..session import engine
from .refine import NeedsSource


class TRIPOSR_OT_clean_up(NeedsSource, bpy.types.Operator):
    """Remove loose parts, smooth the surface and reduce its faces; colors stay exact"""

    bl_idname = "triposr.clean_up"
    bl_label = "Clean Up Mesh (TripoSR)"
    bl_options = {"REGISTER", "UNDO"}

    floaters: FloatProperty(
        name="Remove Floaters",
        description="Loose parts with less than this part of the largest one's vertices are "
        "removed; 1 keeps the largest only",
        min=0.0,
        max=1.0,
        default=0.05,
        subtype="FACTOR",
    )
    smooth: IntProperty(
        name="Smooth",
        description="Passes of Laplacian smoothing, which keeps the volume",
        min=0,
        soft_max=20,
        max=200,
        default=0,
    )
    faces: IntProperty(
        name="Faces",
        description="Number of triangles to reduce the mesh to; 0 keeps all",
        min=0,
        soft_max=200_000,
        default=0,
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        target = context.object
        is_changed = False
        try:
            check_editable(target.data)
            code, placement = source_of(target)
            engine.import_torch(torch_folder(context))
            if target.data.users > 1:  # linked duplicates keep what they have
                target.data = target.data.copy()
            is_changed = True
            if self.floaters:
                keep_parts(target.data, self.floaters)
            check_fits(target.data, code, placement)
            if self.smooth:
                _apply(context, "LAPLACIANSMOOTH", iterations=self.smooth, lambda_factor=0.5)
            count = len(target.data.polygons)
            if 0 < self.faces < count:
                _apply(context, "DECIMATE", ratio=self.faces / count)
            recolor(target.data, code, placement)
        except Exception as error:  # the boundary at which the artist is told
            self.report({"ERROR"}, str(explain(error)))
            # Finished, where something was changed, so that it can be undone.
            return {"FINISHED"} if is_changed else {"CANCELLED"}
        self.report({"INFO"}, f"{target.name}: {len(target.data.polygons):,} faces")
        return {"FINISHED"}


def _apply(context: bpy.types.Context, kind: str, **settings: object) -> None:
    """Apply one of Blender's modifiers to the active object, before those that it has."""
    target = context.object
    modifier = target.modifiers.new("TripoSR", kind)
    for name, value in settings.items():
        setattr(modifier, name, value)
    target.modifiers.move(len(target.modifiers) - 1, 0)
    try:
        bpy.ops.object.modifier_apply(modifier=modifier.name)
    except RuntimeError:
        target.modifiers.remove(modifier)
        raise


classes = (TRIPOSR_OT_clean_up,)
