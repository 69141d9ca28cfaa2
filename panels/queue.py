"""Button and queue of pictures, as drawn in every panel that can start a task."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.app.translations import pgettext_iface as iface_

from ..tasks.session import pictures
from .layout import draw_message, draw_progress, draw_text
from .thumbnails import thumbnail


def draw_button(layout: bpy.types.UILayout, operator: str) -> bpy.types.UILayout:
    """Draw the button that generates, or adds the picture to the queue; return its row."""
    row = layout.row()
    row.scale_y = 1.5
    text = iface_("Add to Queue") if pictures.is_running() else iface_("Generate")
    row.operator(operator, text=text, icon="MESH_MONKEY")
    return row


def draw_tasks(layout: bpy.types.UILayout) -> None:
    """Draw the running and waiting tasks, and the outcome of the last ones."""
    if pictures.is_running():
        _draw_queue(layout)
    _draw_outcome(layout)


def _draw_queue(layout: bpy.types.UILayout) -> None:
    """Draw the running task and the waiting ones."""
    state, waiting = pictures.state, pictures.waiting()
    total = state.ended + 1 + len(waiting)
    if total > 1:
        text = iface_("{title}, {number} of {total}").format(
            title=state.title, number=state.ended + 1, total=total
        )
        _draw_title(layout.row(), text, state.picture)
    draw_progress(layout, state.fraction, state.label, "triposr.cancel").scale_y = 1.5
    for number, task in enumerate(waiting):
        row = layout.row(align=True)
        _draw_title(row, task.title, task.picture)
        for icon, by in (("TRIA_UP", -1), ("TRIA_DOWN", 1)):
            move = row.operator("triposr.move_waiting", text="", icon=icon, emboss=False)
            move.number, move.by = number, by
        row.operator("triposr.remove_waiting", text="", icon="X", emboss=False).number = number
    if waiting:
        layout.operator("triposr.cancel", text="Cancel All", icon="CANCEL").everything = True


def _draw_outcome(layout: bpy.types.UILayout) -> None:
    """Draw the last message, and the failed tasks."""
    state, failed = pictures.state, pictures.failed()
    if state.error or failed:
        box = layout.box()
        texts = (state.error, state.hint) if state.error else (iface_("These pictures failed"),)
        draw_message(box, texts, "ERROR", "triposr.dismiss")
        for number, failure in enumerate(failed):
            row = box.row(align=True)
            _draw_title(row, failure.title, failure.picture)
            row.operator("triposr.retry", text="Retry", icon="FILE_REFRESH").number = number
            if failure.message != state.error:  # else the box already shows it
                draw_text(box, failure.message, "BLANK1")
        if len(failed) > 1:
            box.operator("triposr.retry", text="Retry All", icon="FILE_REFRESH").number = -1
    if pictures.is_running():
        return
    if state.ended > 1:
        text = iface_("{done} of {total} pictures are done").format(
            done=state.ended - state.failed, total=state.ended
        )
        layout.label(text=text, icon="INFO" if state.failed else "CHECKMARK", translate=False)
    if state.message:
        icon = "INFO" if state.canceled else "CHECKMARK"
        draw_message(layout, (state.message,), icon, "triposr.dismiss")


def _draw_title(layout: bpy.types.UILayout, title: str, picture: Path | int) -> None:
    if icon := thumbnail(picture):
        layout.label(text=title, icon_value=icon, translate=False)
    else:
        layout.label(text=title, icon="IMAGE_DATA", translate=False)
