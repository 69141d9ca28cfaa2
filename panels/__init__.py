"""Where the artist finds it, one file per place in the interface."""

from . import image_editor, sidebar

classes = (*sidebar.classes, *image_editor.classes)
