"""Texturing in a real window: the dialog, the bar, one undo step, and canceling."""

import time

import artist
from window import END, Window

VASE = "bpy.data.objects['vase']"
EDITS = "addon.tasks.session.edits"
EDITING = f"{EDITS}.is_running()"
FACES = f"len({VASE}.data.polygons)"
IS_TEXTURED = f"addon.scene.texture.is_textured({VASE})"
SHADING = "view3d()[1].spaces.active.shading"
BUTTON = "bpy.ops.triposr.texture"

HEADER = 22
"""Pixels from the lower edge of Refine's last row to the middle of the header of Mesh below it."""

STATE = f"""[
    {FACES}, len({VASE}.data.uv_layers), [m.name for m in {VASE}.data.materials],
    len(bpy.data.images), len(bpy.data.meshes), len(bpy.data.materials)
]"""
"""What canceling must leave as it was."""


def open_mesh_panel(window: Window) -> None:
    """Open the panel, which is closed at first, by its header."""
    x, y = window.below_button("bpy.ops.triposr.refine", 0.25)
    window.click(x, y + HEADER)
    window.find_button(BUTTON, 0.25)


def click_texture(window: Window, name: str, faces: int, size: str) -> None:
    """Click the button, and confirm its dialog, which proposes what was chosen last."""
    window.run(
        "last = bpy.context.window_manager.operator_properties_last('triposr.texture')\n"
        f"last.faces, last.size = {faces}, {size!r}"
    )
    window.click_button(BUTTON, 0.25)
    time.sleep(1)
    window.screenshot(name)
    assert not window.evaluate(EDITING)
    window.key("Return")


def test_texture_by_the_button(window: Window) -> None:
    artist.generate(window)
    artist.look_at_new_objects(window)
    window.run(f"{artist.IN_VIEWPORT}\n    bpy.ops.ed.undo_push(message='seen')")
    open_mesh_panel(window)
    window.screenshot("texture-panel", window.sidebar)
    before, faces = window.evaluate(STATE), window.evaluate(FACES)
    assert faces > 2000
    click_texture(window, "texture-dialog", 2000, "512")
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
    window.run(f"{SHADING}.type = 'MATERIAL'\nview3d()[1].tag_redraw()")
    time.sleep(15)  # until the shaders are compiled, without a graphics card
    window.screenshot("texture-material-preview")
    window.run(f"{SHADING}.type = 'SOLID'")
    window.key("ctrl+z")
    window.wait(f"{FACES} == {faces}", 30, "undo")
    assert not window.evaluate(IS_TEXTURED)
    assert window.evaluate(STATE)[:3] == before[:3]
    # In textured shading, a mesh with vertex colors only is gray.
    assert window.evaluate(f"{SHADING}.color_type") == "VERTEX"
    time.sleep(1)
    window.screenshot("texture-undone")


def test_canceling_leaves_the_object(window: Window) -> None:
    artist.generate(window)
    window.run("bpy.ops.triposr.refine(resolution=192)")
    open_mesh_panel(window)
    before = window.evaluate(STATE)
    click_texture(window, "texture-dialog-large", 20_000, "4096")
    window.wait(f"{EDITS}.state.fraction > 0.1", 120, "progress")
    window.screenshot("texture-progress", window.sidebar)
    window.click_button("bpy.ops.triposr.cancel_edit", END)
    window.wait(f"not {EDITING}", 60, "the cancel")
    assert window.evaluate(f"{EDITS}.state.canceled")
    assert window.evaluate(f"{EDITS}.state.error") == ""
    assert window.evaluate(STATE) == before
