"""`make bench` compares with the published method and reports its measurements."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.spatial import cKDTree

import bench
import measure
import published
import stages
from triposr.inference import SceneCode, extract_mesh

SCENE = Path(__file__).parent.parent / "data" / "scene"


def test_baseline_is_the_published_mesh(robot: SceneCode) -> None:
    mesh = published.extract(robot, 64, 25.0, "cpu")
    with np.load(SCENE / "golden.npz") as golden:
        vertices, colors = golden["mesh64_vertices"], golden["mesh64_colors"]
        assert mesh.faces.shape == golden["mesh64_faces"].shape
    apart, nearest = cKDTree(mesh.vertices).query(vertices)
    assert len(mesh.vertices) == len(vertices)
    assert apart.max() < 1e-4
    assert np.abs(mesh.colors[nearest] - colors).mean() < 1 / 255


def test_ours_is_faster_with_the_same_mesh() -> None:
    rows = [
        {"device": "cpu", "scene": "robot", "way": way, "resolution": 96}
        | measure.extract(str(SCENE / "scene.safetensors"), way, 96, "cpu", repeats=1)
        for way in ("published", "ours")
    ]
    bench.check_meshes(rows)
    [(theirs, ours)] = bench.pairs(rows)
    assert theirs["seconds"] > 2 * ours["seconds"]


def test_meshes_that_differ_are_no_result(robot: SceneCode) -> None:
    alike = {"device": "cpu", "scene": "robot", "resolution": 96, "faces": 4, "vertices": 4}
    with pytest.raises(RuntimeError, match="differ"):
        bench.check_meshes([{**alike, "way": "published"}, {**alike, "way": "ours", "vertices": 5}])


def test_every_stage_takes_some_of_the_time(robot: SceneCode) -> None:
    found = stages.stages(robot, 64, 25.0, "cpu")
    assert min(found["seconds"].values()) > 0
    assert 66**3 < found["points"] < 66**3 + 64**3  # all texels, and a part of the lattice
    assert 0 < found["limit_seconds"] < found["total_seconds"]


def test_report_and_plot(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(bench, "scene", lambda name: SCENE / "scene.safetensors")
    rows = bench.extractions(["chair"], [32, 48], "cpu")
    assert {row["vertices"] for row in rows if row["resolution"] == 48} == {
        len(extract_mesh(SceneCode.load(SCENE / "scene.safetensors"), 48, device="cpu").vertices)
    }
    network = {"load_seconds": 1.0, "encode_seconds": 20.0, "dtype": "float32"}
    network |= {"peak_mb": 1900.0, "weights_mb": 1700.0}
    results = {
        "machine": bench.machine(),
        "extraction": rows,
        "threshold": {"cpu": {"seconds": 0.5}},
        "stages": {"cpu": measure.stages(str(SCENE / "scene.safetensors"), 48, "cpu")},
        "network": [{"device": "cpu", "precision": "auto", **network}],
        "blender": {
            **{"blender": "4.5.0", "vertices": 100_000},
            **{"mesh_seconds": 0.02, "enable_seconds": 0.05},
            "texture_seconds": {"1024": 3.0, "2048": 8.0},
        },
    }
    text = bench.report(json.loads(json.dumps(results)) | {"extraction": rows})
    assert "| chair, cpu | 48 |" in text
    assert "| 1.12 |" in text
    assert "| where the time goes at 48, cpu | seconds |" in text
    assert "| 20 ms |" in text
    assert "2048², 20,000 faces of a robot | 8.0 s |" in text
    bench.plot(results, tmp_path / "plot.png")
    with Image.open(tmp_path / "plot.png") as plot:
        drawn = np.asarray(plot.convert("RGB"))
    assert (drawn == (0xE8, 0x7D, 0x0D)).all(axis=-1).sum() > 400, (
        "ours is drawn; the legend has 100"
    )
