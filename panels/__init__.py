"""Where the artist finds it, one file per place in the interface."""

from . import sidebar

classes = sidebar.classes
