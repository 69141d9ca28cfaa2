"""Even faces in place of the lattice's triangles, by Blender's own remeshers."""

from __future__ import annotations

import bpy
from bpy.props import EnumProperty, FloatProperty, IntProperty

from ..inference.errors import InputError, reported
from ..inference.types import check_range
from ..properties import unlimited
from .edits_mesh import EditsMesh, apply_modifier

VOXELS = 128
"""Along the longest side, where no size is given: about what the network knows."""

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

    def check_values(self) -> None:
        check_range("Voxel size", self.voxel_size, VOXEL_RANGE)
        check_range("Faces", self.faces, (QUADS["min"], QUADS["max"]))

    def edit(self, context: bpy.types.Context) -> None:
        target = context.object
        if self.kind == "quads":
            _into_quads(context, self.faces)
        else:
            corners = [corner[:] for corner in target.bound_box]
            sides = [max(values) - min(values) for values in zip(*corners, strict=True)]
            least = max(sides) / 1024  # beyond, a laptop's memory ends
            size = max(self.voxel_size, least) if self.voxel_size else max(sides) / VOXELS
            apply_modifier(context, "REMESH", mode="VOXEL", voxel_size=size, use_smooth_shade=True)
        target.data.shade_smooth()

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.prop(self, "kind")
        layout.prop(self, "voxel_size" if self.kind == "voxel" else "faces")


def _into_quads(context: bpy.types.Context, faces: int) -> None:
    try:
        done = bpy.ops.object.quadriflow_remesh(mode="FACES", target_faces=faces)
    except RuntimeError as error:  # what it reports: the mesh is not closed, or not manifold
        raise InputError(
            f"Blender cannot make quads of this mesh ({reported(error)})",
            "Remesh it with Voxel first",
        ) from error
    if done != {"FINISHED"}:
        raise InputError("Blender cannot make quads of this mesh", "Remesh it with Voxel first")


classes = (TRIPOSR_OT_remesh,)
