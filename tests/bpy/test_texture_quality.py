"""How close the textures of a real object come to its scene code, and how well it is unwrapped."""

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import background
import numpy as np
import pytest
from numpy.typing import NDArray

ROBOT = Path(__file__).resolve().parents[1] / "data" / "scene" / "scene.safetensors"
THRESHOLD = 25.0
POINTS = 10_000


@pytest.fixture(scope="module")
def code(blender: ModuleType):
    return sys.modules[f"{background.MODULE}.inference.scene_code"].SceneCode.load(ROBOT)


@pytest.fixture
def robot(bpy, addon, code):
    """The golden robot at 256 points per axis, as if it had just been made from a picture."""
    extract = import_module(f"{background.MODULE}.inference.surface.extraction").extract_mesh
    mesh = extract(code, 256, THRESHOLD, device="cpu")
    placement, _ = addon("scene.placement").placed(mesh, 1.0)
    made = addon("scene.mesh").add_object(bpy.context, mesh, "robot", placement, (0, 0, 0))
    addon("scene.source").remember_source(made, code.to_bytes(), placement)
    made.triposr.resolution, made.triposr.threshold = 256, THRESHOLD
    return made


def sampled(image, uv: NDArray[np.float64]) -> NDArray[np.float64]:
    """What a renderer shows of an image at places (N, 2): bilinear, texel centers at halves."""
    values = np.empty(len(image.pixels), np.float32)
    image.pixels.foreach_get(values)
    values = values.reshape(image.size[1], image.size[0], 4)[..., :3]
    at = uv * len(values) - 0.5
    low = np.floor(at).astype(int)
    share = at - low
    result = np.zeros((len(uv), 3))
    for x in (0, 1):
        for y in (0, 1):
            weight = np.abs(1 - x - share[:, 0]) * np.abs(1 - y - share[:, 1])
            column, row = ((low + np.array((x, y))) % len(values)).T
            result += weight[:, None] * values[row, column]
    return result


def test_textures_are_close_to_the_scene_code(bpy, addon, robot, code) -> None:
    """Colors within 1/255 and normals within 6° on average, on 20,000 of 96,000 faces."""
    addon("api").texture(robot, faces=20_000, size=2048, photo=False)
    data = robot.data
    assert len(data.polygons) == 20_000
    nodes = robot.material_slots[0].material.node_tree.nodes
    images = {n.image.triposr.texture: n.image for n in nodes if n.type == "TEX_IMAGE"}

    # Random points all over the surface, with what a renderer interpolates there.
    edited = addon("scene.edited").EditingHere(data)
    corners = edited.edit([("corners", {})], np.zeros(len(data.vertices), bool), lambda _: None)
    edited.close()
    arrays = {name: values.astype(np.float64) for name, values in corners.arrays.items()}
    sides = arrays["points"][:, 1:] - arrays["points"][:, :1]
    areas = np.linalg.norm(np.cross(sides[:, 0], sides[:, 1]), axis=1)
    random = np.random.default_rng(0)
    chosen = random.choice(len(areas), POINTS, p=areas / areas.sum())
    weights = random.dirichlet((1, 1, 1), POINTS)[:, :, None]
    at, uv, up, along = (
        (arrays[name][chosen] * weights).sum(axis=1)
        for name in ("points", "uv", "normals", "tangents")
    )
    frame = addon("scene.placement").Frame(
        addon("scene.placement").Placement(robot.triposr.scale, tuple(robot.triposr.base)), "none"
    )
    geometric = (up / np.linalg.norm(up, axis=1, keepdims=True)).astype(np.float32)
    points, directions = frame.to_model(at.astype(np.float32), geometric)
    truth = import_module(f"{background.MODULE}.inference.texture.surface").surface_near(
        code, THRESHOLD, points, directions, device="cpu"
    )

    off = np.abs(sampled(images["color"], uv) - truth.colors).max(axis=1) * 255
    print(f"color: mean {off.mean():.2f}, 99 % {np.percentile(off, 99):.2f} of 255")
    assert off.mean() <= 1
    assert np.percentile(off, 99) <= 4

    mixed = sampled(images["normal"], uv) * 2 - 1
    across = np.cross(up, along) * arrays["signs"][chosen, None]
    shown = mixed[:, :1] * along + mixed[:, 1:2] * across + mixed[:, 2:] * up
    shown /= np.linalg.norm(shown, axis=1, keepdims=True)
    outward = frame.to_object(truth.normals, at.astype(np.float32))
    with_map, without = (
        np.degrees(np.arccos((each * outward).sum(axis=1).clip(-1, 1))).mean()
        for each in (shown, geometric)
    )
    print(f"normals: {with_map:.2f}° with the map, {without:.2f}° without")
    assert with_map <= 6
    assert with_map <= without / 2

    (a, b), (c, d) = ((arrays["uv"][:, k] - arrays["uv"][:, 0]).T for k in (1, 2))
    used = float(np.abs(a * d - b * c).sum() / 2)
    print(f"UV map: {100 * used:.0f} % of the square used")
    assert used >= 0.6
    rasterize = import_module(f"{background.MODULE}.inference.texture.texels").rasterize
    assert rasterize(arrays["uv"].astype(np.float32), 2048).overlap < 0.005
