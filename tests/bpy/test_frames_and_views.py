"""Images that are several pictures: the one that is shown is taken."""

import io
import os
import shutil
import tempfile
from importlib import import_module
from pathlib import Path

import background
import cv2
import numpy as np
import pytest
from PIL import Image

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


@pytest.fixture
def color(addon):
    """The color in the middle of what is taken of an image or a file, each channel all or
    nothing.
    """
    open_picture = import_module(f"{background.MODULE}.inference.picture.decode").open_picture

    def color(image, *more: object) -> tuple[int, ...]:
        module = addon("scene.image")
        read = module.picture_of_file if isinstance(image, Path) else module.picture_of
        picture = open_picture(read(image, *more)())
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


def test_a_render_is_the_same_picture_the_next_day(bpy, addon, scene) -> None:
    scene.render.use_multiview = False
    taken = []
    for date in (True, False):
        scene.render.use_stamp_date = scene.render.use_stamp_render_time = date
        bpy.ops.render.render()
        taken.append(addon("scene.image").picture_of(bpy.data.images["Render Result"])())
    assert taken[0] == taken[1]
    assert not Image.open(io.BytesIO(taken[0])).info


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
    saved_png = addon("scene.saved_png")

    class Unsaved:
        """An image that Blender cannot write, for want of room."""

        name, source = "Render Result", "VIEWER"

        def save_render(self, path: str, scene) -> None:
            Path(path).write_bytes(b"half a")
            raise RuntimeError(f"Error: Image could not be saved to {path!r}")

    with pytest.raises(OSError, match="Nothing was written"):
        saved_png._written(Unsaved(), scene, tmp_path)


def numbered(folder: Path, name: str, numbers: range) -> Path:
    """Files of a red, a green, a blue picture and so on; the first one's path."""
    for number, color in zip(numbers, (RED, GREEN, BLUE) * 9, strict=False):
        Image.new("RGB", (16, 16), color).save(folder / name.format(number))
    return folder / name.format(numbers[0])


def sequence(bpy, path: Path):
    image = bpy.data.images.load(str(path))
    image.source = "SEQUENCE"
    return image


@pytest.mark.parametrize("name", ["f_{:03}.png", "v2.{:04}.tif", "2nd {:02}x.bmp"])
def test_the_scenes_frame_of_a_sequence(bpy, color, tmp_path: Path, name: str) -> None:
    image = sequence(bpy, numbered(tmp_path, name, range(1, 4)))
    for frame, expected in ((1, RED), (2, GREEN), (3, BLUE), (7, RED)):
        bpy.context.scene.frame_set(frame)
        assert color(image) == expected
    assert list(bpy.data.images) == [image]


def test_the_preview_follows_what_is_shown(bpy, addon, tmp_path: Path) -> None:
    scene, key = bpy.context.scene, addon("tasks.preview")._key
    scene.triposr.image = image = sequence(bpy, numbered(tmp_path, "f{}.png", range(1, 3)))
    keys = [key(scene)]
    scene.frame_set(2)
    keys.append(key(scene))
    image.colorspace_settings.name = "Non-Color"
    keys.append(key(scene))
    image.alpha_mode = "NONE"
    keys.append(key(scene))
    assert len(set(keys)) == 4
    image.source = "FILE"
    still = key(scene)
    scene.frame_set(1)
    assert key(scene) == still


def test_a_sequence_with_another_color_space(bpy, addon, tmp_path: Path) -> None:
    Image.new("RGB", (16, 16), (100, 100, 100)).save(tmp_path / "f1.png")
    image = sequence(bpy, tmp_path / "f1.png")
    image.colorspace_settings.name = "Linear Rec.709"
    seen = Image.open(io.BytesIO(addon("scene.image").picture_of(image)()))
    assert seen.getpixel((9, 9))[0] == pytest.approx(168, abs=2)


def test_the_frame_that_an_empty_shows(bpy, color, addon, tmp_path: Path) -> None:
    image = sequence(bpy, numbered(tmp_path, "f{}.png", range(1, 7)))
    bpy.ops.object.empty_add(type="IMAGE")
    empty = bpy.context.object
    empty.data, user = image, empty.image_user
    user.frame_start, user.frame_duration, user.frame_offset = 11, 2, 1
    for frame, expected in ((11, GREEN), (12, BLUE), (13, BLUE)):
        bpy.context.scene.frame_set(frame)
        assert color(image, user) == expected
    user.use_cyclic = True
    assert color(image, user) == GREEN
    user.use_auto_refresh, user.frame_current = False, 4
    assert color(image, user) == RED
    taken = []
    image_of = addon("tasks.sources").picture_of
    addon("tasks.sources").picture_of = lambda *given: taken.append(given) or image_of(*given)
    try:
        with pytest.raises(RuntimeError):  # nothing but red is no subject
            bpy.ops.triposr.generate_from_empty()
    finally:
        addon("tasks.sources").picture_of = image_of
    assert taken == [(image, user)]


def test_the_active_tile(bpy, color, tmp_path: Path) -> None:
    numbered(tmp_path, "t.{}.png", range(1001, 1004))
    bpy.ops.image.open(
        filepath=str(tmp_path / "t.1001.png"),
        directory=str(tmp_path),
        files=[{"name": "t.1001.png"}],
        use_udim_detecting=True,
    )
    [image] = bpy.data.images
    for change in ("", "pack", "paint", "space"):
        if change == "pack":
            image.pack()
            shutil.rmtree(tmp_path)
        if change == "paint":
            image.pixels[3] = 0.9
        if change == "space":
            image.colorspace_settings.name = "Non-Color"
        for number, expected in enumerate((RED, GREEN, BLUE)):
            image.tiles.active_index = number
            assert color(image) == expected, change


@pytest.mark.parametrize("name", ["movie.avi", "movie.gif"])
def test_the_frame_of_a_movie(bpy, color, tmp_path: Path, name: str) -> None:
    colors = (RED, GREEN, BLUE)
    if name.endswith("gif"):
        first, *others = (Image.new("RGB", (64, 64), color) for color in colors)
        first.save(tmp_path / name, save_all=True, append_images=others, duration=100)
    else:
        movie = cv2.VideoWriter(str(tmp_path / name), cv2.VideoWriter_fourcc(*"MJPG"), 24, (64, 64))
        for color_of_frame in colors:
            movie.write(np.full((64, 64, 3), color_of_frame[::-1], np.uint8))
        movie.release()
    image = bpy.data.images.load(str(tmp_path / name))
    assert image.source == "MOVIE"
    length = image.frame_duration
    for frame, expected in ((1, RED), (length // 2 + 1, GREEN), (length, BLUE), (999, BLUE)):
        bpy.context.scene.frame_set(frame)
        assert color(image) == expected
        assert color(tmp_path / name) == (RED if name.endswith("gif") else expected)
    image.colorspace_settings.name = "Non-Color"
    assert color(image) == BLUE


def test_a_movie_that_cannot_be_read(bpy, tmp_path: Path) -> None:
    (tmp_path / "movie.avi").write_bytes(b"nothing")
    image = bpy.data.images.load(str(tmp_path / "movie.avi"))
    image.source = "MOVIE"
    bpy.context.scene.triposr.image = image
    with pytest.raises(RuntimeError, match=r"No frame of the movie movie.avi can be read"):
        bpy.ops.triposr.generate(resolution=32)


def test_the_first_layer_of_many(bpy, color, scene, tmp_path: Path) -> None:
    scene.camera.location.x = -2
    scene.render.use_multiview = False
    scene.view_layers[0].use_pass_z = True
    scene.render.filepath = str(tmp_path / "layers.exr")
    if hasattr(scene.render.image_settings, "media_type"):
        scene.render.image_settings.media_type = "MULTI_LAYER_IMAGE"
    scene.render.image_settings.file_format = "OPEN_EXR_MULTILAYER"
    bpy.ops.render.render(write_still=True)
    image = bpy.data.images.load(str(tmp_path / "layers.exr"))
    assert color(image) == RED
    image.colorspace_settings.name = "sRGB"
    assert color(image) == RED


@pytest.mark.parametrize("kind", ["INDIVIDUAL", "STEREO_3D"])
def test_the_left_view_of_a_file(bpy, color, scene, tmp_path: Path, kind: str) -> None:
    if kind == "INDIVIDUAL":
        Image.new("RGB", (16, 16), RED).save(tmp_path / "view_L.png")
        Image.new("RGB", (16, 16), GREEN).save(tmp_path / "view_R.png")
    else:
        both = Image.new("RGB", (32, 16), GREEN)
        both.paste(RED, (0, 0, 16, 16))
        both.save(tmp_path / "view_L.png")
    image = bpy.data.images.load(str(tmp_path / "view_L.png"))
    image.use_multiview, image.views_format = True, kind
    if kind == "STEREO_3D":
        image.stereo_3d_format.display_mode = "SIDEBYSIDE"
    assert color(image) == RED
