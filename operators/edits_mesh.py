"""What operators that change an object's mesh have in common."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_iface as iface_
from bpy.props import BoolProperty

from ..inference.errors import InputError
from ..settings import Setting
from ..tasks.queue import Task
from ..tasks.session import edits, refinements
from .needs_source import NeedsSource
from .reporting import do_now


class EditsMesh(NeedsSource):
    """Operators on the mesh of the active object: beside Blender for who clicks, else at once."""

    # Without UNDO: a click's step belongs to the moment when the new mesh arrives. A script's steps
    # are its own, or its caller's.
    bl_options = {"REGISTER"}

    asks: BoolProperty(
        description="Ask for the settings first, although some are given",
        options={"SKIP_SAVE", "HIDDEN"},
    )

    settings: tuple[Setting, ...] = ()
    """Those that a click asks for first, unless its caller gives any of them."""

    is_clicked = False

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if edits.is_running():
            cls.poll_message_set(iface_("Wait until the mesh is done, or cancel that"))
            return False
        return super().poll(context)

    def task(self, context: bpy.types.Context) -> Task:
        """Copy what is to be done out of Blender; raises InputError if it cannot be done."""
        raise NotImplementedError

    def chosen(self) -> dict[str, object]:
        """The settings by name; raises InputError for a value out of its range."""
        values = {setting.name: getattr(self, setting.name) for setting in self.settings}
        for setting in self.settings:
            setting.check(values[setting.name])
        return values

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        self.is_clicked = True
        is_given = any(self.properties.is_property_set(each.name) for each in self.settings)
        if self.settings and (self.asks or not is_given) and context.window is not None:
            return context.window_manager.invoke_props_dialog(self)
        return self.execute(context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        if self.is_clicked and refinements.is_running():
            raise InputError(
                "Another surface of the object is on its way", "Try again when it is there"
            )
        task = self.task(context)
        if not self.is_clicked:
            return do_now(self, task)
        edits.submit(task)
        return {"FINISHED"}
