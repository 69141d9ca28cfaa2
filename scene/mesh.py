"""A `MeshData` becomes a Blender object with its colors, in the scene and selected."""

from __future__ import annotations

from collections.abc import Iterator

import bpy
import numpy as np

from ..inference.errors import InputError
from ..inference.types import MeshData
from .material import color_material
from .placement import stand_on_floor, to_blender_frame

COLOR_ATTRIBUTE = "Color"
"""Blender's own default name for a color attribute."""


def add_object(
    context: bpy.types.Context,
    mesh: MeshData,
    name: str,
    size: float,
    location: tuple[float, float, float],
) -> bpy.types.Object:
    """Add a mesh to the scene, facing -Y, its base at `location`.

    Args:
        context: Its scene and collection receive the object. In Object Mode the object becomes the
            selected and active one; in any other mode the artist's work is left alone.
        mesh: In the model's frame.
        name: Of the object and its mesh.
        size: Longest side in scene units.
        location: Of the middle of its base, in world space.
    """
    collection = _collection(context)
    data = new_mesh(mesh, name, size)
    blender_object = bpy.data.objects.new(name, data)
    blender_object.location = location
    try:
        collection.objects.link(blender_object)
    except RuntimeError as error:
        bpy.data.meshes.remove(data)  # and with it the object
        raise InputError(
            f"Nothing can be added to the collection {collection.name!r}",
            "Select a collection of this file in the Outliner",
        ) from error
    _show_in_local_views(context, blender_object)
    # In any other mode, changing the active object would throw the artist out of what she edits.
    if context.mode == "OBJECT":
        for selected in context.selected_objects:
            selected.select_set(False)
        blender_object.select_set(True)
        context.view_layer.objects.active = blender_object
    return blender_object


def _collection(context: bpy.types.Context) -> bpy.types.Collection:
    """The active collection, unless it is linked or excluded from the view layer."""
    active = context.view_layer.active_layer_collection
    collection = active.collection
    is_ours = collection.library is None and collection.override_library is None
    return collection if is_ours and not active.exclude else context.scene.collection


def _show_in_local_views(context: bpy.types.Context, new: bpy.types.Object) -> None:
    """Let viewports that show a selection of objects only show the new one too, as Add does."""
    for space in _viewports(context):
        if space.local_view:
            new.local_view_set(space, True)


def _viewports(context: bpy.types.Context) -> Iterator[bpy.types.SpaceView3D]:
    """The 3D viewports that are open in the scene's windows."""
    for window in context.window_manager.windows:
        if window.scene == context.scene:
            for area in window.screen.areas:
                if area.type == "VIEW_3D":
                    yield area.spaces.active


def new_mesh(mesh: MeshData, name: str, size: float) -> bpy.types.Mesh:
    """The mesh data-block: smooth shaded, colored, with a material that shows the colors."""
    vertices = stand_on_floor(to_blender_frame(mesh.vertices), size)
    data = bpy.data.meshes.new(name)
    data.vertices.add(len(vertices))
    # Attributes are copied at once; through `vertices` and `loops`, Blender sets value by value,
    # and stands still for a tenth of a second.
    data.attributes["position"].data.foreach_set("vector", vertices.ravel())
    data.loops.add(mesh.faces.size)
    data.attributes[".corner_vert"].data.foreach_set("value", mesh.faces.ravel())
    data.polygons.add(len(mesh.faces))
    starts = np.arange(0, mesh.faces.size, 3, dtype=np.int32)
    data.polygons.foreach_set("loop_start", starts)
    data.update(calc_edges=True)
    data.shade_smooth()
    _add_colors(data, mesh)
    data.materials.append(color_material(COLOR_ATTRIBUTE))
    return data


def _add_colors(data: bpy.types.Mesh, mesh: MeshData) -> None:
    """One color attribute on the points; 8 bits, as many as the picture had."""
    attribute = data.color_attributes.new(COLOR_ATTRIBUTE, "BYTE_COLOR", "POINT")
    rgba = np.ones((len(mesh.colors), 4), np.float32)
    rgba[:, :3] = mesh.colors
    # `color_srgb` takes display-referred values; `color` would take scene linear ones.
    attribute.data.foreach_set("color_srgb", rgba.ravel())
    data.color_attributes.active_color = attribute
    data.color_attributes.render_color_index = data.color_attributes.active_color_index


def show_colors(context: bpy.types.Context) -> None:
    """Let the open 3D viewports show color attributes in Solid shading."""
    for space in _viewports(context):
        space.shading.color_type = "VERTEX"
