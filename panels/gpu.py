"""The notice about a card that is not used, with its button."""

from __future__ import annotations

import bpy

from ..inference.engine import engine
from ..inference.message import size_text
from ..preferences import offline_reason
from ..tasks.gpu import notice
from ..tasks.inventory import Inventory
from ..tasks.session import upkeep
from ..texts import localized
from .layout import draw_text


def draw_gpu(
    context: bpy.types.Context, layout: bpy.types.UILayout, with_minor: bool = False
) -> bool:
    """Draw what the artist should know about her card, if anything; return whether it was drawn.

    Args:
        with_minor: Whether to draw `Notice.is_minor`, too.
    """
    if engine.torch_problem:
        draw_text(layout, engine.torch_problem, "ERROR")
        if not with_minor:  # in the preferences, the button stands beside the build
            layout.operator("triposr.remove_gpu_build", text="Remove", icon="TRASH")
    shown = notice(context)
    if shown is not None and shown.is_minor and not with_minor:
        return False
    if shown is None or upkeep.is_running() or shown.message == upkeep.state.message:
        return shown is not None
    draw_text(layout, shown.message, "INFO")
    if shown.hint:
        draw_text(layout, shown.hint, "BLANK1")
    if shown.has_button:
        row = layout.row(align=True)
        row.operator("triposr.use_gpu", text="Use My GPU", icon="MEMORY")
        if offline_reason() and not bpy.app.online_access_override:
            go_online = row.operator("screen.userpref_show", text="", icon="INTERNET_OFFLINE")
            go_online.section = "SYSTEM"
    return True


def draw_gpu_build(layout: bpy.types.UILayout, found: Inventory) -> None:
    """Draw the installed GPU build, or what has arrived of one, and the button that removes it."""
    if found.gpu_build is None and not found.gpu_download:
        return
    row = layout.box().row()
    if found.gpu_build is not None:
        icon = "ERROR" if engine.torch_problem else "CHECKMARK"
        row.label(text=f"torch {found.gpu_build.version}", icon=icon, translate=False)
        row.label(text=localized(size_text(found.gpu_build.size)), translate=False)
    if found.gpu_download:
        row.label(text="Not installed yet", icon="BLANK1")
        row.label(text=localized(size_text(found.gpu_download)), translate=False)
    row.operator("triposr.remove_gpu_build", text="Remove", icon="TRASH")
