"""Measurement on meshes: shapes compared after alignment, and the report."""

import json
import shutil
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image
from trimesh.visual import TextureVisuals
from trimesh.visual.material import PBRMaterial

import compare
import evaluate
import real_evaluate
import shapes
from dataset import cell_centers
from figures import COMPARED_BOX
from maker import rotation
from mesh_files import UnusableMeshError, load_mesh
from mesh_objects import MeshObject, Placed
from shapes import compared, likeness, mesh_points
from sheet import BACKGROUND, GAP, MARGIN, TILE
from triposr.inference import MeshData, load_model
from triposr.inference.model.weights import STARTER_FOLDER
from views import Camera, Light

RNG = np.random.default_rng


def points_of(mesh: trimesh.Trimesh, count: int = 4000, seed: int = 0) -> np.ndarray:
    return mesh_points(np.asarray(mesh.vertices), np.asarray(mesh.faces), count, seed)


@pytest.fixture(scope="module")
def ell() -> trimesh.Trimesh:
    """An L with a bump: no turn of it looks like another."""
    return trimesh.util.concatenate(
        [
            trimesh.creation.box((1.0, 0.3, 0.3)),
            trimesh.creation.box((0.3, 0.3, 0.8)).apply_translation((0.5, 0, 0.4)),
            trimesh.creation.icosphere(2, radius=0.2).apply_translation((-0.5, 0.2, 0)),
        ]
    )


def test_equal_shapes_are_alike_wherever_they_are(ell: trimesh.Trimesh) -> None:
    one = points_of(ell)
    moved = 0.3 * points_of(ell, seed=1) @ rotation(2, 130).T + (1, 2, 3)
    same = likeness(one, moved)
    assert same.f_score > 0.99
    assert same.chamfer < 0.06  # what is left is the points' own spacing
    ball = points_of(trimesh.creation.icosphere(3))
    other = likeness(one, ball)
    assert other.f_score < 0.75 and other.chamfer > 0.2


def test_a_known_gap_has_its_distance() -> None:
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, 41)] * 2), axis=-1).reshape(-1, 2)
    low, high = (np.column_stack((grid, np.full(len(grid), z))) for z in (0.0, 0.08))
    there = compared(low, high)
    assert there.chamfer == pytest.approx(0.16)
    assert there.f_score == 1.0
    far = compared(low, high + np.array([0, 0, 0.1]))
    assert far.chamfer == pytest.approx(0.36) and far.f_score == 0.0
    half = compared(low, np.concatenate((low, high + np.array([0, 0, 0.5]))))
    assert half.f_score == pytest.approx(2 / 3)  # all is found, half of what was found is right


def test_mirrored_shapes_are_not_taken_for_equal(ell: trimesh.Trimesh) -> None:
    one = points_of(ell)
    mirrored = likeness(one, points_of(ell, seed=1) * (1, -1, 1))
    turned = likeness(one, points_of(ell, seed=1))
    assert mirrored.chamfer > turned.chamfer + 0.02


class PerfectField:
    """The field of a scene code that knows the object."""

    radius = 0.6

    def __init__(self, truth: real_evaluate.MeshTruth) -> None:
        self.color = truth.color
        self._truth = truth

    def density(self, points: np.ndarray) -> np.ndarray:
        return np.where(self._truth.occupied(points), 100.0, 0.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Scans to measure with: a ball, a box, and one that cannot be read."""
    folder = tmp_path_factory.mktemp("scans")
    trimesh.creation.icosphere(3).export(folder / "ball.glb")
    for name in ("one", "other"):  # as sets have them whose files are all named alike
        (folder / name).mkdir()
        trimesh.creation.box((0.6, 0.7, 0.8)).export(folder / name / "model.obj")
    (folder / "broken.glb").write_bytes(b"glTF")
    return folder


def test_a_perfect_result_has_perfect_figures(folder: Path) -> None:
    case = real_evaluate.case_from(
        load_model(STARTER_FOLDER, "cpu", "fp32"), folder / "ball.glb", "ball.glb"
    )
    assert case.truth.family == "ball.glb"
    assert case.truth.occupied(np.array([[0, 0, 0], [0.54, 0, 0], [0.56, 0, 0]])).tolist() == [
        True,
        True,
        False,
    ]
    perfect = replace(
        case,
        mesh=MeshData(
            case.truth.placed.vertices.astype(np.float32),
            case.truth.placed.thing.mesh.faces.astype(np.int32),
            np.ones_like(case.truth.placed.vertices, np.float32),
        ),
        field=PerfectField(case.truth),
    )
    figures = real_evaluate.measured(perfect)
    assert figures.figures.volume == 1.0
    assert figures.figures.input_view > 0.99 and figures.figures.unseen_views > 0.99
    assert figures.figures.color < 0.01
    assert figures.likeness.f_score > 0.99
    view = case.truth.render(Camera(), Light(), 64, case.truth.window(Camera()))
    assert 0.6 < view.mask.mean() < 0.8  # a disk in its square
    measured = real_evaluate.measured(case)
    # The starter model makes a ball of a ball.
    assert measured.figures.volume > 0.75
    assert measured.likeness.f_score > 0.9
    assert measured.figures.input_view > 0.85


def test_the_command_reports_on_a_folder(folder: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    folder = Path(shutil.copytree(folder, tmp_path / "scans"))
    arguments = [str(folder), "--out", str(tmp_path), "--processes", "1", "--resume"]
    monkeypatch.setattr(sys, "argv", ["real_evaluate.py", *arguments])
    monkeypatch.setattr(shapes, "TURNS", 2)
    monkeypatch.setattr(evaluate, "SHEET_COLUMNS", 1)
    real_evaluate.main()
    said = capsys.readouterr().out
    assert "left out: broken.glb: unreadable" in said
    report = (tmp_path / "report.md").read_text()
    assert ": 3 objects." in report and "one/model 0." in report
    assert "Left out: broken.glb (unreadable" in report
    assert "| F-score at 0.1 |" in report
    assert {"ball.glb", "one/model.obj", "other/model.obj"} == {
        each["figures"]["family"] for each in json.loads((tmp_path / "figures.json").read_text())
    }
    assert (tmp_path / "sheet.png").stat().st_size > 5000
    assert not list(tmp_path.glob("*.jsonl"))
    real_evaluate.main()
    assert "measured before" in capsys.readouterr().out
    shutil.rmtree(folder / "other")  # Other files are measured anew.
    real_evaluate.main()
    assert ": 2 objects." in (tmp_path / "report.md").read_text()
    monkeypatch.setattr(sys, "argv", ["real_evaluate.py", str(tmp_path / "none")])
    with pytest.raises(SystemExit, match="no GLB, glTF or OBJ"):
        real_evaluate.main()
    monkeypatch.setattr(sys, "argv", ["r", str(folder), "--model", str(tmp_path)])
    with pytest.raises(SystemExit, match=r"weights|model"):
        real_evaluate.main()
    assert not (real_evaluate.ROOT / "out" / "real" / tmp_path.name).exists()
    monkeypatch.setattr(sys, "argv", ["r", str(folder), "--model", str(tmp_path), "--publish"])
    with pytest.raises(SystemExit):
        real_evaluate.main()
    assert "the card is its own" in capsys.readouterr().err


def test_what_was_measured_is_not_measured_again(folder: Path, tmp_path: Path) -> None:
    model = load_model(STARTER_FOLDER, "cpu", "fp32")
    case = real_evaluate.case_from(model, folder / "ball.glb", "ball.glb")
    known = asdict(real_evaluate.measured(case)) | {"likeness": {"chamfer": 0.5, "f_score": 0.25}}
    kept = tmp_path / "kept.jsonl"
    kept.write_text(json.dumps(["ball.glb", known]) + "\n")
    paths = [folder / "ball.glb", folder / "broken.glb"]
    found, problems, _ = real_evaluate.evaluate_all(STARTER_FOLDER, folder, paths, 1, kept)
    assert [one.likeness.chamfer for one in found] == [0.5]
    assert problems.keys() == {"broken.glb"}
    assert len(kept.read_text().splitlines()) == 2


def test_what_cannot_be_pictured_or_seen_through_is_left_out(tmp_path: Path) -> None:
    model = load_model(STARTER_FOLDER, "cpu", "fp32")
    flat = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], float)
    faces = [[0, 1, 2], [0, 2, 3]]
    glass = PBRMaterial(baseColorFactor=[255, 0, 0, 20], alphaMode="BLEND")
    visual = TextureVisuals(uv=flat[:, :2], material=glass)
    trimesh.Trimesh(flat, faces, visual=visual, process=False).export(tmp_path / "glass.glb")
    with pytest.raises(UnusableMeshError, match="transparent"):
        real_evaluate.case_from(model, tmp_path / "glass.glb", "glass.glb")
    trimesh.Trimesh(flat[:, [0, 2, 1]], faces, process=False).export(tmp_path / "floor.glb")
    fixed = Camera(0.0, 0.0, 40.0)  # which sees the floor on its edge
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(real_evaluate, "random_camera", lambda rng: fixed)
        with pytest.raises(UnusableMeshError, match="nothing to see"):
            real_evaluate.case_from(model, tmp_path / "floor.glb", "floor.glb")


@pytest.mark.parametrize("axis", range(3))
def test_sheets_have_a_volume_to_compare(tmp_path: Path, axis: int) -> None:
    """Whichever way they lie: the lattice has no layer at 0."""
    points = np.insert(np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], float), axis, 0, axis=1)
    trimesh.Trimesh(points, [[0, 1, 2], [0, 2, 3]], process=False).export(tmp_path / "a.glb")
    placed = Placed.turned(MeshObject(load_mesh(tmp_path / "a.glb")), 0.0)
    truth = real_evaluate.MeshTruth("a.glb", placed)
    centers = cell_centers(real_evaluate.CELLS, COMPARED_BOX)
    assert truth.occupied(centers).sum() * (2 * COMPARED_BOX / real_evaluate.CELLS) ** 3 > 0.01


def test_models_are_compared_on_pictures(tmp_path: Path, monkeypatch) -> None:
    picture, sheet = Path(__file__).parents[1] / "data" / "mug.png", tmp_path / "sheet.png"
    models = ["--models", str(STARTER_FOLDER), str(STARTER_FOLDER)]
    monkeypatch.setattr(sys, "argv", ["compare.py", str(picture), *models, "--out", str(sheet)])
    compare.main()
    tiles = np.asarray(Image.open(sheet).convert("RGB"))[GAP:, MARGIN : MARGIN + TILE]
    rows = [tiles[row * (TILE + GAP) :][:TILE] for row in range(5)]
    assert (rows[1] == rows[3]).all() and (rows[2] == rows[4]).all()
    for row in rows[1:]:
        shown = (row != BACKGROUND).any(axis=-1).mean()
        assert 0.1 < shown < 0.9
    monkeypatch.setattr(sys, "argv", ["c", "none.png", *models, "--out", str(sheet)])
    with pytest.raises(SystemExit, match=r"none\.png"):
        compare.main()
