"""A picture of the object for its page, rendered in the second Blender."""

from __future__ import annotations

import math
from pathlib import Path

import bpy
from mathutils import Euler, Vector

SIDE = 640
"""Pixels; the page shows it until the viewer is there, or instead of it."""

SAMPLES = 16
"""Rays per pixel: the light is soft, so that more are not seen."""

VIEW = Euler((math.radians(75), 0.0, math.radians(30)))
"""Rotation of the camera: from the front, a little from the right and from above."""

ANGLE = math.radians(30)
"""The camera's angle of view."""


def render_poster(target: bpy.types.Object, path: Path) -> None:
    """Render the only object of the scene, on a transparent background, to a PNG file."""
    scene = bpy.context.scene
    _add_camera(target, scene)
    _add_light(scene)
    render = scene.render
    if hasattr(scene, "cycles"):  # else the add-on that renders is not there
        render.engine = "CYCLES"
        scene.cycles.device, scene.cycles.samples = "CPU", SAMPLES
        scene.cycles.use_denoising = False
    else:
        render.engine = "BLENDER_WORKBENCH"
        scene.display.shading.color_type = "TEXTURE"
    render.resolution_x = render.resolution_y = SIDE
    render.resolution_percentage = 100
    render.film_transparent = True
    scene.view_settings.view_transform = "Standard"
    settings = render.image_settings
    settings.file_format, settings.color_mode, settings.color_depth = "PNG", "RGBA", "8"
    render.filepath = str(path)
    bpy.ops.render.render(write_still=True)


def _add_camera(target: bpy.types.Object, scene: bpy.types.Scene) -> None:
    corners = [Vector(corner) for corner in target.bound_box]
    middle = sum(corners, Vector()) / len(corners)
    radius = max((corner - middle).length for corner in corners)
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    camera.data.angle = ANGLE
    distance = radius / math.sin(ANGLE / 2)
    camera.data.clip_start, camera.data.clip_end = distance / 100, distance * 10
    camera.rotation_euler = VIEW
    camera.location = middle + VIEW.to_matrix() @ Vector((0.0, 0.0, distance))
    scene.collection.objects.link(camera)
    scene.camera = camera


def _add_light(scene: bpy.types.Scene) -> None:
    """Light from everywhere, and a sun that shows the shape."""
    world = bpy.data.worlds.new("World")
    if world.node_tree is None:  # from Blender 5.0 on, every world has one
        world.use_nodes = True
    background = next(node for node in world.node_tree.nodes if node.type == "BACKGROUND")
    background.inputs["Color"].default_value = (0.7, 0.7, 0.7, 1.0)
    scene.world = world
    sun = bpy.data.objects.new("Sun", bpy.data.lights.new("Sun", "SUN"))
    sun.data.energy, sun.data.angle = 2.0, 0.5
    sun.rotation_euler = (math.radians(50), 0.0, math.radians(-20))
    scene.collection.objects.link(sun)
