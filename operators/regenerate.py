"""The whole way once more for an object, with today's settings."""

from __future__ import annotations

import bpy

from ..runner import Run
from ..scene.placement import Spot
from .needs_source import NeedsSource
from .picture_run import Chosen, kept_source, picture_run
from .starts_runs import StartsRuns


class TRIPOSR_OT_regenerate(NeedsSource, StartsRuns, bpy.types.Operator):
    """Build the active object anew from its picture, with the present model and settings"""

    bl_idname = "triposr.regenerate"
    bl_label = "Regenerate (TripoSR)"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return super().poll(context) and cls.may_start()

    def runs(self, context: bpy.types.Context, is_clicked: bool) -> list[Run]:
        target = context.object
        return [
            picture_run(
                context,
                kept_source(target),
                Chosen(context.scene.triposr),
                Spot(tuple(target.matrix_world.translation)),
                is_clicked,
                target=target,
                title=target.name,
            )
        ]


classes = (TRIPOSR_OT_regenerate,)
