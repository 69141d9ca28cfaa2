"""The add-on as an artist meets it: installed from its zip, in a real window, with a mouse."""

import time

import artist
import pytest
from artist import GENERATE, NEW_OBJECTS, RUNNING
from window import Window

OTHER_FILE = "/session/files/other.blend"
REDRAW_SIDEBAR = """
def redraw_sidebar():
    view3d()[2].tag_redraw()
    return 0.5

bpy.app.timers.register(redraw_sidebar)
"""


def assert_nothing_was_added(window: Window) -> None:
    time.sleep(1)  # for anything that a dropped task might still deliver
    assert window.evaluate(NEW_OBJECTS) == []
    assert window.evaluate("[mesh.name for mesh in bpy.data.meshes]") == ["Cube"]


@pytest.mark.every_version
def test_generate_then_undo_and_redo(window: Window) -> None:
    window.screenshot("empty-panel")
    artist.set_picture(window, resolution=384)
    time.sleep(1)
    window.screenshot("panel")
    window.click_button(GENERATE)
    artist.wait_for_progress(window, 0.2)
    window.screenshot("progress")
    artist.wait_for_progress(window, 0.7)
    window.screenshot("more-progress")
    artist.wait_for_object(window)

    assert window.evaluate(NEW_OBJECTS) == ["vase"]
    assert window.evaluate("view3d()[1].spaces.active.shading.color_type") == "VERTEX"
    artist.look_at_new_objects(window)
    time.sleep(2)
    window.screenshot("object")

    window.move(*window.viewport_center())
    window.key("ctrl+z")
    window.wait(f"not {NEW_OBJECTS}", 30, "undo")
    window.key("ctrl+shift+z")
    window.wait(NEW_OBJECTS, 30, "redo")


def test_cancel_leaves_nothing(window: Window) -> None:
    artist.start_long_task(window)
    artist.click_cancel(window)
    window.wait(f"not {RUNNING}", 120, "the end of the canceled task")
    assert_nothing_was_added(window)
    artist.generate(window)


@pytest.mark.every_version
def test_dropped_picture_becomes_an_object(window: Window) -> None:
    window.run("bpy.context.scene.triposr.resolution = 64")
    window.drop([artist.PICTURE], *window.viewport_center())
    window.screenshot("drop-menu")
    window.choose("Generate 3D Mesh (TripoSR)")
    artist.wait_for_object(window)
    assert window.evaluate(NEW_OBJECTS) == ["vase"]


def test_opening_a_file_ends_the_job(window: Window) -> None:
    window.run(f"bpy.ops.wm.save_as_mainfile(filepath={OTHER_FILE!r}, copy=True)")
    artist.start_long_task(window)
    window.run(f"bpy.ops.wm.open_mainfile(filepath={OTHER_FILE!r})")
    window.wait(f"not {RUNNING}", 120, "the end of the dropped task")
    assert_nothing_was_added(window)
    window.open_tab(artist.TAB)
    artist.generate(window)


@pytest.mark.every_version
def test_disabling_the_add_on_ends_the_job(window: Window) -> None:
    artist.start_long_task(window)
    artist.disable(window)
    assert window.evaluate("hasattr(bpy.types.Scene, 'triposr')") is False
    assert_nothing_was_added(window)
    artist.enable(window)
    artist.generate(window)


@pytest.mark.every_version
def test_quitting_during_a_job_ends_cleanly(window: Window) -> None:
    artist.start_long_task(window)
    ended = window.close()
    assert ended.code == 0, ended.log
    assert "terminate called" not in ended.log


def test_blender_answers_while_a_job_runs(window: Window) -> None:
    """A task blocks Blender no longer than twice what drawing its progress bar does.

    Left out: the first import of torch and transformers, and the object's arrival. Other programs
    on the machine only lengthen a gap, so the best of some attempts counts.
    """
    artist.generate(window)
    excesses = []
    for _ in range(3):
        window.run("bpy.data.objects.remove(bpy.context.object)")
        window.find_button(GENERATE)
        window.run(REDRAW_SIDEBAR)
        with window.tick_gap() as idle:
            time.sleep(5)
        window.run("bpy.app.timers.unregister(redraw_sidebar)")
        with window.tick_gap(during=RUNNING) as task:
            window.click_button(GENERATE)
            artist.wait_for_object(window)
        print(f"longest gap: idle {idle.milliseconds:.0f} ms, task {task.milliseconds:.0f} ms")
        excesses.append(task.milliseconds - max(100, 2 * idle.milliseconds))
        if excesses[-1] <= 0:
            break
    assert min(excesses) <= 0
