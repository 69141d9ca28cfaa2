"""What the open 3D viewports show in Solid shading."""

from __future__ import annotations

from collections.abc import Iterator

import bpy
from bpy.app.handlers import persistent

from .source import has_source
from .texture import is_textured


def viewports(context: bpy.types.Context) -> Iterator[bpy.types.SpaceView3D]:
    """The 3D viewports that are open in the scene's windows."""
    for window in context.window_manager.windows:
        if window.scene == context.scene:
            yield from _spaces(window)


def show_colors(context: bpy.types.Context) -> None:
    """Make the open 3D viewports show color attributes in Solid shading."""
    for space in viewports(context):
        space.shading.color_type = "VERTEX"


def show_textures(target: bpy.types.Object) -> None:
    """Make the viewports that show an object's colors in Solid shading show its texture, unless an
    object beside it has nothing but vertex colors: that one would turn gray.
    """
    for window in bpy.context.window_manager.windows:
        scene = window.scene
        if scene.objects.get(target.name) == target and _all_textured(scene):
            for space in _spaces(window):
                if space.shading.color_type == "VERTEX":
                    space.shading.color_type = "TEXTURE"


def leave_textures() -> None:
    """Make the viewports that show textures show vertex colors again, if objects need that."""
    for window in bpy.context.window_manager.windows:
        if not _all_textured(window.scene):
            for space in _spaces(window):
                if space.shading.color_type == "TEXTURE":
                    space.shading.color_type = "VERTEX"


def _all_textured(scene: bpy.types.Scene) -> bool:
    """Whether all objects of a scene that were made from pictures are textured."""
    return all(is_textured(each) for each in scene.objects if has_source(each))


def _spaces(window: bpy.types.Window) -> Iterator[bpy.types.SpaceView3D]:
    for area in window.screen.areas:
        if area.type == "VIEW_3D":
            yield area.spaces.active


@persistent
def _on_undo(*_: object) -> None:
    """Viewports are no part of undo, but what they show may have lost its texture."""
    leave_textures()


def register() -> None:
    for handlers in (bpy.app.handlers.undo_post, bpy.app.handlers.redo_post):
        handlers.append(_on_undo)


def unregister() -> None:
    for handlers in (bpy.app.handlers.undo_post, bpy.app.handlers.redo_post):
        handlers.remove(_on_undo)
