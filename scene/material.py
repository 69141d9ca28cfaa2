"""The material that shows a mesh's color attribute in Material Preview and in renders."""

from __future__ import annotations

import re

import bpy

from .identity import is_local

NAME = "TripoSR Color"

NODES = 3
"""Number of its nodes: output, surface, color."""


def color_material(attribute: str) -> bpy.types.Material:
    """The material that shows the color attribute of that name; a .blend has one for each name."""
    shown = (material for material in bpy.data.materials if _shows(material, attribute))
    return next(shown, None) or _new_material(attribute)


def follow_attribute(data: bpy.types.Mesh, before: str, attribute: str) -> None:
    """Make the materials that show a mesh's colors follow the attribute to its new name."""
    for slot, material in enumerate(data.materials):
        if before != attribute and material is not None and _shows(material, before):
            data.materials[slot] = _retargeted(material, before, attribute)


def color_shown_by(material: bpy.types.Material) -> str | None:
    """The color attribute that is linked directly to a material's base color, if any."""
    if material.node_tree is None:
        return None
    for link in material.node_tree.links:
        principled, color = link.to_node, link.from_node
        if (principled.type, link.to_socket.identifier) == ("BSDF_PRINCIPLED", "Base Color"):
            return color.layer_name if color.type == "VERTEX_COLOR" else None
    return None


def _shows(material: bpy.types.Material, attribute: str) -> bool:
    """Whether a material is ours and still shows the color attribute of that name."""
    return is_ours(material) and any(
        link.from_node.type == "VERTEX_COLOR" and link.from_node.layer_name == attribute
        for link in material.node_tree.links
    )


def is_ours(material: bpy.types.Material) -> bool:
    """Whether a material of this file has our name, with or without Blender's number."""
    is_named = re.fullmatch(rf"{NAME}(\.\d+)?", material.name) is not None
    return is_named and is_local(material) and material.node_tree is not None


def _retargeted(material: bpy.types.Material, before: str, attribute: str) -> bpy.types.Material:
    """A material that shows another attribute instead; what the artist has added to it stays."""
    if len(material.node_tree.nodes) == NODES:
        return color_material(attribute)
    other = material.copy()
    for node in other.node_tree.nodes:
        if node.type == "VERTEX_COLOR" and node.layer_name == before:
            node.layer_name = attribute
    return other


def _new_material(attribute: str) -> bpy.types.Material:
    material = bpy.data.materials.new(NAME)
    if material.node_tree is None:  # from Blender 5.0 on, every material has one
        material.use_nodes = True
    nodes = material.node_tree.nodes
    # Found by type, because Blender translates the names of nodes.
    principled = next(node for node in nodes if node.type == "BSDF_PRINCIPLED")
    color = nodes.new("ShaderNodeVertexColor")
    color.layer_name = attribute
    color.location = (principled.location.x - 220, principled.location.y)
    material.node_tree.links.new(color.outputs["Color"], principled.inputs["Base Color"])
    # The colors contain the photo's light already: with highlights, it would be lit twice.
    principled.inputs["Roughness"].default_value = 0.8
    return material
