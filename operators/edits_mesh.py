"""Base of operators that change an object's mesh."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_iface as iface_
from bpy.props import BoolProperty

from ..inference.errors import InputError
from ..settings import Setting, checked, values_of
from ..tasks.queue import Task
from ..tasks.session import edits, refinements
from .needs_source import NeedsSource
from .reporting import do_now


class EditsMesh(NeedsSource):
    """Base of operators that edit the active object's mesh: after a click, beside Blender; for a
    script, while it waits.
    """

    # No UNDO: after a click, the undo step is pushed when the new mesh arrives. A script pushes its
    # own steps.
    bl_options = {"REGISTER"}

    asks: BoolProperty(
        description="Ask for the settings first, even if some are given",
        options={"SKIP_SAVE", "HIDDEN"},
    )

    settings: tuple[Setting, ...] = ()
    """Settings that a click asks for first, unless the button sets any of them."""

    is_clicked = False

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if edits.is_running():
            cls.poll_message_set(iface_("Wait until the mesh edit is done, or cancel it"))
            return False
        return super().poll(context)

    def task(self, context: bpy.types.Context) -> Task:
        """Make the task from data copied out of Blender; raises InputError if that fails."""
        raise NotImplementedError

    def chosen(self) -> dict[str, object]:
        """Settings by name; raises InputError for a value out of its range."""
        return checked(self.settings, values_of(self.settings, self))

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        self.is_clicked = True
        is_given = any(self.properties.is_property_set(each.name) for each in self.settings)
        if self.settings and (self.asks or not is_given) and context.window is not None:
            return context.window_manager.invoke_props_dialog(self)
        return self.execute(context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        if self.is_clicked and refinements.is_running():
            raise InputError(
                "Another surface of the object is being extracted", "Try again when it is done"
            )
        task = self.task(context)
        if not self.is_clicked:
            return do_now(self, task)
        edits.submit(task)
        return {"FINISHED"}
