"""What other programs find in the files."""

import io
from pathlib import Path

import numpy as np
import pytest
import trimesh
from batch_runs import primitive_of
from gltf_validator import validate
from PIL import Image

from triposr.batch.glb import colored_glb, textured_glb, to_gltf_frame
from triposr.batch.unwrap import Unwrapped, unwrap
from triposr.inference import SceneCode, color_at, extract_mesh
from triposr.inference.picture.color import linear_to_srgb
from triposr.inference.texture.bake import bake
from triposr.inference.texture.pictures import TextureOptions, Textures
from triposr.inference.types import MeshData
from triposr.scene.placement import Frame, Placement

SCENE = Path(__file__).parents[1] / "data" / "scene" / "scene.safetensors"
NAME = 'Stuhl "groß" </b> #1'


@pytest.fixture(scope="module")
def robot() -> SceneCode:
    return SceneCode.load(SCENE)


@pytest.fixture(scope="module")
def mesh(robot: SceneCode) -> MeshData:
    return extract_mesh(robot, 48, 25.0, device="cpu")


@pytest.fixture(scope="module")
def placement() -> Placement:
    return Placement(2.0, (0.1, 0.0, -0.5))


@pytest.fixture(scope="module")
def unwrapped(mesh: MeshData, placement: Placement) -> Unwrapped:
    return unwrap(placement.place(mesh.vertices), mesh.faces, 1500, 512)


@pytest.fixture(scope="module")
def textures(robot: SceneCode, unwrapped: Unwrapped, placement: Placement) -> Textures:
    frame, options = Frame(placement, "none"), TextureOptions(512)
    return bake(robot, 25.0, unwrapped.corners(), frame, options, device="cpu")


def check_valid(content: bytes, place: Path) -> dict:
    """Neither errors nor warnings; returns what the validator counts."""
    path = place / "object.glb"
    path.write_bytes(content)
    report = validate(path)
    found = [each for each in report["issues"]["messages"] if each["severity"] < 2]
    assert not found, found
    return report["info"]


def test_frames() -> None:
    right, front, up = to_gltf_frame(np.array([[1, 0, 0], [0, -1, 0], [0, 0, 1]], np.float32))
    assert (right.tolist(), front.tolist(), up.tolist()) == ([1, 0, 0], [0, 0, 1], [0, 1, 0])
    assert np.linalg.det([right, front, up]) == np.linalg.det([[1, 0, 0], [0, -1, 0], [0, 0, 1]])


def test_colored(mesh: MeshData, placement: Placement, tmp_path: Path) -> None:
    points = placement.place(mesh.vertices)
    content = colored_glb(points, mesh.faces, mesh.colors, NAME)
    info = check_valid(content, tmp_path)
    assert info["totalTriangleCount"] == len(mesh.faces)
    document, parts, images = primitive_of(content)
    assert np.allclose(parts["POSITION"], to_gltf_frame(points))
    assert np.array_equal(parts["faces"], mesh.faces) and not images
    assert document["nodes"][-1]["name"] == document["meshes"][0]["name"] == NAME
    assert document["materials"][0]["name"] == NAME
    read = trimesh.load_mesh(io.BytesIO(content), file_type="glb", process=False)
    assert np.array_equal(read.faces, mesh.faces)
    assert np.allclose(read.vertices, to_gltf_frame(points))
    assert read.volume > 0, "the faces show their outer sides"


def test_colors_come_back(tmp_path: Path) -> None:
    """All 256 values of sRGB, and what is between and beyond."""
    values = np.linspace(-0.1, 1.1, 3000).astype(np.float32)
    colors = np.stack((values, values[::-1], np.roll(values, 1000)), axis=1)
    points = np.random.default_rng(0).random((3000, 3)).astype(np.float32)
    content = colored_glb(points, np.arange(3000, dtype=np.int32).reshape(-1, 3), colors, "x")
    document, parts, _ = primitive_of(content)
    color = parts["COLOR_0"]
    assert color.dtype == np.uint16 and (color[:, 3] == 65535).all()
    number = document["meshes"][0]["primitives"][0]["attributes"]["COLOR_0"]
    assert document["accessors"][number]["normalized"] is True
    back = linear_to_srgb(color[:, :3].astype(np.float32) / 65535)
    assert np.abs(back - colors.clip(0, 1)).max() < 0.5 / 255
    check_valid(content, tmp_path)


def test_textured(unwrapped: Unwrapped, textures: Textures, tmp_path: Path) -> None:
    content = textured_glb(unwrapped, textures, NAME)
    info = check_valid(content, tmp_path)
    assert info["hasTextures"] and info["totalTriangleCount"] == len(unwrapped.faces)
    document, parts, images = primitive_of(content)
    assert set(parts) == {"POSITION", "NORMAL", "TANGENT", "TEXCOORD_0", "faces"}
    assert np.allclose(parts["POSITION"], to_gltf_frame(unwrapped.points))
    assert np.allclose(parts["NORMAL"], to_gltf_frame(unwrapped.normals), atol=1e-5)
    assert np.allclose(parts["TANGENT"][:, :3], to_gltf_frame(unwrapped.tangents[:, :3]))
    assert np.array_equal(parts["TANGENT"][:, 3], unwrapped.tangents[:, 3])
    [material] = document["materials"]
    color = document["textures"][material["pbrMetallicRoughness"]["baseColorTexture"]["index"]]
    normal = document["textures"][material["normalTexture"]["index"]]
    for texture, expected in ((color, textures.color), (normal, textures.normals)):
        with Image.open(io.BytesIO(images[texture["source"]])) as image:
            assert np.array_equal(image, Image.open(io.BytesIO(expected)))


def test_colors_of_the_texture_are_those_of_the_surface(
    robot: SceneCode, placement: Placement, unwrapped: Unwrapped, textures: Textures
) -> None:
    """Read as a viewer does, in the middle of each face; v goes down in glTF."""
    _, parts, images = primitive_of(textured_glb(unwrapped, textures, "x"))
    at, corners = parts["faces"], parts["POSITION"][parts["faces"]]
    image = np.asarray(Image.open(io.BytesIO(images[0])).convert("RGB"))
    uv = parts["TEXCOORD_0"][at].mean(axis=1)
    assert uv.min() >= 0 and uv.max() <= 1
    column, row = np.floor(uv * image.shape[0]).astype(int).T
    seen = image[row, column] / 255
    middle = corners.mean(axis=1)
    in_object = np.stack((middle[:, 0], -middle[:, 2], middle[:, 1]), axis=1)
    true = color_at(robot, placement.unplace(in_object.astype(np.float32)))
    # The reduced mesh lies beside the true surface, where colors are a little different.
    assert np.median(np.abs(seen - true)) < 0.03
    shuffled = np.random.default_rng(0).permutation(true)
    assert np.median(np.abs(seen - shuffled)) > 0.05


def test_a_mesh_without_a_normal_map(unwrapped: Unwrapped, textures: Textures, tmp_path) -> None:
    bare = Textures(textures.color, None, 0.0, 1.0)
    content = textured_glb(unwrapped, bare, "x")
    document, _, images = primitive_of(content)
    assert len(images) == 1 and "normalTexture" not in document["materials"][0]
    check_valid(content, tmp_path)
