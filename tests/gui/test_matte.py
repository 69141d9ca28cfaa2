"""The cut-out before generating, in a real window: its preview, its remedies, its matte."""

import time

import artist
from window import Window

TWO_BOXES = "/session/files/two boxes.png"
PAINT_TWO_BOXES = f"""
import numpy as np
picture = bpy.data.images.new("two boxes", 512, 512)
pixels = np.ones((512, 512, 4), np.float32)
pixels[100:400, 60:280, 1:3] = 0.1
pixels[150:350, 330:460, :2] = 0.1
picture.pixels.foreach_set(pixels.ravel())
picture.filepath_raw, picture.file_format = {TWO_BOXES!r}, "PNG"
picture.save()
bpy.data.images.remove(picture)
bpy.context.scene.triposr.image = bpy.data.images.load({TWO_BOXES!r})
view3d()[2].tag_redraw()
"""
IS_CURRENT = "addon.tasks.preview.is_current(bpy.context.scene)"
FINDINGS = (
    "[finding.kind for finding in addon.tasks.preview.view_of(bpy.context.scene).preview.findings]"
)
EDITORS = """[area.spaces.active.image.name
    for window in bpy.context.window_manager.windows for area in window.screen.areas
    if area.type == 'IMAGE_EDITOR' and area.spaces.active.ui_mode == 'PAINT']"""
CLOSE_OTHER_WINDOWS = """
for other in list(bpy.context.window_manager.windows)[1:]:
    with bpy.context.temp_override(window=other):
        bpy.ops.wm.window_close()
"""


def test_preview_remedy_and_matte(window: Window) -> None:
    window.run(PAINT_TWO_BOXES)
    window.wait(IS_CURRENT, 60, "the preview")
    assert window.evaluate(FINDINGS) == ["several"]
    time.sleep(1)
    window.screenshot("preview", window.sidebar)
    window.click_button("bpy.ops.triposr.remedy")
    window.wait("bpy.context.scene.triposr.keep_largest", 10, "the remedy")
    window.wait(IS_CURRENT, 60, "the new preview")
    assert window.evaluate(FINDINGS) == []

    window.click_button("bpy.ops.triposr.edit_matte")
    window.wait(EDITORS, 10, "an Image Editor that paints")
    assert window.evaluate(EDITORS) == ["two boxes.png Matte"]
    time.sleep(2)
    window.screenshot("matte")
    window.run(CLOSE_OTHER_WINDOWS)
    window.run("bpy.context.scene.triposr.resolution = 64")
    window.click_button(artist.GENERATE)
    artist.wait_for_object(window)
    assert window.evaluate(artist.NEW_OBJECTS) == ["two boxes"]


TWO_WINDOWS = """
made = []
show = addon.tasks.preview.show
addon.tasks.preview.show = lambda scene, *rest: (made.append(scene.name), show(scene, *rest))
other = bpy.context.scene.copy()
other.name, other.triposr.foreground_ratio = "Other", 0.6
bpy.ops.wm.window_new_main()
second = bpy.context.window_manager.windows[-1]
second.scene = other
def show_tab():
    area = next(area for area in second.screen.areas if area.type == "VIEW_3D")
    area.spaces.active.show_region_ui = True
    region = next(region for region in area.regions if region.type == "UI")
    area.tag_redraw()
    try:
        region.active_panel_category = "TripoSR"
    except (AttributeError, TypeError):  # read-only or unknown until drawn once
        return False
    return region.width > 1
"""
REDRAW = """
for each in bpy.context.window_manager.windows:
    for area in each.screen.areas:
        area.tag_redraw()
"""


def test_two_windows_with_two_scenes_settle(window: Window) -> None:
    window.run(PAINT_TWO_BOXES)
    window.wait(IS_CURRENT, 60, "the preview")
    window.run(TWO_WINDOWS)
    try:
        window.wait("show_tab()", 60, "the tab in the second window")
        window.wait("addon.tasks.preview.is_current(other)", 60, "the other scene's preview")
        for _ in range(5):
            window.run(REDRAW)
            time.sleep(1)
        assert window.evaluate(IS_CURRENT) and window.evaluate(
            "addon.tasks.preview.is_current(other)"
        )
        made = window.evaluate("made")
        assert made.count("Other") == 1 and made.count("Scene") <= 1
        window.screenshot("two-scenes")
    finally:
        window.run("addon.tasks.preview.show = show" + CLOSE_OTHER_WINDOWS)


def test_undo_after_a_matte_leaves_it(window: Window) -> None:
    """The matte is asked for before the preview is there, and comes beside Blender."""
    has_matte = "bpy.context.scene.triposr.image.triposr.matte is not None"
    window.run(PAINT_TWO_BOXES)
    window.run(f"{artist.IN_VIEWPORT}\n    bpy.ops.ed.undo_push(message='picture')")
    window.run(f"{artist.IN_VIEWPORT}\n    bpy.ops.triposr.edit_matte('INVOKE_DEFAULT')")
    window.wait(has_matte, 60, "the matte")
    window.run(CLOSE_OTHER_WINDOWS)
    window.run(f"{artist.IN_VIEWPORT}\n    bpy.ops.mesh.primitive_cube_add('INVOKE_DEFAULT', True)")
    window.move(*window.viewport_center())
    window.key("ctrl+z")
    window.wait("'Cube.001' not in bpy.data.objects", 30, "undo of the cube")
    assert window.evaluate(has_matte)
    window.key("ctrl+z")
    window.wait(f"not ({has_matte})", 30, "undo of the matte")


def test_edit_matte_of_a_missing_picture_is_told(window: Window) -> None:
    window.run(PAINT_TWO_BOXES)
    window.run("bpy.context.scene.triposr.image.filepath = '/session/files/nowhere.png'")
    window.run(
        f"{artist.IN_VIEWPORT}\n"
        "    try:\n"
        "        bpy.ops.triposr.edit_matte('INVOKE_DEFAULT')\n"
        "    except RuntimeError as error:\n"
        "        said = str(error)"
    )
    said = window.evaluate("said")
    assert said.startswith("Error: ") and "Traceback" not in said and "Unexpected" not in said
