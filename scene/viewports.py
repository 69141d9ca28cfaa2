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
                    _switched.add(space.as_pointer())


_switched: set[int] = set()
"""Addresses of the viewports that `show_textures` has switched: what the artist chose stays."""


def follow_textures() -> None:
    """Make viewports that were switched to textures show vertex colors again while an object has
    nothing else: an undo step, for one, brings its old mesh back, but not the viewport's shading.
    """
    for window in bpy.context.window_manager.windows if _switched else ():
        wanted = "TEXTURE" if _all_textured(window.scene) else "VERTEX"
        for space in _spaces(window):
            is_ours = space.as_pointer() in _switched
            if is_ours and space.shading.color_type in ("TEXTURE", "VERTEX"):
                space.shading.color_type = wanted


def _all_textured(scene: bpy.types.Scene) -> bool:
    """Whether all objects of a scene that were made from pictures are textured."""
    return all(is_textured(each) for each in scene.objects if has_source(each))


def _spaces(window: bpy.types.Window) -> Iterator[bpy.types.SpaceView3D]:
    for area in window.screen.areas:
        if area.type == "VIEW_3D":
            yield area.spaces.active


@persistent
def _on_undo(*_: object) -> None:
    follow_textures()


@persistent
def _on_load(*_: object) -> None:
    _switched.clear()


HANDLERS = (("undo_post", _on_undo), ("redo_post", _on_undo), ("load_post", _on_load))


def register() -> None:
    for name, handler in HANDLERS:
        getattr(bpy.app.handlers, name).append(handler)


def unregister() -> None:
    for name, handler in HANDLERS:
        getattr(bpy.app.handlers, name).remove(handler)
    _switched.clear()
