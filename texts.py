"""Text for the artist, in her language."""

from __future__ import annotations

from collections.abc import Callable

import bpy
from bpy.app.translations import pgettext_iface as iface_
from bpy.app.translations import pgettext_rpt as rpt_

from .inference.message import Message

ERROR = Message("Error")
"""Prefix that Blender gives reported errors; not all builds have translations of it."""


def localized(text: str, translate: Callable[[str], str] = iface_) -> str:
    """Translate a message into the artist's language; return any other text, such as a name, as is.

    Args:
        text: A message or a plain string.
        translate: Blender's function for one kind of text; by default, text of the interface.
    """
    return text.translated(translate) if isinstance(text, Message) else text


def report(operator: bpy.types.Operator, text: str, kind: str = "INFO") -> None:
    """Report a text to the artist, or to the script that called the operator."""
    operator.report({kind}, localized(text, rpt_))
