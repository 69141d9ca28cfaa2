"""What the artist reads: in her language, and wrapped to the width that there is."""

from __future__ import annotations

import textwrap
from collections.abc import Callable

import bpy
from bpy.app.translations import pgettext_iface as iface_
from bpy.app.translations import pgettext_rpt as rpt_

from .inference.message import Message

CHARACTER_WIDTH = 6.2
"""Average width in pixels of a character of the interface font at scale 1."""

MARGIN = 90
"""Pixels at scale 1 that icons and borders take of a line."""


def localized(text: str, translate: Callable[[str], str] = iface_) -> str:
    """A message in the artist's language; any other text, such as a name, as it is.

    Args:
        text: What is told.
        translate: Blender's way of translating texts of a kind, here those of the interface.
    """
    return text.translated(translate) if isinstance(text, Message) else text


def tell(operator: bpy.types.Operator, kind: str, text: str) -> None:
    """Let an operator report something to the artist, or to the script that called it."""
    operator.report({kind}, localized(text, rpt_))


def reported(error: Exception) -> str:
    """The sentence that an operator reported, out of the error that calling it raised."""
    return str(error).removeprefix(f"{rpt_('Error')}: ").strip()


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
