"""Pieces that several panels are made of."""

from __future__ import annotations

import textwrap

import bpy

from ..texts import localized

CHARACTER_WIDTH = 6.2
"""Average width in pixels of a character of the interface font at scale 1."""

MARGIN = 90
"""Pixels at scale 1 that icons and borders take of a line."""


def draw_text(layout: bpy.types.UILayout, text: str, icon: str) -> None:
    """A sentence, wrapped to the region's width."""
    context = bpy.context
    width = context.region.width / context.preferences.system.ui_scale - MARGIN
    lines = textwrap.wrap(localized(text), max(20, int(width / CHARACTER_WIDTH)))
    column = layout.column(align=True)
    for number, line in enumerate(lines):
        column.label(text=line, icon="BLANK1" if number else icon, translate=False)


def draw_progress(
    layout: bpy.types.UILayout, fraction: float, label: str, cancel: str
) -> bpy.types.UILayout:
    """A bar, and the button of an operator that cancels what it shows; returns their row."""
    row = layout.row(align=True)
    row.progress(factor=fraction, text=localized(label))
    row.operator(cancel, text="", icon="CANCEL")
    return row


def draw_message(
    layout: bpy.types.UILayout, texts: tuple[str, ...], icon: str, dismiss: str
) -> None:
    """Sentences with an icon, and the button of an operator that hides them."""
    row = layout.row()
    column = row.column(align=True)
    for number, text in enumerate(texts):
        draw_text(column, text, "BLANK1" if number else icon)
    row.operator(dismiss, text="", icon="X", emboss=False)
