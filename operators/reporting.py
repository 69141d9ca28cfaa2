"""An operator tells what went wrong in one sentence, whatever it was, and Blender goes on."""

from __future__ import annotations

import bpy

from ..runner import explain
from ..texts import tell


def reporting(operator: type[bpy.types.Operator]) -> type[bpy.types.Operator]:
    """Let an operator's `invoke` and `execute` report errors that they do not expect."""
    # Blender counts the arguments of these when it registers them.
    if execute := getattr(operator, "execute", None):

        def execute_or_report(self: bpy.types.Operator, context: bpy.types.Context) -> set[str]:
            try:
                return execute(self, context)
            except Exception as error:  # the boundary at which the artist is told
                return _report(self, error)

        operator.execute = execute_or_report
    if invoke := getattr(operator, "invoke", None):

        def invoke_or_report(
            self: bpy.types.Operator, context: bpy.types.Context, event: bpy.types.Event
        ) -> set[str]:
            try:
                return invoke(self, context, event)
            except Exception as error:  # likewise
                return _report(self, error)

        operator.invoke = invoke_or_report
    return operator


def _report(operator: bpy.types.Operator, error: Exception) -> set[str]:
    tell(operator, "ERROR", explain(error).sentences)
    return {"CANCELLED"}
