"""Take the pictures of docs/images that show the add-on, in a real window of Blender 5.2.

`make screenshots` runs this, on Debian as root, in the window of tests/gui. The panels draw
themselves; tasks and downloads in progress are staged instead of awaited, so that the pictures are
the same each time.
"""

import argparse
import io
import tempfile
import time
from collections.abc import Iterable
from contextlib import contextmanager
from pathlib import Path

import artist
import numpy as np
from build import build
from PIL import Image, ImageChops
from roots import SUITES, blender_root, unavailable
from window import Window

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
SIZE = 1800, 2400  # pixels of the window for panels and preferences
VIEW_SIZE, VIEW_SCALE = (1800, 1250), 1.25  # window and interface scale for the whole viewport
SCALE = 2  # of the interface, so that text is sharp on high-density screens
TABS = 24  # pixels at scale 1, width of the tab names at the sidebar's right
ABOVE_PREFERENCES = 226  # pixels at scale 1, height of Blender's own lines for an add-on
EMPTY = 4  # pixels at scale 1, margin around the panels
GAP = 12  # pixels between pictures side by side
TAKES = ("panels", "models", "gpu", "problem", "places", "viewport")
COLORS = 256  # in a picture's palette
NONE = "none of the panels below the first"
SETTLE = 1.0  # seconds until a change is drawn

SET_UP = """
import sys
preferences = bpy.context.preferences
preferences.view.ui_scale = SCALE
preferences.system.use_region_overlap = False  # what is behind the sidebar would show through
panels = {name: sys.modules[f"{addon.__name__}.panels.{name}"]
          for name in ("sidebar", "object", "export", "settings", "queue", "image_editor", "gpu",
                       "preferences")}
drawn = panels["sidebar"].TRIPOSR_PT_generate.draw
all_panels = [*panels["sidebar"].classes, *panels["object"].classes,
              panels["export"].TRIPOSR_PT_export, *panels["settings"].classes]
for panel in all_panels:
    bpy.utils.unregister_class(panel)
    panel.bl_options = set()  # Mesh, Export and Placement are closed at first

def show_panels(*names, draw=None):
    for panel in all_panels:
        if panel.is_registered:
            bpy.utils.unregister_class(panel)
    sidebar = panels["sidebar"].TRIPOSR_PT_generate
    sidebar.draw = draw or (drawn if not names else lambda self, context: None)
    for panel in all_panels:
        if not names or panel is sidebar or panel.bl_label in names:
            bpy.utils.register_class(panel)

show_panels()
"""

CALM = """
from dataclasses import fields
for queue in addon.tasks.session.QUEUES:
    fresh = type(queue.state)()
    for field in fields(fresh):
        setattr(queue.state, field.name, getattr(fresh, field.name))
    queue._waiting.clear()
    queue._failed.clear()
    queue._job = queue._task = None
"""
"""Clears all tasks and reports."""

STAGE = """
class Staged:
    def poll(self): return []
    def cancel(self): pass
    def join(self, timeout): return True

def stage(queue, **state):
    for name, value in state.items():
        setattr(queue.state, name, value)
    queue._job = Staged()
"""
"""Stages a task in progress in a queue."""

QUEUE = """
pictures = addon.tasks.session.pictures
stage(pictures, title="vase", label="Extracting the surface", fraction=0.62, ended=1)
Task = sys.modules[f"{addon.__name__}.tasks.queue"].Task
for name in ("teapot", "chair", "stool"):
    pictures._waiting.append(Task(name, {}, None, None))
pictures._failed.append(sys.modules[f"{addon.__name__}.tasks.queue"].Failure(
    "notes.txt", 0, "notes.txt is not a picture that can be read",
    "Choose a PNG, JPEG or WebP file", None))
"""

ONLY_MODEL = """lambda self, context: panels["sidebar"]._draw_model(context, self.layout)"""
ONLY_RUNS = """lambda self, context: (
    panels["queue"].draw_button(self.layout, "triposr.generate"),
    panels["queue"].draw_tasks(self.layout))"""

MODEL_STATES = {
    "missing": "preferences.system.use_online_access = True",
    "offline": "preferences.system.use_online_access = False",
    "downloading": """
preferences.system.use_online_access = True
stage(addon.tasks.session.upkeep, title="TripoSR", fraction=0.43,
      label="846 of 1,677 MB, 12.4 MB/s, 1:07 left")""",
    "verifying": """
stage(addon.tasks.session.upkeep, title="TripoSR", fraction=0.88, label="Verifying")""",
    "ready": """
import types
sidebar = panels["sidebar"]
was_known, sidebar.known = sidebar.known, lambda context: types.SimpleNamespace(uses_starter=False)
addon.tasks.session.upkeep.state.message = "TripoSR is ready" """,
    "error": """
sidebar.known = was_known
addon.tasks.session.upkeep.state.error = "The server sent a web page instead of model.ckpt"
addon.tasks.session.upkeep.state.hint = (
    "If the network asks to log in, do so in a web browser; else choose another mirror")""",
}

GPU = """
gpu, builds, driver = (sys.modules[f"{addon.__name__}.{name}"] for name in (
    "tasks.gpu", "inference.machine.gpu_builds", "inference.machine.driver"))
card = driver.Card("NVIDIA GeForce RTX 3060", (8, 6), 12_884_901_888)
[build] = [b for b in builds.all_builds() if b.folder_name == "2.8.0-cu128-lin-311"]
gpu._keep(gpu.Gpu(driver.Driver(12080, (card,)), builds.Choice(card, build), True, None))
gpu.engine.has_torch = lambda: False
preferences.system.use_online_access = True
"""
"""A card that is not used, in a Blender that has not generated anything yet."""

ONLY_GPU = """lambda self, context: (
    panels["preferences"].draw_upkeep(self.layout), panels["gpu"].draw_gpu(context, self.layout))"""

TORCH = """stage(addon.tasks.session.upkeep, title="torch 2.8.0+cu128", """
GPU_STATES = {
    "not used": "",
    "downloading": f"""{TORCH} fraction=0.31,
      label="1.16 of 3.75 GB, 24.8 MB/s, 1:44 left")""",
    "unpacking": f"""{TORCH} fraction=0.88, label="Unpacking")""",
    "trying": f"""{TORCH} fraction=0.95, label="Trying it in a second Blender")""",
    "ready": """
offered, gpu._found = gpu._found, None
gpu.known = lambda: None
addon.tasks.session.upkeep.state.message = "The next picture uses NVIDIA GeForce RTX 3060" """,
    "error": """
gpu._found, gpu.known = offered, lambda: offered
addon.tasks.session.upkeep.state.error = "The disk is too full by 2,140 MB for 2.8.0+cu128"
addon.tasks.session.upkeep.state.hint = (
    "Make room, or choose a model folder on another disk; what has arrived is kept")""",
}

GPU_DIALOG = f"""{artist.IN_VIEWPORT}
    bpy.ops.triposr.use_gpu("INVOKE_DEFAULT")
"""

PREVIEW_PROBLEM = """
import numpy as np
picture = bpy.data.images.new("two boxes", 512, 512)
pixels = np.ones((512, 512, 4), np.float32)
pixels[100:400, 60:280, 1:3] = 0.1
pixels[150:350, 330:460, :2] = 0.1
picture.pixels.foreach_set(pixels.ravel())
picture.pack()
bpy.context.scene.triposr.image = picture
"""

PREVIEW_DONE = "addon.tasks.preview.is_current(bpy.context.scene)"

EDITOR_PANEL = f"""
def show_editor():
    window, area, _ = view3d()
    area.type = "IMAGE_EDITOR"
    area.spaces.active.image = bpy.data.images.load({artist.PICTURE!r}, check_existing=True)
    area.spaces.active.show_region_ui = True

def editor_tab():
    area = next(a for a in bpy.context.window_manager.windows[0].screen.areas
                if a.type == "IMAGE_EDITOR")
    region = next(r for r in area.regions if r.type == "UI")
    area.tag_redraw()
    try:
        region.active_panel_category = "TripoSR"
    except (AttributeError, TypeError):
        return None
    return rectangle(region) if region.width > 1 else None
show_editor()
"""

PREFERENCES = f"""
bpy.ops.preferences.addon_show(module={artist.MODULE!r})
for other in list(bpy.context.window_manager.windows)[1:]:
    with bpy.context.temp_override(window=other):
        bpy.ops.wm.window_close()
preferences.active_section = "ADDONS"
preferences.system.use_online_access = True
import pathlib
shown = pathlib.Path("~/blender/extensions/.user/user_default/triposr/models")
panels["preferences"].model_folder = lambda context: shown
window, area, _ = view3d()
area.type = "PREFERENCES"
def preferences_place():
    area = next(a for a in bpy.context.window_manager.windows[0].screen.areas
                if a.type == "PREFERENCES")
    area.tag_redraw()
    return rectangle(next(r for r in area.regions if r.type == "WINDOW"))
"""

BACK_TO_VIEW = """
area = next(a for a in bpy.context.window_manager.windows[0].screen.areas
            if a.type in ("PREFERENCES", "IMAGE_EDITOR"))
area.type = "VIEW_3D"
"""

TIMELESS = """
import re
state = addon.tasks.session.pictures.state
state.message = re.sub(r"in [0-9.]+", "in 1.2", state.message)
"""
"""Replaces the task's duration, which differs each time."""


SHOW_RESULT = f"""
import math
from mathutils import Euler
bpy.data.objects["Cube"].hide_set(True)
for name in ("Camera", "Light"):
    bpy.data.objects[name].hide_set(True)
for each in bpy.data.objects:
    each.select_set(each.name in {artist.NEW_OBJECTS})
window, area, _ = view3d()
region = next(region for region in area.regions if region.type == "WINDOW")
view = area.spaces.active.region_3d
view.view_rotation = Euler((math.radians(75), 0, math.radians(20))).to_quaternion()
with bpy.context.temp_override(window=window, area=area, region=region):
    bpy.ops.view3d.view_selected()
    bpy.ops.object.select_all(action="DESELECT")
view.view_distance *= 1.3

def view_place():
    area = view3d()[1]
    window = bpy.context.window_manager.windows[0]
    return [area.x, window.height - area.y - area.height, area.width, area.height]
"""
"""Points the view at the generated object's front, a little from the right."""


class Camera:
    """Camera that saves pictures of a window's parts to docs/images."""

    def __init__(self, window: Window) -> None:
        self.window = window

    def look(self, place: Iterable[int]) -> Image.Image:
        """Return what the window shows at x, y, width, height, once it has stopped changing."""
        time.sleep(SETTLE)
        path = self.window.screenshot("look", tuple(place))
        return Image.open(io.BytesIO(path.read_bytes())).convert("RGB")

    def tab(self) -> Image.Image:
        """Return our tab in the 3D viewport's sidebar, cropped to its panels."""
        self.window.open_tab(artist.TAB)
        return without_empty(self.look(self.window.sidebar))

    def panels(self, *names: str, draw: str = "None") -> Image.Image:
        """Return our tab with only these panels in it."""
        self.window.run(f"show_panels(*{names!r}, draw={draw})")
        return self.tab()

    def save(self, picture: Image.Image, name: str, is_shaded: bool = False) -> None:
        """Write a picture with a palette, dithered if it is shaded."""
        path = IMAGES / f"{name}.png"
        palette = picture.quantize(COLORS)
        if is_shaded:
            palette = picture.quantize(COLORS, palette=palette, dither=Image.Dither.FLOYDSTEINBERG)
        palette.save(path, optimize=True)
        print(f"{path.relative_to(IMAGES.parent.parent)}: {picture.width} × {picture.height}")


def without_empty(picture: Image.Image, beside: int = TABS) -> Image.Image:
    """Crop a region's picture to its panels, with a narrow margin.

    Below the panels, the region is empty; at its right are the names of the tabs.
    """
    border = EMPTY * SCALE  # the region's own rounded corners
    inner = picture.crop(
        (border, 0, picture.width - max(EMPTY, beside) * SCALE, picture.height - border)
    )
    ground = Image.new("RGB", inner.size, inner.getpixel((inner.width // 2, inner.height - 1)))
    differs = np.asarray(ImageChops.difference(inner, ground)).max(axis=2) > 8
    rows, columns = np.flatnonzero(differs.any(axis=1)), np.flatnonzero(differs.any(axis=0))
    return picture.crop(
        (
            max(0, int(columns[0])),
            max(0, int(rows[0]) - border),
            int(columns[-1]) + 2 * border,
            int(rows[-1]) + border,
        )
    )


def in_columns(pictures: list[Image.Image], columns: int) -> Image.Image:
    """Arrange pictures in rows of `columns`, aligned at the top."""
    width = max(picture.width for picture in pictures)
    rows = [pictures[at : at + columns] for at in range(0, len(pictures), columns)]
    heights = [max(picture.height for picture in row) for row in rows]
    size = columns * (width + GAP) - GAP, sum(heights) + GAP * (len(rows) - 1)
    sheet = Image.new("RGBA", size)
    for number, row in enumerate(rows):
        for place, picture in enumerate(row):
            top = sum(heights[:number]) + GAP * number
            sheet.paste(picture, (place * (width + GAP), top))
    return sheet


def take_panels(camera: Camera) -> None:
    """Take pictures of the tab and its panels."""
    window = camera.window
    window.run("bpy.context.scene.triposr.image = None\n" + CALM)
    camera.save(camera.panels("Options"), "panel-options")
    camera.save(camera.panels("Placement"), "panel-placement")

    window.run("show_panels()")
    artist.generate(window)
    window.wait(PREVIEW_DONE, 60, "the preview")
    window.run(CALM)
    camera.save(camera.panels("Preview"), "panel-preview")
    camera.save(camera.panels("Refine"), "panel-refine")
    camera.save(camera.panels("Mesh"), "panel-mesh")
    camera.save(camera.panels("Picture"), "panel-picture")
    camera.save(camera.panels("Export"), "panel-export")

    window.run(QUEUE)
    camera.save(camera.panels(NONE, draw=ONLY_RUNS), "panel-queue")


def take_models(camera: Camera) -> None:
    """Take pictures of the Model panel: missing, offline, downloading, verifying, ready, error."""
    pictures = []
    for state in MODEL_STATES.values():
        camera.window.run(CALM + state)
        pictures.append(camera.panels(NONE, draw=ONLY_MODEL))
    camera.window.run(CALM)
    camera.save(in_columns(pictures, 2), "panel-models")


def take_gpu(camera: Camera) -> None:
    """Take pictures of Use My GPU: not used, downloading, unpacking, trying, ready, error; asking.

    The dialog is as on Linux.
    """
    window = camera.window
    window.run(CALM + GPU)
    pictures = []
    for state in GPU_STATES.values():
        window.run(CALM + state)
        pictures.append(camera.panels(NONE, draw=ONLY_GPU))
    camera.save(in_columns(pictures, 2), "panel-gpu")

    window.run(CALM)
    whole = (0, 0, *window.size)
    window.move(*window.viewport_center())
    before = camera.look(whole)
    window.run(GPU_DIALOG)
    after = camera.look(whole)
    left, top, right, bottom = ImageChops.difference(before, after).getbbox()
    shadow = 6 * SCALE
    box = (left + shadow, top, right - shadow, bottom - shadow)
    camera.save(after.crop(box), "dialog-gpu")
    window.key("Escape")


def take_problem(camera: Camera) -> None:
    """Take a picture of the preview of an unsuitable picture."""
    camera.window.run(PREVIEW_PROBLEM)
    camera.panels("Preview")
    camera.window.wait(PREVIEW_DONE, 60, "the preview")
    camera.save(camera.panels("Preview"), "panel-preview-problem")


def take_places(camera: Camera) -> None:
    """Take pictures of the preferences and of the tab in the Image Editor."""
    window = camera.window
    window.run(CALM + PREFERENCES)
    picture = camera.look(window.wait("preferences_place()", 30, "preferences"))
    picture = picture.crop((0, ABOVE_PREFERENCES * SCALE, picture.width, picture.height))
    camera.save(without_empty(picture, beside=0), "preferences")
    window.run(BACK_TO_VIEW + EDITOR_PANEL)
    place = window.wait("editor_tab()", 30, "the Image Editor's tab")
    time.sleep(SETTLE)
    place = window.wait("editor_tab()", 30, "the Image Editor's tab")
    camera.save(without_empty(camera.look(place)), "panel-image-editor")
    window.run(BACK_TO_VIEW)


def take_viewport(camera: Camera) -> None:
    """Take pictures of the whole viewport: with one object, and with several variants of it."""
    window = camera.window
    window.open_tab(artist.TAB)
    artist.set_picture(window, 192)
    window.run("bpy.ops.triposr.generate('INVOKE_DEFAULT')")
    artist.wait_for_object(window)
    window.wait(PREVIEW_DONE, 60, "the preview")
    window.run(TIMELESS + SHOW_RESULT)
    window.open_tab(artist.TAB)
    camera.save(camera.look(window.evaluate("view_place()")), "window", is_shaded=True)

    window.run("bpy.data.objects.remove(bpy.context.object)\nbpy.ops.triposr.variants()")
    window.run(f"bpy.context.view_layer.objects.active.select_set(True)\n{CALM}{SHOW_RESULT}")
    window.open_tab(artist.TAB)
    camera.save(camera.look(window.evaluate("view_place()")), "variants", is_shaded=True)


@contextmanager
def opened(root: Path, archive: Path, looks: Path, size: tuple[int, int], scale: float):
    """Open a window of that size with the add-on enabled, and yield a camera on it."""
    with Window(root, looks, size) as window:
        window.install(archive)
        window.start()
        artist.render_picture(window)
        window.reset()
        set_up = SET_UP.replace("SCALE", str(scale))
        window.run(f"import {artist.MODULE} as addon\n{set_up}{STAGE}")
        yield Camera(window)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", type=Path, help="folder for what the window saw last")
    parser.add_argument("--only", nargs="*", default=TAKES, choices=TAKES, help="default: all")
    given = parser.parse_args()
    if reason := unavailable():
        raise SystemExit(f"screenshots: {reason}")
    with tempfile.TemporaryDirectory() as folder, blender_root(SUITES["5.2"]) as root:
        archive, looks = build(Path(folder)), given.keep or Path(folder)
        takes = {name: globals()[f"take_{name}"] for name in given.only}
        take_viewport = takes.pop("viewport", None)
        if takes:
            with opened(root, archive, looks, SIZE, SCALE) as camera:
                for take in takes.values():
                    take(camera)
        if take_viewport is not None:
            with opened(root, archive, looks, VIEW_SIZE, VIEW_SCALE) as camera:
                take_viewport(camera)


if __name__ == "__main__":
    main()
