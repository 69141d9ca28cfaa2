"""Panels of the add-on, one file per place in the interface."""

from . import export, image_editor, object, preferences, presets, settings, sidebar

# The panels of the tab appear in this order.
classes = (
    *preferences.classes,
    *presets.classes,
    *sidebar.classes,
    *object.classes,
    *export.classes,
    *settings.classes,
    *image_editor.classes,
)
