"""Show the whole way: Blender renders a picture, the add-on makes a mesh, Blender renders it again.

Run by `make demo`, through tools/background.py. Everything it makes goes to out/.
"""

import contextlib
import logging
import math
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import bpy
from mathutils import Vector
from PIL import Image, ImageDraw, ImageFont, ImageOps

from triposr.inference import prepare_image

OUT = Path(__file__).resolve().parent.parent / "out"

Color = tuple[float, float, float]

# Scene-linear colors of the vase.
BLUE: Color = (0.03, 0.12, 0.5)
YELLOW: Color = (0.8, 0.5, 0.05)

# Degrees around the result from its front, and how high the camera stands.
VIEWS = {"front": (0, 10), "right": (90, 10), "back": (180, 10), "three-quarter": (35, 20)}
TILE = 256  # pixels, each picture of the overview
LIGHT, DARK = (236, 236, 236), (190, 190, 190)


def main() -> None:
    OUT.mkdir(exist_ok=True)
    print_stages()
    started = time.perf_counter()

    picture = OUT / "demo-picture.png"
    with timed("rendered a picture of a vase", picture):
        set_up_studio()
        vase = add_vase()
        render(vase, azimuth=0, elevation=15, size=512, samples=32, path=picture)
        bpy.data.objects.remove(vase)

    with timed("turned it into a mesh"):
        bpy.ops.triposr.generate(filepath=str(picture), resolution=256)
    result = bpy.context.object

    with timed("saved the mesh", OUT / "demo.blend", OUT / "demo.glb"):
        save()

    with timed("rendered it from four sides", OUT / "demo.png"):
        tiles = {"picture": Image.open(picture), "matte": prepare_image(picture).cutout}
        with tempfile.TemporaryDirectory() as folder:
            for name, (azimuth, elevation) in VIEWS.items():
                view = Path(folder) / f"{name}.png"
                render(result, azimuth, elevation, size=TILE, samples=16, path=view)
                tiles[name] = Image.open(view).copy()
        compose(tiles).save(OUT / "demo.png")

    print(f"{time.perf_counter() - started:6.1f} s  in all")


def print_stages() -> None:
    """Print what the add-on logs about its stages."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("         %(message)s"))
    [addon] = (a for a in bpy.context.preferences.addons if a.module.endswith(".triposr"))
    logger = logging.getLogger(addon.module)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)


@contextlib.contextmanager
def timed(what: str, *paths: Path) -> Iterator[None]:
    """Print how long the block took, what it did and the files it wrote."""
    start = time.perf_counter()
    yield
    files = ", ".join(os.path.relpath(path) for path in paths)
    seconds = time.perf_counter() - start
    print(f"{seconds:6.1f} s  {what}" + (f": {files}" if files else ""), flush=True)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep what Blender's C code and exporters print off the console."""
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
    scene.render.film_transparent = True
    scene.view_settings.view_transform = "Standard"


def add_vase() -> bpy.types.Object:
    """Add a round blue vase with a yellow rim: a shape that the starter model knows."""
    bpy.ops.mesh.primitive_uv_sphere_add(scale=(0.4, 0.4, 0.45), location=(0, 0, 0.45))
    bpy.ops.object.shade_smooth()
    parts = [painted(BLUE)]
    bpy.ops.mesh.primitive_cylinder_add(radius=0.16, depth=0.4, location=(0, 0, 0.95))
    parts.append(painted(BLUE))
    bpy.ops.mesh.primitive_cone_add(radius1=0.16, radius2=0.32, depth=0.2, location=(0, 0, 1.2))
    parts.append(painted(YELLOW))
    for part in parts:
        part.select_set(True)
    bpy.ops.object.join()
    return bpy.context.object


def painted(color: Color) -> bpy.types.Object:
    """Give the object that was just added a color, and return it."""
    bpy.context.object.data.materials.append(new_material(color))
    return bpy.context.object


def new_material(color: Color) -> bpy.types.Material:
    """Return a matte material of a scene-linear color."""
    material = bpy.data.materials.new("Vase")
    material.use_nodes = True
    [shader] = (n for n in material.node_tree.nodes if n.type == "BSDF_PRINCIPLED")
    shader.inputs["Base Color"].default_value = (*color, 1)
    shader.inputs["Roughness"].default_value = 0.7
    return material


def render(
    subject: bpy.types.Object,
    azimuth: float,
    elevation: float,
    size: int,
    samples: int,
    path: Path,
) -> None:
    """Render the subject to `path`; angles in degrees, azimuth 0 is its front (Blender's -Y)."""
    scene = bpy.context.scene
    bpy.context.view_layer.update()  # So that bounding box and matrix are those of now.
    corners = [subject.matrix_world @ Vector(corner) for corner in subject.bound_box]
    center = sum(corners, Vector()) / len(corners)
    radius = max((corner - center).length for corner in corners)

    around, up = math.radians(azimuth), math.radians(elevation)
    toward_camera = Vector(
        (math.sin(around) * math.cos(up), -math.cos(around) * math.cos(up), math.sin(up))
    )
    camera = scene.camera
    camera.location = center + toward_camera * (0.85 * radius / math.sin(camera.data.angle / 2))
    camera.rotation_euler = toward_camera.to_track_quat("Z", "Y").to_euler()

    scene.render.resolution_x = scene.render.resolution_y = size
    scene.cycles.samples = samples
    scene.render.filepath = str(path)
    with quiet():
        bpy.ops.render.render(write_still=True)


def save() -> None:
    """Save the scene as a .blend, and the selected result with its vertex colors as a .glb."""
    bpy.context.preferences.filepaths.save_version = 0  # No demo.blend1.
    with quiet():
        bpy.ops.wm.save_as_mainfile(filepath=str(OUT / "demo.blend"))
        bpy.ops.export_scene.gltf(
            filepath=str(OUT / "demo.glb"), use_selection=True, export_vertex_color="ACTIVE"
        )


def compose(tiles: dict[str, Image.Image]) -> Image.Image:
    """Return the pictures side by side, each above its name, the matte on a checkerboard."""
    gap, caption = 8, 28
    sheet = Image.new("RGB", (len(tiles) * (TILE + gap) + gap, TILE + gap + caption), "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=15)
    for index, (name, picture) in enumerate(tiles.items()):
        left = gap + index * (TILE + gap)
        small = ImageOps.contain(picture.convert("RGBA"), (TILE, TILE))
        offset = ((TILE - small.width) // 2, (TILE - small.height) // 2)
        tile = checkerboard() if name == "matte" else Image.new("RGB", (TILE, TILE), LIGHT)
        tile.paste(small, offset, small)
        sheet.paste(tile, (left, gap))
        draw.text((left + TILE / 2, gap + TILE + 4), name, "black", font, anchor="ma")
    return sheet


def checkerboard() -> Image.Image:
    """Return a tile of light and dark squares, as image editors show transparency."""
    squares = Image.new("RGB", (16, 16), LIGHT)
    for x in range(16):
        for y in range(x % 2, 16, 2):
            squares.putpixel((x, y), DARK)
    return squares.resize((TILE, TILE), Image.Resampling.NEAREST)


if __name__ == "__main__":
    main()
