"""For scripts inside Blender: pictures become objects, and objects become what one can use.

from bl_ext.user_default.triposr import api

chair = api.image_to_object("chair.png", resolution=128, size=0.9)
api.refine(chair, threshold=30)
api.clean_up(chair, faces=5000)
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import bpy

from .scene.source import has_source


def image_to_object(image: bpy.types.Image | Path | str, **settings: object) -> bpy.types.Object:
    """Build an object from a picture, in the present scene at the 3D cursor, and wait for it.

    Args:
        image: An image data-block, or the path of a file.
        settings: Those of `bpy.ops.triposr.generate`, such as `resolution`, `threshold`, `size`,
            `background`; what is not given is as in the scene's settings.

    Returns:
        The new object; in Object Mode it is selected and active.

    Raises:
        TypeError: The image is something else.
        RuntimeError: One sentence that says what went wrong, and one that says what to do.
    """
    before = set(bpy.data.objects)
    if isinstance(image, bpy.types.Image):
        # By its own number: a linked image may have the same name as a local one.
        bpy.ops.triposr.generate(image=image.name, image_uid=image.session_uid, **settings)
    elif not isinstance(image, Path | str):
        kind = type(image)
        raise TypeError(
            "an image is a bpy.types.Image or the path of a file (str or pathlib.Path), and not"
            f" {kind.__module__}.{kind.__qualname__}"
        )
    else:
        bpy.ops.triposr.generate(filepath=str(image), **settings)
    [new] = set(bpy.data.objects) - before  # in Edit Mode it does not become the active one
    return new


def refine(blender_object: bpy.types.Object, **settings: object) -> bpy.types.Object:
    """Extract an object's surface again, without the network.

    Args:
        blender_object: Made by this add-on.
        settings: `resolution`, `threshold` and `closed`; what is not given is as it was.

    Returns:
        The same object.

    Raises:
        RuntimeError: As above.
    """
    return _with_active(blender_object, bpy.ops.triposr.refine, settings)


def regenerate(blender_object: bpy.types.Object) -> bpy.types.Object:
    """Build an object anew from its picture with the scene's present settings, in its place.

    Raises:
        RuntimeError: As above.
    """
    return _with_active(blender_object, bpy.ops.triposr.regenerate, {})


def recolor(blender_object: bpy.types.Object) -> bpy.types.Object:
    """Color an object's vertices anew from its scene code, whatever was done to its mesh.

    Raises:
        RuntimeError: As above.
    """
    return _with_active(blender_object, bpy.ops.triposr.recolor, {})


def clean_up(blender_object: bpy.types.Object, **settings: object) -> bpy.types.Object:
    """Remove floaters, fill holes, smooth and reduce faces.

    Args:
        blender_object: Made by this add-on.
        settings: `floaters` (0...1, 1 keeps the largest part), `holes`, `smooth` (passes, 0...200)
            and `faces` (0 keeps all).

    Raises:
        RuntimeError: As above.
    """
    return _with_active(blender_object, bpy.ops.triposr.clean_up, settings)


def remesh(blender_object: bpy.types.Object, **settings: object) -> bpy.types.Object:
    """Replace an object's faces by even ones.

    Args:
        blender_object: Made by this add-on.
        settings: `kind` ("voxel" or "quads"), `voxel_size` (0: by the object's size), `faces`.

    Raises:
        RuntimeError: As above.
    """
    return _with_active(blender_object, bpy.ops.triposr.remesh, settings)


def mirror(blender_object: bpy.types.Object, keep: str = "auto") -> bpy.types.Object:
    """Replace one half of an object by the mirror image of the other.

    Args:
        blender_object: Made by this add-on.
        keep: "left" (-X), "right" (+X), or "auto": the half with more surface.

    Raises:
        RuntimeError: As above.
    """
    return _with_active(blender_object, bpy.ops.triposr.mirror, {"keep": keep})


def _with_active(
    blender_object: bpy.types.Object,
    operator: Callable[..., set[str]],
    settings: dict[str, object],
) -> bpy.types.Object:
    """Let an operator work on an object, whichever is the active one."""
    if not has_source(blender_object):
        name = getattr(blender_object, "name", blender_object)
        raise RuntimeError(f"{name} was not made from a picture. Give an object that was.")
    with bpy.context.temp_override(
        object=blender_object,
        active_object=blender_object,
        selected_objects=[blender_object],
        selected_editable_objects=[blender_object],
    ):
        operator(**settings)
    return blender_object
