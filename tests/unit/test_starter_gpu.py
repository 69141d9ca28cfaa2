"""The training in calls of a few minutes, for a machine with a GPU: a dry run on the CPU."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import trimesh

from batches import HELD_OUT
from dataset import FIELDS, make_sample
from triposr.inference import load_model

ROOT = Path(__file__).resolve().parents[2]
SEED = 50_000_000


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    """Settings with numbers as small as they may be; nearly all samples are there already."""
    samples = [make_sample(SEED + number) for number in range(2)]
    copies = [samples[number % 2] for number in range(HELD_OUT + 4)]
    shard = {name: np.stack([getattr(s, name) for s in copies]) for name in FIELDS}
    work = tmp_path / "work"
    for kind in ("generated", "real"):
        (work / kind).mkdir(parents=True)
        np.savez(work / kind / "00000.npz", **shard)
    meshes, scans = tmp_path / "meshes", tmp_path / "scans"
    for folder in (meshes, scans):
        folder.mkdir()
    for number in range(17):  # 16 of them are held out, with 16 views each
        trimesh.creation.icosphere(2).export(meshes / f"ball{number}.glb")
    files = [{"path": str(path), "problem": ""} for path in sorted(meshes.iterdir())]
    (work / "real" / "files.json").write_text(json.dumps(files))
    trimesh.creation.icosphere(2).export(scans / "ball.glb")
    return os.environ | {
        "PYTHON": sys.executable,
        "WORK": str(work),
        "MESHES": str(meshes),
        "SCANS": str(scans),
        "FIRST": "0",
        "OBJECTS": "250",
        "VIEWS": "16",
        "STEPS": "2",
        "BATCH": "2",
        "POINTS": "64",
        "RAYS": "8",
        "DEVICE": "cpu",
        "CALIBRATED": "1",
        "EVALUATED": "1",
        "TORCHDYNAMO_DISABLE": "1",  # Compiling takes a minute.
        "OMP_WAIT_POLICY": "PASSIVE",
    }


def call(out: Path, settings: dict[str, str]) -> str:
    command = ["tools/starter/on_gpu.sh", str(out)]
    done = subprocess.run(
        command, cwd=ROOT, env=settings, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_calls_continue_each_other_also_on_another_machine(
    tmp_path: Path, settings: dict[str, str]
) -> None:
    out = tmp_path / "out"
    said = call(out, settings | {"BUDGET": "55"})  # too few to train for more than a step
    assert "time is up while training; the next call continues" in said
    parts = sorted(out.glob("checkpoint.part.*"))
    assert len(parts) > 1
    assert max(part.stat().st_size for part in parts) <= 16e6
    (Path(settings["WORK"]) / "checkpoint.pt").unlink()  # as on another machine
    said = call(out, settings | {"BUDGET": "1800"})
    assert "step 1 of 2" in said
    assert "on_gpu: done" in said
    assert load_model(out / "model", device="cpu").network
    assert "1 objects" in (out / "generated" / "report.md").read_text()
    assert "1 objects" in (out / "real" / "report.md").read_text()
    assert max(path.stat().st_size for path in out.rglob("*")) <= 16e6


def test_a_damaged_checkpoint_is_not_continued(tmp_path: Path, settings: dict[str, str]) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "checkpoint.part.aa").write_bytes(b"damaged")
    (out / "checkpoint.sha256").write_text("0" * 64 + "  -\n")
    with pytest.raises(AssertionError, match="checksum"):
        call(out, settings | {"BUDGET": "300"})
