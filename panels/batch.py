"""Progress and outcome of importing a batch, and its entry in the File menu."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_iface as iface_

from ..tasks.session import imports
from .layout import draw_message, draw_progress


def draw_import(layout: bpy.types.UILayout) -> None:
    """Draw the running import, or the outcome of the last one."""
    state = imports.state
    if imports.is_running():
        draw_progress(layout, state.fraction, state.label, "triposr.cancel_import")
    elif state.error:
        draw_message(layout.box(), (state.error, state.hint), "ERROR", "triposr.dismiss_import")
    elif state.message:
        icon = "INFO" if state.canceled else "CHECKMARK"
        draw_message(layout.box(), (state.message,), icon, "triposr.dismiss_import")


def _import_menu(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
    # The file browser opens, whatever the menu was opened from.
    menu.layout.operator_context = "INVOKE_DEFAULT"
    text = iface_("TripoSR Batch ({ending})").format(ending=".jsonl")
    menu.layout.operator("triposr.import_batch", text=text, translate=False)


def register() -> None:
    bpy.types.TOPBAR_MT_file_import.append(_import_menu)


def unregister() -> None:
    bpy.types.TOPBAR_MT_file_import.remove(_import_menu)
