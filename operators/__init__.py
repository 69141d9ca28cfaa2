"""What the artist can do, one file per verb."""

from . import cancel, diagnostics, drop, generate, matte, models

classes = (
    *generate.classes,
    *drop.classes,
    *cancel.classes,
    *matte.classes,
    *models.classes,
    *diagnostics.classes,
)
