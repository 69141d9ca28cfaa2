"""Other surfaces and colors of an object that was made from a picture, without the network."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, FloatProperty, IntProperty

from ..inference.types import THRESHOLD_RANGE, check_range, check_resolution
from ..preferences import preferences, torch_folder
from ..properties import CLOSED, RESOLUTION, THRESHOLD, unlimited
from ..runner import explain
from ..scene.mesh import check_editable, fill
from ..scene.source import fitting_source_of, has_source, recolor
from ..session import engine


class NeedsSource:
    """Operators on the active object, which was made from a picture."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not has_source(context.object):
            cls.poll_message_set("Select an object that was made from a picture")
            return False
        if context.object.library or context.object.data.library:
            cls.poll_message_set("The object belongs to a linked file")
            return False
        if context.mode != "OBJECT":
            cls.poll_message_set("Switch to Object Mode")
            return False
        return True


class TRIPOSR_OT_refine(NeedsSource, bpy.types.Operator):
    """Extract the surface again at another resolution and threshold, without the network. What was
    edited by hand is replaced
    """

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
        try:
            faces = refine(context, self.resolution, self.threshold, self.closed)
        except Exception as error:  # the boundary at which the artist is told
            self.report({"ERROR"}, str(explain(error)))
            return {"CANCELLED"}
        self.report({"INFO"}, f"{context.object.name}: {faces:,} triangles")
        return {"FINISHED"}


def refine(context: bpy.types.Context, resolution: int, threshold: float, closed: bool) -> int:
    """Replace the active object's surface; returns its number of triangles."""
    check_resolution(resolution)
    check_range("Threshold", threshold, THRESHOLD_RANGE)
    target = context.object
    check_editable(target.data)
    code, placement = fitting_source_of(target)
    engine.import_torch(torch_folder(context))
    # Imported here, because it imports torch.
    from ..inference.extraction import extract_mesh

    device = preferences(context).device
    mesh = extract_mesh(code, resolution, threshold, device=device, closed=closed)
    fill(target.data, mesh, placement)
    source = target.triposr
    source.resolution, source.threshold, source.closed = resolution, threshold, closed
    return len(mesh.faces)


class TRIPOSR_OT_recolor(NeedsSource, bpy.types.Operator):
    """Color the vertices anew from the object's scene code, exactly, whatever was done to the mesh:
    after sculpting, remeshing, decimating or subdividing
    """

    bl_idname = "triposr.recolor"
    bl_label = "Recolor (TripoSR)"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        target = context.object
        try:
            code, placement = fitting_source_of(target)
            engine.import_torch(torch_folder(context))
            recolor(target.data, code, placement)
        except Exception as error:  # the boundary at which the artist is told
            self.report({"ERROR"}, str(explain(error)))
            return {"CANCELLED"}
        self.report({"INFO"}, f"{target.name}: {len(target.data.vertices):,} vertices colored")
        return {"FINISHED"}


classes = (TRIPOSR_OT_refine, TRIPOSR_OT_recolor)
