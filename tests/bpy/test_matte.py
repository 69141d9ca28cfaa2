"""The cut-out before generating: its preview, what is found odd about it, and a painted matte."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw


@pytest.fixture
def two_things(bpy, tmp_path: Path):
    """A data-block of an opaque picture: a large red and a smaller blue thing on white."""
    picture = Image.new("RGB", (800, 600), (250, 250, 250))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((120, 120, 400, 480), fill=(200, 30, 30))
    draw.rectangle((560, 200, 720, 400), fill=(30, 30, 200))
    picture.save(tmp_path / "two things.png")
    image = bpy.data.images.load(str(tmp_path / "two things.png"))
    bpy.context.scene.triposr.image = image
    return image


def made(bpy, addon):
    """The preview of the scene's picture, shown."""
    preview = addon("tasks.preview")
    scene = bpy.context.scene
    found = preview.preview_work(scene)(lambda *_: None)
    preview.show(scene, preview._key(scene), found)
    return found


def test_the_preview_shows_cut_out_and_square(bpy, addon, two_things) -> None:
    found = made(bpy, addon)
    preview = addon("tasks.preview")
    assert found.square.shape == found.cutout.shape == (256, 256, 4)
    assert found.square[..., 3].min() == 255
    assert np.abs(found.square[0, 0, :3].astype(int) - 128).max() <= 1
    assert found.cutout[128, 5, 3] == 0 and found.cutout[128, 80, 3] == 255
    assert set(preview.view_of(bpy.context.scene).icons) == {"cut-out", "square"}
    assert preview.is_current(bpy.context.scene)
    bpy.context.scene.triposr.foreground_ratio = 0.6
    assert not preview.is_current(bpy.context.scene)
    smaller = made(bpy, addon)
    is_gray = np.abs(smaller.square[..., :3].astype(int) - 128).max(axis=-1) <= 2
    was_gray = np.abs(found.square[..., :3].astype(int) - 128).max(axis=-1) <= 2
    assert is_gray.sum() > was_gray.sum() * 1.1


def test_what_is_odd_can_be_mended_with_a_click(bpy, addon, two_things) -> None:
    assert [finding.kind for finding in made(bpy, addon).findings] == ["several"]
    assert bpy.ops.triposr.remedy(kind="several") == {"FINISHED"}
    assert not made(bpy, addon).findings
    settings = bpy.context.scene.triposr
    settings.background = "none"
    assert [finding.kind for finding in made(bpy, addon).findings] == ["opaque"]
    assert bpy.ops.triposr.remedy(kind="opaque") == {"FINISHED"}
    assert settings.background == "plain"
    assert bpy.ops.triposr.remedy(kind="empty") == {"FINISHED"}
    assert settings.background == "none"
    assert set(addon("tasks.preview").REMEDIES) == {
        *("edge", "tiny", "several", "shadow", "opaque", "empty")
    }


def paint(matte, left: int, right: int, value: float) -> None:
    """Paint columns of a matte."""
    width, height = matte.size
    values = np.empty((height, width, 4), np.float32)
    matte.pixels.foreach_get(values.ravel())
    values[:, left:right, :3] = value
    matte.pixels.foreach_set(values.ravel())


def test_a_painted_matte_is_what_is_generated(bpy, addon, two_things) -> None:
    assert bpy.ops.triposr.edit_matte() == {"FINISHED"}
    matte = two_things.triposr.matte
    assert tuple(matte.size) == (800, 600)
    assert matte.packed_file is not None
    assert matte.colorspace_settings.is_data
    paint(matte, 0, 480, 0.0)  # away with the red one
    found = made(bpy, addon)
    assert not found.findings
    subject = found.square[np.ptp(found.square[..., :3], axis=-1) > 50]
    assert len(subject) > 10_000 and (subject[:, 2] > subject[:, 0]).mean() > 0.95
    bpy.ops.triposr.generate(resolution=48)
    colors = bpy.context.object.data.color_attributes["Color"].data
    values = np.empty(4 * len(colors), np.float32)
    colors.foreach_get("color_srgb", values)
    red, _, blue = values.reshape(-1, 4)[:, :3].mean(axis=0)
    assert blue > red + 0.1
    assert bpy.ops.triposr.remove_matte() == {"FINISHED"}
    assert two_things.triposr.matte is None
    assert [finding.kind for finding in made(bpy, addon).findings] == ["several"]


def test_the_matte_survives_saving(bpy, addon, two_things, tmp_path: Path) -> None:
    bpy.ops.triposr.edit_matte()
    paint(two_things.triposr.matte, 0, 480, 0.0)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "file.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "file.blend"))
    matte = bpy.context.scene.triposr.image.triposr.matte
    assert addon("scene.mattes").matte_of(matte)[:, :480].max() == 0
    assert addon("scene.mattes").matte_of(matte)[300, 640] == 255


def test_an_empty_matte_says_so(bpy, addon, two_things) -> None:
    bpy.ops.triposr.edit_matte()
    paint(two_things.triposr.matte, 0, 800, 0.0)
    with pytest.raises(RuntimeError, match="No subject"):
        bpy.ops.triposr.generate(resolution=32)
    assert not bpy.data.objects


def test_where_no_subject_is_found_one_can_be_painted(bpy, two_things) -> None:
    bpy.context.scene.triposr.background = "alpha"  # it has none
    assert bpy.ops.triposr.edit_matte() == {"FINISHED"}
    matte = two_things.triposr.matte
    assert tuple(matte.size) == (800, 600)
    paint(matte, 0, 480, 0.0)
    assert bpy.ops.triposr.generate(resolution=32) == {"FINISHED"}


def test_without_a_picture_there_is_nothing_to_mend(bpy) -> None:
    for operator in ("edit_matte", "remove_matte", "refresh_preview"):
        assert not getattr(bpy.ops.triposr, operator).poll()


def test_open_picture(bpy, picture: Path, tmp_path: Path) -> None:
    assert bpy.ops.triposr.open_picture(filepath=str(picture)) == {"FINISHED"}
    assert bpy.context.scene.triposr.image.name == picture.name
    Image.open(picture).save(tmp_path / "browser.jfif", "PNG")
    Image.open(picture).save(tmp_path / "icon.ico")  # which Blender does not read
    for name in ("browser.jfif", "icon.ico"):
        assert bpy.ops.triposr.open_picture(filepath=str(tmp_path / name)) == {"FINISHED"}
        assert tuple(bpy.context.scene.triposr.image.size) == (256, 256)
    assert bpy.ops.triposr.open_picture(filepath=str(picture)) == {"FINISHED"}
    (tmp_path / "notes.png").write_text("notes")
    with pytest.raises(RuntimeError, match="not a picture"):
        bpy.ops.triposr.open_picture(filepath=str(tmp_path / "notes.png"))
    with pytest.raises(RuntimeError, match="not a picture"):
        bpy.ops.triposr.open_picture(filepath=str(tmp_path / "nowhere.png"))
    assert bpy.context.scene.triposr.image.name == picture.name


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_a_pipe_is_not_waited_for(bpy, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(RuntimeError, match="not a picture"):
        bpy.ops.triposr.open_picture(filepath=str(tmp_path / "pipe.png"))
    with pytest.raises(RuntimeError, match="not a file"):
        bpy.ops.triposr.generate(filepath=str(tmp_path / "pipe.png"), resolution=32)


def test_what_is_offered_is_what_can_be_read(bpy, addon) -> None:
    suffixes = addon("inference.picture.limits").FILE_SUFFIXES
    assert {".jfif", ".jpe", ".jp2", ".exr", ".hdr", ".tga", ".ppm"} <= set(suffixes)
    assert bpy.types.TRIPOSR_FH_image.bl_file_extensions.split(";") == list(suffixes)
    # Blender cuts off longer ones.
    assert len(addon("operators.file_browser").PICTURES) < 256
