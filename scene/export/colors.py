"""Where the colors of an object's materials come from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import bpy
import numpy as np
from numpy.typing import NDArray

from .nodes import color_nodes

Colors = Literal["texture", "vertex", "both", "none"]
"""What a mesh shows; "both" if some of its materials show a texture, and others vertex colors."""

Material = bpy.types.Material | None


def colors_shown_by(materials: Sequence[Material], data: bpy.types.Mesh) -> Colors:
    """What a mesh shows with these materials of its slots, as far as its faces use them."""
    used = used_materials(materials, data)
    kinds = {
        "texture": any(shows_texture(material, data) for material in used),
        "vertex": any(shown_attributes(used, data)),
    }
    shown: list[Colors] = [kind for kind, is_there in kinds.items() if is_there]
    return "both" if len(shown) > 1 else shown[0] if shown else "none"


def used_materials(materials: Sequence[Material], data: bpy.types.Mesh) -> list[Material]:
    """The materials of the slots that faces use; None for faces without one."""
    if not len(materials):
        return [None]
    return list(dict.fromkeys(materials[slot] for slot in np.unique(_slots(data, len(materials)))))


def leave_out_unused(data: bpy.types.Mesh) -> None:
    """Empty the slots that no face uses: exporters would bring their textures along."""
    used = set(_slots(data, len(data.materials)).tolist()) if len(data.materials) else set()
    for slot in set(range(len(data.materials))) - used:
        data.materials[slot] = None


def shows_texture(material: Material, data: bpy.types.Mesh) -> bool:
    """Whether a material takes its base color from a picture, on the mesh's UV map."""
    return (
        material is not None
        and bool(data.uv_layers)
        and any(
            node.type == "TEX_IMAGE" and node.image is not None for node in color_nodes(material)
        )
    )


def shown_attributes(materials: Iterable[Material], data: bpy.types.Mesh) -> list[str]:
    """For each material, the color attribute that it takes its base color from; "" if none."""
    materials = list(materials)
    if not any(materials):  # programs show the colors of a mesh that has no material
        return [_default(data)] * len(materials)
    return [_attribute_of(material, data) for material in materials]


def _attribute_of(material: Material, data: bpy.types.Mesh) -> str:
    if material is None or shows_texture(material, data):
        return ""
    for node in color_nodes(material):
        name = ""
        if node.type == "VERTEX_COLOR":
            name = node.layer_name or _default(data)
        elif node.type == "ATTRIBUTE" and node.attribute_type == "GEOMETRY":
            name = node.attribute_name
        if name in data.color_attributes:
            return name
    return ""


def _default(data: bpy.types.Mesh) -> str:
    """The color attribute that is shown unless a material names one."""
    attributes = data.color_attributes
    number = attributes.render_color_index
    return attributes[number].name if 0 <= number < len(attributes) else ""


def keep_shown_colors(data: bpy.types.Mesh) -> None:
    """Leave one color attribute, which has the colors that the mesh shows; none if it shows none.

    glTF multiplies vertex colors into whatever a face's material shows. So they are white where
    the material takes its color from elsewhere.
    """
    used = used_materials(data.materials, data)
    names = dict(zip(used, shown_attributes(used, data), strict=True))
    different = set(names.values())
    if len(different) > 1:
        kept = _composed(data, names)
    else:
        [kept] = different
    for name in [attribute.name for attribute in data.color_attributes]:
        if name != kept:
            data.color_attributes.remove(data.color_attributes[name])
    if kept:
        data.color_attributes.active_color_index = data.color_attributes.render_color_index = 0


def _composed(data: bpy.types.Mesh, names: dict[Material, str]) -> str:
    """The name of a new color attribute with the colors that each face's material shows."""
    sizes = np.empty(len(data.polygons), np.int32)
    data.polygons.foreach_get("loop_total", sizes)
    by_slot = np.array([names.get(material, "") for material in data.materials])
    of_corner = np.repeat(by_slot[_slots(data, len(data.materials))], sizes)
    colors = np.ones((len(data.loops), 4), np.float32)
    kinds = set()
    for name in filter(None, set(names.values())):
        attribute = data.color_attributes[name]
        kinds.add(attribute.data_type)
        corners = of_corner == name
        colors[corners] = _at_corners(data, attribute)[corners]
    # Names of attributes may be taken: Blender numbers this one then.
    kind = "FLOAT_COLOR" if len(kinds) > 1 else kinds.pop()
    new = data.color_attributes.new("Shown", kind, "CORNER")
    new.data.foreach_set("color", colors.ravel())
    return new.name


def _at_corners(data: bpy.types.Mesh, attribute: bpy.types.Attribute) -> NDArray[np.float32]:
    """(L, 4) linear colors of all corners of a mesh's faces."""
    colors = np.empty(4 * len(attribute.data), np.float32)
    attribute.data.foreach_get("color", colors)
    colors = colors.reshape(-1, 4)
    if attribute.domain == "CORNER":
        return colors
    vertices = np.empty(len(data.loops), np.int32)
    data.loops.foreach_get("vertex_index", vertices)
    return colors[vertices]


def _slots(data: bpy.types.Mesh, count: int) -> NDArray[np.int32]:
    """(F,) number of each face's slot, as Blender understands those that are not there."""
    slots = np.zeros(len(data.polygons), np.int32)
    data.polygons.foreach_get("material_index", slots)
    return np.clip(slots, 0, count - 1)
