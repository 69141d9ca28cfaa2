"""Agreement with the published code, number by number, on a tiny model and on a full-size scene."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from triposr.inference import MeshData, Options, SceneCode, extract_mesh, load_model, prepare_image
from triposr.inference.model.network import Model
from triposr.inference.picture.prepare import crop_as_published
from triposr.inference.surface.field import color_at, density_at

PICTURES = (0, 1)


def assert_close(ours: NDArray, golden: NDArray, tolerance: float = 1e-4) -> None:
    """Equal shapes, and differences within `tolerance` of the golden array's largest value."""
    assert ours.shape == golden.shape
    assert np.abs(ours - golden).max() <= tolerance * np.abs(golden).max()


def picture(golden: dict[str, NDArray], number: int) -> NDArray[np.float32]:
    return golden[f"model_input{number}"].astype(np.float32) / 255


@pytest.mark.parametrize("number", PICTURES)
@pytest.mark.parametrize("ratio", ["85", "70"])
def test_published_crop_is_equal_to_the_pixel(tiny_golden, number: int, ratio: str) -> None:
    ours = crop_as_published(tiny_golden[f"rgba{number}"], float(ratio) / 100)
    assert np.array_equal(ours, tiny_golden[f"resized{number}_{ratio}"])


@pytest.mark.parametrize("number", PICTURES)
def test_prepared_picture_is_equal_to_the_pixel(tiny_golden, number: int) -> None:
    rgba = Image.fromarray(tiny_golden[f"rgba{number}"])
    prepared = prepare_image(rgba, Options(crop="published"))
    assert prepared.rgb.dtype == np.float32
    assert np.array_equal(prepared.rgb * 255, tiny_golden[f"model_input{number}"])


@pytest.mark.parametrize("number", PICTURES)
def test_every_intermediate(tiny: Model, tiny_golden, number: int) -> None:
    with torch.inference_mode():
        resized = tiny.resize(torch.from_numpy(picture(tiny_golden, number)))
        tokens = tiny.network.image_tokenizer(resized, lambda _: None)
    assert_close(resized[0].permute(1, 2, 0).numpy(), tiny_golden["rgb_cond"][number])
    assert_close(tokens[0].numpy(), tiny_golden["image_tokens"][number])
    code = tiny.encode(picture(tiny_golden, number))
    assert_close(code.planes, tiny_golden["scene_codes"][number])


@pytest.mark.parametrize("name", ["model.safetensors", "model.ckpt"])
def test_both_weight_formats(tiny_folder: Path, tiny_golden, tmp_path: Path, name: str) -> None:
    shutil.copytree(tiny_folder / "vit", tmp_path / "vit")
    for file in ("config.yaml", name):
        shutil.copy(tiny_folder / file, tmp_path)
    code = load_model(tmp_path, device="cpu", precision="fp32").encode(picture(tiny_golden, 0))
    assert_close(code.planes, tiny_golden["scene_codes"][0])


def test_density_and_color_of_the_tiny_model(tiny: Model, tiny_golden) -> None:
    code = tiny.encode(picture(tiny_golden, 0))
    points = tiny_golden["query_points"]
    assert_close(density_at(code, points), tiny_golden["query_density_act"][:, 0])
    assert_close(np.log(density_at(code, points)) + 1, tiny_golden["query_density"][:, 0])
    assert_close(color_at(code, points), tiny_golden["query_color"])


@pytest.mark.parametrize("resolution", [32, 49])
def test_meshes_of_the_tiny_model(tiny: Model, tiny_golden, resolution: int) -> None:
    mesh = extract_mesh(
        tiny.encode(picture(tiny_golden, 0)), resolution, device="cpu", closed=False
    )
    prefix = f"mesh{resolution}_"
    colors = tiny_golden[prefix + "colors_u8"][:, :3] / 255
    assert_same_mesh(mesh, tiny_golden[prefix + "vertices"], tiny_golden[prefix + "faces"], colors)


def test_density_color_and_mesh_of_the_robot(robot: SceneCode) -> None:
    with np.load(Path(__file__).parent.parent / "data/scene/golden.npz") as golden:
        points = golden["query_points"]
        assert_close(density_at(robot, points), golden["query_density_act"][:, 0])
        assert_close(color_at(robot, points), golden["query_color"])
        mesh = extract_mesh(robot, 64, device="cpu", closed=False)
        assert_same_mesh(
            mesh, golden["mesh64_vertices"], golden["mesh64_faces"], golden["mesh64_colors"]
        )


def assert_same_mesh(mesh: MeshData, vertices: NDArray, faces: NDArray, colors: NDArray) -> None:
    """The same vertices, triangles, winding and colors, in any order."""
    assert mesh.vertices.dtype == np.float32
    assert mesh.faces.dtype == np.int32
    assert len(mesh.vertices) == len(vertices)
    assert len(mesh.faces) == len(faces)
    # Vertices on one edge of the lattice differ by far more than two codes' rounding.
    ours_of = match(vertices, mesh.vertices, tolerance=1e-4)
    assert np.abs(mesh.colors[ours_of] - colors).max() <= 1 / 255 + 1e-3
    assert sorted_faces(ours_of[faces]) == sorted_faces(mesh.faces)


def match(golden: NDArray, ours: NDArray, tolerance: float) -> NDArray[np.int64]:
    """For every golden vertex the number of ours; each of ours serves once."""
    from scipy.spatial import cKDTree

    distance, index = cKDTree(ours).query(golden)
    assert distance.max() <= tolerance
    assert len(np.unique(index)) == len(golden)
    return index


def sorted_faces(faces: NDArray) -> list[tuple[int, ...]]:
    """The triangles, each turned so that its lowest vertex is first, which keeps the winding."""
    first = faces.argmin(axis=1)
    turned = np.stack(
        [np.take_along_axis(faces, ((first + k) % 3)[:, None], 1)[:, 0] for k in range(3)], 1
    )
    return sorted(map(tuple, turned.tolist()))
