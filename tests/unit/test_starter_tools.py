"""Measuring the starter model: meshes overlay solids, and the figures separate good from bad."""

import dataclasses
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import mcubes
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import evaluate
import figures
import raster
import views
from dataset import HALF_BOX
from figures import Case, Figures, SolidTruth, iou, measure, silhouette_iou
from long_runs import is_reported, write_report
from maker import rotation
from objects import normalized
from primitives import BOX, CAPSULE, ELLIPSOID
from solids import Part, Solid
from triposr.inference import MeshData, SceneCode
from triposr.inference.model.weights import STARTER_FOLDER
from views import Camera, Light

ASIDE = Camera(azimuth=50, elevation=25, fov=45)


def lopsided(yaw: float = 0.0) -> Solid:
    """A red ball with a blue arm toward +Y and a green one up and toward +X: no two sides alike."""
    parts = [
        Part(ELLIPSOID, (0.4, 0.3, 0.3), color=(0.8, 0.1, 0.1)),
        Part(CAPSULE, (0.1, 0.1, 0.7), axes=rotation(0, -90), color=(0.1, 0.1, 0.8)),
        Part(CAPSULE, (0.15, 0.1, 0.5), axes=rotation(1, 50), color=(0.1, 0.7, 0.1)),
    ]
    return Solid.pack("lopsided", normalized([part.turned(rotation(2, yaw)) for part in parts]))


def mesh_of(solid: Solid, resolution: int = 96) -> MeshData:
    ticks = np.linspace(-HALF_BOX, HALF_BOX, resolution)
    lattice = np.stack(np.meshgrid(ticks, ticks, ticks, indexing="ij"), axis=-1).reshape(-1, 3)
    values = -solid.distance(lattice).reshape((resolution,) * 3)
    vertices, faces = mcubes.marching_cubes(values, 0.0)
    vertices = (vertices * (2 / (resolution - 1)) - 1) * HALF_BOX
    return MeshData(vertices.astype(np.float32), faces.astype(np.int32), solid.color(vertices))


def mirrored(mesh: MeshData, axis: int) -> MeshData:
    signs = np.where(np.arange(3) == axis, -1, 1).astype(np.float32)
    return MeshData(mesh.vertices * signs, mesh.faces[:, ::-1], mesh.colors)


@pytest.fixture(scope="module")
def solid() -> Solid:
    return lopsided()


@pytest.fixture(scope="module")
def mesh(solid: Solid) -> MeshData:
    return mesh_of(solid)


@pytest.mark.parametrize("camera", [ASIDE, Camera(200, 5, 30), Camera(-70, -20, 55)])
@pytest.mark.parametrize("whole", [True, False])
def test_mesh_overlays_its_solid(solid: Solid, mesh: MeshData, camera: Camera, whole: bool) -> None:
    window = views.WHOLE if whole else camera.window(solid)
    truth = views.render(solid, camera, Light(), 128, window).mask
    assert iou(truth, raster.silhouette(mesh, camera, 128, window)) > 0.97


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_mirrored_mesh_does_not_overlay(solid: Solid, mesh: MeshData, axis: int) -> None:
    truth = views.render(solid, ASIDE, Light(), 128).mask
    assert iou(truth, raster.silhouette(mirrored(mesh, axis), ASIDE, 128)) < 0.85


def test_picture_shows_the_same_points_and_colors(solid: Solid, mesh: MeshData) -> None:
    light = Light(direction=(0.8, 0.36, 0.48), strength=0.8, ambient=0.1)
    window = ASIDE.window(solid)
    truth = views.render(solid, ASIDE, light, 128, window)
    result = raster.render(mesh, ASIDE, light, 128, window)
    both = truth.mask & result.mask
    apart = np.linalg.norm(truth.positions[both] - result.positions[both], axis=-1)
    assert np.percentile(apart, 95) < 0.01
    difference = np.abs(truth.rgba[both].astype(int) - result.rgba[both])
    assert difference.mean() < 6
    assert np.isnan(result.positions[~result.mask]).all()


def test_nearer_face_hides_the_farther_whatever_their_order() -> None:
    near, far = ([[x, -0.4, -0.4], [x, 0.5, -0.4], [x, -0.4, 0.5]] for x in (0.3, -0.3))
    vertices = np.array([*near, *far], np.float32)
    colors = np.repeat(np.array([[1, 0, 0], [0, 0, 1]], np.float32), 3, axis=0)
    for order in ([[0, 1, 2], [3, 4, 5]], [[3, 4, 5], [0, 1, 2]]):
        mesh = MeshData(vertices, np.array(order, np.int32), colors)
        view = raster.render(mesh, Camera(elevation=0), Light(), 64)
        assert np.array_equal(view.rgba[35, 28] > 0, [True, False, False, True])


def test_empty_mesh_gives_an_empty_picture() -> None:
    nothing = np.zeros((0, 3), np.float32)
    empty = MeshData(nothing, nothing.astype(np.int32), nothing)
    assert not raster.render(empty, ASIDE, Light(), 32).mask.any()


class PerfectField:
    """The field of a scene code that knows the solid."""

    radius = HALF_BOX

    def __init__(self, solid: Solid) -> None:
        self.color = solid.color
        self.distance = solid.distance

    def density(self, points: NDArray) -> NDArray:
        return np.where(self.distance(points) < 0, 100.0, 0.0)


def case_of(truth: Solid, result: Solid) -> Case:
    return Case(7, SolidTruth(truth), ASIDE, Light(), PerfectField(result), mesh_of(result))


def test_perfect_result_has_perfect_figures(solid: Solid) -> None:
    perfect = measure(case_of(solid, solid))
    assert perfect.volume == 1
    assert min(perfect.input_view, perfect.unseen_views) > 0.97
    assert perfect.color == 0
    assert perfect.right_way_round
    assert not perfect.cut_off
    assert max(*perfect.mirrored, *perfect.turned) < 0.8


def test_turned_result_is_found_out(solid: Solid) -> None:
    turned = measure(case_of(solid, lopsided(yaw=-90)))
    assert turned.turned[0] > 0.98
    assert turned.volume < 0.8
    assert turned.unseen_views < 0.9
    assert turned.color > 0.05
    assert not turned.right_way_round


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_mirrored_result_is_found_out(solid: Solid, axis: int) -> None:
    signs = np.where(np.arange(3) == axis, -1, 1)
    right = case_of(solid, solid)
    field = SimpleNamespace(
        radius=HALF_BOX,
        density=lambda points: right.field.density(points * signs),
        color=lambda points: solid.color(points * signs),
    )
    wrong = measure(dataclasses.replace(right, field=field, mesh=mirrored(right.mesh, axis)))
    assert wrong.mirrored[axis] == 1
    assert wrong.volume < 0.9
    assert not wrong.right_way_round


def test_all_that_the_result_has_too_much_counts() -> None:
    """A bar, seen from its end, with a ball far beside it that is not in the truth."""
    bar = Part(BOX, (0.55, 0.06, 0.06, 0.02))
    ball = Part(ELLIPSOID, (0.15, 0.15, 0.15), center=np.array([0.0, 0.4, 0.0]))
    case = case_of(Solid.pack("bar", [bar]), Solid.pack("bar", [bar, ball]))
    assert silhouette_iou(case, Camera(0, 0, 40)) < 0.4


def test_result_that_the_box_cuts_off_is_counted(solid: Solid) -> None:
    case = case_of(solid, solid)
    mesh = dataclasses.replace(case.mesh, cut_off=True)
    assert measure(dataclasses.replace(case, mesh=mesh)).cut_off


def test_missing_surface_counts_as_nothing(robot: SceneCode) -> None:
    haze = dataclasses.replace(robot, planes=np.zeros_like(robot.planes))
    model = SimpleNamespace(encode=lambda rgb: haze, device="cpu")
    nothing = figures.evaluate_object(model, 5, "chair")
    assert nothing.empty
    assert nothing.volume == nothing.input_view == nothing.unseen_views == 0
    assert not nothing.right_way_round
    assert 0 < nothing.color < 1


def measured(count: int) -> list[Figures]:
    values = (0.5, 0.75, 0.625, 0.125, (0.25, 0.375, 0.4), (0.1, 0.2, 0.3))
    return [
        Figures(evaluate.FIRST_SEED + n, ("mug", "lamp")[n % 2], n == 1, n < 2, *values)
        for n in range(count)
    ]


def test_report_has_a_row_for_each_family_and_one_for_all() -> None:
    lines = evaluate.report(measured(3), "0123456789abcdef").splitlines()
    assert lines[0] == "Weights 0123456789abcdef, 3 objects of seeds 10000000 to 10000002."
    assert "| mug | 2 | 0.500 | 0.750 | 0.625 | 0.125 |" in lines
    assert "| lamp | 1 | 0.500 | 0.750 | 0.625 | 0.125 |" in lines
    assert "| **all** | 3 | 0.500 | 0.750 | 0.625 | 0.125 |" in lines
    assert "| 0.500 | 0.250 | 0.375 | 0.400 | 0.100 | 0.200 | 0.300 |" in lines
    assert "No surface at all: 1 of 3." in lines
    assert "Cut off by the end of the model's box: 2 of 3." in lines


def test_other_ways_that_fit_better_are_counted() -> None:
    turned = [dataclasses.replace(measured(1)[0], turned=(0.1, best, 0.3)) for best in (0.51, 0.6)]
    nothing = dataclasses.replace(measured(1)[0], volume=0.0, turned=(0, 0, 0), mirrored=(0, 0, 0))
    report = evaluate.report([*measured(2), *turned, nothing], "w")
    assert "As it is fits best for 2 of 5. For 1 others, another way is better by at" in report
    assert "at most 0.02, and for 1 by more." in report


def test_what_is_reported_is_not_measured_again(tmp_path: Path, monkeypatch, capsys) -> None:
    counts = []

    def evaluated(folder: Path, objects: int, processes: int, kept: Path | None) -> tuple:
        counts.append(objects)
        if kept:
            kept.touch()
        return measured(objects), Image.new("RGB", (8, 8))

    monkeypatch.setattr(evaluate, "evaluate", evaluated)
    model = tmp_path / "model"
    shutil.copytree(STARTER_FOLDER, model)
    for options, reported in (
        (["--objects", "2", "--resume"], "2 objects"),
        (["--objects", "2", "--resume"], "2 objects"),
        (["--objects", "2"], "2 objects"),
        (["--objects", "3", "--resume"], "3 objects"),
    ):
        arguments = ["evaluate.py", "--model", str(model), "--out", str(tmp_path), *options]
        monkeypatch.setattr(sys, "argv", arguments)
        evaluate.main()
        assert reported in capsys.readouterr().out
    assert counts == [2, 2, 3]
    weights = model / "model.safetensors"
    weights.write_bytes(weights.read_bytes() + b" ")  # Other weights are measured anew.
    evaluate.main()
    assert counts == [2, 2, 3, 3]
    assert not list(tmp_path.glob("*.jsonl"))


def test_a_report_is_there_only_with_its_own_figures(tmp_path: Path) -> None:
    """Else the next call would publish an old report beside a new sheet."""
    first, second = (Image.new("RGB", (8, 8), color) for color in ("red", "blue"))
    write_report(tmp_path, "first\n", [{"volume": 1.0}], first)
    assert is_reported(tmp_path, "first") and not is_reported(tmp_path, "second")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert set(before) == {"report.md", "figures.json", "sheet.png"}
    with pytest.raises(TypeError):
        write_report(tmp_path, "second\n", [{"volume": object()}], second)
    assert (tmp_path / "sheet.png").read_bytes() != before["sheet.png"]
    assert not is_reported(tmp_path, "")
    write_report(tmp_path, "second\n", [], second)
    assert is_reported(tmp_path, "second") and not list(tmp_path.glob("*.part"))


def test_publishing_fills_the_card_between_its_marks(tmp_path: Path) -> None:
    begin, end = evaluate.TABLES
    card = tmp_path / "README.md"
    card.write_text(f"Before ±\n{begin}old\n{end}After\n", encoding="utf-8")
    evaluate.publish("| new |\n", card, evaluate.TABLES)
    assert card.read_text(encoding="utf-8") == f"Before ±\n{begin}| new |\n{end}After\n"
