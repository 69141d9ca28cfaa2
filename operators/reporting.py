"""Error reporting: whatever an operator raises, it reports one sentence, and Blender goes on."""

from __future__ import annotations

from collections.abc import Callable

import bpy

from ..inference.errors import explain
from ..tasks.queue import Task
from ..texts import report


def reporting(operator: type[bpy.types.Operator]) -> type[bpy.types.Operator]:
    """Wrap an operator's `invoke` and `execute` so that they report every error they raise."""
    # Each wrapper has its own signature: Blender counts the arguments at registration.
    if execute := getattr(operator, "execute", None):

        def execute_or_report(self: bpy.types.Operator, context: bpy.types.Context) -> set[str]:
            try:
                return execute(self, context)
            except Exception as error:  # the boundary at which errors are reported
                return _report_error(self, error)

        operator.execute = execute_or_report
    if invoke := getattr(operator, "invoke", None):

        def invoke_or_report(
            self: bpy.types.Operator, context: bpy.types.Context, event: bpy.types.Event
        ) -> set[str]:
            try:
                return invoke(self, context, event)
            except Exception as error:  # the boundary at which errors are reported
                return _report_error(self, error)

        operator.invoke = invoke_or_report
    return operator


def _report_error(operator: bpy.types.Operator, error: Exception) -> set[str]:
    report(operator, explain(error).sentences, "ERROR")
    return {"CANCELLED"}


def do_now(operator: bpy.types.Operator, task: Task) -> set[str]:
    """Do a task while the calling script waits, and report its outcome."""
    return report_outcome(operator, lambda: task.do().message)


def report_outcome(operator: bpy.types.Operator, work: Callable[[], str]) -> set[str]:
    """Do an operator's work, and report the message that it returns, or why it failed."""
    try:
        report(operator, work())
    except Exception as error:  # the boundary at which errors are reported
        return _report_error(operator, error)
    return {"FINISHED"}
