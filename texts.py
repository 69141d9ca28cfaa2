"""What the artist reads, in her language."""

from __future__ import annotations

from collections.abc import Callable

import bpy
from bpy.app.translations import pgettext_iface as iface_
from bpy.app.translations import pgettext_rpt as rpt_

from .inference.message import Message


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
