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
IS_CURRENT = "addon.preview.is_current(bpy.context.scene)"
FINDINGS = "[finding.kind for finding in addon.preview.view_of(bpy.context.scene).preview.findings]"
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
