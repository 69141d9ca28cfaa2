"""Origin of an object, noted on it: picture, settings, scene code, camera."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import bpy

from ..inference.texture.camera import Camera
from .camera import note_camera
from .placement import Placement
from .source import remember_source


@dataclass(frozen=True)
class Origin:
    """Origin of an object.

    Attributes:
        packed: Scene code, for `remember_source`; empty if there is none.
        placement: Where the model's frame lies in the object's space.
        settings: Values of settings.OBJECT, by name.
        picture: Name of the picture.
        digest: SHA-256 of the picture.
        is_draft: Whether the starter model made the object.
        camera, match: Camera of the picture, and how well the mesh covers the subject through it;
            None and 0 if that is not known.
    """

    packed: bytes
    placement: Placement
    settings: Mapping[str, object]
    picture: str
    digest: str
    is_draft: bool
    camera: Camera | None
    match: float


def note_origin(blender_object: bpy.types.Object, origin: Origin) -> None:
    """Note on an object what it was made of, but for the picture itself; see `keep_file`."""
    if origin.packed:
        remember_source(blender_object, origin.packed, origin.placement)
    note = blender_object.triposr
    for name, value in origin.settings.items():
        setattr(note, name, value)
    note.picture, note.is_draft, note.digest = origin.picture, origin.is_draft, origin.digest
    note.mirrored = "none"
    note_camera(blender_object, origin.camera, origin.match)
