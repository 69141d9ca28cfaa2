"""Remeshing with Blender's own tools: even faces in place of the lattice's triangles."""

from __future__ import annotations

import bpy

from ..preferences import machine
from ..properties import declaring
from ..settings import REMESH
from ..tasks.edit import remesh
from ..tasks.queue import Task
from .edits_mesh import EditsMesh


class TRIPOSR_OT_remesh(declaring(REMESH, limited=False), EditsMesh, bpy.types.Operator):
    """Replace the faces with even ones: voxels, or quads along the shape; colors stay exact"""

    bl_idname = "triposr.remesh"
    bl_label = "Remesh (TripoSR)"

    settings = REMESH

    def task(self, context: bpy.types.Context) -> Task:
        this_machine = machine(context, self.is_clicked)
        return remesh(context.object, this_machine, self.is_clicked, **self.chosen())

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.prop(self, "kind")
        layout.prop(self, "voxel_size" if self.kind == "voxel" else "faces")


classes = (TRIPOSR_OT_remesh,)
