"""UV maps of the copy in the second Blender."""

from __future__ import annotations

import bpy

from .nodes import nodes_of


def keep_used_uv_maps(data: bpy.types.Mesh) -> list[str]:
    """Remove the UV maps that no material of the mesh uses; return the names of the others."""
    default = _default(data)
    used = set()
    for material in filter(None, data.materials):
        for node in nodes_of(material):
            used.add(_used_by(node, default))
    used &= set(data.uv_layers.keys())
    used = used or {default}
    for name in set(data.uv_layers.keys()) - used:
        data.uv_layers.remove(data.uv_layers[name])
    return data.uv_layers.keys()


def _used_by(node: bpy.types.Node, default: str) -> str:
    """Name of the UV map that a node uses; empty if it uses none."""
    if node.type == "UVMAP":
        return node.uv_map or default
    if node.type == "TEX_IMAGE":
        return "" if node.inputs["Vector"].is_linked else default
    if node.type == "TEX_COORD":
        return default if node.outputs["UV"].is_linked else ""
    if node.type == "ATTRIBUTE":
        return node.attribute_name
    if node.type in ("NORMAL_MAP", "TANGENT"):
        return node.uv_map
    return ""


def _default(data: bpy.types.Mesh) -> str:
    """The UV map that textures use unless they name one; empty if there is none."""
    return next((layer.name for layer in data.uv_layers if layer.active_render), "")
