"""Undo steps for what tasks deliver."""

from __future__ import annotations

import bpy

from ..inference.message import Message


def push_undo_step(name: Message, window: bpy.types.Window | None = None) -> None:
    """Push an undo step for what a timer has changed.

    Args:
        name: Blender translates it.
        window: The window whose context is used, else the first one: a timer's own context has no
            scene. With the scene or its view layer overridden as well, Blender would crash.
    """
    window = window or next(iter(bpy.context.window_manager.windows), None)
    with bpy.context.temp_override(**({"window": window} if window else {})):
        if bpy.ops.ed.undo_push.poll():
            bpy.ops.ed.undo_push(message=name)
