"""Symmetry: one half of an object becomes the mirror image of the other."""

from __future__ import annotations

import bpy
import numpy as np
from bpy.props import EnumProperty

from .edits_mesh import EditsMesh, apply_modifier


class TRIPOSR_OT_mirror(EditsMesh, bpy.types.Operator):
    """Replace one half of the object by the mirror image of the better one, with its colors"""

    bl_idname = "triposr.mirror"
    bl_label = "Mirror (TripoSR)"

    keep: EnumProperty(
        name="Keep",
        description="The half that is kept, as the front view (Numpad 1) shows it",
        items=(
            ("auto", "Automatic", "The half with more surface: what is missing has none"),
            ("left", "Left", "The half on the side of -X"),
            ("right", "Right", "The half on the side of +X"),
        ),
        default="auto",
    )

    def edit(self, context: bpy.types.Context) -> None:
        target = context.object
        half = _larger_half(target.data) if self.keep == "auto" else self.keep
        apply_modifier(
            context,
            "MIRROR",
            use_axis=(True, False, False),
            use_bisect_axis=(True, False, False),
            use_bisect_flip_axis=(half == "left", False, False),
            use_clip=True,
        )
        target.triposr.mirrored = half


def _larger_half(data: bpy.types.Mesh) -> str:
    """The half with more surface."""
    count = len(data.polygons)
    areas, centers = np.empty(count, np.float32), np.empty((count, 3), np.float32)
    data.polygons.foreach_get("area", areas)
    data.polygons.foreach_get("center", centers.ravel())
    is_left = centers[:, 0] < 0
    return "left" if areas[is_left].sum() > areas[~is_left].sum() else "right"


classes = (TRIPOSR_OT_mirror,)
