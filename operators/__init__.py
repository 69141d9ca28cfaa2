"""What the artist can do, one file per verb."""

from . import cancel, clean_up, diagnostics, drop, generate, matte, models, places, queue, refine

classes = (
    *generate.classes,
    *places.classes,
    *refine.classes,
    *clean_up.classes,
    *drop.classes,
    *cancel.classes,
    *queue.classes,
    *matte.classes,
    *models.classes,
    *diagnostics.classes,
)
