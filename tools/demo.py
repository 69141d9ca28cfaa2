"""Demonstrate the add-on: Blender renders a picture, the add-on makes a mesh and its texture, and
Blender renders them.

`make demo` runs this through tools/background.py. Everything goes to out/.
"""

import contextlib
import logging
import math
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np
from mathutils import Vector
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, ImageOps

from triposr.inference import prepare_image

sys.path.append(str(Path(__file__).resolve().parent))  # Blender's --python does not.

from demo_subjects import add_chair, add_mug, add_suzanne, add_table, add_vase

OUT = Path(__file__).resolve().parent.parent / "out"


@dataclass(frozen=True)
class Subject:
    """An object to take a picture of, and the view of it.

    Attributes:
        add: Adds the object to the scene, facing -Y.
        azimuth: Degrees around it from its front toward its left, the viewer's right.
        elevation: Degrees above the horizon.
        resolution: Lattice points per axis for its mesh.
    """

    add: Callable[[], bpy.types.Object]
    azimuth: float
    elevation: float
    resolution: int


# The demo keeps the picture and the .glb of the first subject.
SUBJECTS = {
    "Suzanne": Subject(add_suzanne, azimuth=20, elevation=15, resolution=256),
    "Chair": Subject(add_chair, azimuth=35, elevation=20, resolution=128),
    "Mug": Subject(add_mug, azimuth=0, elevation=25, resolution=128),
    "Table": Subject(add_table, azimuth=30, elevation=20, resolution=128),
    "Vase": Subject(add_vase, azimuth=0, elevation=20, resolution=128),
}
TEXTURE = {"faces": 5_000, "size": "1024"}
PHONES = {"vase.usdz": "iphone", "vase.glb": "android"}

# Azimuth from the result's front and elevation of the camera, in degrees.
VIEWS = {"front": (0, 10), "right": (90, 10), "back": (180, 10), "three-quarter": (35, 20)}
TILE = 256  # pixels, side of a picture in the overview
SPACING = 1.5  # between the results in demo.blend, whose longest sides are 1
LIGHT, DARK = (236, 236, 236), (190, 190, 190)


def main() -> None:
    OUT.mkdir(exist_ok=True)
    print_stages()
    started = time.perf_counter()

    set_up_studio()
    results, rows, textured = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        for name, subject in SUBJECTS.items():
            picture = Path(folder) / f"{name}.png"  # The result is named after it.
            result, row = demonstrate(subject, picture)
            results.append(result)
            rows.append(row)
            textured.append(texture(result, subject, picture))

    with timed("saved the pictures", OUT / "demo.png", OUT / "demo-picture.png"):
        compose(rows).save(OUT / "demo.png", optimize=True)
        rows[0]["picture"].save(OUT / "demo-picture.png")
    with timed("saved the textures", OUT / "demo-textures.png"):
        compose(textured).save(OUT / "demo-textures.png", optimize=True)
    with timed("saved the meshes", OUT / "demo.blend", OUT / "demo.glb"):
        line_up(results)
        save()
    for file, target in PHONES.items():
        seen = bpy.context.temp_override(object=results[-1], active_object=results[-1])
        with timed(f"exported it for {target}", OUT / file), quiet(), seen:
            bpy.ops.triposr.export(filepath=str(OUT / file), target=target)

    print(f"{time.perf_counter() - started:6.1f} s  in all")


def demonstrate(subject: Subject, picture: Path) -> tuple[bpy.types.Object, dict[str, Image.Image]]:
    """Take a picture, generate a mesh from it and render the mesh from four sides.

    Returns:
        The mesh, hidden from further renders, and the pictures for the overview by caption.
    """
    with timed(f"{picture.stem}: rendered a picture"):
        model = subject.add()
        render(model, subject.azimuth, subject.elevation, size=512, path=picture)
        bpy.data.objects.remove(model)
        bpy.data.orphans_purge()

    with timed("turned it into a mesh"):
        bpy.ops.triposr.generate(filepath=str(picture), resolution=subject.resolution)
    result = bpy.context.object
    keep_picture(result)

    with timed("rendered it from four sides"):
        row = {"picture": Image.open(picture).copy(), "matte": prepare_image(picture).cutout}
        for name, (azimuth, elevation) in VIEWS.items():
            view = picture.with_name(f"{name}.png")
            render(result, azimuth, elevation, size=TILE, path=view)
            row[name] = Image.open(view).copy()
    result.hide_render = True
    return result, row


def keep_picture(result: bpy.types.Object) -> None:
    """Pack the picture of a result into the .blend, which outlives the picture's file."""
    picture = result.data.triposr.picture
    picture.pack()
    picture.filepath = f"//{Path(picture.filepath).name}"


def texture(result: bpy.types.Object, subject: Subject, picture: Path) -> dict[str, Image.Image]:
    """Give a mesh a texture, and render it before and after, and its wireframe.

    Returns:
        The pictures for the overview by caption.
    """
    result.hide_render = False
    row = {"picture": Image.open(picture).copy()}

    def show(name: str) -> None:
        view = picture.with_name(f"{name}.png")
        render(result, subject.azimuth / 2, subject.elevation, size=TILE, path=view)
        row[name] = Image.open(view).copy()

    show("vertex colors")
    bpy.context.view_layer.objects.active = result
    with timed("textured it"):
        bpy.ops.triposr.texture(**TEXTURE)
    show("texture with photo")
    layer = bpy.context.view_layer
    layer.material_override = wireframe()
    show("wireframe")
    layer.material_override = None
    result.hide_render = True
    return row


def wireframe() -> bpy.types.Material:
    """Return a material that shows the edges of a mesh on light gray."""
    material = bpy.data.materials.get("Wireframe") or bpy.data.materials.new("Wireframe")
    material.use_nodes = True
    nodes = material.node_tree.nodes
    [shader] = (node for node in nodes if node.type == "BSDF_PRINCIPLED")
    if not shader.inputs["Base Color"].links:
        wire, mix = nodes.new("ShaderNodeWireframe"), nodes.new("ShaderNodeMixRGB")
        wire.use_pixel_size, wire.inputs["Size"].default_value = True, 1.0
        mix.inputs["Color1"].default_value = (0.6, 0.6, 0.6, 1)
        mix.inputs["Color2"].default_value = (0.02, 0.02, 0.02, 1)
        material.node_tree.links.new(wire.outputs["Fac"], mix.inputs["Fac"])
        material.node_tree.links.new(mix.outputs["Color"], shader.inputs["Base Color"])
    return material


def print_stages() -> None:
    """Print the add-on's log of its stages."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("         %(message)s"))
    [addon] = (a for a in bpy.context.preferences.addons if a.module.endswith(".triposr"))
    logger = logging.getLogger(addon.module)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)


@contextlib.contextmanager
def timed(what: str, *paths: Path) -> Iterator[None]:
    """Print how long the block took, what it did and which files it wrote."""
    start = time.perf_counter()
    yield
    files = ", ".join(os.path.relpath(path) for path in paths)
    seconds = time.perf_counter() - start
    print(f"{seconds:6.1f} s  {what}" + (f": {files}" if files else ""), flush=True)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep the output of Blender's C code and exporters off the console."""
    sys.stdout.flush()
    console = os.dup(1)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(console, 1)
        os.close(console)


def set_up_studio() -> None:
    """Empty the scene and give it a camera, a soft sky and a sun that follows the camera."""
    for thing in list(bpy.data.objects):
        bpy.data.objects.remove(thing)
    scene = bpy.context.scene
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    camera.data.angle = math.radians(40)
    sun = bpy.data.objects.new("Sun", bpy.data.lights.new("Sun", "SUN"))
    sun.data.energy = 2.0
    sun.data.angle = math.radians(20)
    sun.parent = camera
    sun.rotation_euler = (math.radians(-35), math.radians(-25), 0)
    for thing in (camera, sun):
        scene.collection.objects.link(thing)
    scene.camera = camera
    [background] = (n for n in scene.world.node_tree.nodes if n.type == "BACKGROUND")
    background.inputs["Color"].default_value = (1, 1, 1, 1)
    background.inputs["Strength"].default_value = 0.5

    scene.render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.cycles.samples = 16
    scene.cycles.use_denoising = False  # It would take longer than the rest of a render.
    scene.render.film_transparent = True
    scene.view_settings.view_transform = "Standard"


def render(
    subject: bpy.types.Object, azimuth: float, elevation: float, size: int, path: Path
) -> None:
    """Render the subject to `path`, `size` pixels square."""
    look_at([subject], azimuth, elevation)
    scene = bpy.context.scene
    scene.render.resolution_x = scene.render.resolution_y = size
    scene.render.filepath = str(path)
    with quiet():
        bpy.ops.render.render(write_still=True)


def look_at(things: list[bpy.types.Object], azimuth: float, elevation: float) -> None:
    """Point the camera at meshes, so close that a sphere around them fills the picture.

    Angles are in degrees: azimuth from the front (Blender's -Y) toward +X, elevation above the
    horizon.
    """
    bpy.context.view_layer.update()  # updates the matrices
    points = np.concatenate([vertices_of(thing) for thing in things])
    center = (points.min(axis=0) + points.max(axis=0)) / 2
    radius = np.linalg.norm(points - center, axis=1).max()

    around, up = math.radians(azimuth), math.radians(elevation)
    toward_camera = Vector(
        (math.sin(around) * math.cos(up), -math.cos(around) * math.cos(up), math.sin(up))
    )
    camera = bpy.context.scene.camera
    camera.location = Vector(center) + toward_camera * (radius / math.sin(camera.data.angle / 2))
    camera.rotation_euler = toward_camera.to_track_quat("Z", "Y").to_euler()


def vertices_of(thing: bpy.types.Object) -> NDArray[np.float32]:
    """Return the (V, 3) vertices of a mesh in world space."""
    vertices = np.empty((len(thing.data.vertices), 3), np.float32)
    thing.data.vertices.foreach_get("co", vertices.ravel())
    matrix = np.array(thing.matrix_world, np.float32)
    return vertices @ matrix[:3, :3].T + matrix[:3, 3]


def line_up(results: list[bpy.types.Object]) -> None:
    """Place the results side by side with their names, in the camera's view; select the first."""
    for place, result in enumerate(results):
        result.location.x = place * SPACING
        result.show_name = True
        result.hide_render = False
        result.select_set(place == 0)
    bpy.context.view_layer.objects.active = results[0]

    look_at(results, azimuth=0, elevation=15)
    render_settings = bpy.context.scene.render
    render_settings.resolution_x, render_settings.resolution_y = 1280, 400
    render_settings.filepath = "//"


def save() -> None:
    """Save the scene as a .blend, and the selected result as a .glb."""
    bpy.context.preferences.filepaths.save_version = 0  # No demo.blend1.
    with quiet():
        bpy.ops.wm.save_as_mainfile(filepath=str(OUT / "demo.blend"))
        bpy.ops.triposr.export(filepath=str(OUT / "demo.glb"), target="web")


def compose(rows: list[dict[str, Image.Image]]) -> Image.Image:
    """Return one picture of all rows, with their common captions and mattes on a checkerboard."""
    gap, caption = 8, 28
    step = TILE + gap
    sheet = Image.new("RGB", (len(rows[0]) * step + gap, len(rows) * step + caption), "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=15)
    for row, tiles in enumerate(rows):
        for column, (name, picture) in enumerate(tiles.items()):
            small = ImageOps.contain(picture.convert("RGBA"), (TILE, TILE))
            offset = ((TILE - small.width) // 2, (TILE - small.height) // 2)
            tile = checkerboard() if name == "matte" else Image.new("RGB", (TILE, TILE), LIGHT)
            tile.paste(small, offset, small)
            sheet.paste(tile, (gap + column * step, gap + row * step))
    for column, name in enumerate(rows[0]):
        middle = gap + column * step + TILE / 2
        draw.text((middle, len(rows) * step + 4), name, "black", font, anchor="ma")
    return sheet


def checkerboard() -> Image.Image:
    """Return a tile of light and dark squares, the image editors' sign of transparency."""
    squares = Image.new("RGB", (16, 16), LIGHT)
    for x in range(16):
        for y in range(x % 2, 16, 2):
            squares.putpixel((x, y), DARK)
    return squares.resize((TILE, TILE), Image.Resampling.NEAREST)


if __name__ == "__main__":
    main()
