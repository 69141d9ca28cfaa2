"""The material that shows a mesh's color attribute in Material Preview and in renders."""

from __future__ import annotations

import bpy

NAME = "TripoSR Color"


def color_material(attribute: str) -> bpy.types.Material:
    """The material that shows the color attribute of that name; made once for a .blend."""
    material = bpy.data.materials.get((NAME, None))  # none of a library
    if material is None or not _shows(material, attribute):
        material = _new_material(attribute)
    return material


def _shows(material: bpy.types.Material, attribute: str) -> bool:
    """Whether the artist has left in the material what makes it ours."""
    return material.node_tree is not None and any(
        link.from_node.type == "VERTEX_COLOR" and link.from_node.layer_name == attribute
        for link in material.node_tree.links
    )


def _new_material(attribute: str) -> bpy.types.Material:
    material = bpy.data.materials.new(NAME)
    if material.node_tree is None:  # from Blender 5.0 on, every material has one
        material.use_nodes = True
    nodes = material.node_tree.nodes
    # By type: names are translated with the interface.
    principled = next(node for node in nodes if node.type == "BSDF_PRINCIPLED")
    color = nodes.new("ShaderNodeVertexColor")
    color.layer_name = attribute
    color.location = (principled.location.x - 220, principled.location.y)
    material.node_tree.links.new(color.outputs["Color"], principled.inputs["Base Color"])
    # The photo's light is in the colors already: highlights on top would be lit twice.
    principled.inputs["Roughness"].default_value = 0.8
    return material
