"""What operators that turn pictures into objects have in common: they start runs."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_iface as iface_

from ..runner import Run, run_inline
from ..session import runs


class StartsRuns:
    """Operators that start what their `runs` gives: beside Blender for who clicks, else at once."""

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

    def runs(self, context: bpy.types.Context, is_clicked: bool) -> list[Run]:
        """Copies what is to be done out of Blender; raises what the artist is to be told."""
        raise NotImplementedError

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return self.start(context, True)

    def execute(self, context: bpy.types.Context) -> set[str]:
        return self.start(context, False)

    def start(self, context: bpy.types.Context, is_clicked: bool) -> set[str]:
        """Start the runs; a script waits for them. One that fails does not stop the others."""
        prepared = self.runs(context, is_clicked)
        if is_clicked:
            for run in prepared:
                runs.submit(run)
            return {"FINISHED"}
        finished = [run_inline(self, run) == {"FINISHED"} for run in prepared]
        return {"FINISHED"} if any(finished) else {"CANCELLED"}
