"""Pieces that several panels are made of."""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Callable

import blf
import bpy

from ..texts import localized

MARGIN = 90
"""Pixels at scale 1 that icons and borders take of a line."""

LEAST = 120
"""Pixels at scale 1 of the narrowest line: in a region that is dragged shut."""

WIDE = "\u2e80-\ua4cf\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef"
"""Characters of Chinese and Japanese, between which a line may end."""

OPENING, CLOSING = "（「『【《〈", "、。，．：；！？）」』】》〉・ー"  # noqa: RUF001
"""Those of them after which, and before which, it may not."""

PIECE = re.compile(rf"[{OPENING}]*(?:[{WIDE}]|[^ {WIDE}]*?\w-(?=\w\w)|[^ {WIDE}]+)[{CLOSING}]* *")
"""What stays on one line: a word or its part up to a hyphen, or one wide character."""


def draw_text(layout: bpy.types.UILayout, text: str, icon: str) -> None:
    """A sentence, wrapped to the region's width."""
    context = bpy.context
    scale = context.preferences.system.ui_scale
    room = max(context.region.width - MARGIN * scale, LEAST * scale)
    # As labels are drawn. Nothing is kept: to measure a line takes half a microsecond.
    blf.size(0, context.preferences.ui_styles[0].widget.points * scale)
    lines = _wrapped(localized(text), lambda line: blf.dimensions(0, line)[0] <= room)
    column = layout.column(align=True)
    for number, line in enumerate(lines):
        column.label(text=line, icon="BLANK1" if number else icon, translate=False)


def _wrapped(text: str, fits: Callable[[str], bool]) -> list[str]:
    """A text in lines that fit; a word that fits on none is cut."""
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
