"""Pictures from the clipboard and from renders."""

import io
import math
import socket
import struct
from importlib import import_module
from pathlib import Path

import background
import numpy as np
import pytest
from PIL import Image, ImageCms, ImageGrab


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
    paths_in = addon("tasks.paste").paths_in
    assert paths_in(f"{picture.as_uri()}\n") == [picture]  # its space is %20 there
    assert paths_in(f'"{picture}"') == [picture]
    assert paths_in("") == []
    path = picture.as_uri().removeprefix("file://")
    for host in ("", "//localhost", "//LOCALHOST", f"//{socket.gethostname()}"):
        assert paths_in(f"x-special/nautilus-clipboard\ncopy\nfile:{host}{path}") == [picture]
    assert paths_in("file:///caf%E9.png") == [Path("/caf\udce9.png")]  # not UTF-8
    assert paths_in("file://elsewhere/a.png") == paths_in("file:////elsewhere/a.png") == []
    monkeypatch.setenv("HOME", str(picture.parent))
    monkeypatch.setenv("USERPROFILE", str(picture.parent))
    assert paths_in(f"~/{picture.name}") == [picture]
    assert paths_in("https://example.com/a.png\na.png") == []
    monkeypatch.setattr(ImageGrab, "grabclipboard", lambda: [str(picture)])
    bpy.ops.triposr.paste_image()
    assert bpy.context.scene.triposr.image.filepath == str(picture)


def test_an_empty_clipboard_is_reported(bpy, monkeypatch) -> None:
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


def decoded(addon, picture) -> Image.Image:
    return import_module(f"{background.MODULE}.inference.picture.decode").open_picture(picture)


def phone_photo(folder: Path) -> Path:
    """Held upright, red above and blue below."""
    exif, photo = Image.Exif(), Image.new("RGB", (64, 32), (220, 30, 30))
    photo.paste((30, 60, 220), (32, 0, 64, 32))
    exif[0x0112] = 6
    photo.save(folder / "photo.jpg", exif=exif, quality=95)
    return folder / "photo.jpg"


def deep_gray(folder: Path) -> Path:
    values = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16)
    Image.fromarray(values).save(folder / "deep.png")
    return folder / "deep.png"


def with_profile(folder: Path) -> Path:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    picture = Image.new("LAB", (64, 64), (120, 190, 170))
    picture.save(folder / "lab.tif", icc_profile=profile)
    return folder / "lab.tif"


@pytest.mark.parametrize("make", [phone_photo, deep_gray, with_profile])
def test_what_is_pasted_looks_as_its_file(bpy, addon, tmp_path, monkeypatch, make) -> None:
    path = make(tmp_path)
    monkeypatch.setattr(ImageGrab, "grabclipboard", lambda: Image.open(path))
    bpy.ops.triposr.paste_image()
    image = bpy.context.scene.triposr.image
    pasted = np.asarray(decoded(addon, addon("scene.image").picture_of(image)()), int)
    expected = np.asarray(decoded(addon, path), int)
    assert pasted.shape == expected.shape and np.abs(pasted - expected).max() <= 1


@pytest.mark.parametrize("written", ["OPEN_EXR", "HDR"])
def test_a_path_and_its_data_block_are_the_same_picture(
    bpy, addon, tmp_path: Path, written: str
) -> None:
    image = bpy.data.images.new("light", 32, 32, float_buffer=True)
    values = np.ones((32, 32, 4), np.float32)
    values[..., :3] = (0.5972, 0.0296, 0.0296)
    values[:, 16:, :3] = (0.0, 0.0, 4.0)
    image.pixels.foreach_set(values.ravel())
    path = tmp_path / ("light.hdr" if written == "HDR" else "light.exr")
    bpy.context.scene.render.image_settings.file_format = written
    image.save_render(str(path))
    known = set(bpy.data.images)
    unnamed = tmp_path / "light.png"  # and yet no PNG
    unnamed.write_bytes(path.read_bytes())
    for file in (path, unnamed):
        read = addon("scene.image").picture_of_file(file)
        assert set(bpy.data.images) == known
        seen = np.asarray(decoded(addon, read()))
        assert np.abs(seen[9, 9, :3].astype(int) - (203, 48, 48)).max() <= 2
        assert np.abs(seen[9, 25, :3].astype(int) - (0, 0, 255)).max() <= 2
    block = addon("scene.image").picture_of(bpy.data.images.load(str(path)))
    assert np.array_equal(np.asarray(decoded(addon, block())), np.asarray(decoded(addon, read())))


def light_file(bpy, path: Path, written: str, width: int, is_opaque: bool = True) -> None:
    """Reddish light twice as wide as high, brighter to the right, upper half in half a shade."""
    values = np.empty((width // 2, width, 4), np.float32)
    values[..., :3] = np.linspace(0, 2, width)[None, :, None] * (0.9, 0.3, 0.1)
    values[width // 4 :, :, :3] /= 2
    values[..., 3] = 1
    if not is_opaque:
        values[:, : width // 2] *= 0.5
    image = bpy.data.images.new("light", width, width // 2, float_buffer=True)
    image.pixels.foreach_set(values.ravel())
    bpy.context.scene.render.image_settings.file_format = written
    image.save_render(str(path))
    bpy.data.images.remove(image)


@pytest.mark.parametrize("written", ["OPEN_EXR", "HDR"])
def test_light_is_decoded_beside_blender(bpy, addon, tmp_path: Path, written: str) -> None:
    """And has the colors that Blender gives it."""
    path, module = tmp_path / f"light.{written[-3:].lower()}", addon("scene.image")
    light_file(bpy, path, written, 64, is_opaque=written == "HDR")
    taken = module.picture_of_file(path)()
    assert taken == path
    block = decoded(addon, module.picture_of(bpy.data.images.load(str(path)))())
    assert np.abs(np.asarray(decoded(addon, taken), int) - np.asarray(block, int)).max() <= 1
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(RuntimeError, match="light"):
        decoded(addon, module.picture_of_file(path)())


def of_aces(content: bytes) -> bytes:
    """An OpenEXR file of 2048 rows, which Blender wrote, that says that its light is of ACES."""
    end = content.index(b"\0", content.index(b"xDensity\0float\0") + 22)
    numbers = (0.7347, 0.2653, 0.0, 1.0, 0.0001, -0.077, 0.32168, 0.33767)
    entry = b"chromaticities\0chromaticities\0" + struct.pack("<I8f", 32, *numbers)
    offsets = np.frombuffer(content, "<u8", 2048 // 16, end + 1) + np.uint64(len(entry))
    rest = content[end + 1 + offsets.nbytes :]
    return content[:end] + entry + b"\0" + offsets.tobytes() + rest


@pytest.mark.parametrize("kind", ["ACES", "studio"])
def test_large_light_that_needs_blender_is_scaled_down(
    bpy, addon, tmp_path: Path, monkeypatch, kind: str
) -> None:
    path, module = tmp_path / "light.exr", addon("scene.image")
    light_file(bpy, path, "OPEN_EXR", 4096)
    if kind == "ACES":
        path.write_bytes(of_aces(path.read_bytes()))
    else:
        monkeypatch.setattr(addon("scene.light_files"), "OWN_SPACES", ("Video", "Light"))
    content = module.picture_of_file(path)()
    assert isinstance(content, bytes)
    seen = decoded(addon, content)
    assert seen.size == (2048, 1024)
    block = decoded(addon, module.picture_of(bpy.data.images.load(str(path)))())
    expected = np.asarray(block.resize(seen.size, Image.Resampling.BOX), int)
    assert block.size == (4096, 2048)
    assert np.abs(np.asarray(seen, int) - expected).max() <= 3


def test_an_object_of_an_exr_file(bpy, addon, picture: Path, tmp_path: Path, monkeypatch) -> None:
    """It is found again by the digest of its file."""
    bpy.context.scene.render.image_settings.file_format = "OPEN_EXR"
    bpy.data.images.load(str(picture)).save_render(str(tmp_path / "toy.exr"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    bpy.ops.triposr.generate(filepath="~/toy.exr", resolution=32)
    made = bpy.context.object
    digest_of = import_module(f"{background.MODULE}.inference.picture.decode").digest_of
    assert made.triposr.digest == digest_of(tmp_path / "toy.exr")
    count = len(made.data.vertices)
    bpy.ops.triposr.generate(filepath=(tmp_path / "toy.exr").as_uri(), resolution=32)
    assert len(bpy.context.object.data.vertices) == count


def test_a_text_file_makes_blender_warn_of_nothing(bpy, addon, tmp_path: Path, capfd) -> None:
    bad = tmp_path / "text.png"
    bad.write_text("This is no picture")
    with pytest.raises(RuntimeError, match="is not a picture"):
        addon("api").image_to_object(bad)
    bpy.context.scene.triposr.image = bpy.data.images.load(str(bad))
    assert addon("tasks.preview")._key(bpy.context.scene)
    said = capfd.readouterr()
    assert "matches no enum" not in said.out + said.err
