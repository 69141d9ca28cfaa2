"""Subjects of the demo's pictures: Suzanne, a chair, a mug, a table and a vase.

Each function adds one colored object to Blender's scene, facing -Y, and returns it.
"""

import itertools
import math

import bmesh
import bpy

Color = tuple[float, float, float]
Point = tuple[float, float, float]

# Scene-linear colors.
FUR: Color = (0.19, 0.07, 0.025)
SKIN: Color = (0.72, 0.42, 0.24)
WHITE: Color = (0.85, 0.83, 0.8)
PUPIL: Color = (0.01, 0.01, 0.012)
WOOD: Color = (0.4, 0.2, 0.07)
OAK: Color = (0.6, 0.36, 0.15)
RED: Color = (0.5, 0.06, 0.05)
BLUE: Color = (0.05, 0.17, 0.45)
YELLOW: Color = (0.75, 0.47, 0.08)
GREEN: Color = (0.06, 0.25, 0.15)

LEG = 0.075  # side of a leg, in objects of about size 1: thick enough for a coarse lattice
INSET = 0.025  # distance of legs from the edges of what they carry


def add_suzanne() -> bpy.types.Object:
    """Add a smooth Suzanne with brown fur, a light face and dark eyes."""
    bpy.ops.mesh.primitive_monkey_add()
    fur, skin, white, pupil = range(4)
    suzanne = paint(FUR, SKIN, WHITE, PUPIL)
    # Painting before subdividing makes the colors meet in smooth lines.
    for face in suzanne.data.polygons:
        if max(face.vertices) < 66:  # The eyeballs come first; their pupils are triangles.
            face.material_index = pupil if len(face.vertices) == 3 else white
            continue
        x, y, z = abs(face.center.x), face.center.y, face.center.z
        from_eye = math.hypot(x - 0.33, z - 0.25)
        muzzle = y < -0.45 and z < 0.12
        below_brow = y < -0.45 and from_eye < 0.36 and (z < 0.47 or face.normal.z < 0.3)
        inner_ear = x > 0.9 and face.normal.y < -0.5
        face.material_index = skin if muzzle or below_brow or inner_ear else fur
    suzanne.modifiers.new("Subdivision", "SUBSURF").levels = 3
    bpy.ops.object.modifier_apply(modifier="Subdivision")
    bpy.ops.object.shade_smooth()
    return suzanne


def add_chair() -> bpy.types.Object:
    """Add a wooden chair with a red seat and a red panel in its back."""
    width, depth, seat, top = 0.54, 0.52, 0.46, 1.0
    x, y = (width - LEG) / 2 - INSET, (depth - LEG) / 2 - INSET
    parts = [
        add_box((width, depth, 0.08), (0, 0, seat), RED),
        add_box((2 * x, 0.05, 0.3), (0, y, top - 0.17), RED),
    ]
    for side in (-x, x):
        parts.append(add_box((LEG, LEG, seat), (side, -y, seat / 2), WOOD))
        parts.append(add_box((LEG, LEG, top), (side, y, top / 2), WOOD))
    return join(parts)


def add_table() -> bpy.types.Object:
    """Add a table with an oak top on four green legs."""
    width, depth, height, slab = 1.0, 0.64, 0.62, 0.08
    x, y = (width - LEG) / 2 - INSET, (depth - LEG) / 2 - INSET
    parts = [add_box((width, depth, slab), (0, 0, height - slab / 2), OAK)]
    for center in ((-x, -y), (x, -y), (-x, y), (x, y)):
        parts.append(add_box((LEG, LEG, height - slab), (*center, (height - slab) / 2), GREEN))
    return join(parts)


def add_mug() -> bpy.types.Object:
    """Add a blue mug, yellow inside, with a yellow handle on its +X side."""
    radius, height, wall = 0.36, 0.78, 0.06

    bpy.ops.mesh.primitive_cylinder_add(
        vertices=64,
        radius=radius,
        depth=height,
        end_fill_type="NOTHING",
        location=(0, 0, height / 2),
    )
    body = paint(BLUE, YELLOW)
    shell = body.modifiers.new("Solidify", "SOLIDIFY")
    shell.thickness = wall
    shell.material_offset = 1  # for the inside; the rim stays blue
    bevel(body, 0.02)

    bpy.ops.mesh.primitive_cylinder_add(
        vertices=64, radius=radius - wall / 2, depth=wall, location=(0, 0, wall / 2)
    )
    bottom = paint(YELLOW)

    bpy.ops.mesh.primitive_torus_add(
        major_radius=0.23, minor_radius=0.05, rotation=(math.pi / 2, 0, 0)
    )
    handle = paint(YELLOW)
    keep_right_half(handle)
    handle.location = (radius - wall / 2, 0, height / 2)
    return join([body, bottom, handle])


VASE = ((0.0, 0.0), (0.2, 0.0), (0.32, 0.2), (0.34, 0.38), (0.24, 0.58), (0.13, 0.74), (0.2, 0.9))
"""Radius and height of the vase's outline, from the middle of its bottom to its rim."""


def add_vase() -> bpy.types.Object:
    """Add a green vase with two bands, which no scene code remembers as sharply as a photo."""
    mesh = bmesh.new()
    outline = [mesh.verts.new((radius, 0.0, height)) for radius, height in VASE]
    edges = [mesh.edges.new(pair) for pair in itertools.pairwise(outline)]
    bmesh.ops.spin(
        mesh, geom=[*outline, *edges], axis=(0, 0, 1), cent=(0, 0, 0), angle=math.tau, steps=48
    )
    bmesh.ops.remove_doubles(mesh, verts=mesh.verts, dist=1e-4)
    bmesh.ops.recalc_face_normals(mesh, faces=mesh.faces)
    data = bpy.data.meshes.new("Vase")
    mesh.to_mesh(data)
    mesh.free()
    vase = bpy.data.objects.new("Vase", data)
    bpy.context.scene.collection.objects.link(vase)
    bpy.context.view_layer.objects.active = vase
    vase.select_set(True)
    smooth = vase.modifiers.new("Subdivision", "SUBSURF")
    smooth.levels = 3
    bpy.ops.object.modifier_apply(modifier="Subdivision")
    vase.modifiers.new("Solidify", "SOLIDIFY").thickness = 0.03
    bpy.ops.object.modifier_apply(modifier="Solidify")
    paint(GREEN, OAK, WHITE)
    for face in vase.data.polygons:
        height = face.center.z
        around = math.degrees(math.atan2(face.center.y, face.center.x))
        is_band = 0.25 < height < 0.29 or 0.41 < height < 0.45
        is_dot = 0.31 < height < 0.39 and around % 30 < 15
        face.material_index = 1 if is_band else 2 if is_dot else 0
    bpy.ops.object.shade_smooth()
    return vase


def keep_right_half(thing: bpy.types.Object) -> None:
    """Remove the part of an object at negative X in its own frame."""
    mesh = bmesh.new()
    mesh.from_mesh(thing.data)
    left = [vertex for vertex in mesh.verts if vertex.co.x < -1e-4]
    bmesh.ops.delete(mesh, geom=left, context="VERTS")
    mesh.to_mesh(thing.data)
    mesh.free()


def add_box(size: Point, center: Point, color: Color) -> bpy.types.Object:
    """Add a box with rounded edges."""
    bpy.ops.mesh.primitive_cube_add(size=1, scale=size, location=center)
    bpy.ops.object.transform_apply()  # Otherwise the edges would be rounded by different widths.
    box = paint(color)
    bevel(box, 0.015)
    return box


def bevel(thing: bpy.types.Object, width: float) -> None:
    """Round the sharp edges of an object."""
    rounding = thing.modifiers.new("Bevel", "BEVEL")
    rounding.width = width
    rounding.segments = 3
    rounding.harden_normals = True  # Flat faces should look flat.


def paint(*colors: Color) -> bpy.types.Object:
    """Give the active object a material per color, and return it."""
    for color in colors:
        bpy.context.object.data.materials.append(new_material(color))
    bpy.ops.object.shade_smooth_by_angle(angle=math.radians(40))
    return bpy.context.object


def new_material(color: Color) -> bpy.types.Material:
    """Return a matte material of a scene-linear color."""
    material = bpy.data.materials.new("Paint")
    material.use_nodes = True
    [shader] = (n for n in material.node_tree.nodes if n.type == "BSDF_PRINCIPLED")
    shader.inputs["Base Color"].default_value = (*color, 1)
    shader.inputs["Roughness"].default_value = 0.7
    return material


def join(parts: list[bpy.types.Object]) -> bpy.types.Object:
    """Join several objects into one, with their modifiers applied, and return it."""
    for part in parts:
        part.select_set(True)
    bpy.context.view_layer.objects.active = parts[0]
    bpy.ops.object.convert(target="MESH")
    bpy.ops.object.join()
    return bpy.context.object
