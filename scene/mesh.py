"""A `MeshData` becomes a Blender object with its colors, in the scene and selected."""

from __future__ import annotations

import hashlib

import bmesh
import bpy
import numpy as np

from ..inference.errors import InputError
from ..inference.types import MeshData
from .anchors import remember_place
from .identity import check_local, is_local
from .material import color_material, follow_attribute
from .placement import Placement
from .texture import show_vertex_colors
from .viewports import follow_textures, viewports

COLOR_ATTRIBUTE = "Color"
"""Blender's own default name for a color attribute; Blender adds a number if the name is taken."""

KIND = ("POINT", "BYTE_COLOR")
"""Domain and type of the color attribute."""


def add_object(
    context: bpy.types.Context,
    mesh: MeshData,
    name: str,
    placement: Placement,
    location: tuple[float, float, float],
    turn: float = 0.0,
) -> bpy.types.Object:
    """Add a mesh to the scene, its origin at `location`.

    Args:
        context: Its scene and collection receive the object. In Object Mode, the object becomes the
            selected and active one; in any other mode, selection and active object stay.
        mesh: The surface, in the model's frame.
        name: Name of the object and its mesh.
        placement: Where the model's frame lies in the object's space.
        location: Where the object's origin lies, in world space.
        turn: Rotation about Z, in radians; at 0 the object faces -Y.
    """
    blender_object = bpy.data.objects.new(name, new_mesh(mesh, name, placement))
    blender_object.location, blender_object.rotation_euler.z = location, turn
    link(context, blender_object)
    show_in_local_views(context, blender_object)
    # In any other mode, a new active object would interrupt what the artist is editing.
    if context.mode == "OBJECT":
        for selected in context.selected_objects:
            selected.select_set(False)
        blender_object.select_set(True)
        context.view_layer.objects.active = blender_object
    return blender_object


def link(context: bpy.types.Context, new: bpy.types.Object) -> None:
    """Add a new object to the collection for new objects.

    Raises:
        InputError: Nothing can be added there; the object and its data are gone then.
    """
    collection = _collection(context)
    try:
        collection.objects.link(new)
    except RuntimeError as error:
        bpy.data.batch_remove((new, new.data))
        raise InputError(
            "Nothing can be added to the collection {name!r}",
            "Select a collection of this file in the Outliner",
            name=collection.name,
        ) from error


def _collection(context: bpy.types.Context) -> bpy.types.Collection:
    """The collection for a new object: the active one, unless it is linked or excluded."""
    active = context.view_layer.active_layer_collection
    collection = active.collection
    is_usable = is_local(collection) and not active.exclude
    return collection if is_usable else context.scene.collection


def show_in_local_views(context: bpy.types.Context, *new: bpy.types.Object) -> None:
    """Show new objects in viewports that are in Local View, as Blender's Add menu does."""
    for space in viewports(context):
        if space.local_view:
            for each in new:
                each.local_view_set(space, True)


def new_mesh(mesh: MeshData, name: str, placement: Placement) -> bpy.types.Mesh:
    """The mesh data-block: smooth shaded, colored, with a material that shows the colors."""
    data = bpy.data.meshes.new(name)
    fill(data, mesh, placement)
    data.materials.append(color_material(data.triposr.colors))
    return data


def fill(data: bpy.types.Mesh, mesh: MeshData, placement: Placement) -> None:
    """Replace the content of a data-block by a mesh; materials stay."""
    data.clear_geometry()
    vertices = placement.place(mesh.vertices)
    data.vertices.add(len(vertices))
    # Attributes are copied at once. Through `vertices` and `loops`, Blender would set value by
    # value and block for a tenth of a second.
    data.attributes["position"].data.foreach_set("vector", vertices.ravel())
    data.loops.add(mesh.faces.size)
    data.attributes[".corner_vert"].data.foreach_set("value", mesh.faces.ravel())
    data.polygons.add(len(mesh.faces))
    starts = np.arange(0, mesh.faces.size, 3, dtype=np.int32)
    data.polygons.foreach_set("loop_start", starts)
    data.update(calc_edges=True)
    data.shade_smooth()
    set_colors(data, mesh.colors)
    remember_place(data, vertices)


def check_editable(data: bpy.types.Mesh) -> None:
    """Raise InputError for a mesh whose surface cannot be replaced or reduced now."""
    check_local(data)
    if data.is_editmode:
        raise InputError(
            "The mesh {name!r} is being edited", "Switch to Object Mode first", name=data.name
        )
    if data.shape_keys is not None:
        raise InputError(
            "The mesh {name!r} has shape keys, which fit its present vertices only",
            "Remove or apply them first",
            name=data.name,
        )


def check_not_empty(data: bpy.types.Mesh) -> None:
    """Raise InputError for a mesh without faces."""
    if not len(data.polygons):
        raise InputError(
            "The mesh {name!r} has no faces",
            "Bring its surface back with Extract Again",
            name=data.name,
        )


def check_free(blender_object: bpy.types.Object) -> None:
    """Raise InputError for an object whose mesh cannot be replaced now."""
    if blender_object.type != "MESH":
        raise InputError(
            "{name} is no longer a mesh", "Generate it again", name=blender_object.name
        )
    if blender_object.mode != "OBJECT":
        raise InputError(
            "{name} is being edited",
            "Switch to Object Mode and try again",
            name=blender_object.name,
        )
    check_local(blender_object)
    check_editable(blender_object.data)


def make_single_user(blender_object: bpy.types.Object) -> None:
    """Give an object a mesh of its own, so that linked duplicates keep theirs."""
    if blender_object.data.users > 1:
        blender_object.data = blender_object.data.copy()


def positions(data: bpy.types.Mesh) -> np.ndarray:
    """The vertices (V, 3) float32 of a data-block, in the object's space."""
    values = np.empty((len(data.vertices), 3), np.float32)
    data.attributes["position"].data.foreach_get("vector", values.ravel())
    return values


def triangles(data: bpy.types.Mesh) -> np.ndarray:
    """The triangles (F, 3) int32 into which Blender divides the faces of a data-block."""
    data.calc_loop_triangles()
    corners = np.empty((len(data.loop_triangles), 3), np.int32)
    data.loop_triangles.foreach_get("vertices", corners.ravel())
    return corners


def normals(data: bpy.types.Mesh) -> np.ndarray:
    """The normals (V, 3) float32 of a data-block's vertices; they point where the faces do."""
    values = np.empty((len(data.vertices), 3), np.float32)
    data.vertex_normals.foreach_get("vector", values.ravel())
    return values


VALUES = {
    "FLOAT": ("value", np.float32, 1),
    "INT": ("value", np.int32, 1),
    "BOOLEAN": ("value", bool, 1),
    "INT8": ("value", np.int32, 1),
    "FLOAT_VECTOR": ("vector", np.float32, 3),
    "FLOAT2": ("vector", np.float32, 2),
    "INT16_2D": ("value", np.int32, 2),
    "INT32_2D": ("value", np.int32, 2),
    "FLOAT_COLOR": ("color", np.float32, 4),
    "BYTE_COLOR": ("color", np.float32, 4),
    "QUATERNION": ("value", np.float32, 4),
    "FLOAT4X4": ("value", np.float32, 16),
}
"""How to read all values of an attribute at once, by its type: property, dtype, numbers per value.
Strings cannot be read at once.
"""


def digest_of_content(blender_object: bpy.types.Object) -> str:
    """SHA-256 of all that an object's mesh holds: faces, attributes, colors, UVs, weights."""
    data, digest = blender_object.data, hashlib.sha256()
    sizes = len(data.vertices), len(data.edges), len(data.polygons), len(data.loops)
    digest.update(repr((sizes, [group.name for group in blender_object.vertex_groups])).encode())
    for attribute in data.attributes:
        about = attribute.name, attribute.domain, attribute.data_type
        digest.update(repr(about).encode("utf-8", "surrogateescape"))
        if attribute.data_type in VALUES:
            name, kind, width = VALUES[attribute.data_type]
            values = np.empty(len(attribute.data) * width, kind)
            attribute.data.foreach_get(name, values)
            digest.update(values)
    if blender_object.vertex_groups:
        weights = [(g.group, g.weight) for vertex in data.vertices for g in vertex.groups]
        digest.update(np.array(weights, np.float32))
    return digest.hexdigest()


def set_colors(data: bpy.types.Mesh, colors: np.ndarray) -> None:
    """Write colors (V, 3), display-referred, to the active color attribute on the points; with 8
    bits, as the picture had.
    """
    before, attribute = _color_name(data), _color_attribute(data)
    if attribute is None:
        domain, data_type = KIND
        attribute = data.color_attributes.new(COLOR_ATTRIBUTE, data_type, domain)
    data.triposr.colors = attribute.name
    rgba = np.ones((len(colors), 4), np.float32)
    rgba[:, :3] = colors
    # `color_srgb` takes display-referred values; `color` would take scene linear ones.
    attribute.data.foreach_set("color_srgb", rgba.ravel())
    data.color_attributes.active_color = attribute
    data.color_attributes.render_color_index = data.color_attributes.active_color_index
    follow_attribute(data, before, attribute.name)
    if not data.uv_layers:
        show_vertex_colors(data)
        follow_textures()
    data.update()


def _color_name(data: bpy.types.Mesh) -> str:
    """Name of the attribute that `set_colors` made; meshes of older files do not hold it."""
    return data.triposr.colors or COLOR_ATTRIBUTE


def _color_attribute(data: bpy.types.Mesh) -> bpy.types.Attribute | None:
    """The attribute that `set_colors` made, if any; one of another kind is the artist's."""
    attribute = data.color_attributes.get(_color_name(data))
    if attribute is None or (attribute.domain, attribute.data_type) != KIND:
        return None
    return attribute


def colors_of(data: bpy.types.Mesh) -> np.ndarray | None:
    """The colors (V, 3) float32 that `set_colors` gave a mesh, unless they are gone."""
    attribute = _color_attribute(data)
    if attribute is None:
        return None
    rgba = np.empty((len(data.vertices), 4), np.float32)
    attribute.data.foreach_get("color_srgb", rgba.ravel())
    return rgba[:, :3]


def recolor(data: bpy.types.Mesh, points: np.ndarray, colors: np.ndarray) -> None:
    """Give the vertices of a data-block, which lie at `points`, the colors of their scene code."""
    set_colors(data, colors)
    remember_place(data, points)


def replace(data: bpy.types.Mesh, by: bpy.types.Mesh) -> None:
    """Replace the content of a data-block by that of another one; materials stay."""
    content = bmesh.new()
    try:
        content.from_mesh(by)
        content.to_mesh(data)
    finally:
        content.free()
    data.update()
