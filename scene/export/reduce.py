"""Fewer triangles, by Blender's own modifiers, in the second Blender."""

from __future__ import annotations

import bpy


def triangles_of(target: bpy.types.Object) -> int:
    """Number of triangles that an object's faces are split into."""
    data = target.data
    return len(data.loops) - 2 * len(data.polygons)


def reduce_triangles(target: bpy.types.Object, limit: int) -> bool:
    """Collapse edges until there are at most about `limit` triangles; fewer stay as they are.

    Returns:
        Whether there were more.
    """
    count = triangles_of(target)
    if count <= limit:
        return False
    triangulate(target)
    _apply(target, "DECIMATE", ratio=limit / count)
    return True


def triangulate(target: bpy.types.Object) -> None:
    """Split all faces into triangles."""
    if triangles_of(target) > len(target.data.polygons):
        _apply(target, "TRIANGULATE", keep_custom_normals=True)


def _apply(target: bpy.types.Object, kind: str, **settings: object) -> None:
    """Replace an object's mesh by the result of a modifier."""
    modifier = target.modifiers.new("", kind)
    for name, value in settings.items():
        if hasattr(modifier, name):  # some Blenders keep normals without being asked
            setattr(modifier, name, value)
    depsgraph = bpy.context.evaluated_depsgraph_get()
    result = bpy.data.meshes.new_from_object(
        target.evaluated_get(depsgraph), preserve_all_data_layers=True, depsgraph=depsgraph
    )
    target.modifiers.remove(modifier)
    before, target.data = target.data, result
    name = before.name
    bpy.data.meshes.remove(before)
    result.name = name
