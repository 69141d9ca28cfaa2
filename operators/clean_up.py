"""Mesh cleanup with Blender's own tools: no floaters, no holes, smoother, fewer faces."""

from __future__ import annotations

import bpy

from ..preferences import machine
from ..properties import declaring
from ..settings import CLEAN_UP
from ..tasks.edit import clean_up
from ..tasks.queue import Task
from .edits_mesh import EditsMesh


class TRIPOSR_OT_clean_up(declaring(CLEAN_UP, limited=False), EditsMesh, bpy.types.Operator):
    """Remove loose parts, fill holes, smooth and reduce faces; colors stay exact"""

    bl_idname = "triposr.clean_up"
    bl_label = "Clean Up Mesh (TripoSR)"

    settings = CLEAN_UP

    def task(self, context: bpy.types.Context) -> Task:
        this_machine = machine(context, self.is_clicked)
        return clean_up(context.object, this_machine, self.is_clicked, **self.chosen())


classes = (TRIPOSR_OT_clean_up,)
