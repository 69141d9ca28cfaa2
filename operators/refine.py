"""Extracting an object's surface again and recomputing its colors, without the network."""

from __future__ import annotations

from dataclasses import replace

import bpy
from bpy.app.translations import pgettext_tip as tip_

from ..preferences import machine
from ..properties import declaring
from ..scene.source import surface_of
from ..settings import RECOLOR, SURFACE, checked, values_of
from ..tasks.queue import Task
from ..tasks.refine import coloring, extraction
from ..tasks.session import edits, refinements
from .edits_mesh import EditsMesh


class TRIPOSR_OT_refine(
    declaring(SURFACE, limited=False, options={"SKIP_SAVE"}), EditsMesh, bpy.types.Operator
):
    """Extract the surface again, without the network; this replaces edits made by hand"""

    bl_idname = "triposr.refine"
    bl_label = "Refine (TripoSR)"

    def task(self, context: bpy.types.Context) -> Task:
        target, this_machine = context.object, machine(context, self.is_clicked)
        names = [each.name for each in SURFACE if self.properties.is_property_set(each.name)]
        surface = replace(surface_of(target), **{name: getattr(self, name) for name in names})
        return extraction(target, this_machine, self.is_clicked, surface)


class TRIPOSR_OT_recolor(
    declaring(RECOLOR, limited=False, options={"SKIP_SAVE"}), EditsMesh, bpy.types.Operator
):
    """Compute the exact vertex colors again, however the mesh was edited"""

    bl_idname = "triposr.recolor"
    bl_label = "Recolor (TripoSR)"

    @classmethod
    def description(cls, context: bpy.types.Context, properties: object) -> str:
        if properties.photo:
            return tip_(
                "Color the vertices that the picture's camera sees with the picture's own pixels; "
                "a texture stays as it is"
            )
        return tip_(cls.__doc__)

    def task(self, context: bpy.types.Context) -> Task:
        this_machine = machine(context, self.is_clicked)
        chosen = checked(RECOLOR, values_of(RECOLOR, self))
        return coloring(context, context.object, this_machine, self.is_clicked, **chosen)


class TRIPOSR_OT_cancel_edit(bpy.types.Operator):
    """Stop editing the mesh, and leave it as it is"""

    bl_idname = "triposr.cancel_edit"
    bl_label = "Cancel Editing the Mesh (TripoSR)"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return edits.is_running()

    def execute(self, context: bpy.types.Context) -> set[str]:
        edits.cancel_all()
        return {"FINISHED"}


class TRIPOSR_OT_dismiss_refinement(bpy.types.Operator):
    """Hide this message"""

    bl_idname = "triposr.dismiss_refinement"
    bl_label = "Dismiss"
    bl_options = {"INTERNAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        refinements.dismiss()
        edits.dismiss()
        return {"FINISHED"}


classes = (
    TRIPOSR_OT_refine,
    TRIPOSR_OT_recolor,
    TRIPOSR_OT_cancel_edit,
    TRIPOSR_OT_dismiss_refinement,
)
