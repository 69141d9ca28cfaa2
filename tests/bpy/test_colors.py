"""The colors of images are what Blender's color management makes of them, on an sRGB display."""

import io
import json
import math
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import background
import numpy as np
import pytest
from PIL import Image

RED = (203, 48, 48)
LINEAR_RED = (0.5972, 0.0296, 0.0296)

STUDIO = """\
ocio_profile_version: 2
roles:
  reference: Light
  scene_linear: Light
  default: Untouched
  default_byte: Video
  default_float: Light
  color_picking: Video
  data: Untouched
  aces_interchange: ACES
displays:
  Cinema:
    - !<View> {name: Cinema, colorspace: Projector}
  Monitor:
    - !<View> {name: Untouched, colorspace: Untouched}
    - !<View> {name: As It Is, colorspace: Video}
active_displays: [Cinema, Monitor]
active_views: [Cinema, Untouched, As It Is]
colorspaces:
  - !<ColorSpace>
    name: Light
    bitdepth: 32f
  - !<ColorSpace>
    name: ACES
    bitdepth: 32f
    to_scene_reference: !<MatrixTransform> {matrix: [2.5217, -1.1341, -0.3876, 0, -0.2765, \
1.3727, -0.0963, 0, -0.0154, -0.1530, 1.1684, 0, 0, 0, 0, 1]}
  - !<ColorSpace>
    name: Video
    bitdepth: 8ui
    to_scene_reference: !<ExponentWithLinearTransform> {gamma: 2.4, offset: 0.055}
  - !<ColorSpace>
    name: Projector
    bitdepth: 8ui
    to_scene_reference: !<ExponentTransform> {value: [2.6, 2.6, 2.6, 1]}
  - !<ColorSpace>
    name: Untouched
    bitdepth: 32f
    isdata: true
"""
"""A studio's color configuration, in which nothing is called as Blender's own calls it."""

IN_THE_STUDIO = """
import json, sys
from importlib import import_module
from pathlib import Path
import bpy
image, picture = (
    import_module(f"bl_ext.user_default.triposr.{name}")
    for name in ("scene.image", "inference.picture.decode")
)
folder = sys.argv[-1]
bpy.ops.wm.read_homefile(use_empty=True)
scene, seen = bpy.context.scene, {}

def look(name, block):
    seen[name] = picture.open_picture(image.picture_of(block)()).getpixel((9, 9))[:3]

toy = bpy.data.images.load(folder + "/red.png")
look("file", toy)
scene.triposr.image = toy
bpy.ops.triposr.edit_matte()
seen["matte is data"] = toy.triposr.matte.colorspace_settings.is_data
seen["images"] = len(bpy.data.images)
light = bpy.data.images.new("light", 16, 16, float_buffer=True)
light.pixels[:] = [0.5972, 0.0296, 0.0296, 1.0] * 256
look("float", light)
scene.render.image_settings.file_format = "OPEN_EXR"
light.save_render(folder + "/red.exr")
look("EXR", bpy.data.images.load(folder + "/red.exr"))
content = image.picture_of_file(Path(folder, "red.exr"))()
seen["EXR by its path"] = picture.open_picture(content).getpixel((9, 9))[:3]
video = bpy.data.images.load(folder + "/red.exr", check_existing=False)
video.colorspace_settings.name = "Untouched"
look("data", video)
toy.colorspace_settings.name = "Projector"
look("8-bit in another space", toy)
with open(folder + "/seen.json", "w") as file:
    json.dump(seen, file)
"""


@pytest.fixture
def red(tmp_path: Path) -> Path:
    path = tmp_path / "red.png"
    Image.new("RGB", (16, 16), RED).save(path)
    return path


@pytest.fixture
def color(addon):
    """The color in the middle of an image data-block, as the network will see it."""
    open_picture = import_module(f"{background.MODULE}.inference.picture.decode").open_picture

    def color(image) -> np.ndarray:
        picture = open_picture(addon("scene.image").picture_of(image)())
        return np.array(picture.getpixel((picture.width // 2, picture.height // 2)))[:3]

    return color


def light(bpy, values=LINEAR_RED, space: str = ""):
    """An image of floats, all of one color."""
    image = bpy.data.images.new("light", 16, 16, float_buffer=True)
    if space:
        image.colorspace_settings.name = space
    image.pixels.foreach_set(np.tile(np.float32((*values, 1)), 256))
    return image


def is_near(color: np.ndarray, expected: tuple[int, ...]) -> bool:
    return np.abs(color.astype(int) - expected).max() <= 2


def test_a_studios_configuration(red: Path, tmp_path: Path) -> None:
    (tmp_path / "config.ocio").write_text(STUDIO)
    (tmp_path / "script.py").write_text(IN_THE_STUDIO)
    tool = Path(background.__file__)
    done = subprocess.run(
        [sys.executable, tool, tmp_path / "script.py", tmp_path],
        env={**os.environ, "OCIO": str(tmp_path / "config.ocio")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads((tmp_path / "seen.json").read_text())
    assert seen.pop("matte is data")
    assert seen.pop("images") == 2
    projected = tuple(
        round(255 * (1.055 * ((value / 255) ** 2.6) ** (1 / 2.4) - 0.055)) for value in RED
    )
    expected = {"file": RED, "float": RED, "EXR": RED, "8-bit in another space": projected}
    expected["EXR by its path"] = RED
    expected["data"] = tuple(round(255 * value) for value in LINEAR_RED)
    assert {
        name: is_near(np.array(seen[name]), expected[name]) for name in expected
    } == dict.fromkeys(expected, True), seen


def test_floats_are_seen_without_a_tone_curve(bpy, color) -> None:
    scene = bpy.context.scene
    scene.view_settings.view_transform, scene.view_settings.exposure = "AgX", 2.0
    scene.display_settings.display_device = "Display P3"
    scene.render.image_settings.file_format = "OPEN_EXR"
    scene.render.image_settings.color_management = "OVERRIDE"
    scene.render.image_settings.view_settings.gamma = 0.5
    before = settings(scene)
    assert is_near(color(light(bpy)), RED)
    assert is_near(color(light(bpy, (0.0, 0.0, 0.0))), (0, 0, 0))
    assert is_near(color(light(bpy, (math.nan, math.inf, -1.0))), (0, 255, 0))
    assert settings(scene) == before


def settings(scene) -> list[object]:
    """All that is changed for a while when an image is written."""
    return [
        getattr(owner, name)
        for settings in (scene.render.image_settings, scene)
        for owner in (settings, settings.display_settings, settings.view_settings)
        for name, kind in owner.bl_rna.properties.items()
        if kind.type in ("ENUM", "INT", "FLOAT", "BOOLEAN") and not kind.is_readonly
    ]


@pytest.mark.parametrize(
    ("space", "expected"),
    [
        ("", RED),
        ("Linear Rec.709", (230, 121, 121)),
        ("Non-Color", RED),
        ("Display P3", (221, 17, 37)),
    ],
)
@pytest.mark.parametrize("is_packed", [False, True])
def test_the_color_space_of_a_file_is_kept_to(
    bpy, color, red: Path, space: str, expected: tuple[int, ...], is_packed: bool
) -> None:
    image = bpy.data.images.load(str(red))
    if is_packed:
        image.pack()
    if space:
        image.colorspace_settings.name = space
    assert is_near(color(image), expected), color(image)
    image.pixels[0] = 0.5  # painted on
    assert image.is_dirty
    assert is_near(color(image), expected), color(image)


def test_the_color_space_of_floats_is_kept_to(bpy, color, tmp_path: Path) -> None:
    bpy.context.scene.render.image_settings.file_format = "OPEN_EXR"
    light(bpy).save_render(str(tmp_path / "light.exr"))
    expected = {
        "Linear Rec.709": RED,
        "Non-Color": tuple(round(255 * value) for value in LINEAR_RED),
        "sRGB": tuple(round(255 * value) for value in LINEAR_RED),
        "Linear Rec.2020": (252, 0, 38),
    }
    for space, seen in expected.items():
        image = bpy.data.images.load(str(tmp_path / "light.exr"), check_existing=False)
        image.colorspace_settings.name = space
        assert is_near(color(image), seen), (space, color(image))


def test_transparent_floats(bpy, addon) -> None:
    image = light(bpy)
    image.pixels.foreach_set(np.tile(np.float32((*np.array(LINEAR_RED) / 2, 0.5)), 256))
    content = addon("scene.image").picture_of(image)()
    assert Image.open(io.BytesIO(content)).getpixel((9, 9)) == pytest.approx((*RED, 128), abs=2)


def test_alpha_that_is_to_be_ignored(bpy, addon, red: Path) -> None:
    Image.new("RGBA", (16, 16), (*RED, 128)).save(red)
    for mode in ("NONE", "CHANNEL_PACKED"):
        for space in ("sRGB", "Non-Color"):
            image = bpy.data.images.load(str(red), check_existing=False)
            image.alpha_mode, image.colorspace_settings.name = mode, space
            seen = addon("scene.image").picture_of(image)().convert("RGBA")
            assert seen.getpixel((9, 9)) == pytest.approx((*RED, 255), abs=2)


@pytest.mark.parametrize("display", ["sRGB", "Display P3", "Rec.1886", "Rec.2020"])
@pytest.mark.parametrize("transform", ["Standard", "AgX"])
def test_renders_on_any_display(bpy, color, display: str, transform: str) -> None:
    scene = bpy.context.scene
    scene.render.engine, scene.cycles.samples = "CYCLES", 1
    scene.render.resolution_x = scene.render.resolution_y = 16
    scene.world = bpy.data.worlds.new("Red")
    scene.world.use_nodes = True
    scene.world.node_tree.nodes["Background"].inputs["Color"].default_value = (*LINEAR_RED, 1)
    bpy.ops.object.camera_add()
    scene.camera = bpy.context.object
    scene.view_settings.view_transform = transform
    bpy.ops.render.render()
    image = bpy.data.images["Render Result"]
    expected = color(image)
    assert is_near(expected, RED) == (transform == "Standard")
    scene.display_settings.display_device = display
    scene.view_settings.view_transform = transform
    scene.render.image_settings.color_management = "OVERRIDE"
    scene.render.image_settings.view_settings.gamma = 0.5
    before = settings(scene)
    assert is_near(color(image), tuple(expected.astype(int)))
    assert settings(scene) == before
    scene.view_settings.exposure = -1.0
    assert color(image)[0] < expected[0] - 20
