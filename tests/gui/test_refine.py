"""Changing an object's surface in a real window, and pictures to files from a shell."""

import time

import artist
import pytest
from window import Window

COUNT = "len(bpy.data.objects['vase'].data.vertices)"


def test_refine_recolor_and_undo(window: Window) -> None:
    artist.generate(window)
    before = window.evaluate(COUNT)
    window.run("view3d()[2].tag_redraw()")
    time.sleep(1)
    window.screenshot("refine", window.sidebar)
    window.click_button("bpy.ops.triposr.refine", 0.8)  # the last of three: Finer
    window.wait(f"{COUNT} > {3 * before}", 60, "the finer surface")
    window.click_button("bpy.ops.triposr.recolor")
    window.move(*window.viewport_center())
    window.key("ctrl+z", "ctrl+z")
    window.wait(f"{COUNT} == {before}", 30, "undo")
    window.key("ctrl+z")
    window.wait(f"not {artist.NEW_OBJECTS}", 30, "undo of the object itself")


def test_an_image_empty_gives_picture_and_place(window: Window) -> None:
    window.run(
        "bpy.ops.object.empty_add(type='IMAGE', location=(2, 0, 1))\n"
        f"bpy.context.object.data = bpy.data.images.load({artist.PICTURE!r})\n"
        "bpy.context.scene.triposr.resolution = 64\n"
        "bpy.ops.triposr.generate_from_empty('INVOKE_DEFAULT')"
    )
    window.wait("'vase' in bpy.data.objects", artist.TIMEOUT, "the object")
    assert window.evaluate("list(bpy.data.objects['vase'].location)") == [2, 0, 1]


@pytest.mark.parametrize("ending", ["glb", "ply"])
def test_from_a_shell(window: Window, ending: str) -> None:
    folder = window.session.folder / "files"
    (folder / "broken.png").write_bytes(b"nothing")
    command = ("blender", "--command", "triposr", artist.PICTURE, "--resolution", "32")
    output = window.session.run(*command, "-o", f"/session/files/shell.{ending}")
    assert b"[1/1] vase.png" in output
    assert (folder / f"shell.{ending}").stat().st_size > 5000
    with pytest.raises(RuntimeError, match=r"(?s)exited with 1.*broken\.png is not a picture"):
        window.session.run(
            *command, "/session/files/broken.png", "-o", "/session/files/meshes", "--format", ending
        )
    assert (folder / "meshes" / f"vase.{ending}").is_file()
