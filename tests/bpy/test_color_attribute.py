"""The colors have an attribute of their own, and the material shows that one."""

import numpy as np
import pytest

OTHERS = [("FLOAT", "POINT"), ("FLOAT_COLOR", "POINT"), ("BYTE_COLOR", "CORNER"), ("INT", "FACE")]


def shown(data) -> list[str]:
    """The attribute that each of a mesh's materials shows."""
    return [
        node.layer_name
        for material in data.materials
        for node in material.node_tree.nodes
        if node.type == "VERTEX_COLOR"
    ]


def values(data) -> np.ndarray:
    layer = data.color_attributes[data.triposr.colors].data
    found = np.empty(4 * len(layer), np.float32)
    layer.foreach_get("color_srgb", found)
    return found


@pytest.mark.parametrize(("data_type", "domain"), OTHERS)
@pytest.mark.parametrize("name", ["recolor", "clean_up", "mirror"])
def test_another_attribute_of_that_name_stays(bpy, truck, data_type, domain, name) -> None:
    data = truck.data
    before = values(data)
    data.attributes.remove(data.attributes["Color"])
    data.attributes.new("Color", data_type, domain)
    getattr(bpy.ops.triposr, name)()
    other = data.attributes["Color"]
    assert (other.data_type, other.domain) == (data_type, domain)
    assert data.triposr.colors == "Color.001"
    assert data.color_attributes.active_color.name == "Color.001"
    assert shown(data) == ["Color.001"]
    if name == "recolor":
        assert np.abs(values(data) - before).max() < 2 / 255
    bpy.ops.triposr.recolor()
    assert data.triposr.colors == "Color.001" and shown(data) == ["Color.001"]
    bpy.ops.triposr.refine()
    assert data.triposr.colors in shown(data)


def test_other_objects_keep_their_material(bpy, truck) -> None:
    bpy.ops.object.duplicate()
    other = bpy.context.object
    other.data.attributes.remove(other.data.attributes["Color"])
    other.data.attributes.new("Color", "FLOAT", "POINT")
    bpy.ops.triposr.recolor()
    assert shown(truck.data) == ["Color"] and shown(other.data) == ["Color.001"]
    assert len(bpy.data.materials) == 2
    bpy.ops.object.duplicate()
    bpy.ops.triposr.recolor()
    assert len(bpy.data.materials) == 2


def test_what_the_artist_added_to_the_material_stays(bpy, truck) -> None:
    nodes = truck.data.materials[0].node_tree.nodes
    nodes.new("ShaderNodeTexNoise").name = "mine"
    truck.data.attributes.remove(truck.data.attributes["Color"])
    truck.data.attributes.new("Color", "FLOAT", "POINT")
    bpy.ops.triposr.recolor()
    assert shown(truck.data) == ["Color.001"]
    assert "mine" in truck.data.materials[0].node_tree.nodes


def test_materials_of_the_artist_are_left_alone(bpy, truck) -> None:
    mine = bpy.data.materials.new("mine")
    truck.data.materials[0] = mine
    truck.data.materials.append(None)
    truck.data.attributes.remove(truck.data.attributes["Color"])
    truck.data.attributes.new("Color", "FLOAT", "POINT")
    bpy.ops.triposr.recolor()
    assert truck.data.materials[:] == [mine, None]


def test_meshes_of_older_files_do_not_say_the_name(bpy, truck) -> None:
    truck.data.triposr.colors = ""
    bpy.ops.triposr.recolor()
    assert truck.data.triposr.colors == "Color" and len(truck.data.color_attributes) == 1
