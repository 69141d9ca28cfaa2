"""The training in calls of a few minutes, for a machine with a GPU: what each call does next.

One test is a dry run on the CPU; in the others, a stub stands for Python.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import trimesh

from batches import HELD_OUT
from dataset import FIELDS, make_sample
from train import CONTINUE
from triposr.inference import load_model

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = str(ROOT / "tools" / "starter" / "on_gpu.sh")
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
    files = [
        {"folder": 0, "path": path.name, "problem": "", "shape": []}
        for path in sorted(meshes.iterdir())
    ]
    given = {"folders": [f"{tmp_path.name}/meshes"], "leave_out": "", "views": 16}
    kept = {"settings": given, "files": files}
    (work / "real" / "files.json").write_text(json.dumps(kept))
    trimesh.creation.icosphere(2).export(scans / "ball.glb")
    return os.environ | {
        "PYTHON": sys.executable,
        "WORK": str(work),
        "GENERATED": str(work / "generated"),
        "REAL": str(work / "real"),
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


def call(
    out: Path | str, settings: dict[str, str], status: int, where: Path = ROOT
) -> tuple[str, str]:
    """Call the script, check its status, and return what it printed on stdout and stderr."""
    done = subprocess.run(
        [SCRIPT, str(out)], cwd=where, env=settings, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout, done.stderr


def test_calls_continue_each_other_also_on_another_machine(
    tmp_path: Path, settings: dict[str, str]
) -> None:
    out = tmp_path / "out"
    said, _ = call(out, settings | {"AT_MOST": "1", "BUDGET": "800"}, CONTINUE)
    assert "time is up while training; the next call continues" in said
    parts = sorted(out.glob("checkpoint-*/part.*"))
    assert len(parts) > 1
    assert sum(part.stat().st_size for part in parts) <= 64e6
    elsewhere = tmp_path / "copied"
    shutil.copytree(out, elsewhere)
    shutil.rmtree(out)
    said, _ = call(elsewhere, settings | {"BUDGET": "800"}, 0)
    assert "step 1 of 2" in said
    assert "on_gpu: done" in said
    assert load_model(elsewhere / "model", device="cpu").network
    assert "1 objects" in (elsewhere / "generated" / "report.md").read_text()
    assert "1 objects" in (elsewhere / "real" / "report.md").read_text()
    assert max(path.stat().st_size for path in elsewhere.rglob("*")) <= 16e6
    assert not list(elsewhere.rglob("*.jsonl"))


STUB = """#!{python}
import json, os, sys, time
from pathlib import Path
home = Path(__file__).parent
arguments = sys.argv[1:]
if arguments[0] == "-c":
    sys.exit(3)
name = Path(arguments[0]).stem
found = os.environ.get("PYTHONPATH", "").split(os.pathsep)[0]
linked = str((Path(found) / "triposr").resolve())
with (home / "calls").open("a") as file:
    options = dict(zip(arguments[1:], arguments[2:]))
    file.write(json.dumps([name, options, arguments, linked]) + "\\n")
def value(option):
    return Path(arguments[arguments.index(option) + 1])
if (home / (name + ".do")).exists():
    exec((home / (name + ".do")).read_text())
elif name == "export":
    value("--folder").mkdir(exist_ok=True)
elif name.endswith("evaluate"):
    value("--out").mkdir(exist_ok=True)
    (value("--out") / "report.md").write_text("Weights")
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with a stub of Python, in a path that is hard on scripts."""
    home = tmp_path / "a & b|c"
    (home / "temporary").mkdir(parents=True)
    stub = home / "python"
    stub.write_text(STUB.format(python=sys.executable))
    stub.chmod(0o755)
    return home


@pytest.fixture
def stubbed(home: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return kept | {"PYTHON": "./python", "WORK": "work", "TMPDIR": str(home / "temporary")}


def calls(home: Path) -> list[list]:
    return [json.loads(line) for line in (home / "calls").read_text().splitlines()]


def names(home: Path) -> list[str]:
    return [name for name, *_ in calls(home)]


def test_paths_are_those_of_the_caller(home: Path, stubbed: dict[str, str]) -> None:
    for name in ("one", "two", "scans"):
        (home / name).mkdir()
    stubbed |= {"MESHES": "one::two:", "SCANS": "scans"}
    call("out", stubbed, 0, where=home)
    assert names(home) == [
        "dataset",
        "real_dataset",
        "train",
        "export",
        "evaluate",
        "real_evaluate",
    ]
    _, real, _, _, _, scans = (arguments for _, _, arguments, _ in calls(home))
    assert real[1:4] == [str(home / "one"), str(home / "two"), "--leave-out"]
    assert scans[1] == str(home / "scans")
    options = {name: options for name, options, *_ in calls(home)}
    assert options["train"]["--checkpoint"] == str(home / "out")
    assert options["train"]["--objects"] == options["dataset"]["--folder"]
    assert options["train"]["--real"] == options["real_dataset"]["--folder"]
    assert options["train"]["--real"].startswith(str(home / "work" / "real-"))
    assert "on_gpu: done" in (home / "out" / "log.txt").read_text()


def test_the_checkout_is_the_package_until_the_call_ends(
    home: Path, stubbed: dict[str, str]
) -> None:
    call("out", stubbed, 0, where=home)
    assert {linked for *_, linked in calls(home)} == {str(ROOT)}
    assert list((home / "temporary").iterdir()) == []


def test_other_meshes_and_objects_have_other_samples(home: Path, stubbed: dict[str, str]) -> None:
    (home / "one").mkdir()
    (home / "two").mkdir()
    for more in ({}, {"MESHES": "two"}, {"VIEWS": "4"}, {"LEAVE_OUT": "door"}, {"OBJECTS": "500"}):
        call("out", stubbed | {"MESHES": "one"} | more, 0, where=home)
    made = [
        (options["--objects"], options["--real"]) for n, options, *_ in calls(home) if n == "train"
    ]
    assert len({real for _, real in made}) == 4 and len({objects for objects, _ in made}) == 2
    assert made[0][1] == made[4][1]


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ({"PYTHON": "no/python"}, "no Python at"),
        ({"MESHES": "none"}, "correct MESHES"),
        ({"MESHES": ":"}, "MESHES names no folder"),
        ({"SCANS": "none"}, "correct SCANS"),
        ({"MESHES": ".", "SCANS": "temporary"}, "MESHES and SCANS share files"),
        ({"MESHES": "temporary", "SCANS": "."}, "MESHES and SCANS share files"),
        ({"MESHES": ".", "SCANS": "."}, "MESHES and SCANS share files"),
    ],
)
def test_wrong_paths_are_named_before_anything_is_made(
    home: Path, stubbed: dict[str, str], setting: dict[str, str], told: str
) -> None:
    _, said = call("out", stubbed | setting, 2, where=home)
    assert told in said
    assert not (home / "out").exists() and not (home / "calls").exists()


def test_a_python_that_does_not_run_is_named(home: Path, stubbed: dict[str, str]) -> None:
    (home / "python").write_text("#!/bin/sh\nexit 127\n")
    said, _ = call("out", stubbed, 2, where=home)
    assert "does not run (status 127)" in said


@pytest.mark.parametrize(
    ("name", "what"),
    [("dataset", "making generated objects"), ("train", "training"), ("export", "exporting")],
)
def test_failures_are_not_taken_for_the_end_of_the_time(
    home: Path, stubbed: dict[str, str], name: str, what: str
) -> None:
    for status in (1, 137):  # 137 as if memory had run out
        (home / f"{name}.do").write_text(f"sys.exit({status})")
        said, _ = call("out", stubbed, 1, where=home)
        assert f"{what} failed with status {status}" in said
        assert "time is up" not in said
        assert names(home)[-1] == name


@pytest.mark.parametrize("name", ["dataset", "train", "export", "evaluate"])
def test_every_command_ends_with_the_call(home: Path, stubbed: dict[str, str], name: str) -> None:
    (home / f"{name}.do").write_text("time.sleep(600)")
    said, _ = call("out", stubbed | {"BUDGET": "3"}, CONTINUE, where=home)
    assert "time is up" in said and "done" not in said


def test_training_is_told_when_to_stop(home: Path, stubbed: dict[str, str]) -> None:
    (home / "train.do").write_text(f"sys.exit({CONTINUE})")
    begin = time.time()
    said, _ = call("out", stubbed | {"BUDGET": "510", "AT_MOST": "7"}, CONTINUE, where=home)
    end = time.time()
    assert "time is up while training" in said
    assert names(home) == ["dataset", "train"]
    options = calls(home)[-1][1]
    assert begin + 478 <= float(options["--until"]) <= end + 480
    assert options["--at-most"] == "7"


def test_a_next_call_continues_what_is_resumable(home: Path, stubbed: dict[str, str]) -> None:
    """These commands know themselves what is done; `train.py` looks into its checkpoint."""
    (home / "scans").mkdir()
    stubbed["SCANS"] = "scans"
    (home / "real_evaluate.do").write_text(f"sys.exit({CONTINUE})")
    call("out", stubbed, CONTINUE, where=home)
    (home / "real_evaluate.do").unlink()
    call("out", stubbed, 0, where=home)
    for name in ("export", "evaluate", "real_evaluate"):
        asked = [arguments for called, _, arguments, _ in calls(home) if called == name]
        assert len(asked) == 2 and all("--resume" in arguments for arguments in asked)
