"""Operators of the add-on, one file per verb."""

from . import (
    camera,
    cancel,
    clean_up,
    diagnostics,
    drop,
    export,
    generate,
    gpu,
    import_batch,
    matte,
    mirror,
    models,
    paste,
    places,
    presets,
    queue,
    refine,
    regenerate,
    remesh,
    texture,
    variants,
)
from .reporting import reporting

operators = (
    *generate.classes,
    *variants.classes,
    *regenerate.classes,
    *places.classes,
    *drop.classes,
    *paste.classes,
    *presets.classes,
    *refine.classes,
    *clean_up.classes,
    *remesh.classes,
    *mirror.classes,
    *texture.classes,
    *camera.classes,
    *export.classes,
    *import_batch.classes,
    *cancel.classes,
    *queue.classes,
    *matte.classes,
    *models.classes,
    *gpu.classes,
    *diagnostics.classes,
)

classes = tuple(map(reporting, operators))
