"""Mirroring: replacing one half of an object with the mirror image of the other."""

from __future__ import annotations

import bpy

from ..preferences import machine
from ..properties import declaring
from ..settings import MIRROR
from ..tasks.edit import mirror
from ..tasks.queue import Task
from .edits_mesh import EditsMesh


class TRIPOSR_OT_mirror(declaring(MIRROR), EditsMesh, bpy.types.Operator):
    """Replace one half of the object with the mirror image of the better half, colors included"""

    bl_idname = "triposr.mirror"
    bl_label = "Mirror (TripoSR)"

    settings = MIRROR

    def task(self, context: bpy.types.Context) -> Task:
        this_machine = machine(context, self.is_clicked)
        return mirror(context.object, this_machine, self.is_clicked, **self.chosen())


classes = (TRIPOSR_OT_mirror,)
