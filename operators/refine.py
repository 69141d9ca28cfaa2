"""Other surfaces and colors of an object that was made from a picture, without the network."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, FloatProperty, IntProperty

from ..inference.message import Message
from ..inference.types import THRESHOLD_RANGE, check_range, check_resolution
from ..preferences import preferences, torch_folder
from ..properties import CLOSED, RESOLUTION, THRESHOLD, unlimited
from ..runner import report_outcome
from ..scene.fit import fit_check
from ..scene.mesh import check_editable, check_not_empty, fill, make_single_user
from ..scene.source import note_surface, recolor, source_of
from ..session import engine, refinements
from .needs_source import NeedsSource
from .picture_run import told_of


class TRIPOSR_OT_refine(NeedsSource, bpy.types.Operator):
    """Extract the surface again, without the network; what was edited by hand is replaced"""

    bl_idname = "triposr.refine"
    bl_label = "Refine (TripoSR)"
    bl_options = {"REGISTER", "UNDO"}

    resolution: IntProperty(**unlimited(RESOLUTION), options={"SKIP_SAVE"})
    threshold: FloatProperty(**unlimited(THRESHOLD), options={"SKIP_SAVE"})
    closed: BoolProperty(**CLOSED, options={"SKIP_SAVE"})

    def _take_from(self, source: bpy.types.PropertyGroup) -> None:
        """What the caller does not say is as it was."""
        for name in ("resolution", "threshold", "closed"):
            if not self.properties.is_property_set(name):
                setattr(self, name, getattr(source, name))

    def execute(self, context: bpy.types.Context) -> set[str]:
        self._take_from(context.object.triposr)
        return report_outcome(
            self, lambda: _refine(context, self.resolution, self.threshold, self.closed)
        )


def _refine(context: bpy.types.Context, resolution: int, threshold: float, closed: bool) -> Message:
    """Replace the active object's surface; returns what to tell."""
    check_resolution(resolution)
    check_range("Threshold", threshold, THRESHOLD_RANGE)
    target = context.object
    check_editable(target.data)
    code, placement = source_of(target)
    check_fit = fit_check(target, code, placement)
    device, folder = preferences(context).device, torch_folder(context)
    engine.import_torch(folder)
    check_fit()
    mesh = engine.extract(code, resolution, threshold, closed, device, torch_folder=folder)
    make_single_user(target)
    fill(target.data, mesh, placement)
    note_surface(target, resolution, threshold, closed)
    return told_of(target, mesh, target.triposr.is_draft)


class TRIPOSR_OT_recolor(NeedsSource, bpy.types.Operator):
    """Color the vertices anew and exactly, whatever was done to the mesh"""

    bl_idname = "triposr.recolor"
    bl_label = "Recolor (TripoSR)"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        return report_outcome(self, lambda: _recolor(context))


def _recolor(context: bpy.types.Context) -> Message:
    """Color the active object; returns what to tell."""
    target = context.object
    check_not_empty(target.data)
    code, placement = source_of(target)
    check_fit = fit_check(target, code, placement)
    engine.import_torch(torch_folder(context))
    check_fit()
    recolor(target, code, placement)
    count = len(target.data.vertices)
    return Message("{name}: {count:,} vertices colored", name=target.name, count=count)


class TRIPOSR_OT_dismiss_refinement(bpy.types.Operator):
    """Hide this message"""

    bl_idname = "triposr.dismiss_refinement"
    bl_label = "Dismiss"
    bl_options = {"INTERNAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        refinements.dismiss()
        return {"FINISHED"}


classes = (TRIPOSR_OT_refine, TRIPOSR_OT_recolor, TRIPOSR_OT_dismiss_refinement)
