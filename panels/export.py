"""Panel and menu that export the active object, whether the add-on made it or not."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_iface as iface_

from ..scene.export.targets import TARGETS
from ..tasks.session import exports
from .layout import draw_message, draw_progress, draw_text
from .tab import SubPanel

BUTTONS = (
    ("web", "URL"),
    ("engine", "AUTO"),
    ("iphone", "HIDE_OFF"),
    ("android", "VIEW_CAMERA"),
    ("maya", "FILE_3D"),
    ("print", "SNAP_VOLUME"),
    ("page", "WORLD"),
)
"""Targets with their icons."""


class TRIPOSR_PT_export(SubPanel, bpy.types.Panel):
    bl_label = "Export"
    bl_options = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return context.object is not None and context.object.type == "MESH"

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        state = exports.state
        if exports.is_running():
            draw_progress(layout, state.fraction, state.label, "triposr.cancel_export")
        elif context.mode != "OBJECT":
            draw_text(layout, iface_("Switch to Object Mode to export"), "INFO")
        grid = layout.grid_flow(row_major=True, columns=2, even_columns=True, align=True)
        labels = _labels()
        for name, icon in BUTTONS:
            button = grid.operator("triposr.export", text=labels[name], icon=icon, translate=False)
            button.target = name
        if state.error:
            draw_message(layout.box(), (state.error, state.hint), "ERROR", "triposr.dismiss_export")
        elif state.message and not exports.is_running():
            icon = "INFO" if state.canceled else "CHECKMARK"
            draw_message(layout.box(), (state.message,), icon, "triposr.dismiss_export")


class TRIPOSR_MT_export(bpy.types.Menu):
    bl_label = "TripoSR"

    def draw(self, context: bpy.types.Context) -> None:
        # The file browser opens, whatever the menu was opened from.
        self.layout.operator_context = "INVOKE_DEFAULT"
        labels = _labels()
        for name, icon in BUTTONS:
            endings = ", ".join(filter(None, TARGETS[name].endings))
            text = f"{labels[name]} ({endings})" if endings else labels[name]
            button = self.layout.operator("triposr.export", text=text, icon=icon, translate=False)
            button.target = name


def _labels() -> dict[str, str]:
    """Labels of the targets in the artist's language."""
    items = bpy.ops.triposr.export.get_rna_type().properties["target"].enum_items
    return {item.identifier: iface_(item.name) for item in items}


def _export_menu(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
    menu.layout.menu("TRIPOSR_MT_export")


def register() -> None:
    bpy.types.TOPBAR_MT_file_export.append(_export_menu)


def unregister() -> None:
    bpy.types.TOPBAR_MT_file_export.remove(_export_menu)


classes = (TRIPOSR_PT_export, TRIPOSR_MT_export)
