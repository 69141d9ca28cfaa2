"""Images that are several pictures: the one that is shown is taken."""

import os
import shutil
import tempfile
from importlib import import_module
from pathlib import Path

import background
import pytest

RED, GREEN = (255, 0, 0), (0, 255, 0)


@pytest.fixture
def color(addon):
    """The color in the middle of what is taken of an image, each channel all or nothing."""
    open_picture = import_module(f"{background.MODULE}.inference.picture").open_picture

    def color(image, *more: object) -> tuple[int, ...]:
        picture = open_picture(addon("scene.image").picture_of(image, *more)())
        values = picture.getpixel((picture.width // 2, picture.height // 2))[:3]
        return tuple(255 * round(value / 255) for value in values)

    return color


@pytest.fixture
def scene(bpy):
    """A scene with a camera whose left eye sees a red and whose right eye a green glow."""
    scene = bpy.context.scene
    scene.render.engine, scene.cycles.samples = "CYCLES", 1
    scene.render.resolution_x = scene.render.resolution_y = 16
    scene.view_settings.view_transform = "Standard"
    for color, side in ((RED, -2), (GREEN, 2)):
        bpy.ops.mesh.primitive_plane_add(size=4, location=(side, 0, 0))
        material = bpy.data.materials.new("Glow")
        material.use_nodes = True
        nodes = material.node_tree.nodes
        nodes.clear()
        glow, end = nodes.new("ShaderNodeEmission"), nodes.new("ShaderNodeOutputMaterial")
        glow.inputs["Color"].default_value = (*(value / 255 for value in color), 1)
        material.node_tree.links.new(glow.outputs[0], end.inputs[0])
        bpy.context.object.data.materials.append(material)
    bpy.ops.object.camera_add(location=(0, 0, 2), rotation=(0, 0, 0))
    scene.camera = bpy.context.object
    scene.camera.data.stereo.interocular_distance = 4
    scene.camera.data.stereo.convergence_mode = "PARALLEL"
    scene.camera.data.stereo.pivot = "CENTER"
    scene.render.use_multiview = True
    return scene


@pytest.mark.parametrize("written", ["INDIVIDUAL", "STEREO_3D"])
def test_the_first_view_of_a_render(bpy, color, scene, written: str) -> None:
    scene.render.image_settings.views_format = written
    bpy.ops.render.render()
    assert color(bpy.data.images["Render Result"]) == RED
    assert scene.render.image_settings.views_format == written


def test_the_first_view_that_is_rendered(bpy, color, scene) -> None:
    scene.render.views["left"].use = False
    bpy.ops.render.render()
    assert color(bpy.data.images["Render Result"]) == GREEN


def test_views_with_names_of_their_own(bpy, color, scene) -> None:
    scene.render.views_format = "MULTIVIEW"
    for view, side in (("left", "zenith"), ("right", "abyss")):
        scene.render.views[view].file_suffix = f"_{side}"
    left, right = scene.camera, scene.camera.copy()
    scene.collection.objects.link(right)
    left.name, right.name = "Eye_L", "Eye_R"
    left.location.x, right.location.x = -2, 2
    bpy.ops.render.render()
    assert color(bpy.data.images["Render Result"]) == RED


def test_temporary_files_find_another_place(bpy, color, scene, monkeypatch) -> None:
    bpy.ops.render.render()
    shutil.rmtree(bpy.app.tempdir)
    try:
        assert color(bpy.data.images["Render Result"]) == RED
        monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
        assert color(bpy.data.images["Render Result"]) == RED
        monkeypatch.setattr(bpy.utils, "extension_path_user", lambda *_, **__: "/nowhere")
        scene.triposr.image = bpy.data.images["Render Result"]
        with pytest.raises(RuntimeError, match="No temporary file can be written"):
            bpy.ops.triposr.generate(resolution=32)
    finally:
        os.makedirs(bpy.app.tempdir, exist_ok=True)


def test_a_full_disk_is_not_an_empty_render(bpy, addon, scene, tmp_path) -> None:
    image = addon("scene.image")

    class Unsaved:
        """An image that Blender cannot write, for want of room."""

        name = "Render Result"

        def save_render(self, path: str, scene) -> None:
            Path(path).write_bytes(b"half a")
            raise RuntimeError(f"Error: Image could not be saved to {path!r}")

    with pytest.raises(OSError, match="Nothing was written"):
        image._written(Unsaved(), scene, tmp_path)
