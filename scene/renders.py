"""Renders (Render Result, Viewer Node) as the artist sees them."""

from __future__ import annotations

import bpy

from .managed_colors import choices, plain_view
from .saved_png import restored_settings, saved_png


def render_as_seen(image: bpy.types.Image) -> bytes:
    """A render with the scene's view transform, look and exposure: the content of a PNG file.

    The display is always sRGB, because a file without a color profile is read as sRGB.

    Raises:
        InputError: Nothing has been rendered.
    """
    display, plain = plain_view()
    with restored_settings() as scene:
        views = scene.view_settings
        if scene.display_settings.display_device != display:
            view, look = views.view_transform, views.look
            scene.display_settings.display_device = display
            views.view_transform = _like(view, choices(views, "view_transform"), plain)
            views.look = look if views.view_transform == view else "None"
        return saved_png(image, scene)


def _like(view: str, offered: list[str], plain: str) -> str:
    """The view, of those offered, that does what another display's view does.

    It has the same name, or the beginning of that name, as "AgX" is the beginning of "AgX - HDR
    1000 nits"; if there is none, the plain view is taken.
    """
    beginnings = [choice for choice in offered if view.startswith(f"{choice} - ")]
    return view if view in offered else max(beginnings, key=len, default=plain)
