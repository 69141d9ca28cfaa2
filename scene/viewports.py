"""What the open 3D viewports show in Solid shading."""

from __future__ import annotations

from collections.abc import Iterator

import bpy

from .source import has_source
from .texture import is_textured


def viewports(context: bpy.types.Context) -> Iterator[bpy.types.SpaceView3D]:
    """The 3D viewports that are open in the scene's windows."""
    for window in context.window_manager.windows:
        if window.scene == context.scene:
            for area in window.screen.areas:
                if area.type == "VIEW_3D":
                    yield area.spaces.active


def show_colors(context: bpy.types.Context) -> None:
    """Make the open 3D viewports show color attributes in Solid shading."""
    for space in viewports(context):
        space.shading.color_type = "VERTEX"


def show_textures(context: bpy.types.Context) -> None:
    """Make the open 3D viewports show textures in Solid shading, unless an object that they show
    has nothing but vertex colors: it would turn gray.
    """
    ours = [each for each in context.scene.objects if has_source(each) and each.visible_get()]
    if all(map(is_textured, ours)):
        for space in viewports(context):
            space.shading.color_type = "TEXTURE"
