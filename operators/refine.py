"""Other surfaces and colors of an object that was made from a picture, without the network."""

from __future__ import annotations

import bpy
import numpy as np
from bpy.props import BoolProperty, FloatProperty, IntProperty

from ..inference.message import Message
from ..inference.types import THRESHOLD_RANGE, MeshData, Tick, check_range, check_resolution
from ..preferences import preferences, threads, torch_folder
from ..properties import CLOSED, RESOLUTION, THRESHOLD, unlimited
from ..runner import Run, push_undo_step
from ..scene.fit import fit_check
from ..scene.mesh import check_editable, check_not_empty, fill, recolor
from ..scene.source import note_surface, source_of
from ..session import RECOLOR_STAGES, REFINE_STAGES, edits, engine, refinements
from .edits_mesh import EditsMesh, Target
from .picture_run import told_of


class TRIPOSR_OT_refine(EditsMesh, bpy.types.Operator):
    """Extract the surface again, without the network; what was edited by hand is replaced"""

    bl_idname = "triposr.refine"
    bl_label = "Refine (TripoSR)"

    resolution: IntProperty(**unlimited(RESOLUTION), options={"SKIP_SAVE"})
    threshold: FloatProperty(**unlimited(THRESHOLD), options={"SKIP_SAVE"})
    closed: BoolProperty(**CLOSED, options={"SKIP_SAVE"})

    def run(self, context: bpy.types.Context) -> Run:
        target = context.object
        resolution, threshold, closed = (
            self._or_as_it_was(name, target) for name in ("resolution", "threshold", "closed")
        )
        check_resolution(resolution)
        check_range("Threshold", threshold, THRESHOLD_RANGE)
        check_editable(target.data)
        code, placement = source_of(target)
        check_fit = fit_check(target, code, placement)
        before = Target.of(target)
        device, folder = preferences(context).device, torch_folder(context)
        is_clicked = self.is_clicked
        count = threads(context, is_clicked)

        def work(tick: Tick) -> MeshData:
            tick("extract", 0.0)
            engine.import_torch(folder)
            check_fit()
            surface = (resolution, threshold, closed)
            return engine.extract(code, *surface, device, tick, count, folder)

        def deliver(mesh: MeshData) -> Message:
            target = before.found_again()
            fill(target.data, mesh, placement)
            note_surface(target, resolution, threshold, closed)
            if is_clicked:
                push_undo_step(Message("Refine"))
            return told_of(target, mesh, target.triposr.is_draft)

        return Run(target.name, REFINE_STAGES, work, deliver)

    def _or_as_it_was(self, name: str, target: bpy.types.Object) -> float:
        """A setting, as the caller gives it or as the object has it."""
        is_given = self.properties.is_property_set(name)
        return getattr(self if is_given else target.triposr, name)


class TRIPOSR_OT_recolor(EditsMesh, bpy.types.Operator):
    """Color the vertices anew and exactly, whatever was done to the mesh"""

    bl_idname = "triposr.recolor"
    bl_label = "Recolor (TripoSR)"

    def run(self, context: bpy.types.Context) -> Run:
        target = context.object
        check_not_empty(target.data)
        code, placement = source_of(target)
        check_fit = fit_check(target, code, placement)
        before, mirrored = Target.of(target), target.triposr.mirrored
        device, folder = preferences(context).device, torch_folder(context)
        is_clicked = self.is_clicked
        count = threads(context, is_clicked)

        def work(tick: Tick) -> np.ndarray:
            tick("color", 0.0)
            engine.import_torch(folder)
            check_fit()
            points = placement.unplace(before.points, mirrored)
            return engine.color(code, points, device, tick, count, folder)

        def deliver(colors: np.ndarray) -> Message:
            target = before.found_again()
            recolor(target.data, before.points, colors)
            if is_clicked:
                push_undo_step(Message("Recolor"))
            return Message(
                "{name}: {count:,} vertices colored", name=target.name, count=len(colors)
            )

        return Run(target.name, RECOLOR_STAGES, work, deliver)


class TRIPOSR_OT_cancel_edit(bpy.types.Operator):
    """Stop what is being done to the mesh, which stays as it is"""

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
