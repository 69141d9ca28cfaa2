"""Undo steps for what tasks deliver."""

from __future__ import annotations

import bpy

from ..inference.message import Message


def push_undo_step(name: Message, window: bpy.types.Window | None = None) -> None:
    """Let an undo step hold what was done from a timer; Blender translates its name.

    As a window sees things, the first one if none is given: without one, a timer's context has no
    scene, and with the scene or its view layer overridden as well, Blender crashes.
    """
    window = window or next(iter(bpy.context.window_manager.windows), None)
    with bpy.context.temp_override(**({"window": window} if window else {})):
        if bpy.ops.ed.undo_push.poll():
            bpy.ops.ed.undo_push(message=name)
