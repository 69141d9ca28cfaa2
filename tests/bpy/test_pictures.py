"""Pictures from the clipboard and from renders."""

import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageGrab


def test_a_picture_is_pasted(bpy, picture: Path, monkeypatch) -> None:
    monkeypatch.setattr(ImageGrab, "grabclipboard", lambda: Image.open(picture))
    assert bpy.ops.triposr.paste_image() == {"FINISHED"}
    pasted = bpy.context.scene.triposr.image
    assert pasted.name == "Pasted Picture" and pasted.packed_file is not None
    bpy.ops.triposr.generate(filepath=str(picture), resolution=48)
    expected = len(bpy.context.object.data.vertices)
    bpy.ops.triposr.generate(resolution=48)
    assert bpy.context.object.name == "Pasted Picture"
    assert abs(len(bpy.context.object.data.vertices) - expected) < 0.02 * expected


def test_a_copied_file_is_pasted(bpy, addon, picture: Path, monkeypatch) -> None:
    paths_in = addon("operators.paste").paths_in
    assert paths_in(f"{picture.as_uri()}\n") == [picture]  # its space is %20 there
    assert paths_in(f'"{picture}"') == [picture]
    assert paths_in("") == []
    monkeypatch.setattr(ImageGrab, "grabclipboard", lambda: [str(picture)])
    bpy.ops.triposr.paste_image()
    assert bpy.context.scene.triposr.image.filepath == str(picture)


def test_an_empty_clipboard_is_told(bpy, monkeypatch) -> None:
    def raising(error: Exception):
        def grab() -> None:
            raise error

        return grab

    grabs = {
        "no picture on the clipboard": (lambda: None, lambda: ["nowhere"], raising(OSError())),
        "xclip or wl-clipboard": (raising(NotImplementedError()),),
    }
    for said, ways in grabs.items():
        for grab in ways:
            monkeypatch.setattr(ImageGrab, "grabclipboard", grab)
            with pytest.raises(RuntimeError, match=said):
                bpy.ops.triposr.paste_image()
    assert bpy.context.scene.triposr.image is None


def test_the_render_result_is_taken_as_it_is_seen(bpy, addon) -> None:
    scene = bpy.context.scene
    scene.render.engine, scene.cycles.samples = "CYCLES", 1
    scene.render.resolution_x = scene.render.resolution_y = 64
    scene.render.film_transparent = True
    scene.render.image_settings.file_format = "OPEN_EXR"
    bpy.ops.mesh.primitive_cube_add(size=2)
    material = bpy.data.materials.new("Glow")
    material.use_nodes = True
    material.node_tree.nodes.clear()
    glow = material.node_tree.nodes.new("ShaderNodeEmission")
    glow.inputs["Color"].default_value = (0.5, 0.05, 0.05, 1)
    end = material.node_tree.nodes.new("ShaderNodeOutputMaterial")
    material.node_tree.links.new(glow.outputs[0], end.inputs[0])
    bpy.context.object.data.materials.append(material)
    bpy.ops.object.camera_add(location=(0, -6, 0), rotation=(math.radians(90), 0, 0))
    scene.camera = bpy.context.object
    scene.view_settings.view_transform = "Standard"
    bpy.ops.render.render()
    read = addon("scene.image").picture_of

    def center(exposure: float) -> np.ndarray:
        import io

        scene.view_settings.exposure = exposure
        picture = Image.open(io.BytesIO(read(bpy.data.images["Render Result"])()))
        assert picture.mode == "RGBA" and picture.getpixel((0, 0))[3] == 0
        return np.array(picture.getpixel((32, 32))[:3])

    assert np.abs(center(0.0) - (188, 63, 63)).max() <= 2  # sRGB of 0.5 and 0.05
    assert np.abs(center(-1.0) - (137, 44, 44)).max() <= 2  # of half of that
    assert scene.render.image_settings.file_format == "OPEN_EXR"
    scene.triposr.image = bpy.data.images["Render Result"]
    scene.triposr.resolution = 32
    assert bpy.ops.triposr.generate() == {"FINISHED"}
    assert bpy.context.object.name == "Render Result"
