"""How close the textures of a real object come to its scene code, and how well it is unwrapped."""

import sys
from dataclasses import replace
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


def pixels_of(image) -> NDArray[np.float64]:
    """The colors of a square image (size, size, 3), the bottom row first, as V runs."""
    values = np.empty(len(image.pixels), np.float32)
    image.pixels.foreach_get(values)
    return values.reshape(image.size[1], image.size[0], 4)[..., :3].astype(np.float64)


def smaller(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The next level of a mipmap: the mean of 2 × 2 texels."""
    half = len(values) // 2
    return values.reshape(half, 2, half, 2, -1).mean(axis=(1, 3))


def sampled(values: NDArray[np.float64], uv: NDArray[np.float64]) -> NDArray[np.float64]:
    """What a renderer shows of an image at places (N, 2): bilinear, texel centers at halves."""
    at = uv * len(values) - 0.5
    low = np.floor(at).astype(int)
    share = at - low
    result = np.zeros((len(uv), values.shape[2]))
    for x in (0, 1):
        for y in (0, 1):
            weight = np.abs(1 - x - share[:, 0]) * np.abs(1 - y - share[:, 1])
            column, row = ((low + np.array((x, y))) % len(values)).T
            result += weight[:, None] * values[row, column]
    return result


def images_of(made) -> dict[str, NDArray[np.float64]]:
    """The textures of an object by what they hold, as `pixels_of` returns them."""
    nodes = made.material_slots[0].material.node_tree.nodes
    images = (node.image for node in nodes if node.type == "TEX_IMAGE")
    return {image.triposr.texture: pixels_of(image) for image in images}


def corners_of(addon, data) -> dict[str, NDArray[np.float64]]:
    """What `Corners` holds of a mesh's triangles."""
    edited = addon("scene.edited").EditingHere(data)
    corners = edited.edit([("corners", {})], np.zeros(len(data.vertices), bool), lambda _: None)
    edited.close()
    return {name: values.astype(np.float64) for name, values in corners.arrays.items()}


def angles_of(triangles: NDArray[np.float64]) -> NDArray[np.float64]:
    """The angles (T, 3) at the corners of triangles (T, 3, D), in degrees."""
    one, other = (np.roll(triangles, -k, axis=1) - triangles for k in (1, 2))
    lengths = np.linalg.norm(one, axis=2) * np.linalg.norm(other, axis=2)
    cosine = (one * other).sum(axis=2) / np.maximum(lengths, 1e-30)
    return np.degrees(np.arccos(cosine.clip(-1, 1)))


def test_textures_are_close_to_the_scene_code(bpy, addon, robot, code) -> None:
    """Colors within 1/255 and normals within 6° on average, on 20,000 of 96,000 faces."""
    addon("api").texture(robot, faces=20_000, size=2048, photo=False)
    data = robot.data
    assert len(data.polygons) == 20_000
    images = images_of(robot)

    # Random points all over the surface, with what a renderer interpolates there.
    arrays = corners_of(addon, data)
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
    bent = np.abs(angles_of(arrays["uv"]) - angles_of(arrays["points"])).ravel()
    order = np.argsort(bent)
    share = np.cumsum(np.repeat(areas, 3)[order])
    mean = float((bent * np.repeat(areas, 3)).sum() / share[-1])
    most = float(bent[order][np.searchsorted(share, 0.95 * share[-1])])
    print(
        f"UV map: angles differ by {mean:.1f}° on average, 95 % of the area by {most:.1f}° or less"
    )
    assert mean <= 5 and most <= 20
    rasterize = import_module(f"{background.MODULE}.inference.texture.texels").rasterize
    assert rasterize(arrays["uv"].astype(np.float32), 2048).overlap < 0.005


def test_no_unpainted_texel_shows(bpy, addon, robot, monkeypatch) -> None:
    """Where all that is painted is white, nothing but white shows, up to the third smaller level of
    a mipmap: at every corner and edge of every triangle, so from all sides.
    """
    bake = import_module(f"{background.MODULE}.inference.texture.bake")
    surface_near = bake.surface_near

    def white(*args, **kwargs):
        found = surface_near(*args, **kwargs)
        return replace(found, colors=np.ones_like(found.colors))

    monkeypatch.setattr(bake, "surface_near", white)
    addon("api").texture(robot, faces=5000, size=1024, photo=False)
    uv = corners_of(addon, robot.data)["uv"]
    ticks = np.linspace(0, 1, 5)
    weights = np.array([(a, b, 1 - a - b) for a in ticks for b in ticks if a + b <= 1])
    places = np.einsum("wc,tcx->twx", weights, uv).reshape(-1, 2)

    color = images_of(robot)["color"]
    texels = import_module(f"{background.MODULE}.inference.texture.texels").rasterize
    bare = np.zeros(color.shape[0] ** 2)
    bare[texels(uv.astype(np.float32), len(color)).index] = 1
    bare = bare.reshape(len(color), -1, 1)[::-1]
    for _ in range(4):
        assert sampled(bare, places).min() < 0.5  # without a margin, much else shows
        assert sampled(color, places).min() > 0.999
        color, bare = smaller(color), smaller(bare)
