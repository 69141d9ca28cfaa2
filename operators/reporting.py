"""Operators report what went wrong in one sentence, whatever it was, and Blender goes on."""

from __future__ import annotations

from collections.abc import Callable

import bpy

from ..inference.errors import explain
from ..tasks.queue import Task
from ..texts import tell


def reporting(operator: type[bpy.types.Operator]) -> type[bpy.types.Operator]:
    """Let an operator's `invoke` and `execute` report errors that they do not expect."""
    # Blender counts the arguments of these when it registers them.
    if execute := getattr(operator, "execute", None):

        def execute_or_report(self: bpy.types.Operator, context: bpy.types.Context) -> set[str]:
            try:
                return execute(self, context)
            except Exception as error:  # the boundary at which errors are reported
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


def do_now(operator: bpy.types.Operator, task: Task) -> set[str]:
    """Do a task while its caller, a script, waits, and report what came of it."""
    return report_outcome(operator, lambda: task.do().message)


def report_outcome(operator: bpy.types.Operator, work: Callable[[], str]) -> set[str]:
    """Do an operator's work, and report what it returns, or in one sentence why it failed."""
    try:
        tell(operator, "INFO", work())
    except Exception as error:  # the boundary at which errors are reported
        return _report(operator, error)
    return {"FINISHED"}
