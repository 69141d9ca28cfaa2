"""Translations of the add-on's texts, registered with Blender; one module per language.

Blender uses them only for texts that its own translation lacks, so shared words read as they do in
the rest of its interface.
"""

from __future__ import annotations

import bpy

from . import de_DE

ADDON = __package__.rpartition(".")[0]

LANGUAGES = {"de_DE": de_DE.MESSAGES}
"""Translations of the English texts, by Blender's name of the language."""


def register() -> None:
    contexts = bpy.app.translations.contexts
    # Blender looks up button labels in the context of operators, all other texts in the default.
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
