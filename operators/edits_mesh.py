"""What operators that change an object's mesh have in common: its colors come anew, exactly."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import bmesh
import bpy

from ..inference.errors import InputError
from ..inference.message import Message
from ..preferences import torch_folder
from ..runner import report_outcome
from ..scene.fit import check_not_moved, fit_check
from ..scene.mesh import check_editable, check_not_empty, make_single_user
from ..scene.placement import Placement
from ..scene.source import recolor, source_of
from ..session import engine
from .needs_source import NeedsSource


class EditsMesh(NeedsSource):
    """Operators on the mesh of the active object, which was made from a picture."""

    bl_options = {"REGISTER", "UNDO"}

    def check_values(self) -> None:
        """Raise InputError for a value out of its range, before anything is changed."""

    def begin(self, context: bpy.types.Context) -> None:
        """What is done before the mesh must lie where it was made."""

    def edit(self, context: bpy.types.Context, placement: Placement) -> None:
        """What is done to the mesh."""
        raise NotImplementedError

    def execute(self, context: bpy.types.Context) -> set[str]:
        return report_outcome(self, lambda: self._edit_and_color(context))

    def _edit_and_color(self, context: bpy.types.Context) -> Message:
        """All that is done; returns what to tell."""
        target = context.object
        self.check_values()
        check_editable(target.data)
        check_not_empty(target.data)
        code, placement = source_of(target)
        engine.import_torch(torch_folder(context))
        check_not_moved(target.data)
        with _whole_or_not_at_all(target):
            self.begin(context)
            fit_check(target, code, placement)()
            self.edit(context, placement)
            if not len(target.data.polygons):
                raise InputError("Nothing would be left of the mesh", "Ask for more faces")
            recolor(target, code, placement)
        count = len(target.data.polygons)
        return Message("{name}: {count:,} faces", name=target.name, count=count)


@contextmanager
def _whole_or_not_at_all(target: bpy.types.Object) -> Iterator[None]:
    """Work on an object's own mesh; if that fails, the object has again what it had."""
    shared, mirrored = target.data, target.triposr.mirrored
    make_single_user(target)
    before = bmesh.new()
    try:
        before.from_mesh(target.data)
        yield
    except BaseException:
        target.triposr.mirrored = mirrored
        if target.data == shared:
            before.to_mesh(target.data)
            target.data.update()
        else:
            own, target.data = target.data, shared
            bpy.data.meshes.remove(own)
        raise
    finally:
        before.free()


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
