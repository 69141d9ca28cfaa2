"""For scripts inside Blender: pictures become objects, objects are refined.

from bl_ext.user_default.triposr import api

chair = api.image_to_object("chair.png", resolution=128, size=0.9)
api.refine(chair, threshold=30)
"""

from __future__ import annotations

from pathlib import Path

import bpy


def image_to_object(image: bpy.types.Image | Path | str, **settings: object) -> bpy.types.Object:
    """Build an object from a picture, in the present scene at the 3D cursor, and wait for it.

    Args:
        image: An image data-block, or the path of a file.
        settings: Those of `bpy.ops.triposr.generate`, such as `resolution`, `threshold`, `size`,
            `background`; what is not given is as in the scene's settings.

    Returns:
        The new object; in Object Mode it is selected and active.

    Raises:
        RuntimeError: One sentence that says what went wrong, and one that says what to do.
    """
    is_block = isinstance(image, bpy.types.Image)
    source = {"image": image.name} if is_block else {"filepath": str(image)}
    before = set(bpy.data.objects)
    bpy.ops.triposr.generate(**source, **settings)
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
    with bpy.context.temp_override(object=blender_object, active_object=blender_object):
        bpy.ops.triposr.refine(**settings)
    return blender_object


def recolor(blender_object: bpy.types.Object) -> bpy.types.Object:
    """Color an object's vertices anew from its scene code, whatever was done to its mesh.

    Raises:
        RuntimeError: As above.
    """
    with bpy.context.temp_override(object=blender_object, active_object=blender_object):
        bpy.ops.triposr.recolor()
    return blender_object
