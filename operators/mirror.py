"""Symmetry: one half of an object becomes the mirror image of the other."""

from __future__ import annotations

import bpy
import numpy as np
from bpy.props import EnumProperty
from mathutils import Matrix

from ..scene.mesh import longest_side
from ..scene.placement import Placement
from .edits_mesh import EditsMesh, apply_modifier

MERGED = 1e-5
"""Distance at which vertices of both halves are the same, over the longest side."""


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

    def edit(self, context: bpy.types.Context, placement: Placement) -> None:
        target, note = context.object, context.object.triposr
        target.data.transform(Matrix.Translation((-placement.middle, 0, 0)))
        half = _larger_half(target.data) if self.keep == "auto" else self.keep
        apply_modifier(
            context,
            "MIRROR",
            use_axis=(True, False, False),
            use_bisect_axis=(True, False, False),
            use_bisect_flip_axis=(half == "left", False, False),
            bisect_threshold=MERGED * longest_side(target.data),
            merge_threshold=MERGED * longest_side(target.data),
            use_clip=True,
        )
        target.data.transform(Matrix.Translation((placement.middle, 0, 0)))
        # Mirrored once more, both halves still have the colors of the one that was kept first.
        if note.mirrored == "none":
            note.mirrored = half


def _larger_half(data: bpy.types.Mesh) -> str:
    """The half with more surface."""
    count = len(data.polygons)
    areas, centers = np.empty(count, np.float32), np.empty((count, 3), np.float32)
    data.polygons.foreach_get("area", areas)
    data.polygons.foreach_get("center", centers.ravel())
    is_left = centers[:, 0] < 0
    return "left" if areas[is_left].sum() > areas[~is_left].sum() else "right"


classes = (TRIPOSR_OT_mirror,)
