"""What is left out holds no surface: the mesh is that of the whole lattice."""

import gc
import itertools
import math
import weakref
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import mcubes
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from triposr.inference import SceneCode
from triposr.inference.errors import EmptySurfaceError
from triposr.inference.surface import extraction, recall
from triposr.inference.surface.extraction import find_surface
from triposr.inference.surface.field import Field, density_at
from triposr.inference.surface.grid import Grid
from triposr.inference.surface.leaves import Leaves, corners, halved
from triposr.inference.surface.narrow_band import find_band

SCENE = Path(__file__).parent.parent / "data" / "scene" / "scene.safetensors"
THRESHOLD = 25.0
RAW_THRESHOLD = math.log(THRESHOLD) + 1


def ignore(_: float) -> None:
    pass


def everywhere(field: Field, resolution: int) -> torch.Tensor:
    """The raw density at every point of the lattice."""
    with torch.inference_mode():
        return Grid(field, torch.linspace(-1, 1, resolution)).everywhere(ignore)


def dense(field: Field, raw: torch.Tensor, threshold: float) -> tuple[NDArray, NDArray]:
    """PyMCubes on all of the lattice."""
    with torch.inference_mode():
        values = field.activate_density(raw.clone()) - threshold  # in place
    return mcubes.marching_cubes(values.numpy(), 0.0)


@pytest.fixture(scope="module")
def fine() -> torch.Tensor:
    """The robot's raw density at 190³ points, which takes ten times as long as its surface."""
    return everywhere(Field(SceneCode.load(SCENE)), 190)


def assert_like_dense(
    code: SceneCode,
    resolution: int,
    threshold: float = THRESHOLD,
    raw: torch.Tensor | None = None,
) -> int:
    """The surface is that of the whole lattice, of a scene code that nothing is known of and of one
    that was extracted at another threshold before.

    Returns the number of vertices.
    """
    field = Field(code)
    raw = everywhere(field, resolution) if raw is None else raw
    expected, expected_faces = dense(field, raw, threshold)
    for before in ((), (2 * threshold, threshold / 2)):
        field = Field(replace(code))
        for other in before:
            with torch.inference_mode(), suppress(EmptySurfaceError):
                find_surface(field, resolution, other, ignore, closed=False)
        if not len(expected_faces):
            with torch.inference_mode(), pytest.raises(EmptySurfaceError):
                find_surface(field, resolution, threshold, ignore, closed=False)
            continue
        with torch.inference_mode():
            vertices, faces = find_surface(field, resolution, threshold, ignore, closed=False)
        assert len(vertices) == len(expected)
        assert len(faces) == len(expected_faces)
        for one, other in ((vertices, expected), (expected, vertices)):
            apart, _ = cKDTree(one).query(other)
            assert apart.max() < 1e-4 * (resolution - 1)
    return len(expected)


def code_of(planes: NDArray, offset: float, sharpness: float = 1.0) -> SceneCode:
    """A code whose raw density is all but the sum of its planes' only channel, less an offset."""
    # SiLU is all but linear far from zero.
    first = (np.full((1, 3), sharpness, np.float32), np.full(1, 60, np.float32))
    last = (np.zeros((4, 1), np.float32), np.zeros(4, np.float32))
    last[0][0], last[1][0] = 1, -60 - offset
    return SceneCode(planes.astype(np.float32), (first, last))


def coordinates(texels: int) -> NDArray:
    return (2 * np.arange(texels) + 1) / texels - 1


def test_real_object(robot: SceneCode, fine: torch.Tensor) -> None:
    assert assert_like_dense(robot, 64) > 3000
    assert assert_like_dense(robot, 190, raw=fine) > 3000


@given(
    at=st.tuples(st.integers(0, 15), st.integers(0, 15)),
    plane=st.integers(0, 2),
    height=st.floats(0.05, 20),
    resolution=st.integers(20, 90),
)
@settings(max_examples=30, deadline=None)
def test_wire_as_thin_as_a_texel(at, plane: int, height: float, resolution: int) -> None:
    planes = np.zeros((3, 1, 16, 16))
    planes[plane, 0, at[1], at[0]] = 10 + height
    assert_like_dense(code_of(planes, 10 - RAW_THRESHOLD), resolution)


@given(
    at=st.integers(0, 15),
    plane=st.integers(0, 2),
    height=st.floats(0.05, 20),
    resolution=st.integers(20, 90),
)
@settings(max_examples=30, deadline=None)
def test_sheet_as_thin_as_a_texel(at: int, plane: int, height: float, resolution: int) -> None:
    planes = np.zeros((3, 1, 16, 16))
    planes[plane, 0, :, at] = 10 + height
    assert_like_dense(code_of(planes, 10 - RAW_THRESHOLD), resolution)


@given(
    places=st.lists(st.tuples(*[st.integers(0, 15)] * 3), min_size=1, max_size=5),
    resolution=st.integers(20, 90),
)
@settings(max_examples=30, deadline=None)
def test_separate_blobs_of_a_texel(places, resolution: int) -> None:
    planes = np.zeros((3, 1, 16, 16))
    for x, y, z in places:
        planes[0, 0, y, x] = planes[1, 0, z, x] = planes[2, 0, z, y] = 10
    assert_like_dense(code_of(planes, 25 - RAW_THRESHOLD), resolution)


@pytest.mark.parametrize("resolution", [40, 77, 128])
@pytest.mark.parametrize("radius", [0.2, 0.7, 1.3])
def test_ball_that_may_leave_the_box(radius: float, resolution: int) -> None:
    squares = coordinates(24) ** 2
    planes = -(squares[:, None] + squares[None]) / 2
    planes = 10 * np.stack([planes] * 3)[:, None]
    code = code_of(planes, -10 * radius**2 - RAW_THRESHOLD)
    assert assert_like_dense(code, resolution) > 100


@pytest.mark.parametrize("resolution", [64, 100])
def test_nested_shells(resolution: int) -> None:
    """The decoder makes waves of the distance: shells about a texel thick."""
    squares = coordinates(32) ** 2
    planes = np.stack([(squares[:, None] + squares[None]) / 2] * 3)[:, None].astype(np.float32)
    borders = np.array([0.1, 0.2, 0.3, 0.45, 0.6, 0.8]) ** 2
    sharpness = 400.0
    first = (
        np.full((len(borders), 3), sharpness, np.float32),
        (-sharpness * borders).astype(np.float32),
    )
    last = (np.zeros((4, len(borders)), np.float32), np.zeros(4, np.float32))
    # Slopes of +1 and -1 in turn: up and down again.
    last[0][0] = [1, -2, 2, -2, 2, -1]
    last[1][0] = RAW_THRESHOLD - 5
    assert assert_like_dense(SceneCode(planes, (first, last)), resolution) > 1000


@given(
    seed=st.integers(0, 2**32 - 1),
    texels=st.integers(2, 16),
    layers=st.integers(1, 4),
    gain=st.floats(1, 3),
    smooth=st.booleans(),
    resolution=st.integers(16, 56),
)
@settings(max_examples=60, deadline=None)
def test_random_scene_codes(
    seed: int, texels: int, layers: int, gain: float, smooth: bool, resolution: int
) -> None:
    rng = np.random.default_rng(seed)
    planes = rng.normal(size=(3, 4, texels, texels))
    if smooth:
        planes = np.cumsum(np.cumsum(planes, axis=2), axis=3) / texels
    widths = [12, *[16] * layers, 4]
    weights = tuple(
        (
            rng.normal(0, gain * math.sqrt(2 / inputs), (outputs, inputs)).astype(np.float32),
            rng.normal(0, 0.3, outputs).astype(np.float32),
        )
        for inputs, outputs in itertools.pairwise(widths)
    )
    code = SceneCode(planes.astype(np.float32), weights)
    # The threshold at a quantile of what there is, so that there is a surface.
    points = rng.uniform(-code.radius, code.radius, (500, 3))
    density = np.quantile(density_at(code, points), rng.uniform(0.05, 0.95))
    assert_like_dense(code, resolution, float(np.clip(density, 0.1, 10_000)))


def test_a_band_that_is_too_narrow_grows(monkeypatch, robot: SceneCode) -> None:
    """Only a corner of the surface is in the band: it is followed all around."""
    found = extraction.find_band

    def one_corner(*arguments):
        band = found(*arguments)
        narrow = torch.zeros_like(band.active)
        first = tuple(band.active.nonzero()[0].tolist())
        narrow[first] = True
        return type(band)(band.ticks, band.values, narrow)

    expected = dense(Field(robot), everywhere(Field(robot), 48), THRESHOLD)
    monkeypatch.setattr(extraction, "find_band", one_corner)
    with torch.inference_mode():
        vertices, faces = find_surface(Field(robot), 48, THRESHOLD, ignore, closed=False)
    assert (len(vertices), len(faces)) == tuple(map(len, expected))


def leaves_of(code: SceneCode, resolution: int) -> Leaves:
    field = Field(code)
    lattice = Grid(field, torch.linspace(-1, 1, resolution))
    leaves = Leaves(lattice, find_band(field, RAW_THRESHOLD, ignore), RAW_THRESHOLD, False)
    assert leaves.evaluate(ignore)
    return leaves


def test_few_points_are_evaluated(robot: SceneCode) -> None:
    """At 96³ the surface crosses edges of 14,000 points."""
    with torch.inference_mode():
        leaves = leaves_of(robot, 96)
    assert 14_000 < leaves.known.sum() < 0.12 * 96**3


@pytest.mark.parametrize("resolution", [47, 190])
def test_evaluated_points_are_those_of_the_lattice(
    robot: SceneCode, fine: torch.Tensor, resolution: int
) -> None:
    """At 190³ leaves are refined from every second point on."""
    raw = fine if resolution == 190 else everywhere(Field(robot), resolution)
    with torch.inference_mode():
        leaves = leaves_of(robot, resolution)
        end = 16 * math.ceil(resolution / 16)
        padded = torch.nn.functional.pad(raw - RAW_THRESHOLD, [0, end - resolution] * 3)
        assert leaves.known.any()
        for first, values, known in zip(leaves.first, leaves.values, leaves.known, strict=True):
            x, y, z = (slice(at, at + 16) for at in first.tolist())
            expected = padded[x, y, z]
            assert torch.allclose(values[known], expected[known], atol=1e-4)
            there = (expected != 0) & (expected.abs() > 1e-4)
            assert ((values > 0) == (expected > 0))[there].all()


def test_one_can_leave_between_some_leaves(monkeypatch, robot: SceneCode) -> None:
    monkeypatch.setattr("triposr.inference.surface.leaves.AT_A_TIME", 8)
    field = Field(robot)
    lattice = Grid(field, torch.linspace(-1, 1, 190))
    band = find_band(field, RAW_THRESHOLD, ignore)
    leaves = Leaves(lattice, band, RAW_THRESHOLD, False)
    parts = math.ceil(len(leaves.first) / 8)
    for work in (leaves._refine, leaves._unknown_ends):
        seen: list[float] = []
        work(seen.append)
        assert len(seen) == parts > 10


def test_parts_of_the_leaves_fit_together(monkeypatch, robot: SceneCode, fine) -> None:
    monkeypatch.setattr("triposr.inference.surface.leaves.AT_A_TIME", 8)
    assert_like_dense(robot, 190, raw=fine)


def test_another_threshold_evaluates_less(monkeypatch, robot: SceneCode) -> None:
    evaluated: list[int] = []
    at = Grid.at

    def counted(self: Grid, points: torch.Tensor, progress) -> torch.Tensor:
        evaluated.append(len(points))
        return at(self, points, progress)

    monkeypatch.setattr(Grid, "at", counted)
    counts = []
    for threshold in (THRESHOLD, THRESHOLD, 1.1 * THRESHOLD):
        evaluated.clear()
        extraction.extract_mesh(robot, 128, threshold, device="cpu")
        counts.append(sum(evaluated))
    assert counts[1] == 0
    assert 0 < counts[2] < 0.1 * counts[0]
    evaluated.clear()
    extraction.extract_mesh(robot, 100, THRESHOLD, device="cpu")
    assert 0 < sum(evaluated) < counts[0] - robot.planes.shape[-1] ** 3


def test_a_coarse_and_a_fine_lattice_are_kept_and_no_large_one(monkeypatch, robot) -> None:
    kept = Field(robot).recall.lattices
    kept.clear()
    for resolution in (64, 96, 128):
        extraction.extract_mesh(robot, resolution, THRESHOLD, device="cpu")
    assert list(kept) == [96, 128]
    extraction.extract_mesh(robot, 96, THRESHOLD, device="cpu")
    assert list(kept) == [128, 96]
    monkeypatch.setattr("triposr.inference.surface.leaves.KEPT", 3)
    extraction.extract_mesh(robot, 160, THRESHOLD, device="cpu")
    assert list(kept) == [128, 96]


def test_what_is_kept_goes_with_the_scene_code(robot: SceneCode) -> None:
    recalled = weakref.ref(Field(robot).recall)
    copied = replace(robot)
    Field(copied)
    del copied
    gc.collect()
    assert len(recall._kept) == 1 and recalled() is not None


def test_neighbors_layers(robot: SceneCode) -> None:
    leaves = leaves_of(robot, 64)
    step = torch.arange(16)
    x, y, z = (leaves.first[:, axis, None] + step for axis in range(3))
    numbers = x[:, :, None, None] * 10_000 + y[:, None, :, None] * 100 + z[:, None, None, :]
    full = leaves.with_neighbors(numbers, slice(None))
    places = {tuple(first) for first in leaves.first.tolist()}
    found = 0
    for first, block in zip(leaves.first.tolist(), full, strict=True):
        for side in itertools.product((0, 1), repeat=3):
            i, j, k = (16 * s for s in side)
            beyond = tuple(at + 16 * s for at, s in zip(first, side, strict=True))
            if beyond in places:
                found += 1
                assert block[i, j, k] == beyond[0] * 10_000 + beyond[1] * 100 + beyond[2]
    assert found > 2 * len(places)


def test_halved_values_are_means() -> None:
    values = torch.arange(27, dtype=torch.float32).view(1, 3, 3, 3)
    fine = halved(values)
    assert fine.shape == (1, 5, 5, 5)
    assert torch.equal(fine[:, ::2, ::2, ::2], values)
    assert fine[0, 1, 0, 0] == (values[0, 0, 0, 0] + values[0, 1, 0, 0]) / 2
    assert fine[0, 1, 3, 1] == values[0, :2, 1:, :2].mean()


def test_corners_of_halved_cells() -> None:
    cells = torch.zeros(1, 3, 3, 3, dtype=torch.bool)
    cells[0, 1, 0, 2] = True
    points = corners(cells)
    assert points.shape == (1, 7, 7, 7)
    assert points.sum() == 27
    assert points[0, 2:5, 0:3, 4:7].all()
