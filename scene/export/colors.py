"""Where the colors of an object's materials come from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

import bpy

Colors = Literal["texture", "vertex", "none"]


def colors_shown_by(materials: Iterable[bpy.types.Material | None], data: bpy.types.Mesh) -> Colors:
    """What a mesh with these materials shows: pictures on its UV map, vertex colors, or neither."""
    kinds: set[str] = set()
    are_there = False
    for material in filter(None, materials):
        are_there = True
        for node in nodes_of(material):
            if node.type != "TEX_IMAGE":
                kinds.add(node.type)
            elif node.image is not None and data.uv_layers:
                kinds.add("TEX_IMAGE")
    if "TEX_IMAGE" in kinds:
        return "texture"
    # Programs show the colors of a mesh that has no material.
    is_colored = not are_there or kinds & {"VERTEX_COLOR", "ATTRIBUTE"}
    return "vertex" if is_colored and data.color_attributes else "none"


def nodes_of(material: bpy.types.Material) -> Iterator[bpy.types.Node]:
    """The nodes that lead to a material's surface, those inside of groups among them."""
    if material.node_tree is None or not getattr(material, "use_nodes", True):
        return
    output = material.node_tree.get_output_node("ALL")
    if output is not None:
        yield from _before(output, material.node_tree, set())


def _before(
    node: bpy.types.Node, tree: bpy.types.NodeTree, seen: set[object]
) -> Iterator[bpy.types.Node]:
    """A node, and all that are linked to its inputs."""
    seen.add(node)
    yield node
    if node.type == "GROUP" and node.node_tree is not None:
        yield from _inside(node.node_tree, seen)
    for link in tree.links:
        if link.to_node == node and link.from_node not in seen:
            yield from _before(link.from_node, tree, seen)


def _inside(tree: bpy.types.NodeTree, seen: set[object]) -> Iterator[bpy.types.Node]:
    """The nodes of a group, and of the groups in it."""
    if tree in seen:
        return
    seen.add(tree)
    for node in tree.nodes:
        yield node
        if node.type == "GROUP" and node.node_tree is not None:
            yield from _inside(node.node_tree, seen)
