"""Nodes of a material that lead to its surface, through reroutes and groups."""

from __future__ import annotations

from collections.abc import Iterator

import bpy

Groups = tuple[bpy.types.Node, ...]
"""The group nodes that a node is inside of, the outermost first."""


def nodes_of(material: bpy.types.Material) -> Iterator[bpy.types.Node]:
    """The nodes that lead to a material's surface; displacement and volume do not count."""
    surface = _surface(material)
    if surface is not None:
        for node, _ in _before(surface, (), set()):
            yield node


def color_nodes(material: bpy.types.Material) -> Iterator[bpy.types.Node]:
    """The nodes that lead to the base color of a material."""
    surface = _surface(material)
    if surface is None:
        return
    seen: set[object] = set()
    for shader, groups in tuple(_before(surface, (), set())):
        if any(output.type == "SHADER" for output in shader.outputs):
            color = shader.inputs.get("Base Color") or shader.inputs.get("Color")
            if color is not None:
                for node, _ in _before(color, groups, seen):
                    yield node


def _surface(material: bpy.types.Material) -> bpy.types.NodeSocket | None:
    tree = material.node_tree
    if tree is None or not getattr(material, "use_nodes", True):
        return None
    for renderer in ("ALL", "EEVEE", "CYCLES"):
        output = tree.get_output_node(renderer)
        if output is not None:
            return output.inputs["Surface"]
    return None


def _before(
    socket: bpy.types.NodeSocket, groups: Groups, seen: set[object]
) -> Iterator[tuple[bpy.types.Node, Groups]]:
    """The nodes that lead to an input, each with the groups that it is inside of."""
    waiting = [(socket, groups)]
    while waiting:
        there, groups = waiting.pop()
        for link in there.links:
            step = (link.from_socket.as_pointer(), *(group.as_pointer() for group in groups))
            if step in seen:
                continue
            seen.add(step)
            node, name = link.from_node, link.from_socket.identifier
            if node.type == "GROUP" and node.node_tree is not None:
                inside = [part for part in _ends(node.node_tree) if part.identifier == name]
                waiting += [(part, (*groups, node)) for part in inside]
            elif node.type == "GROUP_INPUT":
                if groups:
                    outside = [part for part in groups[-1].inputs if part.identifier == name]
                    waiting += [(part, groups[:-1]) for part in outside]
            else:
                if node.type != "REROUTE":
                    yield node, groups
                waiting += [(part, groups) for part in node.inputs]


def _ends(tree: bpy.types.NodeTree) -> Iterator[bpy.types.NodeSocket]:
    """The inputs of the node that gives a group its outputs."""
    for node in tree.nodes:
        if node.type == "GROUP_OUTPUT" and node.is_active_output:
            yield from node.inputs
