"""A scene code becomes a mesh, in bounded memory; scene codes are checked and kept."""

import dataclasses
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import mcubes
import numpy as np
import pytest
import safetensors.numpy
import torch
from numpy.typing import NDArray

from triposr.inference import EmptySurfaceError, InputError, SceneCode, extract_mesh
from triposr.inference.surface.field import Field, color_at, density_at
from triposr.inference.surface.grid import Grid


def signed_volume(vertices: NDArray, faces: NDArray) -> float:
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6)


@pytest.mark.parametrize(
    ("resolution", "vertices", "faces"), [(64, 3190, 6376), (128, 11268, 22548)]
)
def test_robot_statistics(robot: SceneCode, resolution: int, vertices: int, faces: int) -> None:
    mesh = extract_mesh(robot, resolution, device="cpu")
    assert (len(mesh.vertices), len(mesh.faces)) == (vertices, faces)
    assert signed_volume(mesh.vertices, mesh.faces) == pytest.approx(
        0.1037 if resolution == 64 else 0.10134, rel=1e-3
    )
    assert mesh.colors.min() >= 0
    assert mesh.colors.max() <= 1


def test_grid_agrees_with_points(robot: SceneCode) -> None:
    """Separable resampling and folded planes give what sampling the points gives."""
    ticks = torch.linspace(-1, 1, 24)
    grid = Grid(Field(robot), ticks)
    points = torch.cartesian_prod(ticks, ticks, ticks).numpy() * robot.radius
    with torch.inference_mode():
        everywhere = grid.everywhere(lambda fraction: None).flatten().numpy()
        some = torch.tensor([[0, 5, 23], [23, 0, 7], [11, 12, 13]])
        here = grid.at(some @ torch.tensor([24 * 24, 24, 1]), lambda fraction: None).numpy()
    expected = np.log(density_at(robot, points)) - robot.density_bias
    assert np.allclose(everywhere, expected, rtol=1e-4, atol=1e-4)
    assert np.allclose(here, everywhere.reshape(24, 24, 24)[tuple(some.T)], atol=1e-5)


def test_threshold_that_a_lattice_point_meets_exactly(robot: SceneCode) -> None:
    field = Field(robot)
    with torch.inference_mode():
        raw = Grid(field, torch.linspace(-1, 1, 48)).everywhere(lambda fraction: None)
        density = field.activate_density(raw).numpy()
    threshold = float(density.flat[np.abs(density - 25).argmin()])
    faces = extract_mesh(robot, 48, threshold, device="cpu").faces
    edges = np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    assert (np.unique(edges, axis=0, return_counts=True)[1] == 2).all()


def test_threshold_moves_the_surface_inward(robot: SceneCode) -> None:
    volumes = []
    for threshold in (5.0, 25.0, 100.0):
        mesh = extract_mesh(robot, 48, threshold, device="cpu")
        volumes.append(signed_volume(mesh.vertices, mesh.faces))
    assert volumes == sorted(volumes, reverse=True)


def ball(radius: float) -> SceneCode:
    """Solid where x² + y² + z² < radius², at the published threshold; the box is 1."""
    texels = 24
    squares = ((2 * np.arange(texels) + 1) / texels - 1) ** 2
    planes = np.stack([-5 * (squares[:, None] + squares[None])] * 3)[:, None].astype(np.float32)
    # SiLU is all but linear far from zero.
    first = (np.ones((1, 3), np.float32), np.full(1, 60, np.float32))
    last = (np.zeros((4, 1), np.float32), np.zeros(4, np.float32))
    last[0][0], last[1][0] = 1, -60 + 10 * radius**2 + np.log(25) + 1
    return SceneCode(planes, (first, last), radius=1.0)


def open_edges(faces: NDArray) -> int:
    edges = np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    return int((np.unique(edges, axis=0, return_counts=True)[1] != 2).sum())


@pytest.mark.parametrize("resolution", [33, 96])
@pytest.mark.parametrize("radius", [1.1, 1.3])
def test_surface_at_the_end_of_the_box(radius: float, resolution: int) -> None:
    """A radius of 1.1 leaves six round holes; of 1.3 they all but meet."""
    code = ball(radius)
    opened = extract_mesh(code, resolution, device="cpu", closed=False)
    closed = extract_mesh(code, resolution, device="cpu", closed=True)
    assert opened.cut_off
    assert closed.cut_off
    assert open_edges(opened.faces) > 100
    assert open_edges(closed.faces) == 0
    a, b, c = closed.faces.T
    assert ((a != b) & (b != c) & (c != a)).all()
    assert np.abs(closed.vertices).max() == 1
    # The whole lattice in an empty shell, which is then pressed flat.
    ticks = np.linspace(-1, 1, resolution, dtype=np.float32)
    points = np.stack(np.meshgrid(ticks, ticks, ticks, indexing="ij"), axis=-1).reshape(-1, 3)
    values = density_at(code, points).reshape((resolution,) * 3) - 25
    vertices, faces = mcubes.marching_cubes(np.pad(values, 1, constant_values=-1e9), 0.0)
    vertices = (vertices - 1).clip(0, resolution - 1) * 2 / (resolution - 1) - 1
    expected = signed_volume(vertices, faces.astype(np.int64))
    assert signed_volume(closed.vertices, closed.faces) == pytest.approx(expected, rel=1e-5)
    assert len(np.unique(vertices.round(5), axis=0)) == len(closed.vertices)


def test_surface_at_the_corners_of_the_box() -> None:
    """Nearly a cube: the lattice's corners and edges are closed too."""
    mesh = extract_mesh(ball(1.6), 40, device="cpu")
    assert open_edges(mesh.faces) == 0
    assert signed_volume(mesh.vertices, mesh.faces) == pytest.approx(8, rel=0.05)


def test_surface_within_the_box_is_not_cut_off() -> None:
    for closed in (False, True):
        mesh = extract_mesh(ball(0.6), 40, device="cpu", closed=closed)
        assert not mesh.cut_off
        assert open_edges(mesh.faces) == 0


def constant_code(raw_density: float) -> SceneCode:
    planes = np.zeros((3, 2, 4, 4), np.float32)
    first = (np.zeros((8, 6), np.float32), np.zeros(8, np.float32))
    last = (np.zeros((4, 8), np.float32), np.array([raw_density, 0, 0, 0], np.float32))
    return SceneCode(planes, (first, last))


def test_density_that_never_crosses_the_threshold() -> None:
    with pytest.raises(EmptySurfaceError, match="Lower the density"):
        extract_mesh(constant_code(-5.0), 16, device="cpu")
    with pytest.raises(EmptySurfaceError, match="Raise the density"):
        extract_mesh(constant_code(500.0), 16, device="cpu")


@pytest.mark.parametrize(
    ("resolution", "threshold"), [(8, 25), (2000, 25), (64, 0), (64, -1), (64, float("nan"))]
)
def test_settings_out_of_range(robot: SceneCode, resolution: int, threshold: float) -> None:
    with pytest.raises(InputError, match="Choose a value from"):
        extract_mesh(robot, resolution, threshold)


def test_ticks_rise_and_can_leave_at_any_step(robot: SceneCode) -> None:
    seen: list[tuple[str, float]] = []
    extract_mesh(robot, 190, tick=lambda *event: seen.append(event), device="cpu")
    assert len(seen) > 50
    assert [stage for stage, _ in seen] == sorted((stage for stage, _ in seen), reverse=True)
    for stage in ("extract", "color"):
        fractions = [fraction for name, fraction in seen if name == stage]
        assert fractions == sorted(fractions)
        assert fractions[-1] == 1.0

    class LeaveError(Exception):
        pass

    for stop_at in range(0, len(seen), 9):
        count = iter(range(len(seen)))

        def tick(stage: str, fraction: float, stop_at=stop_at, count=count) -> None:
            if next(count) == stop_at:
                raise LeaveError

        with pytest.raises(LeaveError):
            extract_mesh(replace(robot), 190, tick=tick, device="cpu")


MEASURE = """
import resource, sys
from triposr.inference import SceneCode, extract_mesh
code = SceneCode.load(sys.argv[1])
extract_mesh(code, 32, device="cpu")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
extract_mesh(code, 160, device="cpu")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_memory_does_not_hold_the_lattice_features() -> None:
    """160³ points have 1 GB of first-layer features and 16 MB of densities."""
    scene = Path(__file__).parent.parent / "data/scene/scene.safetensors"
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(scene)], capture_output=True, text=True, check=True
    )
    unit = 1 if sys.platform == "darwin" else 1024
    assert int(done.stdout) * unit < 250_000_000


def test_scene_code_round_trip(robot: SceneCode, tmp_path: Path) -> None:
    path = tmp_path / "robot.safetensors"
    robot.save(path)
    again = SceneCode.load(path)
    assert np.array_equal(again.planes, robot.planes)
    assert all(
        np.array_equal(a, b)
        for x, y in zip(again.layers, robot.layers, strict=True)
        for a, b in zip(x, y, strict=True)
    )
    assert (again.radius, again.density_bias) == (robot.radius, robot.density_bias)
    assert list(tmp_path.iterdir()) == [path]


def test_scene_code_keys_are_the_golden_ones(robot: SceneCode, tmp_path: Path) -> None:
    from safetensors import safe_open

    robot.save(tmp_path / "a.safetensors")
    golden = Path(__file__).parent.parent / "data/scene/scene.safetensors"
    keys = []
    for path in (tmp_path / "a.safetensors", golden):
        with safe_open(path, framework="numpy") as file:
            keys.append(sorted(file.keys()))
    assert keys[0] == keys[1]


def test_the_same_scene_code_has_the_same_bytes(robot: SceneCode) -> None:
    """Objects that were made alike are recognized by what they keep."""
    assert len({robot.to_bytes(half=True) for _ in range(8)}) == 1


def old_bytes(code: SceneCode) -> bytes:
    """As objects of older files keep a scene code."""
    tensors = {"box": np.array([code.radius, code.density_bias])}
    tensors["planes"] = code.planes.astype(np.float16)
    for number, (weight, bias) in enumerate(code.layers):
        tensors[f"weight{number}"], tensors[f"bias{number}"] = weight, bias
    return bytes(safetensors.numpy.save(tensors))


def old_file(code: SceneCode) -> bytes:
    """As `save` wrote a scene code before."""
    tensors = safetensors.numpy.load(code.to_bytes())
    metadata = {"radius": repr(code.radius), "density_bias": repr(code.density_bias)}
    return bytes(safetensors.numpy.save(tensors, metadata))


@pytest.mark.parametrize("written", [SceneCode.to_bytes, old_bytes, old_file])
def test_older_scene_codes_are_read(robot: SceneCode, written) -> None:
    code = dataclasses.replace(robot, radius=0.6, density_bias=-2.0)
    again = SceneCode.from_bytes(written(code))
    assert (again.radius, again.density_bias) == (0.6, -2.0)
    assert np.allclose(again.planes, code.planes, rtol=1e-3, atol=1e-6)
    assert np.array_equal(again.layers[-1][0], code.layers[-1][0])


@pytest.mark.parametrize(
    "damage",
    [
        {"planes": np.zeros((2, 2, 4, 4), np.float32)},
        {"planes": np.full((3, 2, 4, 4), np.nan, np.float32)},
        {"planes": np.zeros((3, 0, 4, 4), np.float32)},
        {"layers": ()},
        {"layers": constant_code(0.0).layers[:1]},
        {"layers": constant_code(0.0).layers[::-1]},
        {"radius": 0.0},
        {"radius": float("nan")},
        {"density_bias": float("inf")},
    ],
)
def test_scene_code_that_does_not_fit_together(damage: dict) -> None:
    from triposr.inference import ModelFilesError

    with pytest.raises(ModelFilesError, match="not a scene code"):
        dataclasses.replace(constant_code(0.0), **damage)


@pytest.mark.parametrize("content", [b"", b"<html>", b"\x00" * 64])
def test_scene_code_of_something_else(tmp_path: Path, content: bytes) -> None:
    from triposr.inference import ModelFilesError

    path = tmp_path / "wrong.safetensors"
    path.write_bytes(content)
    with pytest.raises(ModelFilesError, match="not a scene code"):
        SceneCode.load(path)
    with pytest.raises(ModelFilesError):
        SceneCode.load(tmp_path / "missing.safetensors")


def test_points_of_another_shape(robot: SceneCode) -> None:
    with pytest.raises(InputError, match="shape"):
        density_at(robot, np.zeros((3, 2)))
    assert color_at(robot, np.zeros((0, 3))).shape == (0, 3)
