"""Pieces that several panels draw."""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Callable

import blf
import bpy

from ..texts import localized

MARGIN = 90
"""Width of the icons and borders beside a line, in pixels at scale 1."""

DISMISS = 30
"""Width of the button that hides a message, in pixels at scale 1."""

LEAST = 120
"""Width of the narrowest line, in pixels at scale 1, for a region that is dragged shut."""

WIDE = "\u2e80-\ua4cf\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef"
"""Chinese and Japanese characters; a line may end after each of them."""

OPENING, CLOSING = "（「『【《〈", "、。，．：；！？）」』】》〉・ー"  # noqa: RUF001
"""Wide punctuation that may not end a line, and that may not begin one."""

PIECE = re.compile(rf"[{OPENING}]*(?:[{WIDE}]|[^ {WIDE}]*?\w-(?=\w\w)|[^ {WIDE}]+)[{CLOSING}]* *")
"""Text that stays on one line: a word, its part up to a hyphen, or one wide character."""


def draw_text(layout: bpy.types.UILayout, text: str, icon: str, beside: int = 0) -> None:
    """Draw a sentence, wrapped to the region's width.

    Args:
        beside: Width of what is drawn in the same row, in pixels at scale 1.
    """
    context = bpy.context
    scale = context.preferences.system.ui_scale
    room = max(context.region.width - (MARGIN + beside) * scale, LEAST * scale)
    # The font size of labels. Widths need no cache: measuring a line takes half a microsecond.
    blf.size(0, context.preferences.ui_styles[0].widget.points * scale)
    lines = _wrapped(localized(text), lambda line: blf.dimensions(0, line)[0] <= room)
    column = layout.column(align=True)
    for number, line in enumerate(lines):
        column.label(text=line, icon="BLANK1" if number else icon, translate=False)


def _wrapped(text: str, fits: Callable[[str], bool]) -> list[str]:
    """Split a text into lines that fit; cut a word that is too long for any line."""
    lines, line = [], ""
    for piece in PIECE.findall(re.sub(r"\s+", " ", text.strip(), flags=re.ASCII)):
        if line and not fits(line + piece.rstrip()):
            lines.append(line.rstrip())
            line = ""
        line += piece
        while len(line) > 1 and not fits(line.rstrip()):
            end = max(1, bisect(range(1, len(line)), 0, key=lambda at: not fits(line[:at])))
            lines.append(line[:end])
            line = line[end:]
    return [*lines, line.rstrip()]


def draw_progress(
    layout: bpy.types.UILayout, fraction: float, label: str, cancel: str
) -> bpy.types.UILayout:
    """Draw a progress bar and the button that cancels the work; return their row."""
    row = layout.row(align=True)
    row.progress(factor=fraction, text=localized(label))
    row.operator(cancel, text="", icon="CANCEL")
    return row


def draw_message(
    layout: bpy.types.UILayout, texts: tuple[str, ...], icon: str, dismiss: str
) -> None:
    """Draw sentences with an icon, and the button that hides them."""
    row = layout.row()
    column = row.column(align=True)
    for number, text in enumerate(texts):
        draw_text(column, text, "BLANK1" if number else icon, DISMISS)
    row.operator(dismiss, text="", icon="X", emboss=False)
