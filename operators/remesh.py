"""Even faces in place of the lattice's triangles, by Blender's own remeshers."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import bpy
from bpy.props import EnumProperty, FloatProperty, IntProperty
from mathutils import Matrix

from ..inference.errors import InputError
from ..inference.types import check_range
from ..properties import check_declared, unlimited
from ..scene.mesh import longest_side
from ..scene.placement import Placement
from ..texts import reported
from .edits_mesh import EditsMesh, apply_modifier

log = logging.getLogger(__name__)

VOXELS = 128
"""Along the longest side, where no size is given: about what the network knows."""

MOST_VOXELS = 1024
"""Along the longest side: beyond, a laptop's memory ends."""

LARGE = 1e4
"""Longest side, in object units, of what Blender remeshes."""

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
        check_declared(QUADS, self.faces)

    def edit(self, context: bpy.types.Context, placement: Placement) -> None:
        with _large(context.object) as factor:
            if self.kind == "quads":
                _into_quads(context, self.faces)
            else:
                _into_voxels(context, self.voxel_size * factor or LARGE / VOXELS)
        context.object.data.shade_smooth()

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.prop(self, "kind")
        layout.prop(self, "voxel_size" if self.kind == "voxel" else "faces")


@contextmanager
def _large(target: bpy.types.Object) -> Iterator[float]:
    """Let Blender see an object's mesh `LARGE`; gives the factor.

    Its remeshers have lengths that they take for nothing: voxels are at least 0.0001 units, and
    QuadriFlow refuses edges that are shorter, which a lattice's surface has.
    """
    factor = LARGE / longest_side(target.data)
    target.data.transform(Matrix.Scale(factor, 4))
    try:
        yield factor
    finally:
        target.data.transform(Matrix.Scale(1 / factor, 4))


def _into_voxels(context: bpy.types.Context, size: float) -> None:
    size = max(size, LARGE / MOST_VOXELS)
    apply_modifier(context, "REMESH", mode="VOXEL", voxel_size=size, use_smooth_shade=True)


def _into_quads(context: bpy.types.Context, faces: int) -> None:
    if _quadriflow(faces):
        return
    _into_voxels(context, LARGE / VOXELS)  # it takes closed surfaces only
    if not _quadriflow(faces):
        raise InputError(
            "Blender cannot make quads of this mesh", "Choose Voxel, or another number of faces"
        )


def _quadriflow(faces: int) -> bool:
    """Let Blender make about that many quads of the active object; whether it could."""
    try:
        return bpy.ops.object.quadriflow_remesh(mode="FACES", target_faces=faces) == {"FINISHED"}
    except RuntimeError as error:  # what it reports: the mesh is not closed
        log.info("QuadriFlow: %s", reported(error))
        return False


classes = (TRIPOSR_OT_remesh,)
