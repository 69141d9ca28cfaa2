"""What the materials of an exported object show arrives, and nothing else does."""

from pathlib import Path

import numpy as np
import pytest
from glb import gltf
from gltf_validator import validate
from textured import add_figure, skin

RED, BLUE = (1, 0, 0, 1), (0, 0, 1, 1)


def paint(figure, name: str, color: tuple[float, ...]) -> None:
    attribute = figure.data.color_attributes.new(name, "BYTE_COLOR", "POINT")
    for value in attribute.data:
        value.color = color


def principled(material):
    return next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")


def show_attribute(material, name: str, kind: str = "ShaderNodeVertexColor") -> None:
    """Link a color attribute to a material's base color, instead of what is there."""
    tree = material.node_tree
    node = tree.nodes.new(kind)
    setattr(node, "layer_name" if kind == "ShaderNodeVertexColor" else "attribute_name", name)
    tree.links.new(node.outputs["Color"], principled(material).inputs["Base Color"])


def plain(bpy, name: str):
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    return material


def colors_of(path: Path) -> list[np.ndarray | None]:
    """For each part of a GLB file the mean of its vertex colors; None if it has none."""
    content, document = path.read_bytes(), gltf(path)
    start = 20 + int.from_bytes(content[12:16], "little") + 8
    means: list[np.ndarray | None] = []
    for part in document["meshes"][0]["primitives"]:
        if "COLOR_0" not in part["attributes"]:
            means.append(None)
            continue
        accessor = document["accessors"][part["attributes"]["COLOR_0"]]
        view = document["bufferViews"][accessor["bufferView"]]
        kind = {5121: np.uint8, 5123: np.uint16, 5126: np.float32}[accessor["componentType"]]
        width = {"VEC3": 3, "VEC4": 4}[accessor["type"]]
        values = np.frombuffer(
            content, kind, accessor["count"] * width, start + view.get("byteOffset", 0)
        ).reshape(-1, width)[:, :3]
        scale = 1 if kind == np.float32 else np.iinfo(kind).max
        means.append((values / scale).mean(axis=0).round(2))
    return means


@pytest.mark.parametrize("kind", ["ShaderNodeVertexColor", "ShaderNodeAttribute"])
def test_vertex_colors_beside_a_normal_map(bpy, export, figure, kind: str) -> None:
    """The material's own attribute arrives, whichever is active."""
    paint(figure, "first", BLUE)
    paint(figure, "shown", RED)
    figure.data.color_attributes.active_color_index = 0
    figure.data.color_attributes.render_color_index = 0
    show_attribute(figure.active_material, "shown", kind)
    figure.data.materials.append(skin(bpy, 64))  # no face uses it
    report = export(figure)
    [color] = colors_of(report.files[0])
    assert list(color) == [1, 0, 0]
    document = gltf(report.files[0])
    [material] = document["materials"]
    assert "normalTexture" in material
    assert "baseColorTexture" not in material["pbrMetallicRoughness"]
    assert "vertex colors, " in str(report.summary) and report.remarks == ()
    assert validate(report.files[0])["issues"]["numErrors"] == 0


def test_each_part_has_its_own_colors(bpy, addon, export, figure) -> None:
    paint(figure, "red", RED)
    paint(figure, "blue", BLUE)
    for name in ("red", "blue"):
        material = plain(bpy, name)
        show_attribute(material, name)
        figure.data.materials.append(material)
    figure.data.materials.append(plain(bpy, "plain"))
    for number, face in enumerate(figure.data.polygons):
        face.material_index = number % 4
    report = export(figure)
    assert [list(color) for color in colors_of(report.files[0])] == [
        [1, 1, 1],  # white leaves the texture as it is
        [1, 0, 0],
        [0, 0, 1],
        [1, 1, 1],
    ]
    assert "64² texture and vertex colors" in str(report.summary)
    with pytest.raises(addon("inference.errors").InputError, match="Parts of chair have vertex"):
        export(figure, "a.usdz", "iphone")


def in_a_group(bpy, tree, color) -> None:
    """Put a picture's node behind a group and a reroute."""
    group = bpy.data.node_groups.new("group", "ShaderNodeTree")
    group.interface.new_socket("In", in_out="INPUT", socket_type="NodeSocketColor")
    group.interface.new_socket("Out", in_out="OUTPUT", socket_type="NodeSocketColor")
    start, end = group.nodes.new("NodeGroupInput"), group.nodes.new("NodeGroupOutput")
    group.links.new(start.outputs[0], end.inputs[0])
    node, reroute = tree.nodes.new("ShaderNodeGroup"), tree.nodes.new("NodeReroute")
    node.node_tree = group
    tree.links.new(color.outputs["Color"], node.inputs[0])
    tree.links.new(node.outputs[0], reroute.inputs[0])
    shader = next(node for node in tree.nodes if node.type == "BSDF_PRINCIPLED")
    tree.links.new(reroute.outputs[0], shader.inputs["Base Color"])


def test_a_texture_behind_a_group_is_one(bpy, export, figure) -> None:
    tree = figure.active_material.node_tree
    color = next(n for n in tree.nodes if n.type == "TEX_IMAGE" and n.image.name == "color")
    in_a_group(bpy, tree, color)
    report = export(figure)
    assert "64² texture" in str(report.summary) and report.remarks == ()
    assert "baseColorTexture" in gltf(report.files[0])["materials"][0]["pbrMetallicRoughness"]


@pytest.mark.parametrize(
    ("name", "target"), [("a.glb", "web"), ("a.usdz", "iphone"), ("a.fbx", "maya")]
)
def test_a_texture_that_exporters_do_not_take(bpy, export, figure, name: str, target: str) -> None:
    tree = figure.active_material.node_tree
    color = next(n for n in tree.nodes if n.type == "TEX_IMAGE" and n.image.name == "color")
    shader = tree.nodes.new("ShaderNodeBsdfTranslucent")
    output = next(node for node in tree.nodes if node.type == "OUTPUT_MATERIAL")
    tree.links.new(color.outputs["Color"], shader.inputs["Color"])
    tree.links.new(shader.outputs["BSDF"], output.inputs["Surface"])
    tree.nodes.remove(principled(figure.active_material))
    report = export(figure, name, target)
    assert [str(remark)[:29] for remark in report.remarks] == ["A texture did not come along:"]
    assert "no colors" in str(report.summary)


def test_what_displaces_is_no_color(bpy, export, figure) -> None:
    """Only what leads to the surface counts."""
    tree = figure.active_material.node_tree
    shader = principled(figure.active_material)
    color = next(n for n in tree.nodes if n.type == "TEX_IMAGE" and n.image.name == "color")
    tree.links.remove(shader.inputs["Base Color"].links[0])
    output = next(node for node in tree.nodes if node.type == "OUTPUT_MATERIAL")
    tree.links.new(color.outputs["Color"], output.inputs["Displacement"])
    report = export(figure)
    assert report.remarks == () and "no colors" in str(report.summary)


def test_phones_keep_the_uv_map_that_is_used(bpy, export, figure) -> None:
    """Whatever names a map uses it: textures, coordinates, normal maps, attributes."""
    data, tree = figure.data, figure.active_material.node_tree
    first = data.uv_layers[0].name
    for name in ("second", "third", "unused"):
        data.uv_layers.new(name=name)
    pictures = [node for node in tree.nodes if node.type == "TEX_IMAGE"]
    default, attribute = tree.nodes.new("ShaderNodeTexCoord"), tree.nodes.new("ShaderNodeAttribute")
    attribute.attribute_name = "second"
    tree.links.new(default.outputs["UV"], pictures[0].inputs["Vector"])
    tree.links.new(attribute.outputs["Vector"], pictures[1].inputs["Vector"])
    next(node for node in tree.nodes if node.type == "NORMAL_MAP").uv_map = "third"
    data.uv_layers[first].active_render = True
    report = export(figure, "a.glb", "android")
    assert "It uses 3 UV maps" in str(report.remarks)
    [part] = gltf(report.files[0])["meshes"][0]["primitives"]
    assert len([name for name in part["attributes"] if name.startswith("TEXCOORD")]) == 3


def test_a_material_that_refers_to_another_mesh(bpy, export, figure) -> None:
    bpy.ops.mesh.primitive_ico_sphere_add()
    tree = figure.active_material.node_tree
    where = tree.nodes.new("ShaderNodeTexCoord")
    where.object = bpy.context.object
    picture = next(node for node in tree.nodes if node.type == "TEX_IMAGE")
    tree.links.new(where.outputs["Object"], picture.inputs["Vector"])
    assert export(figure).triangles == 12


def test_faces_with_many_corners_get_tangents(bpy, export) -> None:
    bpy.ops.mesh.primitive_cylinder_add(vertices=12, calc_uvs=True)
    figure = add_figure(bpy, "drum", 64, mesh=bpy.context.object.data.copy())
    report = export(figure)
    [part] = gltf(report.files[0])["meshes"][0]["primitives"]
    assert "TANGENT" in part["attributes"] and report.triangles == 44
    assert validate(report.files[0])["issues"]["numErrors"] == 0
