"""Meshes as training objects: what files say, what is inside, what samples hold."""

import json
import struct
import sys
from pathlib import Path

import DracoPy
import numpy as np
import pytest
import trimesh
from PIL import Image
from trimesh.visual import ColorVisuals, TextureVisuals
from trimesh.visual.material import PBRMaterial, SimpleMaterial

import mesh_files
import real_dataset
from dataset import FIELDS, HALF_BOX, MAP, POINTS, VOLUME, cell_centers
from insides import SHELL, Insides
from mesh_files import UnusableMeshError, display_referred, load_mesh, scene_linear
from mesh_objects import MeshObject, Placed, varied
from mesh_pictures import fitted_window, render_mesh
from objects import LONGEST_SIDE
from views import Camera, Light

RNG = np.random.default_rng


# Inside and outside


def sphere_distance(points: np.ndarray) -> np.ndarray:
    return np.linalg.norm(points, axis=1) - 0.5


def box_distance(half: tuple[float, float, float]):
    def distance(points: np.ndarray) -> np.ndarray:
        q = np.abs(points) - half
        return np.linalg.norm(np.maximum(q, 0), axis=1) + np.minimum(q.max(axis=1), 0)

    return distance


def torus_distance(points: np.ndarray) -> np.ndarray:
    return np.hypot(np.hypot(points[:, 0], points[:, 1]) - 0.4, points[:, 2]) - 0.1


def cup_distance(points: np.ndarray) -> np.ndarray:
    """A round sheet of radius 0.3 from z = -0.4 to 0.4 with a bottom, SHELL thick on both sides."""
    radius, z = np.hypot(points[:, 0], points[:, 1]), points[:, 2]
    wall = np.hypot(radius - 0.3, np.maximum(np.abs(z) - 0.4, 0))
    bottom = np.hypot(np.maximum(radius - 0.3, 0), z + 0.4)
    return np.minimum(wall, bottom) - SHELL * 0.8


def without(mesh: trimesh.Trimesh, gone: np.ndarray) -> trimesh.Trimesh:
    return trimesh.Trimesh(mesh.vertices, mesh.faces[~gone], process=False)


def doubled(mesh: trimesh.Trimesh) -> trimesh.Trimesh:
    faces = np.concatenate((mesh.faces, mesh.faces[:, ::-1] + len(mesh.vertices)))
    return trimesh.Trimesh(np.concatenate([mesh.vertices] * 2), faces, process=False)


def wound_both_ways(mesh: trimesh.Trimesh) -> trimesh.Trimesh:
    faces = mesh.faces.copy()
    swapped = RNG(0).random(len(faces)) < 0.5
    faces[swapped] = faces[swapped][:, ::-1]
    return trimesh.Trimesh(mesh.vertices, faces, process=False)


def hollow(mesh: trimesh.Trimesh, inner: float) -> trimesh.Trimesh:
    within = mesh.copy()
    within.apply_scale(inner)
    within.invert()
    return trimesh.util.concatenate([mesh, within])


BALL = trimesh.creation.icosphere(4, radius=0.5)
BOX = trimesh.creation.box((1.0, 0.6, 0.4))
LEG = trimesh.creation.box((0.04, 0.04, 1.0))
TUBE = trimesh.creation.cylinder(0.3, 0.8, sections=64)

KINDS = {
    "closed ball": (BALL, sphere_distance),
    "inside out": (trimesh.Trimesh(BALL.vertices, BALL.faces[:, ::-1]), sphere_distance),
    "wound both ways": (wound_both_ways(BALL), sphere_distance),
    "doubled": (doubled(BALL), sphere_distance),
    "hollow, thick": (hollow(BALL, 0.8), sphere_distance),
    "hollow, thin": (hollow(BALL, 0.97), sphere_distance),
    "hole below": (without(BALL, BALL.triangles_center[:, 2] < -0.48), sphere_distance),
    "torus": (trimesh.creation.torus(0.4, 0.1), torus_distance),
    "box without a bottom": (
        without(BOX, BOX.triangles_center[:, 2] < -0.199),
        box_distance((0.5, 0.3, 0.2)),
    ),
    "case with a slit around it": (
        without(BALL, np.abs(BALL.triangles_center[:, 2]) < 0.012),
        sphere_distance,
    ),
    "thin leg, doubled": (doubled(LEG), box_distance((0.02, 0.02, 0.5))),
    "cup of one sheet": (without(TUBE, TUBE.triangles_center[:, 2] > 0.39), cup_distance),
}


@pytest.mark.parametrize("kind", KINDS)
def test_inside_is_what_the_outside_cannot_reach(kind: str) -> None:
    mesh, truth = KINDS[kind]
    low, high = mesh.bounds
    points = RNG(1).uniform(low - 0.05, high + 0.05, (20_000, 3))
    signed, _, _ = Insides(mesh.vertices, mesh.faces).signed(points)
    wrong = (signed < 0) != (truth(points) < 0)
    assert wrong.mean() < 0.01
    # What is wrong is at the surface, within the facets' error.
    assert not (wrong & (np.abs(truth(points)) > 0.02)).sum() > 0.001 * len(points)


@pytest.mark.parametrize("kind", ["closed ball", "torus", "hollow, thick", "cup of one sheet"])
def test_distances_are_those_to_the_outer_surface(kind: str) -> None:
    mesh, truth = KINDS[kind]
    low, high = mesh.bounds
    points = RNG(1).uniform(low - 0.05, high + 0.05, (5_000, 3))
    signed, _, _ = Insides(mesh.vertices, mesh.faces).signed(points)
    near = np.abs(truth(points)) < 0.03
    assert np.abs(signed - truth(points))[near].mean() < 0.004
    # Deep inside, a lower bound is enough; a wall within must not show.
    deep = truth(points) < -0.06
    assert (signed[deep] < -0.03).all()


def test_a_cup_stays_open_and_a_table_stands_on_its_legs() -> None:
    legs = [
        trimesh.creation.box((0.06, 0.06, 0.5)).apply_translation((x, y, 0.25))
        for x in (-0.4, 0.4)
        for y in (-0.4, 0.4)
    ]
    top = trimesh.creation.box((1, 1, 0.06)).apply_translation((0, 0, 0.5))
    table = trimesh.util.concatenate([*legs, top])
    inside = Insides(table.vertices, table.faces)
    points = np.array([[0, 0, 0.2], [0, 0, 0.01], [0.4, 0.4, 0.1], [0, 0, 0.5], [0, 0, 0.8]])
    assert (inside.signed(points)[0] < 0).tolist() == [False, False, True, True, False]
    assert (inside.occupied(points)).tolist() == [False, False, True, True, False]


def test_outer_points_are_not_on_walls_within() -> None:
    thing = MeshObject(load_text_mesh(hollow(BALL, 0.6)))
    radii = np.linalg.norm(thing.outer_points(500, RNG(0)), axis=1)
    assert radii.min() > 0.48


def load_text_mesh(mesh: trimesh.Trimesh) -> mesh_files.Mesh:
    """The mesh as it is, gray."""
    count = len(mesh.faces)
    return mesh_files.Mesh(
        np.asarray(mesh.vertices),
        np.asarray(mesh.faces, np.int64),
        np.full((count, 3, 3), 0.5, np.float32),
        np.zeros((count, 3, 2), np.float32),
        np.full(count, -1, np.int32),
        (),
    )


# Files


def quad(**visual) -> trimesh.Trimesh:
    """A square that faces +Z (to the front), 2 wide and 2 high, with Y up."""
    vertices = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], float)
    return trimesh.Trimesh(vertices, [[0, 1, 2], [0, 2, 3]], process=False, **visual)


def middle_color(mesh: mesh_files.Mesh) -> np.ndarray:
    color, _ = mesh.color_at(np.array([0]), np.full((1, 3), 1 / 3))
    return display_referred(color)[0]


UV = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], float)
CORNERS = Image.fromarray(
    np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 255]]], np.uint8)
).resize((64, 64), Image.Resampling.NEAREST)  # red and green above, blue and white below


def test_fronts_face_x_and_heads_point_to_z(tmp_path: Path) -> None:
    mesh = trimesh.creation.box((0.2, 0.4, 0.6)).apply_translation((1, 2, 3))  # glTF: x, y up, z
    for name in ("a.glb", "a.obj"):
        mesh.export(tmp_path / name)
        center = load_mesh(tmp_path / name).vertices.mean(axis=0)
        assert center == pytest.approx([3, 1, 2])


@pytest.mark.parametrize("name", ["a.glb", "a.obj"])
def test_textures_lie_as_in_the_file(tmp_path: Path, name: str) -> None:
    material = (
        PBRMaterial(baseColorTexture=CORNERS)
        if name.endswith("glb")
        else SimpleMaterial(image=CORNERS)
    )
    quad(visual=TextureVisuals(uv=UV, material=material)).export(tmp_path / name)
    mesh = load_mesh(tmp_path / name)
    # The first triangle holds the lower right, the second the upper left.
    near = np.array([[0.1, 0.8, 0.1], [0.1, 0.1, 0.8]])
    colors = display_referred(mesh.color_at(np.array([0, 1]), near)[0])
    assert colors[0] == pytest.approx([1, 1, 1], abs=0.02)
    assert colors[1] == pytest.approx([1, 0, 0], abs=0.02)


def test_plain_colors_are_linear_in_gltf_and_displayed_in_obj(tmp_path: Path) -> None:
    factor = [128, 64, 255, 255]
    quad(visual=TextureVisuals(uv=UV, material=PBRMaterial(baseColorFactor=factor))).export(
        tmp_path / "a.glb"
    )
    expected = display_referred(np.array(factor[:3]) / 255)
    assert middle_color(load_mesh(tmp_path / "a.glb")) == pytest.approx(expected, abs=0.01)
    (tmp_path / "a.mtl").write_text("newmtl m\nKd 0.5 0.25 1.0\n")
    (tmp_path / "a.obj").write_text(
        "mtllib a.mtl\nusemtl m\nv -1 -1 0\nv 1 -1 0\nv 1 1 0\nvt 0 0\nvt 1 0\nvt 1 1\n"
        "f 1/1 2/2 3/3\n"
    )
    assert middle_color(load_mesh(tmp_path / "a.obj")) == pytest.approx([0.5, 0.25, 1], abs=0.01)


def test_colors_of_vertices_are_read(tmp_path: Path) -> None:
    colors = np.tile(np.array([[128, 0, 255, 255]], np.uint8), (4, 1))
    quad(visual=ColorVisuals(vertex_colors=colors)).export(tmp_path / "a.glb")
    expected = display_referred(np.array([128, 0, 255]) / 255)
    assert middle_color(load_mesh(tmp_path / "a.glb")) == pytest.approx(expected, abs=0.01)


def test_color_conversions_are_each_other_s_inverse() -> None:
    values = np.linspace(0, 1, 101)
    assert display_referred(scene_linear(values)) == pytest.approx(values, abs=1e-5)


def test_draco_is_decoded_or_refused(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "ball.glb"
    path.write_bytes(draco_glb(BALL))
    mesh = load_mesh(path)
    assert np.ptp(mesh.vertices, axis=0) == pytest.approx([1, 1, 1], abs=0.01)
    assert np.abs(np.linalg.norm(mesh.vertices, axis=1) - 0.5).max() < 0.01
    monkeypatch.setattr(mesh_files.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UnusableMeshError, match="KHR_draco_mesh_compression"):
        load_mesh(path)


def draco_glb(mesh: trimesh.Trimesh) -> bytes:
    """A GLB whose only primitive is compressed."""
    data = DracoPy.encode(mesh.vertices.astype(np.float32), mesh.faces.astype(np.uint32))
    low, high = mesh.bounds.tolist()
    content = {
        "asset": {"version": "2.0"},
        "extensionsUsed": ["KHR_draco_mesh_compression"],
        "extensionsRequired": ["KHR_draco_mesh_compression"],
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "buffers": [{"byteLength": len(data)}],
        "bufferViews": [{"buffer": 0, "byteOffset": 0, "byteLength": len(data)}],
        "accessors": [
            {
                "componentType": 5126,
                "type": "VEC3",
                "count": len(mesh.vertices),
                "min": low,
                "max": high,
            },
            {"componentType": 5125, "type": "SCALAR", "count": 3 * len(mesh.faces)},
        ],
        "meshes": [
            {
                "primitives": [
                    {
                        "attributes": {"POSITION": 0},
                        "indices": 1,
                        "extensions": {
                            "KHR_draco_mesh_compression": {
                                "bufferView": 0,
                                "attributes": {"POSITION": 0},
                            }
                        },
                    }
                ]
            }
        ],
    }
    text = json.dumps(content).encode()
    text += b" " * (-len(text) % 4)
    data += b"\0" * (-len(data) % 4)
    return (
        struct.pack("<4sII", b"glTF", 2, 28 + len(text) + len(data))
        + struct.pack("<II", len(text), 0x4E4F534A)
        + text
        + struct.pack("<II", len(data), 0x004E4942)
        + data
    )


def test_what_a_file_lacks_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "a.mtl").write_text("newmtl m\nmap_Kd gone.png\n")
    (tmp_path / "a.obj").write_text("mtllib a.mtl\nusemtl m\nv 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    with pytest.raises(UnusableMeshError, match="missing"):
        load_mesh(tmp_path / "a.obj")
    scene = {"asset": {"version": "2.0"}, "images": [{"uri": "gone.png"}]}
    (tmp_path / "b.gltf").write_text(json.dumps(scene))
    with pytest.raises(UnusableMeshError, match="missing"):
        load_mesh(tmp_path / "b.gltf")


@pytest.mark.parametrize("name", ["a.glb", "a.gltf", "a.obj"])
@pytest.mark.parametrize(
    "content", [b"", b"glTF", b"\x00\xff\x00", b"{}", b"[1]", b"v 1 2\nf 1 2 9"]
)
def test_no_file_makes_it_fail_in_another_way(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnusableMeshError):
        load_mesh(tmp_path / name)


# Objects, pictures, samples


@pytest.fixture(scope="module")
def mug() -> mesh_files.Mesh:
    """A thick cup with a handle toward -Y, red in front (+X) and blue behind, from one texture."""
    outer = trimesh.creation.cylinder(0.4, 0.9, sections=48)
    handle = trimesh.creation.torus(0.2, 0.05).apply_transform(
        trimesh.transformations.rotation_matrix(np.pi / 2, (0, 1, 0))
    )
    mesh = trimesh.util.concatenate([outer, handle.apply_translation((0, -0.45, 0))])
    count = len(mesh.faces)
    front = (mesh.triangles_center[:, 0] > 0)[:, None, None]
    colors = np.where(front, (0.8, 0.05, 0.05), (0.05, 0.05, 0.8)) * np.ones((count, 3, 3))
    base = load_text_mesh(mesh)
    return mesh_files.Mesh(
        base.vertices, base.faces, colors.astype(np.float32), base.uv, base.texture, ()
    )


def test_placed_objects_fill_the_model_s_box(mug: mesh_files.Mesh) -> None:
    placed = Placed.turned(MeshObject(mug), 35.0)
    low, high = placed.vertices.min(axis=0), placed.vertices.max(axis=0)
    assert (high - low).max() == pytest.approx(LONGEST_SIDE)
    assert low + high == pytest.approx(np.zeros(3), abs=1e-9)
    points = RNG(0).uniform(-0.5, 0.5, (50, 3))
    assert placed.from_mesh(placed.to_mesh(points)) == pytest.approx(points)


def test_handles_are_on_the_side_where_they_belong(mug: mesh_files.Mesh) -> None:
    thing = MeshObject(mug)
    # Image right is +Y: a handle toward -Y is at the left.
    for yaw, expected in ((0, "left"), (180, "right")):
        placed = Placed.turned(thing, yaw)
        camera = Camera(0.0, 0.0, 40.0)
        view = render_mesh(
            placed, camera, Light(), 96, fitted_window(camera, placed.vertices), RNG(0)
        )
        columns = np.flatnonzero(view.mask.any(axis=0))
        height = view.mask.sum(axis=0)
        side = "left" if height[columns[0] + 4] < height[columns[-1] - 4] else "right"
        assert side == expected
        red, blue = view.rgba[view.mask][:, 0].mean(), view.rgba[view.mask][:, 2].mean()
        assert (red > blue) == (yaw == 0)


def test_pictures_show_the_points_that_the_truth_has(mug: mesh_files.Mesh) -> None:
    placed = Placed.turned(MeshObject(mug), 20.0)
    camera = Camera(0.0, 25.0, 40.0)
    view = render_mesh(placed, camera, Light(), 96, fitted_window(camera, placed.vertices), RNG(0))
    seen = view.positions[view.mask & np.isfinite(view.positions[..., 0])]
    assert len(seen) > 1000
    assert np.abs(placed.distance(seen)).max() < 0.004
    window = fitted_window(camera, placed.vertices)
    rows, columns = np.nonzero(view.mask & np.isfinite(view.positions[..., 0]))
    projected = camera.project(view.positions[rows, columns])
    at = (projected[:, :2] - window[:2]) / window[2] * 96
    assert np.abs(at - np.column_stack((columns, rows))).max() < 1.0


def test_shadows_gloss_and_light_differ(mug: mesh_files.Mesh) -> None:
    placed = Placed.turned(MeshObject(mug), 0.0)
    camera = Camera(0.0, 20.0, 40.0)
    window = fitted_window(camera, placed.vertices)
    pictures = {
        name: render_mesh(placed, camera, light, 64, window, RNG(seed)).rgba[..., :3].astype(int)
        for name, light, seed in (
            ("plain", Light(), 0),
            ("shadows", Light((0.9, 0.3, 0.3), shadows=True), 0),
            ("no shadows", Light((0.9, 0.3, 0.3), shadows=False), 0),
            ("dark", Light(strength=0.2, ambient=0.1), 0),
        )
    }
    assert pictures["dark"].mean() < pictures["plain"].mean()
    assert (pictures["shadows"] <= pictures["no shadows"] + 1).all()
    assert (pictures["shadows"] < pictures["no shadows"] - 10).any()


def test_variations_keep_textures_and_change_shapes(mug: mesh_files.Mesh) -> None:
    sides = np.array([np.ptp(varied(mug, RNG(seed)).vertices, axis=0) for seed in range(60)])
    assert len(np.unique(sides.round(6), axis=0)) > 30
    colors = [varied(mug, RNG(seed)).colors for seed in range(60)]
    changed = [not np.allclose(c, mug.colors) for c in colors]
    assert 5 < sum(changed) < 40
    assert all(c.min() >= 0 and c.max() <= 1 for c in colors)


def test_samples_agree_with_the_object(mug: mesh_files.Mesh) -> None:
    placed = Placed.turned(MeshObject(mug), 60.0)
    sample = real_dataset.make_sample(placed, RNG(3))
    assert {name: getattr(sample, name).shape for name in FIELDS} == {
        "picture": (128, 128, 3),
        "positions": (MAP, MAP, 3),
        "points": (POINTS, 3),
        "distances": (POINTS,),
        "colors": (POINTS, 3),
        "volume": (VOLUME**3 // 8,),
        "rays": (128, 2, 3),
        "hits": (128,),
    }
    points = sample.points.astype(np.float64)
    signed, colors = placed.distance_and_color(points)
    assert np.abs(sample.distances - signed).max() < 2e-3
    assert np.abs(sample.colors / 255 - colors).max() < 0.01
    near = np.abs(signed) < 0.03
    assert 0.3 < near.mean() < 0.9
    volume = np.unpackbits(sample.volume).astype(bool)
    assert (volume == (placed.distance(cell_centers(VOLUME)) < 0)).mean() > 0.999
    assert np.abs(sample.rays.astype(float)).max() <= HALF_BOX + 1e-3
    assert 0.2 < sample.hits.mean() < 0.9


# Folders


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Six files that can be used, in folders, and others that cannot."""
    folder = tmp_path / "files"
    (folder / "deep").mkdir(parents=True)
    for number in range(6):
        ball = trimesh.creation.icosphere(2, radius=0.5)
        ball.vertices[:, number % 3] *= 0.5 + 0.05 * number
        ball.export(folder / ("deep" if number % 2 else "") / f"ball{number}.glb")
    trimesh.creation.box().export(folder / "few.glb")
    trimesh.creation.icosphere(2).apply_scale((1, 0.01, 1)).export(folder / "thin.obj")
    trimesh.creation.icosphere(2).export(folder / "front-door.glb")
    (folder / "broken.glb").write_bytes(b"glTF")
    (folder / "notes.txt").write_text("no mesh")
    return folder


def test_a_table_says_what_is_left_out_and_why(files: Path) -> None:
    found = real_dataset.find([files], "door", processes=1)
    assert sum(not one.problem for one in found) == 6
    problems = {Path(one.path).name: one.problem for one in found if one.problem}
    assert problems.keys() == {"few.glb", "thin.obj", "front-door.glb", "broken.glb"}
    table = real_dataset.report(found)
    assert "| **used** | 6 |" in table
    assert "| too thin or too long | 1 |" in table
    assert "| left out by name | 1 |" in table


def test_objects_are_held_out_whole(files: Path, tmp_path: Path, monkeypatch) -> None:
    """The first shard has all views of its objects, and training never uses it."""
    shards = tmp_path / "shards"
    monkeypatch.setattr(real_dataset, "HELD_OUT", 8)
    monkeypatch.setattr(
        sys,
        "argv",
        ["real_dataset.py", str(files), "--folder", str(shards), "--processes", "1",
         "--leave-out", "door"],
    )  # fmt: skip
    real_dataset.main()
    assert sorted(path.name for path in shards.glob("*.npz")) == [
        "00000.npz", "00001.npz", "00002.npz"
    ]  # fmt: skip
    used = [
        one["path"] for one in json.loads((shards / "files.json").read_text()) if not one["problem"]
    ]
    first = np.load(shards / "00000.npz")["picture"]
    assert len(first) == 8
    again = np.stack(
        [s.picture for file in used[:2] for s in real_dataset.make_samples(Path(file), 4)]
    )
    assert (first == again).all()
    before = {path: path.stat().st_mtime_ns for path in shards.glob("*.npz")}
    real_dataset.main()  # goes on where it was: nothing is left to do
    assert before == {path: path.stat().st_mtime_ns for path in shards.glob("*.npz")}


def test_too_few_objects_are_said_so(files: Path, tmp_path: Path, monkeypatch) -> None:
    argv = ["real_dataset.py", str(files), "--folder", str(tmp_path / "s"), "--processes", "1"]
    monkeypatch.setattr(sys, "argv", argv)
    with pytest.raises(SystemExit, match="too few"):
        real_dataset.main()
