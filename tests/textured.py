"""Objects with a texture, made by hand, for tests of what comes after."""

import numpy as np


def add_figure(bpy, name: str = "chair", side: int = 64, noise: bool = False, mesh=None):
    """An object 1 m wide (X), 2 m deep (Y) and 3 m high (Z), standing on its origin, with a texture
    (red to the right, green upward) and a normal map.
    """
    if mesh is None:
        bpy.ops.mesh.primitive_cube_add(size=1, calc_uvs=True)
        figure = bpy.context.object
        mesh = figure.data
        for vertex in mesh.vertices:
            vertex.co.x, vertex.co.y, vertex.co.z = (
                *(vertex.co.x, 2 * vertex.co.y),
                3 * (vertex.co.z + 0.5),
            )
    else:
        figure = bpy.data.objects.new(name, mesh)
        bpy.context.scene.collection.objects.link(figure)
        bpy.context.view_layer.objects.active = figure
        figure.select_set(True)
    figure.name = name
    mesh.materials.clear()
    mesh.materials.append(skin(bpy, side, noise))
    return figure


def skin(bpy, side: int, noise: bool = False):
    """A material with a packed texture and a packed normal map."""
    material = bpy.data.materials.new("Skin")
    material.use_nodes = True
    tree = material.node_tree
    principled = next(node for node in tree.nodes if node.type == "BSDF_PRINCIPLED")
    random = np.random.default_rng(0)
    values = np.ones((side, side, 4), np.float32)
    values[..., 0] = np.linspace(0, 1, side)
    values[..., 1] = np.linspace(0, 1, side)[:, None]
    values[..., 2] = 0.2
    normals = np.ones((side, side, 4), np.float32)
    normals[..., :2] = 0.5
    if noise:
        values[..., :3] = random.random((side, side, 3))
        normals[..., :2] = random.random((side, side, 2))
    color = _node(bpy, tree, "color", values, False)
    tree.links.new(color.outputs["Color"], principled.inputs["Base Color"])
    normal = _node(bpy, tree, "normal", normals, True)
    to_normal = tree.nodes.new("ShaderNodeNormalMap")
    tree.links.new(normal.outputs["Color"], to_normal.inputs["Color"])
    tree.links.new(to_normal.outputs["Normal"], principled.inputs["Normal"])
    return material


def _node(bpy, tree, name: str, values: np.ndarray, is_data: bool):
    height, width = values.shape[:2]
    image = bpy.data.images.new(name, width, height, is_data=is_data)
    image.pixels.foreach_set(values.ravel())
    image.pack()
    node = tree.nodes.new("ShaderNodeTexImage")
    node.image = image
    return node
