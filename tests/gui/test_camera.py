"""The camera of a picture in a real window: the object over its photo, and back."""

import time

import artist
import numpy as np
from PIL import Image
from window import Window

BUTTON = "bpy.ops.triposr.camera_from_picture"
VASE = "bpy.data.objects['vase']"
CAMERA = f"{VASE}.triposr.camera"
PERSPECTIVE = "view3d()[1].spaces.active.region_3d.view_perspective"
ERROR = "addon.tasks.session.cameras.state.error"


def test_the_object_lies_over_its_photo(window: Window) -> None:
    artist.generate(window)
    window.run("bpy.data.objects['Cube'].hide_set(True)\nview3d()[2].tag_redraw()")
    match = window.evaluate(f"{VASE}.triposr.match")
    assert match > 0.7
    window.click_button(BUTTON)
    window.wait(f"{ERROR} or {PERSPECTIVE} == 'CAMERA'", 60, "the view through the camera")
    assert window.evaluate(ERROR) == ""
    assert window.evaluate(f"bpy.context.scene.camera == {CAMERA}")
    assert window.evaluate(f"{VASE}.triposr.match") == match
    # Only the photo, then the object before it: where it covers the photo, the photo is gone.
    window.move(*window.viewport_center())
    window.run(
        f"{VASE}.hide_set(True)\n"
        "space = view3d()[1].spaces.active\n"
        "space.overlay.show_floor = space.overlay.show_axis_x = space.overlay.show_axis_y = False\n"
        "bpy.data.objects['Light'].hide_set(True)"
    )
    photo = shown(window, "camera-photo")
    window.run(f"{VASE}.hide_set(False)")
    covered = shown(window, "camera-from-picture")
    window.screenshot("picture-panel", window.sidebar)
    is_blue = photo[..., 2] > photo[..., :2].max(axis=-1) + 25.0
    changed = np.abs(covered - photo).max(axis=-1) > 4
    assert is_blue.sum() > 3000
    assert (changed & is_blue).sum() > 0.8 * is_blue.sum()
    window.key("ctrl+z")
    window.wait(f"{CAMERA} is None", 30, "undo")
    assert window.evaluate("bpy.context.scene.camera.name") == "Camera"
    assert window.evaluate(f"{artist.NEW_OBJECTS}") == ["vase"]


def shown(window: Window, name: str) -> np.ndarray:
    """The viewport, (H, W, 3) float."""
    time.sleep(1)
    region = window.evaluate(
        "rectangle(next(r for r in view3d()[1].regions if r.type == 'WINDOW'))"
    )
    x, y, width, height = region
    sidebar = window.sidebar[2]
    path = window.screenshot(name, (x, y, width - sidebar, height))
    return np.asarray(Image.open(path).convert("RGB"), float)
