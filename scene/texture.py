"""The material that shows a mesh's textures, and their images, which are packed into the .blend."""

from __future__ import annotations

import bpy

from ..inference.texture.pictures import Textures
from .identity import is_local
from .material import color_material, is_ours

UV_MAP = "TripoSR"
"""Name of the UV maps that the add-on makes."""

USABLE = 1e-6
"""Area of a UV map, in squares, below which it counts as empty."""


def uv_map_of(data: bpy.types.Mesh) -> str:
    """Name of the UV map that textures use: the one that is rendered; empty if there is none."""
    return next((layer.name for layer in data.uv_layers if layer.active_render), "")


def show_textures(blender_object: bpy.types.Object, textures: Textures) -> None:
    """Give an object a material with its textures; the artist's other materials stay.

    A material that shows older textures of this object alone is kept, with what the artist has
    changed in it.
    """
    data = blender_object.data
    own = next((slot for slot in data.materials if slot is not None and shows_texture(slot)), None)
    if own is None or own.users > 1 or not is_local(own):
        material = _new_material(f"{blender_object.name} Texture")
        _put(data, material)
    else:
        material = own
    color = _image(f"{blender_object.name} Color", textures.color, "sRGB")
    normals = None
    if textures.normals is not None:
        normals = _image(f"{blender_object.name} Normal", textures.normals, "Non-Color")
    before = _images_of(material)
    _link(material, color, normals)
    for image in before:
        if not image.users:
            bpy.data.images.remove(image)


def show_vertex_colors(data: bpy.types.Mesh) -> None:
    """Make a mesh show its vertex colors again, because its UV map is gone."""
    for slot, material in enumerate(data.materials):
        if material is not None and shows_texture(material):
            data.materials[slot] = color_material(data.triposr.colors)


def shows_texture(material: bpy.types.Material) -> bool:
    """Whether a material shows textures that the add-on made."""
    return bool(_images_of(material))


def is_textured(blender_object: bpy.types.Object) -> bool:
    """Whether a mesh object shows textures that the add-on made."""
    materials = blender_object.data.materials
    return any(each is not None and shows_texture(each) for each in materials)


def _put(data: bpy.types.Mesh, material: bpy.types.Material) -> None:
    """Put a material in the place of those of the add-on; if there are none, of all."""
    slots = [
        number
        for number, other in enumerate(data.materials)
        if other is None or is_ours(other) or shows_texture(other)
    ]
    for slot in slots:
        data.materials[slot] = material
    if not slots:
        data.materials.clear()
        data.materials.append(material)


def _images_of(material: bpy.types.Material) -> list[bpy.types.Image]:
    """The images of a material's nodes that the add-on made."""
    if material.node_tree is None:
        return []
    images = [node.image for node in material.node_tree.nodes if node.type == "TEX_IMAGE"]
    return [image for image in images if image is not None and image.triposr.is_texture]


def _image(name: str, content: bytes, color_space: str) -> bpy.types.Image:
    """A packed image with the content of a PNG file, which Blender decodes when it is shown."""
    image = bpy.data.images.new(name, 1, 1)
    image.pack(data=content, data_len=len(content))
    image.source = "FILE"
    image.colorspace_settings.name = color_space
    image.triposr.is_texture = True
    return image


def _new_material(name: str) -> bpy.types.Material:
    material = bpy.data.materials.new(name)
    if material.node_tree is None:  # from Blender 5.0 on, every material has one
        material.use_nodes = True
    # The colors contain the photo's light already: with highlights, it would be lit twice.
    _principled(material).inputs["Roughness"].default_value = 0.8
    return material


def _principled(material: bpy.types.Material) -> bpy.types.Node:
    """The surface's node; found by type, because Blender translates the names of nodes."""
    nodes = material.node_tree.nodes
    found = next((node for node in nodes if node.type == "BSDF_PRINCIPLED"), None)
    return nodes.new("ShaderNodeBsdfPrincipled") if found is None else found


def _link(
    material: bpy.types.Material, color: bpy.types.Image, normals: bpy.types.Image | None
) -> None:
    """Show images as the base color and the normals, instead of those that are linked there."""
    tree, principled = material.node_tree, _principled(material)
    x, y = principled.location
    shown = _texture_node(tree, principled.inputs["Base Color"], "TEX_IMAGE", (x - 320, y))
    shown.image = color
    if normals is None:
        if any(link.to_node.type == "NORMAL_MAP" for link in tree.links):
            _remove_normal_map(tree)
        return
    bent = _texture_node(tree, principled.inputs["Normal"], "NORMAL_MAP", (x - 220, y - 320))
    picture = _texture_node(tree, bent.inputs["Color"], "TEX_IMAGE", (x - 540, y - 320))
    picture.image = normals


KINDS = {"TEX_IMAGE": "ShaderNodeTexImage", "NORMAL_MAP": "ShaderNodeNormalMap"}


def _texture_node(
    tree: bpy.types.NodeTree, socket: bpy.types.NodeSocket, kind: str, place: tuple[float, float]
) -> bpy.types.Node:
    """The node of a kind that feeds a socket, directly; a new one if there is none."""
    for link in socket.links:
        if link.from_node.type == kind:
            return link.from_node
    node = tree.nodes.new(KINDS[kind])
    node.location = place
    output = "Normal" if kind == "NORMAL_MAP" else "Color"
    tree.links.new(node.outputs[output], socket)
    return node


def _remove_normal_map(tree: bpy.types.NodeTree) -> None:
    """Remove our normal map's image and the node that reads it."""
    for node in [node for node in tree.nodes if node.type == "NORMAL_MAP"]:
        for link in list(node.inputs["Color"].links):
            image = getattr(link.from_node, "image", None)
            if image is not None and image.triposr.is_texture:
                tree.nodes.remove(link.from_node)
                tree.nodes.remove(node)
                break
