"""Texturing in a real window: the dialog, the bar, one undo step, and canceling."""

import time

import artist
import pytest
from window import END, Window

VASE = "bpy.data.objects['vase']"
EDITS = "addon.tasks.session.edits"
EDITING = f"{EDITS}.is_running()"
FACES = f"len({VASE}.data.polygons)"
IS_TEXTURED = f"addon.scene.texture.is_textured({VASE})"
SHADING = "view3d()[1].spaces.active.shading"
BUTTON = "bpy.ops.triposr.texture"

SET_UP = """
class TRIPOSR_PT_open_mesh(addon.panels.tab.SubPanel, bpy.types.Panel):
    # The panel is closed at first; this one is open.
    bl_label, bl_order = "Open Mesh", -1  # above the others, so that it is in sight
    draw = addon.panels.object.TRIPOSR_PT_mesh.draw

bpy.utils.register_class(TRIPOSR_PT_open_mesh)
last = bpy.context.window_manager.operator_properties_last("triposr.texture")
last.faces, last.size = 2000, "512"
"""

STATE = f"""[
    {FACES}, len({VASE}.data.uv_layers), [m.name for m in {VASE}.data.materials],
    len(bpy.data.images), len(bpy.data.meshes), len(bpy.data.materials)
]"""
"""What canceling must leave as it was."""


def click_texture(window: Window, name: str) -> None:
    """Click the button and its dialog's default button."""
    window.click_button(BUTTON, 0.25)
    time.sleep(1)
    window.screenshot(name)
    assert not window.evaluate(EDITING)
    window.key("Return")


@pytest.mark.every_version
def test_texture_by_the_button(window: Window) -> None:
    artist.generate(window)
    artist.look_at_new_objects(window)
    window.run(f"{SET_UP}{artist.IN_VIEWPORT}\n    bpy.ops.ed.undo_push(message='seen')")
    window.open_tab(artist.TAB)
    window.screenshot("texture-panel", window.sidebar)
    before, faces = window.evaluate(STATE), window.evaluate(FACES)
    assert faces > 2000
    click_texture(window, "texture-dialog")
    seen = set()
    window.wait(EDITING, 30, "the task")
    while window.evaluate(EDITING):
        seen.add(window.evaluate(f"{EDITS}.state.fraction"))
    assert window.evaluate(f"{EDITS}.state.error") == ""
    assert len(seen) > 3 and max(seen) > 0.5
    assert window.evaluate(FACES) <= 2000 and window.evaluate(IS_TEXTURED)
    assert window.evaluate(f"{SHADING}.color_type") == "TEXTURE"
    window.move(*window.viewport_center())
    time.sleep(2)
    window.screenshot("texture-solid")
    window.run(f"{SHADING}.type = 'MATERIAL'")
    time.sleep(15)  # until the shaders are compiled, without a graphics card
    window.screenshot("texture-material-preview")
    window.run(f"{SHADING}.type = 'SOLID'")
    window.key("ctrl+z")
    window.wait(f"{FACES} == {faces}", 30, "undo")
    assert not window.evaluate(IS_TEXTURED)
    assert window.evaluate(STATE)[:3] == before[:3]
    time.sleep(1)
    window.screenshot("texture-undone")
    window.run("bpy.utils.unregister_class(TRIPOSR_PT_open_mesh)")


@pytest.mark.every_version
def test_canceling_leaves_the_object(window: Window) -> None:
    artist.generate(window)
    window.run(f"bpy.ops.triposr.refine(resolution=192)\n{SET_UP}last.faces, last.size = 0, '4096'")
    window.open_tab(artist.TAB)
    before = window.evaluate(STATE)
    click_texture(window, "texture-dialog-large")
    window.wait(f"{EDITS}.state.fraction > 0.1", 120, "progress")
    window.screenshot("texture-progress", window.sidebar)
    window.click_button("bpy.ops.triposr.cancel_edit", END)
    window.wait(f"not {EDITING}", 60, "the cancel")
    assert window.evaluate(f"{EDITS}.state.canceled")
    assert window.evaluate(f"{EDITS}.state.error") == ""
    assert window.evaluate(STATE) == before
    window.run("bpy.utils.unregister_class(TRIPOSR_PT_open_mesh)")
