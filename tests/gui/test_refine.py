"""Changing an object's surface in a real window, and pictures to files from a shell."""

import time

import artist
import pytest
from window import END, Window

VASE = "bpy.data.objects['vase']"
COUNT = f"len({VASE}.data.vertices)"
REFINING = "addon.tasks.session.refinements.is_running()"


def test_refine_recolor_and_undo(window: Window) -> None:
    artist.generate(window)
    before = window.evaluate(COUNT)
    window.run("bpy.context.object.triposr.resolution = 128")
    window.click_button("bpy.ops.triposr.refine", 0.25)
    window.wait(f"{COUNT} > {3 * before}", 60, "the finer surface")
    window.run(f"{artist.IN_VIEWPORT}\n    bpy.ops.triposr.recolor('INVOKE_DEFAULT', True)")
    window.wait("not addon.tasks.session.edits.is_running()", 60, "the colors")
    window.move(*window.viewport_center())
    window.key("ctrl+z", "ctrl+z")
    window.wait(f"{COUNT} == {before}", 30, "undo")
    window.key("ctrl+z")
    window.wait(f"not {artist.NEW_OBJECTS}", 30, "undo of the object itself")


def test_refine_by_dragging(window: Window) -> None:
    artist.generate(window)
    before, place = window.evaluate(COUNT), f"{VASE}.location.z"
    window.run("view3d()[2].tag_redraw()")
    time.sleep(1)
    window.screenshot("refine", window.sidebar)
    x, y = window.find_property("triposr.tightness", 0.6)
    with window.dragging(x, y):
        for step in (5, 10, 15, 20, 25):
            window.move(x + step, y)
            time.sleep(0.2)
        window.screenshot("refine-drag-start", window.sidebar)
        # While the button is down, the surface follows.
        window.wait(f"{COUNT} != {before}", 60, "the surface under the slider")
        for step in range(5):
            window.move(x + 30 + 5 * step, y)
            time.sleep(0.1)
        window.screenshot("refine-drag", window.sidebar)
    window.wait(f"not {REFINING}", 60, "the last surface")
    threshold = window.evaluate(f"{VASE}.triposr.threshold")
    assert threshold > 30
    thin = window.evaluate(COUNT)
    window.move(*window.viewport_center())
    window.key("x", "Return")
    window.wait(f"not {artist.NEW_OBJECTS}", 30, "deleting")
    for count, steps in ((thin, "ctrl+z"), (before, "ctrl+z"), (thin, "ctrl+shift+z")):
        window.key(steps)
        window.wait(f"{artist.NEW_OBJECTS} and {COUNT} == {count}", 30, f"{steps} to {count}")
    assert window.evaluate(f"{VASE}.triposr.threshold") == threshold
    window.key("ctrl+z", "ctrl+z")
    window.wait(f"not {artist.NEW_OBJECTS}", 30, "undo of the object itself")
    window.key("ctrl+shift+z")
    window.wait(f"{artist.NEW_OBJECTS} and {COUNT} == {before}", 30, "redo of the object")
    assert window.evaluate(place) == 0


def test_save_reopen_and_refine(window: Window) -> None:
    artist.generate(window)
    before, path = window.evaluate(COUNT), "/session/files/saved.blend"
    window.run(f"bpy.ops.wm.save_as_mainfile(filepath={path!r})")
    window.close()
    window.start()
    artist.enable(window)
    window.run(f"bpy.ops.wm.open_mainfile(filepath={path!r})")
    window.open_tab(artist.TAB)
    window.run(
        f"bpy.context.view_layer.objects.active = {VASE}\n"
        "bpy.context.window_manager.triposr.resolution = 128"
    )
    window.wait(f"{COUNT} > {3 * before}", 120, "the finer surface")
    window.wait(f"not {REFINING}", 60, "the last surface")
    window.run("bpy.ops.wm.read_homefile()")


def test_an_image_empty_gives_picture_and_place(window: Window) -> None:
    window.run(
        "bpy.ops.object.empty_add(type='IMAGE', location=(2, 0, 1))\n"
        f"bpy.context.object.data = bpy.data.images.load({artist.PICTURE!r})\n"
        "bpy.context.scene.triposr.resolution = 64\n"
        "bpy.ops.triposr.generate_from_empty('INVOKE_DEFAULT')"
    )
    window.wait("'vase' in bpy.data.objects", artist.TIMEOUT, "the object")
    assert window.evaluate("list(bpy.data.objects['vase'].location)") == [2, 0, 1]


def test_from_a_shell(window: Window) -> None:
    folder = window.session.folder / "files"
    (folder / "broken.png").write_bytes(b"nothing")
    command = ("blender", "--command", "triposr", artist.PICTURE, "--resolution", "32")
    output = window.session.run(*command, "-o", "/session/files/shell.glb")
    assert b"[1/1] vase.png" in output
    assert (folder / "shell.glb").stat().st_size > 5000
    with pytest.raises(RuntimeError, match=r"(?s)exited with 1.*broken\.png is not a picture"):
        window.session.run(
            *command, "/session/files/broken.png", "-o", "/session/files/meshes", "--format", "ply"
        )
    assert (folder / "meshes" / "vase.ply").is_file()


EDITING = "addon.tasks.session.edits.is_running()"
REMESH = (
    f"{artist.IN_VIEWPORT}\n    bpy.ops.triposr.remesh('INVOKE_DEFAULT', kind='voxel', asks=True)"
)


def test_edits_run_beside_blender(window: Window) -> None:
    """A button asks for its settings; the bar moves while one works on, and cancels."""
    artist.generate(window)
    window.run("bpy.ops.triposr.refine(resolution=256)")
    window.run(f"{artist.IN_VIEWPORT}\n    bpy.ops.ed.undo_push(message='finer')")
    before = window.evaluate(COUNT)
    window.move(*window.viewport_center())
    window.run(REMESH)
    time.sleep(1)
    window.screenshot("remesh-settings")
    assert not window.evaluate(EDITING)
    with window.tick_gap(EDITING) as gap:
        window.key("Return")
        window.wait(EDITING, 30, "the edit")
        window.wait(f"not {EDITING}", 120, "the edited mesh")
    print("longest stand-still while a mesh is remeshed:", gap)
    assert window.evaluate("addon.tasks.session.edits.state.error") == ""
    remeshed = window.evaluate(COUNT)
    assert remeshed != before
    window.run(
        f"{artist.IN_VIEWPORT}\n"
        "    bpy.ops.triposr.remesh('INVOKE_DEFAULT', kind='quads', faces=20000)"
    )
    window.wait(EDITING, 30, "the edit")
    time.sleep(2)
    window.screenshot("editing", window.sidebar)
    window.click_button("bpy.ops.triposr.cancel_edit", END)
    window.wait(f"not {EDITING}", 60, "the cancel")
    assert window.evaluate(COUNT) == remeshed
    window.move(*window.viewport_center())
    window.key("ctrl+z")
    window.wait(f"{COUNT} == {before}", 30, "undo of the edit")
