"""Meshes as training objects: what files say, what is inside, what samples hold."""

import base64
import json
import shutil
import struct
import sys
from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import DracoPy
import numpy as np
import pytest
import trimesh
from PIL import Image
from trimesh.visual import ColorVisuals, TextureVisuals
from trimesh.visual.material import PBRMaterial, SimpleMaterial

import mesh_files
import mesh_formats
import raster
import real_dataset
from dataset import FIELDS, HALF_BOX, MAP, POINTS, VOLUME, cell_centers
from figures import iou
from insides import SHELL, Insides
from mesh_files import UnusableMeshError, display_referred, load_mesh, scene_linear
from mesh_objects import MeshObject, Placed, varied
from mesh_pictures import Gloss, fitted_window, render_mesh, silhouette
from objects import LONGEST_SIDE
from triposr.inference import MeshData
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


@pytest.mark.parametrize("thick", [0.0, 0.002, 0.004, 0.0079, 0.0119, 0.0125, 0.0159, 0.0161, 0.03])
def test_thin_boards_become_as_thick_as_sheets_and_others_stay(thick: float) -> None:
    board = trimesh.creation.box((1.0, 0.6, thick)) if thick else flat(1.0, 0.6)
    heights = np.linspace(-0.03, 0.03, 601)
    across = np.column_stack((np.full(601, 0.123), np.full(601, 0.071), heights))
    inside = Insides(board.vertices, board.faces).signed(across)[0] < 0
    assert inside.sum() * 1e-4 == pytest.approx(max(thick, 2 * SHELL), abs=3e-4)


def flat(width: float, depth: float) -> trimesh.Trimesh:
    x, y = width / 2, depth / 2
    corners = [[-x, -y, 0], [x, -y, 0], [x, y, 0], [-x, y, 0]]
    return trimesh.Trimesh(corners, [[0, 1, 2], [0, 2, 3]], process=False)


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
    thing = MeshObject(gray(hollow(BALL, 0.6)))
    radii = np.linalg.norm(thing.outer_points(500, RNG(0)), axis=1)
    assert radii.min() > 0.48


def gray(mesh: trimesh.Trimesh) -> mesh_files.Mesh:
    """The mesh, gray, of its own size."""
    count = len(mesh.faces)
    return mesh_files.Mesh(
        vertices=np.asarray(mesh.vertices),
        faces=np.asarray(mesh.faces, np.int64),
        colors=np.full((count, 3, 3), 0.5, np.float32),
        opacity=np.ones(count, np.float32),
        uv=np.zeros((count, 3, 2), np.float32),
        texture=np.full(count, -1, np.int32),
        textures=(),
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
    mesh = trimesh.creation.box((0.2, 0.4, 0.8))  # glTF: x, y up, z to the front
    for name in ("a.glb", "a.obj"):
        mesh.export(tmp_path / name)
        assert np.ptp(load_mesh(tmp_path / name).vertices, axis=0) == pytest.approx([1, 0.25, 0.5])


@pytest.mark.parametrize("size", [1e-9, 1.0, 1e9])
def test_meshes_are_of_unit_size_wherever_they_were(tmp_path: Path, size: float) -> None:
    mesh = trimesh.creation.box((0.2 * size, 0.4 * size, 0.8 * size))
    mesh.apply_translation((3 * size, 0, 0)).export(tmp_path / "a.obj", digits=16)
    vertices = load_mesh(tmp_path / "a.obj").vertices
    assert np.ptp(vertices, axis=0) == pytest.approx([1, 0.25, 0.5], rel=1e-3)
    assert vertices.min(axis=0) + vertices.max(axis=0) == pytest.approx(np.zeros(3), abs=1e-6)


def test_vertices_without_a_face_do_not_count(tmp_path: Path) -> None:
    text = "v 100 0 0\nv nan 0 0\nv 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\n"
    (tmp_path / "a.obj").write_text(text + "f 3 4 5\nf 3 5 6\nf 3 6 4\nf 4 5 6\n")
    mesh = load_mesh(tmp_path / "a.obj")
    assert len(mesh.vertices) == 4
    assert np.ptp(mesh.vertices, axis=0) == pytest.approx([1, 1, 1])


@pytest.mark.parametrize("content", ["v 0 0 0\nv 1 0 0\nv 2 0 0\n", "v 1 1 1\nv 1 1 1\nv 1 1 1\n"])
def test_what_has_no_surface_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.obj").write_text(content + "f 1 2 3\n")
    with pytest.raises(UnusableMeshError, match="no surface"):
        load_mesh(tmp_path / "a.obj")


def test_parts_lie_where_the_scene_has_them(tmp_path: Path) -> None:
    scene = trimesh.Scene()
    box = trimesh.creation.box((1, 1, 1))
    for place in (0.0, 3.0):  # the same mesh twice, the second time mirrored
        transform = np.diag([-1.0 if place else 1.0, 1, 1, 1])
        transform[1, 3] = place
        scene.add_geometry(box, geom_name="box", transform=transform)
    scene.export(tmp_path / "a.glb")
    mesh = load_mesh(tmp_path / "a.glb")
    assert len(mesh.faces) == 24
    assert np.ptp(mesh.vertices, axis=0) == pytest.approx([0.25, 0.25, 1])


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


PAINTED = "".join(f"v {x} {y} 0 {{}}\n" for x, y in ((-1, -1), (1, -1), (1, 1)))


def test_colors_of_vertices_in_obj_files_are_as_displayed(tmp_path: Path) -> None:
    (tmp_path / "a.obj").write_text(PAINTED.replace("{}", "0.5 0.25 0.1") + "f 1 2 3\n")
    assert middle_color(load_mesh(tmp_path / "a.obj")) == pytest.approx([0.5, 0.25, 0.1], abs=0.01)


@pytest.mark.parametrize(
    ("color", "head", "faces", "problem"),
    [
        ("255 128 0", "", "f 1 2 3", "beyond 0 to 1"),
        ("-0.5 0 0", "", "f 1 2 3", "beyond 0 to 1"),
        ("0.5 0.2 0.1", "mtllib a.mtl\nusemtl m\n", "f 1 2 3", "beside a material"),
        ("0.5 0.2 0.1", "", "vt 0 0\nvt 1 0\nvt 1 1\nf 1/1 2/2 3/3", "beside a material"),
    ],
)
def test_colors_of_vertices_that_trimesh_would_lose_are_refused(
    tmp_path: Path, color: str, head: str, faces: str, problem: str
) -> None:
    (tmp_path / "a.mtl").write_text("newmtl m\nKd 1 1 1\n")
    (tmp_path / "a.obj").write_text(head + PAINTED.replace("{}", color) + faces + "\n")
    with pytest.raises(UnusableMeshError, match=problem):
        load_mesh(tmp_path / "a.obj")


def test_vertices_of_which_only_some_have_colors_are_refused(tmp_path: Path) -> None:
    text = "v 0 0 0 1 0 0\nv 1 0 0\nv 0 1 0 1 0 0\nf 1 2 3\n"
    (tmp_path / "a.obj").write_text(text)
    with pytest.raises(UnusableMeshError, match="colors of vertices"):
        load_mesh(tmp_path / "a.obj")


def test_colors_of_vertices_multiply_the_material_s(tmp_path: Path) -> None:
    """As every glTF with color attributes from Blender has them."""

    def paint(content: dict) -> None:
        data = np.tile(np.array([1, 0.25, 1, 1], "<f4"), (4, 1)).tobytes()
        uri = "data:application/octet-stream;base64," + base64.b64encode(data).decode()
        content["buffers"].append({"uri": uri, "byteLength": len(data)})
        view = {"buffer": len(content["buffers"]) - 1, "byteLength": len(data)}
        content["bufferViews"].append(view)
        number = len(content["bufferViews"]) - 1
        content["accessors"].append(
            {"bufferView": number, "componentType": 5126, "type": "VEC4", "count": 4}
        )
        primitive_of(content)["attributes"]["COLOR_0"] = len(content["accessors"]) - 1
        material = {"baseColorFactor": [1, 1, 0.5, 1]}
        content["materials"][0]["pbrMetallicRoughness"] = material

    path = edited_gltf(tmp_path, paint)
    expected = display_referred(np.array([1.0, 0.25, 0.5]))
    assert middle_color(load_mesh(path)) == pytest.approx(expected, abs=0.01)


def test_materials_are_white_unless_they_say_otherwise(tmp_path: Path) -> None:
    quad(visual=TextureVisuals(uv=UV, material=PBRMaterial(metallicFactor=0.0))).export(
        tmp_path / "a.glb"
    )
    assert middle_color(load_mesh(tmp_path / "a.glb")) == pytest.approx([1, 1, 1], abs=0.01)


@pytest.mark.parametrize("mode", ["OPAQUE", "BLEND"])
def test_only_materials_that_blend_are_transparent(tmp_path: Path, mode: str) -> None:
    clear = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    material = PBRMaterial(baseColorTexture=clear, alphaMode=mode)
    quad(visual=TextureVisuals(uv=UV, material=material)).export(tmp_path / "a.glb")
    alpha = load_mesh(tmp_path / "a.glb").color_at(np.array([0]), np.full((1, 3), 1 / 3))[1]
    assert alpha == pytest.approx(1.0 if mode == "OPAQUE" else 0.0)


def test_glass_of_obj_files_is_transparent(tmp_path: Path) -> None:
    for line, expected in (("d 0.2", 0.2), ("Tr 0.9", 0.1), ("d -halo 0.3", 0.3), ("", 1.0)):
        obj_with(tmp_path, f"newmtl m\nKd 1 1 1\n{line}\n")
        mesh = load_mesh(tmp_path / "a.obj")
        assert mesh.opacity == pytest.approx(expected)


@pytest.mark.parametrize(
    ("mask", "problem"), [("mask.png", "a mask that is not"), ("red.png", ""), ("gone.png", "mask")]
)
def test_masks_of_obj_files_are_those_of_their_textures(
    tmp_path: Path, mask: str, problem: str
) -> None:
    Image.new("RGB", (8, 8), "red").save(tmp_path / "red.png")
    Image.new("L", (8, 8), 0).save(tmp_path / "mask.png")
    obj_with(tmp_path, f"newmtl m\nmap_d {mask}\nmap_Kd red.png\n")
    if problem:
        with pytest.raises(UnusableMeshError, match=problem):
            load_mesh(tmp_path / "a.obj")
    else:
        assert middle_color(load_mesh(tmp_path / "a.obj")) == pytest.approx([1, 0, 0], abs=0.01)


def test_color_conversions_are_each_other_s_inverse() -> None:
    values = np.linspace(0, 1, 101)
    assert display_referred(scene_linear(values)) == pytest.approx(values, abs=1e-5)


def test_draco_is_decoded_or_refused(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "ball.glb"
    path.write_bytes(draco_glb(BALL))
    mesh = load_mesh(path)
    assert np.ptp(mesh.vertices, axis=0) == pytest.approx([1, 1, 1], abs=0.01)
    assert np.abs(np.linalg.norm(mesh.vertices, axis=1) - 0.5).max() < 0.01
    monkeypatch.setattr(mesh_formats.importlib.util, "find_spec", lambda name: None)
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


def obj_with(folder: Path, materials: str, library: str = "a.mtl") -> None:
    """A textured triangle, and its material file."""
    (folder / "a.mtl").write_text(materials)
    (folder / "a.obj").write_text(
        f"mtllib {library}\nv 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 0\nvt 1 0\nvt 0 1\n"
        "usemtl m\nf 1/1 2/2 3/3\n"
    )


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("map_Kd gone.png", "missing"),
        ("map_kd gone.png", "missing"),
        ("map_Kd damaged.png", "damaged"),
        ("map_Kd -s 2 2 1 red.png", "placed"),
        ("map_Kd sub\\red.png", "not found by its name"),
        ("map_Kd red.png", ""),
        ("map_Kd my red.png", ""),
        ("map_kd red.png", ""),
    ],
)
def test_textures_of_obj_files_are_used_or_missed(tmp_path: Path, line: str, problem: str) -> None:
    red = Image.new("RGB", (8, 8), "red")
    (tmp_path / "sub").mkdir()
    for name in ("red.png", "my red.png", "sub/red.png"):
        red.save(tmp_path / name)
    (tmp_path / "damaged.png").write_bytes((tmp_path / "red.png").read_bytes()[:40])
    obj_with(tmp_path, f"newmtl m\nKd 0 1 0\n{line}\n")
    if problem:
        with pytest.raises(UnusableMeshError, match=problem):
            load_mesh(tmp_path / "a.obj")
    else:
        assert middle_color(load_mesh(tmp_path / "a.obj")) == pytest.approx([1, 0, 0], abs=0.01)


def test_a_missing_material_file_is_noticed(tmp_path: Path) -> None:
    obj_with(tmp_path, "newmtl m\nKd 1 0 0\n", library="gone.mtl")
    with pytest.raises(UnusableMeshError, match="material file is missing"):
        load_mesh(tmp_path / "a.obj")


def test_plain_colors_of_obj_files_may_have_comments(tmp_path: Path) -> None:
    for line, expected in (
        ("Kd 1 0 0 # bright", [1, 0, 0]),
        ("kd 0 1 0", [0, 1, 0]),
    ):
        obj_with(tmp_path, f"newmtl m\n{line}\n")
        assert middle_color(load_mesh(tmp_path / "a.obj")) == pytest.approx(expected, abs=0.01)
    obj_with(tmp_path, "newmtl m\nKd 0.5\n")  # of which trimesh makes nothing
    with pytest.raises(UnusableMeshError, match="not read"):
        load_mesh(tmp_path / "a.obj")


def test_files_without_materials_are_gray(tmp_path: Path) -> None:
    obj_with(tmp_path, "")
    path = tmp_path / "a.obj"
    path.write_text(path.read_text().replace("mtllib a.mtl\n", "").replace("usemtl m\n", ""))
    expected = display_referred(np.full(3, mesh_files.PLAIN))
    assert middle_color(load_mesh(path)) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(
    ("head", "problem"),
    [
        ("mtllib a.mtl\nmtllib b.mtl\n", "more than one material file"),
        ("mtllib a.mtl b.mtl\n", "material file is missing"),
        ("# mtllib is below\nmtllib a.mtl\n", "more than one material file"),
        ("MTLLIB a.mtl\n", "more than one material file"),
        ("mtllib b.mtl\n", "a material is missing"),
        ("", "a material is missing"),
        ("mtllib a.mtl\n", ""),
    ],
)
def test_materials_of_obj_files_are_found_or_missed(
    tmp_path: Path, head: str, problem: str
) -> None:
    obj_with(tmp_path, "newmtl m\nKd 1 0 0\n")
    (tmp_path / "b.mtl").write_text("newmtl M\nKd 0 1 0\n")
    path = tmp_path / "a.obj"
    path.write_text(path.read_text().replace("mtllib a.mtl\n", head))
    if problem:
        with pytest.raises(UnusableMeshError, match=problem):
            load_mesh(path)
    else:
        assert middle_color(load_mesh(path)) == pytest.approx([1, 0, 0], abs=0.01)


def edited_gltf(folder: Path, edit) -> Path:
    """A textured square as glTF with files of its own, after `edit` of its JSON."""
    visual = TextureVisuals(uv=UV, material=PBRMaterial(baseColorTexture=CORNERS))
    for name, data in trimesh.exchange.gltf.export_gltf(trimesh.Scene(quad(visual=visual))).items():
        (folder / name).write_bytes(data)
    path = folder / "model.gltf"
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))
    return path


def primitive_of(content: dict) -> dict:
    return content["meshes"][0]["primitives"][0]


def uv_of(content: dict) -> dict:
    return content["accessors"][primitive_of(content)["attributes"]["TEXCOORD_0"]]


def base_of(content: dict) -> dict:
    return content["materials"][0]["pbrMetallicRoughness"]["baseColorTexture"]


UNREADABLE = {
    "missing": lambda c: c["images"][0].update(uri="gone.png"),
    "data file": lambda c: c["buffers"][0].update(uri="gone.bin"),
    "sparse": lambda c: c["accessors"][0].update(sparse={}),
    "fans": lambda c: primitive_of(c).update(mode=6),
    "TEXCOORD_0": lambda c: uv_of(c).update(componentType=5123, normalized=True),
    "unusual way": lambda c: base_of(c).update(texCoord=1),
    "placed": lambda c: base_of(c).update(extensions={"KHR_texture_transform": {"scale": [2, 2]}}),
    "transparent": lambda c: c["materials"][0].update(
        extensions={"KHR_materials_transmission": {"transmissionFactor": 1.0}}
    ),
    "texture of an unusual kind": lambda c: c["textures"][0].pop("source"),
    "unusual kind": lambda c: c["images"][0].update(mimeType="image/ktx2"),
    "EXT_meshopt_compression": lambda c: c.update(extensionsRequired=["EXT_meshopt_compression"]),
}


@pytest.mark.parametrize("problem", UNREADABLE)
def test_what_would_be_read_wrong_is_refused(tmp_path: Path, problem: str) -> None:
    good = edited_gltf(tmp_path, lambda content: None)
    load_mesh(good)
    edited_gltf(tmp_path, UNREADABLE[problem])
    with pytest.raises(UnusableMeshError, match=problem):
        load_mesh(good)


@pytest.mark.parametrize("kind", ["embedded", "in the text", "specular"])
def test_damaged_textures_inside_a_file_are_noticed(tmp_path: Path, kind: str) -> None:
    """trimesh would make them white."""

    def embed(content: dict, data: bytes) -> None:
        uri = "data:application/octet-stream;base64," + base64.b64encode(data).decode()
        image = content["images"][0]
        if kind == "embedded":
            content["buffers"].append({"uri": uri, "byteLength": len(data)})
            content["bufferViews"].append(
                {"buffer": len(content["buffers"]) - 1, "byteLength": len(data)}
            )
            image.pop("uri", None)
            image |= {"bufferView": len(content["bufferViews"]) - 1, "mimeType": "image/png"}
        else:
            image.pop("bufferView", None)
            image["uri"] = uri
        if kind == "specular":
            base = content["materials"][0].pop("pbrMetallicRoughness")["baseColorTexture"]
            content["materials"][0]["extensions"] = {
                "KHR_materials_pbrSpecularGlossiness": {
                    "diffuseTexture": base,
                    "specularFactor": [0.04] * 3,
                }
            }

    whole = BytesIO()
    Image.new("RGB", (8, 8), "red").save(whole, "PNG")
    path = edited_gltf(tmp_path, lambda content: embed(content, whole.getvalue()))
    red = middle_color(load_mesh(path))
    assert red == pytest.approx([1, 0, 0], abs=0.06)
    edited_gltf(tmp_path, lambda content: embed(content, whole.getvalue()[:40]))
    with pytest.raises(UnusableMeshError, match="damaged"):
        load_mesh(path)


@pytest.mark.parametrize(("scale", "is_usable"), [(1.0, True), (2.0, False)])
def test_skins_may_bend_a_mesh_but_not_change_its_size(
    tmp_path: Path, scale: float, is_usable: bool
) -> None:
    def add_skin(content: dict) -> None:
        number = next(n for n, node in enumerate(content["nodes"]) if "mesh" in node)
        content["nodes"][number]["skin"] = 0
        turned = [0.0, 0.0, 0.383, 0.924]
        content["nodes"].append({"rotation": turned, "scale": [scale] * 3})
        content["skins"] = [{"joints": [len(content["nodes"]) - 1]}]

    path = edited_gltf(tmp_path, add_skin)
    if is_usable:
        load_mesh(path)
    else:
        with pytest.raises(UnusableMeshError, match="size"):
            load_mesh(path)


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
    """A cylinder with a handle toward -Y, red in front (+X) and blue behind."""
    outer = trimesh.creation.cylinder(0.4, 0.9, sections=48)
    handle = trimesh.creation.torus(0.2, 0.05).apply_transform(
        trimesh.transformations.rotation_matrix(np.pi / 2, (0, 1, 0))
    )
    mesh = trimesh.util.concatenate([outer, handle.apply_translation((0, -0.45, 0))])
    count = len(mesh.faces)
    front = (mesh.triangles_center[:, 0] > 0)[:, None, None]
    colors = np.where(front, (0.8, 0.05, 0.05), (0.05, 0.05, 0.8)) * np.ones((count, 3, 3))
    base = gray(mesh)
    return replace(base, colors=colors.astype(np.float32))


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
        name: render_mesh(placed, camera, light, 64, window, RNG(0), gloss)
        .rgba[..., :3]
        .astype(int)
        for name, light, gloss in (
            ("plain", Light(), None),
            ("glossy", Light(), Gloss(0.5, 20.0)),
            ("shadows", Light((0.9, 0.3, 0.3), shadows=True), None),
            ("no shadows", Light((0.9, 0.3, 0.3), shadows=False), None),
            ("dark", Light(strength=0.2, ambient=0.1), None),
        )
    }
    assert (pictures["glossy"] >= pictures["plain"]).all()
    shining = (pictures["glossy"] > pictures["plain"] + 20).any(axis=-1).mean()
    assert 0.005 < shining < 0.4
    assert pictures["dark"].mean() < pictures["plain"].mean()
    assert (pictures["shadows"] <= pictures["no shadows"] + 1).all()
    assert (pictures["shadows"] < pictures["no shadows"] - 10).any()


def test_variations_change_shapes_and_colors(mug: mesh_files.Mesh) -> None:
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


def test_silhouettes_are_asked_at_the_centers_of_pixels() -> None:
    """A rod of 4 % width: a mask of antialiased pixels would be a sixth too wide."""
    rod = gray(trimesh.creation.box((0.04, 0.04, 1.0)))
    placed = Placed.turned(MeshObject(rod), 0.0)
    camera = Camera(0.0, 0.0, 40.0)
    window = fitted_window(camera, placed.vertices)
    mask = silhouette(placed, camera, 150, window)
    data = MeshData(
        placed.vertices.astype(np.float32), rod.faces.astype(np.int32), np.ones((8, 3), np.float32)
    )
    assert iou(mask, raster.silhouette(data, camera, 150, window)) > 0.995


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


def make_shards(monkeypatch, files: Path, shards: Path, *options: str) -> None:
    monkeypatch.setattr(real_dataset, "HELD_OUT", 8)
    arguments = [files, "--folder", shards, "--processes", "1", "--leave-out", "door", *options]
    monkeypatch.setattr(sys, "argv", ["real_dataset.py", *map(str, arguments)])
    real_dataset.main()


def counts_without(bad: set[str], monkeypatch, files: Path, shards: Path) -> list[int]:
    """Make shards although samples of some files fail; return how many samples each has."""

    def failing(path: Path, views: int):
        if path.name in bad:
            raise UnusableMeshError("nothing to see")
        return made(path, views)

    made = real_dataset.make_samples
    monkeypatch.setattr(real_dataset, "make_samples", failing)
    make_shards(monkeypatch, files, shards)
    return [len(np.load(path)["hits"]) for path in sorted(shards.glob("*.npz"))]


def test_a_table_says_what_is_left_out_and_why(files: Path) -> None:
    found = real_dataset.find([files], "door", processes=1)
    assert sum(not one.problem for one in found) == 6
    problems = {Path(one.path).name: one.problem for one in found if one.problem}
    assert problems.keys() == {"few.glb", "thin.obj", "front-door.glb", "broken.glb"}
    table = real_dataset.report(found)
    assert "| **used** | 6 |" in table
    assert "| too thin or too long | 1 |" in table
    assert "| left out by name | 1 |" in table


def test_order_and_held_out_objects_do_not_depend_on_the_folder(
    files: Path, tmp_path: Path
) -> None:
    moved = tmp_path / "elsewhere" / "deeper"
    shutil.copytree(files, moved)
    orders = [
        [Path(one.path).name for one in real_dataset.find([folder], "", 1) if not one.problem]
        for folder in (files, moved)
    ]
    assert orders[0] == orders[1] and len(orders[0]) == 7


@pytest.mark.parametrize("make", ["box", "cylinder", "torus", "table"])
def test_copies_of_an_object_are_of_the_same_shape(tmp_path: Path, make: str) -> None:
    """In another format, size and place, and with its vertices split at edges."""
    mesh = {
        "box": lambda: trimesh.creation.box((1, 0.3, 0.35)),
        "cylinder": lambda: trimesh.creation.cylinder(0.2, 0.7, sections=40),
        "torus": lambda: trimesh.creation.torus(0.4, 0.1),
        "table": lambda: trimesh.util.concatenate(
            [
                trimesh.creation.box((0.9, 0.55, 0.05)),
                trimesh.creation.box((0.05, 0.05, 0.6)).apply_translation((0.4, 0.2, -0.3)),
            ]
        ),
    }[make]()
    split = mesh.copy()
    split.unmerge_vertices()
    split.apply_scale(37.123).apply_translation((5, -3, 0.777))
    shapes = []
    for name, copy in (("a.glb", mesh), ("a.obj", mesh), ("b.glb", split), ("b.obj", split)):
        copy.export(tmp_path / name)
        shapes.append(real_dataset.shape_of(load_mesh(tmp_path / name)))
    found = [real_dataset.Found(0, str(n), "", "", shape) for n, shape in enumerate(shapes)]
    problems = [one.problem for one in real_dataset.held_out_whole(found, 1)]
    assert problems == ["", *["the shape of a held-out object"] * 3]
    mesh.apply_scale((1, 1.1, 1)).export(tmp_path / "c.glb")
    other = real_dataset.Found(0, "c", "", "", real_dataset.shape_of(load_mesh(tmp_path / "c.glb")))
    assert not real_dataset.held_out_whole([found[0], other], 1)[1].problem


def test_objects_are_held_out_whole(files: Path, tmp_path: Path, monkeypatch) -> None:
    """The first shard has all views of its objects, and no other shard an object like them."""
    shards = tmp_path / "shards"
    found = real_dataset.find([files], "door", 1)
    held = [one.path for one in found if not one.problem][:2]
    again = trimesh.load(files / held[0])
    for number in range(3):  # the same object, larger
        again.apply_scale(2.5).export(files / f"again{number}.glb")
    make_shards(monkeypatch, files, shards)
    kept = json.loads((shards / "files.json").read_text())["files"]
    alike = [one["path"] for one in kept if one["problem"] == "the shape of a held-out object"]
    used = [one["path"] for one in kept if not one["problem"]]
    assert len(alike) + len(used) == 9 and alike
    assert {held[0], "again0.glb", "again1.glb", "again2.glb"} <= {*used[:2], *alike}
    checked = [line.split("  ") for line in (shards / "used.sha256").read_text().splitlines()]
    assert [path for _, path in checked] == [f"{files.name}/{path}" for path in used]
    for digest, path in checked:
        assert sha256((files.parent / path).read_bytes()).hexdigest() == digest
    first = np.load(shards / "00000.npz")["picture"]
    expected = [s.picture for path in used[:2] for s in real_dataset.make_samples(files / path, 4)]
    assert (first == np.stack(expected)).all()


def test_a_folder_is_continued_with_the_same_objects_only(
    files: Path, tmp_path: Path, monkeypatch, capsys
) -> None:
    shards = tmp_path / "shards"
    make_shards(monkeypatch, files, shards)
    before = {path: path.stat().st_mtime_ns for path in shards.glob("*.npz")}
    assert len(before) == 3
    make_shards(monkeypatch, files, shards)  # nothing is left to do
    assert before == {path: path.stat().st_mtime_ns for path in shards.glob("*.npz")}
    with pytest.raises(SystemExit, match="pass the same, or another --folder"):
        make_shards(monkeypatch, files, shards, "--views", "8")
    moved = tmp_path / "elsewhere" / "files"
    moved.parent.mkdir()
    files.rename(moved)
    (shards / "00001.npz").unlink()
    shutil.copy(moved / "ball0.glb", moved / "new.glb")
    capsys.readouterr()
    monkeypatch.chdir(moved.parent)
    settings = json.loads((shards / "files.json").read_text())
    settings["settings"]["folders"] = ["elsewhere/files"]
    (shards / "files.json").write_text(json.dumps(settings))
    make_shards(monkeypatch, Path("files"), shards)
    assert "1 files have come since" in capsys.readouterr().out
    assert len(np.load(shards / "00001.npz")["hits"]) == 8


def test_looking_at_files_goes_on_where_it_was_stopped(files: Path, tmp_path: Path) -> None:
    kept = tmp_path / "looked.jsonl"
    whole = real_dataset.find([files], "door", 1, kept)
    lines = kept.read_text().splitlines()
    kept.write_text("\n".join(lines[:3]) + "\n")
    seen = [json.loads(line)[0].partition("/")[2] for line in lines[:3]]
    for path in seen:
        (files / path).write_bytes(b"not looked at again")
    assert real_dataset.find([files], "door", 1, kept) == whole


def test_used_files_are_listed_below_what_all_folders_share(tmp_path: Path) -> None:
    folders = [tmp_path / "a" / "meshes", tmp_path / "b" / "meshes"]
    found = [
        real_dataset.Found(1, "x/y.glb", "", "1" * 64),
        real_dataset.Found(0, "z.glb", "transparent"),
        real_dataset.Found(0, "x.glb", "", "2" * 64),
    ]
    assert real_dataset.checksums(found, folders).splitlines() == [
        f"{'1' * 64}  b/meshes/x/y.glb",
        f"{'2' * 64}  a/meshes/x.glb",
    ]


def test_a_folder_that_is_not_there_is_noticed(files: Path, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"There is no folder .*gone"):
        real_dataset.find([files, tmp_path / "gone"], "", 1)


def test_what_is_held_out_fills_its_shard(files: Path, tmp_path: Path, monkeypatch) -> None:
    """Else an object of the next shard would be held out, too, without the others like it."""
    first = next(one.path for one in real_dataset.find([files], "door", 1) if not one.problem)
    counts = counts_without({Path(first).name}, monkeypatch, files, tmp_path / "shards")
    assert counts == [8, 8, 8]


def test_bad_files_do_not_end_the_others(files: Path, tmp_path: Path, monkeypatch) -> None:
    used = [one.path for one in real_dataset.find([files], "door", 1) if not one.problem]
    bad = {Path(path).name for path in used[3:]}  # one of the second shard, and all of the third
    assert counts_without(bad, monkeypatch, files, tmp_path / "shards") == [8, 4]


def test_too_few_objects_are_refused(files: Path, tmp_path: Path, monkeypatch) -> None:
    argv = ["real_dataset.py", str(files), "--folder", str(tmp_path / "s"), "--processes", "1"]
    monkeypatch.setattr(sys, "argv", argv)
    with pytest.raises(SystemExit, match="too few"):
        real_dataset.main()
    assert not list((tmp_path / "s").iterdir())  # so the right folder can be passed next
