"""Functions for scripts inside Blender: build objects from pictures, edit and export them.

from bl_ext.user_default.triposr import api

chair = api.image_to_object("chair.png", resolution=128, size=0.9)
api.refine(chair, threshold=30)
api.clean_up(chair, faces=5000)

Each call blocks until it is done, and needs neither a window nor an active object. On failure it
raises a kind of `TripoSRError` (a RuntimeError), whose text says what went wrong and what to do. A
setting that does not exist raises TypeError.

A call that leaves out a part of what was asked for, such as a photo whose file is gone, succeeds.
It logs a warning, and the object's `triposr.remark` says what was left out and why, until the next
call for that object.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy

from .inference.errors import TripoSRError
from .inference.types import Machine
from .preferences import machine
from .scene.export.report import ExportReport
from .scene.identity import check_there
from .scene.source import check_source, surface_of
from .settings import (
    BATCH,
    CLEAN_UP,
    MIRROR,
    RECOLOR,
    REMESH,
    SURFACE,
    TEXTURE,
    Setting,
    checked,
    defaults_of,
)
from .tasks import edit
from .tasks import export as exports
from .tasks.camera import camera_setup
from .tasks.generate import Chosen, generation, regeneration, spot_for
from .tasks.import_batch import batch_import
from .tasks.queue import Task
from .tasks.refine import coloring, extraction
from .tasks.sources import check_idle, file_source, image_source
from .tasks.texture import texturing

log = logging.getLogger(__name__)

__all__ = [
    "ExportReport",
    "TripoSRError",
    "camera_from_picture",
    "clean_up",
    "export",
    "image_to_object",
    "import_batch",
    "mirror",
    "recolor",
    "refine",
    "regenerate",
    "remesh",
    "texture",
]


def image_to_object(
    image: bpy.types.Image | Path | str,
    location: Sequence[float] | None = None,
    rotation: float | None = None,
    **settings: object,
) -> bpy.types.Object:
    """Build an object from a picture, in the current scene.

    Args:
        image: An image data-block, or the path of a file.
        location: Of the object's origin, in world space; None: at the 3D cursor.
        rotation: Radians about Z from facing the front view; None: the scene's Facing setting.
        settings: Such as `resolution`, `threshold`, `size`, `background`; the scene's settings
            apply to those not given.

    Returns:
        The new object; in Object Mode it is selected and active.

    Raises:
        TypeError: `image` has another type, or a setting does not exist.
        InputError: The picture cannot be used, or a value is out of its range.
        TripoSRError: Another step failed; see its subclasses.
    """
    check_idle()
    context = bpy.context
    if isinstance(image, bpy.types.Image):
        check_there(image)
        source = image_source(image)
    elif isinstance(image, Path | str):
        source = file_source(str(image))
    else:
        raise TypeError(
            "image must be a bpy.types.Image or the path of a file (str or pathlib.Path), not"
            f" {_kind_of(image)}"
        )
    spot = spot_for(context, location, rotation)
    chosen = Chosen(context.scene.triposr, **settings)
    return _result_of(generation(context, source, chosen, spot, is_clicked=False))


def regenerate(blender_object: bpy.types.Object) -> bpy.types.Object:
    """Rebuild an object from its picture with the scene's current settings, in place.

    Raises:
        InputError: The object was not made from a picture, or its picture is gone.
    """
    _check_object(blender_object)
    return _result_of(regeneration(bpy.context, blender_object, is_clicked=False))


def refine(blender_object: bpy.types.Object, **settings: object) -> bpy.types.Object:
    """Extract an object's surface again, without the network.

    Args:
        blender_object: Made by this add-on.
        settings: `resolution`, `threshold` and `closed`; those not given keep their values.

    Returns:
        The same object.
    """
    _check_object(blender_object)
    check_source(blender_object)
    surface = replace(surface_of(blender_object), **checked(SURFACE, settings))
    return _result_of(extraction(blender_object, _machine(), False, surface))


def recolor(blender_object: bpy.types.Object, **settings: object) -> bpy.types.Object:
    """Recompute an object's vertex colors from its scene code, however its mesh was edited.

    Args:
        blender_object: Made by this add-on.
        settings: `photo` and `mirror_to_back` (both False), which take the colors from the picture
            where its camera sees the surface.
    """
    _check_object(blender_object)
    chosen = _with_defaults(RECOLOR, settings)
    return _result_of(coloring(bpy.context, blender_object, _machine(), False, **chosen))


def clean_up(blender_object: bpy.types.Object, **settings: object) -> bpy.types.Object:
    """Remove floaters, fill holes, smooth and reduce faces.

    Args:
        blender_object: Made by this add-on.
        settings: `floaters` (0...1, 1 keeps the largest part), `holes`, `smooth` (passes, 0...200)
            and `faces` (0 keeps all).
    """
    _check_object(blender_object)
    chosen = _with_defaults(CLEAN_UP, settings)
    return _result_of(edit.clean_up(blender_object, _machine(), False, **chosen))


def remesh(blender_object: bpy.types.Object, **settings: object) -> bpy.types.Object:
    """Replace an object's faces with even ones.

    Args:
        blender_object: Made by this add-on.
        settings: `kind` ("voxel" or "quads"), `voxel_size` (0: from the object's size), `faces`.
    """
    _check_object(blender_object)
    chosen = _with_defaults(REMESH, settings)
    return _result_of(edit.remesh(blender_object, _machine(), False, **chosen))


def mirror(blender_object: bpy.types.Object, keep: str = "auto") -> bpy.types.Object:
    """Replace one half of an object with the mirror image of the other.

    Args:
        blender_object: Made by this add-on.
        keep: Half to keep: "left" (-X), "right" (+X), or "auto", the half with more surface.
    """
    _check_object(blender_object)
    chosen = _with_defaults(MIRROR, {"keep": keep})
    return _result_of(edit.mirror(blender_object, _machine(), False, **chosen))


def texture(blender_object: bpy.types.Object, **settings: object) -> bpy.types.Object:
    """Unwrap an object's mesh, and give it textures and a material that shows them.

    Args:
        blender_object: Made by this add-on. A UV map of yours is kept, and so is its mesh.
        settings: `faces` (20,000; 0 keeps the mesh), `size` (512, 1024, 2048, 4096), `normal_map`,
            `photo` and `mirror_to_back`.

    Returns:
        The same object.
    """
    _check_object(blender_object)
    chosen = _with_defaults(TEXTURE, settings)
    return _result_of(texturing(bpy.context, blender_object, _machine(), False, **chosen))


def camera_from_picture(blender_object: bpy.types.Object) -> bpy.types.Object:
    """Set up a camera from which an object covers its subject in the picture.

    The camera becomes that of the current scene, the picture its background, and the picture's size
    that of the render. `blender_object.triposr.match` then says how well the object covers its
    subject, 0 to 1.

    Args:
        blender_object: Made by this add-on; in the current scene.

    Returns:
        The camera: the same one for each call, unless the artist has tied it to something.

    Raises:
        InputError: The picture is gone, or the object is stretched or was moved inside itself.
    """
    _check_object(blender_object)
    return _result_of(camera_setup(bpy.context, blender_object, is_clicked=False))


def import_batch(path: Path | str, **settings: object) -> list[bpy.types.Object]:
    """Import objects of a batch into the current scene, in a grid around the 3D cursor.

    They are as if they had been generated here: they can be refined, textured and so on. Those
    whose files are missing or damaged are left out.

    Args:
        path: The output folder of `python -m triposr.batch`, or the index.jsonl in it.
        settings: `match_from` (0) and `match_to` (1), between which an object's match must be, and
            `maximum` (500).

    Returns:
        The objects, in the order of the index.

    Raises:
        TypeError: A setting does not exist.
        InputError: It is no batch, or there is nothing in it to import.
    """
    chosen = _with_defaults(BATCH, settings)
    return _result_of(batch_import(bpy.context, path, False, **chosen))


def export(blender_object: bpy.types.Object, path: Path | str, target: str = "web") -> ExportReport:
    """Export an object so that it arrives whole: right axes, real size, colors, within limits.

    The scene stays as it is. A second Blender writes the files; an existing file is replaced only
    when the new one is whole.

    Args:
        blender_object: Any mesh object, with modifiers or without. If it was made from a picture
            and the target shows no vertex colors, what is exported gets a texture, with the
            `texture` and `texture_faces` of `image_to_object`, otherwise the usual ones.
        path: The file, or for `page` the folder; a missing ending is added.
        target: "web", "engine", "iphone", "android", "maya", "print" or "page".

    Returns:
        The files, what they hold, and remarks.

    Raises:
        InputError: The object, the path or the target cannot be used.
    """
    _check_object(blender_object)
    if not isinstance(path, Path | str):
        raise TypeError(f"path must be a str or a pathlib.Path, not {_kind_of(path)}")
    return _result_of(exports.export(bpy.context, blender_object, path, target, False))


def _check_object(blender_object: object) -> None:
    """Raise TypeError for what is no object, and InputError for one that was removed."""
    if not isinstance(blender_object, bpy.types.Object):
        raise TypeError(
            f"blender_object must be a bpy.types.Object, not {_kind_of(blender_object)}"
        )
    check_there(blender_object)


def _kind_of(value: object) -> str:
    kind = type(value)
    is_usual = kind.__module__ == "builtins"
    return kind.__qualname__ if is_usual else f"{kind.__module__}.{kind.__qualname__}"


def _result_of(task: Task) -> Any:
    """Do a task now, and warn of what it leaves out."""
    outcome = task.do()
    for remark in outcome.remarks:
        log.warning("%s: %s", task.title, remark)
    return outcome.result


def _with_defaults(settings: tuple[Setting, ...], given: dict[str, object]) -> dict[str, object]:
    return defaults_of(settings) | checked(settings, given)


def _machine() -> Machine:
    """Machine settings of a call that Blender waits for."""
    return machine(bpy.context, is_clicked=False)
