"""Textures for engines, phones and programs that show no vertex colors."""

from __future__ import annotations

import bpy

from ..preferences import machine
from ..properties import declaring
from ..settings import TEXTURE
from ..tasks.queue import Task
from ..tasks.texture import texturing
from .edits_mesh import EditsMesh


class TRIPOSR_OT_texture(declaring(TEXTURE, limited=False), EditsMesh, bpy.types.Operator):
    """Reduce and unwrap the mesh, and draw its colors and shading into textures"""

    bl_idname = "triposr.texture"
    bl_label = "Texture (TripoSR)"

    settings = TEXTURE

    def task(self, context: bpy.types.Context) -> Task:
        this_machine = machine(context, self.is_clicked)
        return texturing(context, context.object, this_machine, self.is_clicked, **self.chosen())


classes = (TRIPOSR_OT_texture,)
