"""What the artist can do, one file per verb."""

from . import cancel, drop, generate

classes = (*generate.classes, *drop.classes, *cancel.classes)
