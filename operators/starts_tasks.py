"""What operators that turn pictures into objects have in common."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_iface as iface_

from ..tasks.queue import Task
from ..tasks.session import pictures
from .reporting import do_now


class StartsTasks:
    """Operators that start their `tasks`: beside Blender for who clicks, else at once."""

    # Without UNDO: the undo step belongs to the moment when the object arrives, not to the click.
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return cls.may_start()

    @classmethod
    def may_start(cls) -> bool:
        """Whether the scene is free; says so where the button is greyed out if it is not."""
        if bpy.app.is_job_running("RENDER"):
            cls.poll_message_set(iface_("Wait until the render is done"))
            return False
        return True

    def tasks(self, context: bpy.types.Context, is_clicked: bool) -> list[Task]:
        """Copy what is to be done out of Blender; raises InputError if it cannot be done."""
        raise NotImplementedError

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return self.start(context, True)

    def execute(self, context: bpy.types.Context) -> set[str]:
        return self.start(context, False)

    def start(self, context: bpy.types.Context, is_clicked: bool) -> set[str]:
        """Start the tasks; a script waits for them. One that fails does not stop the others."""
        prepared = self.tasks(context, is_clicked)
        if is_clicked:
            for task in prepared:
                pictures.submit(task)
            return {"FINISHED"}
        finished = [do_now(self, task) == {"FINISHED"} for task in prepared]
        return {"FINISHED"} if any(finished) else {"CANCELLED"}
