"""Base of operators that build objects from pictures."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_iface as iface_

from ..tasks.queue import Task
from ..tasks.session import pictures
from .reporting import do_now


class StartsTasks:
    """Base of operators that do `tasks`: beside Blender after a click, inline for a script."""

    # No UNDO: the undo step is pushed when the object arrives, not at the click.
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return cls.may_start()

    @classmethod
    def may_start(cls) -> bool:
        """Whether a task may start now; if not, the grayed-out button's tooltip says why."""
        if bpy.app.is_job_running("RENDER"):
            cls.poll_message_set(iface_("Wait until the render is done"))
            return False
        return True

    def tasks(self, context: bpy.types.Context, is_clicked: bool) -> list[Task]:
        """Make the tasks from data copied out of Blender; raises InputError if that fails."""
        raise NotImplementedError

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return self.start(context, True)

    def execute(self, context: bpy.types.Context) -> set[str]:
        return self.start(context, False)

    def start(self, context: bpy.types.Context, is_clicked: bool) -> set[str]:
        """Submit the tasks after a click, else do them now; a failed one does not stop the rest."""
        prepared = self.tasks(context, is_clicked)
        if is_clicked:
            for task in prepared:
                pictures.submit(task)
            return {"FINISHED"}
        finished = [do_now(self, task) == {"FINISHED"} for task in prepared]
        return {"FINISHED"} if any(finished) else {"CANCELLED"}
