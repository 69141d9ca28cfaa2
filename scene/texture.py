"""The material that shows a mesh's textures, and their images, which are packed into the .blend."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import bpy
import numpy as np

from ..inference.texture.pictures import Textures
from .identity import is_local
from .material import color_material, is_ours
from .pixels import packed_image

UV_MAP = "TripoSR"
"""Name of the UV map that the add-on makes."""

NO_PLACE = 1e-9
"""Area of a triangle in the UV map, in squares, below which it has no place there."""


def uv_map_of(data: bpy.types.Mesh) -> str:
    """Name of the UV map that textures use: the one that is rendered; empty if there is none."""
    return next((layer.name for layer in data.uv_layers if layer.active_render), "")


def share_without_place(data: bpy.types.Mesh) -> float:
    """Share of a mesh's surface, 0...1, that has no area in its UV map."""
    layer = data.uv_layers[uv_map_of(data)]
    uv = np.empty((len(layer.data), 2), np.float32)
    layer.data.foreach_get("uv", uv.ravel())
    data.calc_loop_triangles()
    corners = np.empty((len(data.loop_triangles), 3), np.int32)
    data.loop_triangles.foreach_get("loops", corners.ravel())
    areas = np.empty(len(corners), np.float32)
    data.loop_triangles.foreach_get("area", areas)
    (a, b), (c, d) = ((uv[corners[:, at]] - uv[corners[:, 0]]).T for at in (1, 2))
    total = float(areas.sum())
    return float(areas[np.abs(a * d - b * c) < NO_PLACE].sum()) / total if total else 0.0


@contextmanager
def textured_material(
    blender_object: bpy.types.Object, textures: Textures
) -> Iterator[bpy.types.Material]:
    """Gives a material that shows textures; without `show_material`, it is gone in the end.

    A material that the add-on made for this object alone is taken again, with what the artist has
    changed in it.
    """
    name = blender_object.name
    new = [_image(f"{name} Color", textures.color, "color")]
    material = None
    try:
        if textures.normals is not None:
            new.append(_image(f"{name} Normal", textures.normals, "normal"))
        own = next(filter(shows_texture, _materials(blender_object)), None)
        if own is None or own.users > 1 or not is_local(own):
            material = own = _new_material(f"{name} Texture")
        before = _images_of(own)
        _show(own, *new)
        yield own
        for image in before:
            if not image.users:
                bpy.data.images.remove(image)
    except BaseException:
        if material is not None:
            bpy.data.materials.remove(material)
        bpy.data.batch_remove([image for image in new if not image.users])
        raise


def show_material(blender_object: bpy.types.Object, material: bpy.types.Material) -> None:
    """Put a material in the place of those of the add-on; if there are none, into a slot of its own
    that all faces use. The artist's materials stay in their slots.
    """
    slots = [
        slot
        for slot in blender_object.material_slots
        if slot.material is None or is_ours(slot.material) or shows_texture(slot.material)
    ]
    for slot in slots:
        slot.material = material
    if not slots:
        data = blender_object.data
        data.materials.append(material)
        number = np.full(len(data.polygons), len(data.materials) - 1, np.int32)
        data.polygons.foreach_set("material_index", number)
        data.update()


def show_vertex_colors(data: bpy.types.Mesh) -> None:
    """Make a mesh show its vertex colors again, because its UV map is gone."""
    for slot, material in enumerate(data.materials):
        if material is not None and shows_texture(material):
            data.materials[slot] = color_material(data.triposr.colors)


def shows_texture(material: bpy.types.Material) -> bool:
    """Whether the add-on made a material, and it still shows one of the add-on's textures."""
    return material.triposr.is_texture and bool(_images_of(material))


def is_textured(blender_object: bpy.types.Object) -> bool:
    """Whether a mesh object shows textures that the add-on made."""
    return any(map(shows_texture, _materials(blender_object)))


def _materials(blender_object: bpy.types.Object) -> list[bpy.types.Material]:
    slots = blender_object.material_slots
    return [slot.material for slot in slots if slot.material is not None]


def _images_of(material: bpy.types.Material) -> list[bpy.types.Image]:
    return [node.image for role in ("color", "normal") for node in _nodes(material, role)]


def _nodes(material: bpy.types.Material, role: str) -> list[bpy.types.Node]:
    """The nodes of a material that show an image of the add-on in that role."""
    nodes = [] if material.node_tree is None else material.node_tree.nodes
    shown = [node for node in nodes if node.type == "TEX_IMAGE" and node.image is not None]
    return [node for node in shown if node.image.triposr.texture == role]


def _image(name: str, content: bytes, role: str) -> bpy.types.Image:
    """A packed image with the content of a PNG file, marked as the add-on's."""
    image = packed_image(content, name, is_data=role == "normal")
    image.triposr.texture = role
    return image


def _new_material(name: str) -> bpy.types.Material:
    material = bpy.data.materials.new(name)
    if material.node_tree is None:  # from Blender 5.0 on, every material has one
        material.use_nodes = True
    material.triposr.is_texture = True
    # The colors contain the photo's light already: with highlights, it would be lit twice.
    _principled(material).inputs["Roughness"].default_value = 0.8
    return material


def _principled(material: bpy.types.Material) -> bpy.types.Node:
    """The surface's node; found by type, because Blender translates the names of nodes."""
    nodes = material.node_tree.nodes
    found = next((node for node in nodes if node.type == "BSDF_PRINCIPLED"), None)
    return nodes.new("ShaderNodeBsdfPrincipled") if found is None else found


def _show(
    material: bpy.types.Material, color: bpy.types.Image, normals: bpy.types.Image | None = None
) -> None:
    """Show images where the add-on's older ones are; if there are none, as color and normals."""
    tree = material.node_tree
    if not _nodes(material, "color"):
        principled = _principled(material)
        x, y = principled.location
        node = _added(tree, "ShaderNodeTexImage", (x - 320, y))
        tree.links.new(node.outputs["Color"], principled.inputs["Base Color"])
        node.image = color
    for node in _nodes(material, "color"):
        node.image = color
    if normals is None:
        for node in _nodes(material, "normal"):
            for link in node.outputs["Color"].links:
                if link.to_node.type == "NORMAL_MAP":
                    tree.nodes.remove(link.to_node)
            tree.nodes.remove(node)
        return
    if not _nodes(material, "normal"):
        principled = _principled(material)
        x, y = principled.location
        node = _added(tree, "ShaderNodeTexImage", (x - 540, y - 320))
        bent = _added(tree, "ShaderNodeNormalMap", (x - 220, y - 320))
        tree.links.new(node.outputs["Color"], bent.inputs["Color"])
        tree.links.new(bent.outputs["Normal"], principled.inputs["Normal"])
        node.image = normals
    for node in _nodes(material, "normal"):
        node.image = normals


def _added(tree: bpy.types.NodeTree, kind: str, place: tuple[float, float]) -> bpy.types.Node:
    node = tree.nodes.new(kind)
    node.location = place
    return node
