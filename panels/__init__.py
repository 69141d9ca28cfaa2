"""Where the artist finds it, one file per place in the interface."""

from . import image_editor, object, presets, settings, sidebar

# The panels of the tab stand in this order.
classes = (
    *presets.classes,
    *sidebar.classes,
    *object.classes,
    *settings.classes,
    *image_editor.classes,
)
