"""Exporting in a real window: the file browser, the panel, and a Blender that stays usable."""

import json
import time

import artist
from window import Window

EXPORTS = "addon.tasks.session.exports"
BROWSER = (
    "[a for a in bpy.context.window_manager.windows[0].screen.areas if a.type == 'FILE_BROWSER']"
)
PARAMS = f"{BROWSER}[0].spaces.active.params"
FILES = "/session/files"

SET_UP = """
bpy.context.preferences.view.filebrowser_display_type = "SCREEN"
cube = bpy.data.objects["Cube"]
bpy.context.view_layer.objects.active = cube
cube.select_set(True)
bpy.ops.wm.save_as_mainfile(filepath="/session/files/cube.blend")

class TRIPOSR_PT_open_export(addon.panels.export.SubPanel, bpy.types.Panel):
    # The panel is closed at first; this one is open.
    bl_label = "Open Export"
    draw = addon.panels.export.TRIPOSR_PT_export.draw

bpy.utils.register_class(TRIPOSR_PT_open_export)
"""

ACCEPT = f"""
window = bpy.context.window_manager.windows[0]
area = {BROWSER}[0]
region = next(region for region in area.regions if region.type == "WINDOW")
with bpy.context.temp_override(window=window, area=area, region=region):
    bpy.ops.file.execute()
"""


def click(window: Window, target: str) -> None:
    window.run(
        f"{artist.IN_VIEWPORT}\n    bpy.ops.triposr.export('INVOKE_DEFAULT', target={target!r})"
    )


def test_export_by_the_file_browser(window: Window) -> None:
    window.run(SET_UP)
    window.open_tab(artist.TAB)
    click(window, "web")
    window.wait(f"{BROWSER} and {PARAMS} is not None", 30, "the file browser")
    time.sleep(1)
    window.screenshot("export-browser")
    assert window.evaluate(f"{PARAMS}.filename") == "Cube.glb"
    assert window.evaluate(f"{PARAMS}.directory.decode()").rstrip("/") == FILES
    window.run(ACCEPT)
    window.wait(f"{EXPORTS}.state.message or {EXPORTS}.state.error", 120, "the file")
    assert window.evaluate(f"{EXPORTS}.state.error") == ""
    assert window.evaluate(f"str({EXPORTS}.state.message)").startswith("Cube.glb: 12 triangles")
    assert (window.session.folder / "files" / "Cube.glb").stat().st_size > 500
    # The scene is as it was, and nothing is to be saved or undone.
    assert not window.evaluate("bpy.data.is_dirty")
    assert window.evaluate("sorted(o.name for o in bpy.data.objects)") == [
        "Camera",
        "Cube",
        "Light",
    ]
    assert window.evaluate("len(bpy.data.scenes)") == 1
    time.sleep(1)
    window.screenshot("export-panel", window.sidebar)
    window.click_button("bpy.ops.triposr.export", 0.25)
    window.wait(f"bool({BROWSER})", 30, "the file browser of a button")
    window.key("Escape")
    window.run(f"{EXPORTS}.dismiss()\nbpy.utils.unregister_class(TRIPOSR_PT_open_export)")


def test_what_this_blender_lacks_is_said(window: Window) -> None:
    """Debian builds Blender without USD."""
    window.run(f"bpy.ops.triposr.export(filepath='{FILES}/a.stl', target='print')")
    said = window.run(
        "try:\n"
        f"    bpy.ops.triposr.export(filepath='{FILES}/a.usdz', target='iphone')\n"
        "except RuntimeError as error:\n"
        "    print(json.dumps(str(error)))"
    )
    assert "This Blender cannot write USD files" in json.loads(said.strip().splitlines()[-1])
    assert not (window.session.folder / "files" / "a.usdz").exists()
    assert (window.session.folder / "files" / "a.stl").exists()
