"""UV maps of the copy in the second Blender."""

from __future__ import annotations

import bpy

from .colors import nodes_of


def keep_used_uv_maps(data: bpy.types.Mesh) -> None:
    """Remove the UV maps that no texture of the mesh uses: viewers on phones read one."""
    used = set()
    for material in filter(None, data.materials):
        for node in nodes_of(material):
            if node.type == "UVMAP" and node.uv_map:
                used.add(node.uv_map)
            elif node.type == "TEX_IMAGE" and not node.inputs["Vector"].is_linked:
                used.add(_default(data))
    used &= set(data.uv_layers.keys())
    used = used or {_default(data)}
    for name in set(data.uv_layers.keys()) - used:
        data.uv_layers.remove(data.uv_layers[name])


def _default(data: bpy.types.Mesh) -> str:
    """The UV map that textures use unless they name one."""
    return next((layer.name for layer in data.uv_layers if layer.active_render), "")
