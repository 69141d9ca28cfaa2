"""Rebuilding an object from its picture, with the current settings."""

from __future__ import annotations

import bpy

from ..tasks.generate import regeneration
from ..tasks.queue import Task
from .needs_source import NeedsSource
from .starts_tasks import StartsTasks


class TRIPOSR_OT_regenerate(NeedsSource, StartsTasks, bpy.types.Operator):
    """Rebuild the active object from its picture, with the current model and settings"""

    bl_idname = "triposr.regenerate"
    bl_label = "Regenerate (TripoSR)"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return super().poll(context) and cls.may_start()

    def tasks(self, context: bpy.types.Context, is_clicked: bool) -> list[Task]:
        return [regeneration(context, context.object, is_clicked)]


classes = (TRIPOSR_OT_regenerate,)
