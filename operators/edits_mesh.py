"""What operators that change an object's mesh have in common: its colors come anew, exactly."""

from __future__ import annotations

import bpy

from ..preferences import torch_folder
from ..runner import explain
from ..scene.mesh import check_editable
from ..scene.source import check_fits, recolor, source_of
from ..session import engine
from .needs_source import NeedsSource


class EditsMesh(NeedsSource):
    """Operators on the mesh of the active object, which was made from a picture."""

    bl_options = {"REGISTER", "UNDO"}

    def check_values(self) -> None:
        """Raise InputError for a value out of its range, before anything is changed."""

    def begin(self, context: bpy.types.Context) -> None:
        """What is done before the mesh must lie where it was made."""

    def edit(self, context: bpy.types.Context) -> None:
        """What is done to the mesh."""
        raise NotImplementedError

    def execute(self, context: bpy.types.Context) -> set[str]:
        target = context.object
        is_changed = False
        try:
            self.check_values()
            check_editable(target.data)
            code, placement = source_of(target)
            engine.import_torch(torch_folder(context))
            if target.data.users > 1:  # linked duplicates keep what they have
                target.data = target.data.copy()
            is_changed = True
            self.begin(context)
            check_fits(target.data, code, placement)
            self.edit(context)
            recolor(target, code, placement)
        except Exception as error:  # the boundary at which the artist is told
            self.report({"ERROR"}, str(explain(error)))
            # Finished, where something was changed, so that it can be undone.
            return {"FINISHED"} if is_changed else {"CANCELLED"}
        self.report({"INFO"}, f"{target.name}: {len(target.data.polygons):,} faces")
        return {"FINISHED"}


def apply_modifier(context: bpy.types.Context, kind: str, **settings: object) -> None:
    """Apply one of Blender's modifiers to the active object, before those that it has."""
    target = context.object
    modifier = target.modifiers.new("TripoSR", kind)
    for name, value in settings.items():
        setattr(modifier, name, value)
    target.modifiers.move(len(target.modifiers) - 1, 0)
    try:
        bpy.ops.object.modifier_apply(modifier=modifier.name)
    except RuntimeError:
        target.modifiers.remove(modifier)
        raise
