"""Record, kept with an object, of its scene code and of where the code lies in the object's space.

Blender saves, duplicates, appends and undoes it together with the object.
"""

from __future__ import annotations

import base64
from collections import OrderedDict

import bpy
from bpy.app.handlers import persistent

from ..inference.errors import InputError
from ..inference.scene_code import SceneCode
from ..inference.types import RESOLUTION_RANGE, THRESHOLD_RANGE, SurfaceSettings
from .identity import is_local
from .kept_file import keep_unseen_file
from .placement import Placement

KEY = "triposr_scene_code"
"""The custom property that holds the scene code: base64 text, some 1.5 MB.

It is text, because raw bytes break exporters and scripts that walk custom properties: Alembic's
exporter aborts Blender. Besides, bytes assigned over bytes end at the first zero. Older files hold
bytes.
"""

REMEMBERED = 4
"""Number of scene codes that stay unpacked: what is known of one makes its next surface quick."""

_unpacked: OrderedDict[str | bytes, SceneCode] = OrderedDict()


def has_source(blender_object: bpy.types.Object | None) -> bool:
    """Whether an object is a mesh that can be refined."""
    return (
        isinstance(blender_object, bpy.types.Object)
        and blender_object.type == "MESH"
        and isinstance(blender_object.get(KEY), str | bytes)
    )


def remember_source(blender_object: bpy.types.Object, packed: bytes, placement: Placement) -> None:
    """Keep a scene code with an object."""
    # Assigned over the bytes of an older file, text would be cut at a zero.
    blender_object.pop(KEY, None)
    blender_object[KEY] = base64.b64encode(packed).decode("ascii")
    source = blender_object.triposr
    source.scale, source.base = placement.scale, placement.base


def variants_of(blender_object: bpy.types.Object, scene: bpy.types.Scene) -> list[bpy.types.Object]:
    """The variants in a scene with which an object is compared, itself among them; none if it is no
    variant.
    """
    common = blender_object.triposr.variants
    if not common:
        return []
    return [
        other
        for other in scene.objects
        if other.triposr.variants == common and is_local(other) and has_source(other)
    ]


def best_variant(variants: list[bpy.types.Object]) -> bpy.types.Object | None:
    """The variant that matches its picture best, the first one of equals; None unless the matches
    of all are known.
    """
    if any(variant.triposr.match <= 0 for variant in variants):
        return None
    return max(variants, key=lambda variant: variant.triposr.match, default=None)


def check_source(blender_object: object) -> None:
    """Raise InputError for anything but an object that was made from a picture."""
    if not has_source(blender_object):
        raise InputError(
            "{name} was not made from a picture",
            "Give an object that was",
            name=str(getattr(blender_object, "name", blender_object)),
        )


def surface_of(blender_object: bpy.types.Object) -> SurfaceSettings:
    """Settings with which an object's surface was extracted."""
    note = blender_object.triposr
    # What a script wrote past the property's limits must not keep the panel from being drawn.
    resolution = min(max(note.resolution, RESOLUTION_RANGE[0]), RESOLUTION_RANGE[1])
    threshold = min(max(note.threshold, THRESHOLD_RANGE[0]), THRESHOLD_RANGE[1])
    return SurfaceSettings(resolution, threshold, note.closed)


def note_surface(blender_object: bpy.types.Object, surface: SurfaceSettings) -> None:
    """Remember the settings with which an object's surface was extracted."""
    note = blender_object.triposr
    note.resolution, note.threshold = surface.resolution, surface.threshold
    note.closed, note.mirrored = surface.closed, "none"
    note.remark = ""


def source_of(blender_object: bpy.types.Object) -> tuple[SceneCode, Placement]:
    """The scene code that an object was made from, and where it lies in the object's space.

    Raises:
        InputError: It was not made by this add-on.
        ModelFilesError: The scene code is damaged.
    """
    check_source(blender_object)
    packed = blender_object[KEY]
    code = _unpacked.pop(packed, None) or SceneCode.from_bytes(_bytes_of(packed))
    _unpacked[packed] = code
    while len(_unpacked) > REMEMBERED:
        _unpacked.popitem(last=False)
    source = blender_object.triposr
    return code, Placement(source.scale, tuple(source.base))


def _bytes_of(packed: str | bytes) -> bytes:
    """The packed bytes; none if their text is damaged, so that unpacking them fails."""
    if isinstance(packed, bytes):
        return packed
    try:
        return base64.b64decode(packed, validate=True)
    except ValueError:  # not base64, or not even ASCII
        return b""


def forget_codes() -> None:
    """Forget all unpacked scene codes, with all that is known of them."""
    _unpacked.clear()


@persistent
def _on_load(*_: object) -> None:
    """Forget the scene codes of the file that was open before."""
    forget_codes()


@persistent
def _move_old_forms(*_: object) -> None:
    """Turn the raw bytes of older files into text, and move the paths of pictures from objects to
    image data-blocks, before anything exports them.
    """
    for blender_object in bpy.data.objects:
        if not has_source(blender_object) or not is_local(blender_object, blender_object.data):
            continue
        if isinstance(blender_object[KEY], bytes):
            packed = blender_object.pop(KEY)
            blender_object[KEY] = base64.b64encode(packed).decode("ascii")
        if blender_object.triposr.filepath:
            keep_unseen_file(blender_object, blender_object.triposr.filepath)
            blender_object.triposr.filepath = ""


HANDLERS = ("load_post", "save_pre", "blend_import_post")
"""Events after which objects of older files may be here; Blender 4.2 has none for appending."""


def register() -> None:
    bpy.app.handlers.load_post.append(_on_load)
    for handlers in _handlers():
        handlers.append(_move_old_forms)


def unregister() -> None:
    for handlers in _handlers():
        handlers.remove(_move_old_forms)
    bpy.app.handlers.load_post.remove(_on_load)
    forget_codes()


def _handlers() -> list[list]:
    return [getattr(bpy.app.handlers, n) for n in HANDLERS if hasattr(bpy.app.handlers, n)]
