"""A batch arrives in a real window: the menu, the file browser, the grid, one undo step."""

import shutil
import time
from dataclasses import replace
from pathlib import Path

import artist
import pytest
from batch_folder import write_batch, write_index
from test_export import ACCEPT, BROWSER, PARAMS
from window import END, Window

IMPORTS = "addon.tasks.session.imports"
IMPORTING = f"{IMPORTS}.is_running()"
COUNT = 30
FOLDER = "/session/files/vases"

OPEN_MENU = """
window, area, _ = view3d()
with bpy.context.temp_override(window=window, area=area):
    bpy.ops.wm.call_menu(name="TOPBAR_MT_file_import")
"""

TO_THE_FOLDER = f"""
{PARAMS}.directory = b"{FOLDER}"
{PARAMS}.filename = "index.jsonl"
"""


@pytest.fixture
def batch(window: Window, tmp_path: Path) -> str:
    """The folder of a batch with many copies of a vase, each under its own name."""
    files = window.session.folder / "files"
    made = tmp_path / "vases"
    [row] = write_batch(made, [files / "vase.png"], resolution=64)
    rows = [replace(row, picture=f"/session/files/vase {n}.png") for n in range(COUNT - 1)]
    write_index(made, [*rows, replace(row, picture="/session/files/vase.png", match=0.3)])
    shutil.rmtree(files / "vases", ignore_errors=True)
    shutil.copytree(made, files / "vases")
    return FOLDER


def test_import_by_the_file_browser(window: Window, batch: str) -> None:
    window.run(OPEN_MENU)
    time.sleep(1)
    window.screenshot("import-menu")
    window.key("Escape")
    window.run(f"{artist.IN_VIEWPORT}\n    bpy.ops.triposr.import_batch('INVOKE_DEFAULT')")
    window.wait(f"{BROWSER} and {PARAMS} is not None", 30, "the file browser")
    window.run(TO_THE_FOLDER)
    time.sleep(2)
    window.screenshot("import-browser")
    assert window.evaluate(f"{PARAMS}.filter_glob") == "*.jsonl"
    counts = set()
    window.run(ACCEPT)
    while window.evaluate(IMPORTING):
        counts.add(window.evaluate("len(bpy.data.objects)"))
    assert window.evaluate(f"{IMPORTS}.state.error") == ""
    assert window.evaluate(f"str({IMPORTS}.state.message)") == f"{COUNT} objects"
    assert len(counts) > 3  # some at a time
    assert window.evaluate("len(bpy.data.collections['vases'].objects)") == COUNT
    artist.look_at_new_objects(window)
    window.move(*window.viewport_center())
    time.sleep(3)
    window.screenshot("import-grid")
    # An object that came from elsewhere is refined as any other.
    window.run(
        "vase = bpy.data.objects['vase']\n"
        "bpy.context.view_layer.objects.active = vase\n"
        "before = len(vase.data.vertices)\n"
        "bpy.ops.triposr.refine(resolution=32)"
    )
    assert window.evaluate("0 < len(vase.data.vertices) < before")
    window.run(f"{artist.IN_VIEWPORT}\n    bpy.ops.triposr.camera_from_picture()")
    window.run("bpy.ops.triposr.regenerate()")
    window.run(f"{artist.IN_VIEWPORT}\n    bpy.ops.ed.undo_push(message='worked')")
    while window.evaluate("'vases' in bpy.data.collections"):
        window.key("ctrl+z")
        time.sleep(0.5)
    assert window.evaluate(artist.NEW_OBJECTS) == []


def test_canceling_the_import(window: Window, batch: str) -> None:
    blocks = "[len(bpy.data.objects), len(bpy.data.meshes), len(bpy.data.images)]"
    before = window.evaluate(blocks)
    session = "addon.tasks.session"
    # As while a render runs: the bar stays until its button is found and clicked.
    window.run(f"locked = {session}.is_scene_locked\n{session}.is_scene_locked = lambda: True")
    try:
        window.run(
            "usual = addon.settings.defaults_of(addon.settings.BATCH)\n"
            f"start = addon.tasks.import_batch.batch_import\n"
            f"{IMPORTS}.submit(start(bpy.context, {batch!r}, True, **usual))"
        )
        time.sleep(1)
        window.screenshot("import-progress", window.sidebar)
        window.click_button("bpy.ops.triposr.cancel_import", END)
        assert window.evaluate(f"{IMPORTS}.state.canceling")
    finally:
        window.run(f"{session}.is_scene_locked = locked")
    window.wait(f"not {IMPORTING}", 60, "the cancel")
    assert window.evaluate(f"{IMPORTS}.state.canceled")
    assert window.evaluate(blocks) == before
    window.screenshot("import-canceled", window.sidebar)
