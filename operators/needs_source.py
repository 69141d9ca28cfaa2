"""Base of operators on an object that was made from a picture."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_iface as iface_

from ..scene.identity import is_local
from ..scene.source import has_source


class NeedsSource:
    """Base of operators that need an active object made from a picture."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not has_source(context.object):
            cls.poll_message_set(iface_("Select an object that was made from a picture"))
            return False
        if not is_local(context.object, context.object.data):
            cls.poll_message_set(
                iface_("The object is linked, or a library override: make it local first")
            )
            return False
        if context.mode != "OBJECT":
            cls.poll_message_set(iface_("Switch to Object Mode"))
            return False
        return True
