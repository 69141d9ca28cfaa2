"""The add-on's texts in other languages, for Blender to find; a language is a module here.

Blender looks here for what its own translation has not: a word that both have is told as Blender
tells it everywhere.
"""

from __future__ import annotations

import bpy

from . import de_DE

ADDON = __package__.rpartition(".")[0]

LANGUAGES = {"de_DE": de_DE.MESSAGES}
"""By the names that Blender gives them: the English texts and what they are in that language."""


def register() -> None:
    contexts = bpy.app.translations.contexts
    # Blender looks for the text of a button in the context of operators, for all others in its own.
    both = (contexts.default, contexts.operator_default)
    bpy.app.translations.register(
        ADDON,
        {
            language: {
                (context, english): text for english, text in messages.items() for context in both
            }
            for language, messages in LANGUAGES.items()
        },
    )


def unregister() -> None:
    bpy.app.translations.unregister(ADDON)
