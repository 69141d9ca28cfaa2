"""`make gpu-check` tells what works on a GPU, what does not, and what it had no time for."""

import json
import logging
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from messages import ROOT

import gpu_check
import gpu_steps
import published
from gpu_steps import Setup
from triposr.inference import MeshData, SceneCode
from triposr.inference.errors import DeviceMemoryError
from triposr.inference.machine import devices
from triposr.inference.surface.marching_cubes import Surface

TINY = Setup("cpu", True)
EXTRACTION = "extraction against the published code"

WITHOUT = """
import runpy, sys
from importlib.machinery import PathFinder

class Without(PathFinder):
    # Finds none of the packages that a machine with a GPU need not have, nor an installed triposr.
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        absent = ("cv2", "numba", "matplotlib", "rembg", "bpy")
        if name.partition(".")[0] in absent:
            return None
        return PathFinder.find_spec(name, path, target)

sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in repr(finder).lower()]
sys.meta_path[sys.meta_path.index(PathFinder)] = Without
program, *sys.argv = sys.argv[1:]
sys.argv.insert(0, program)
runpy.run_path(program, run_name="__main__")
"""


def no_constant(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


def test_a_dry_run_without_our_environment(tmp_path: Path) -> None:
    """In another folder, and without packages that the steps have no use for."""
    program = str(ROOT / "tools" / "bench" / "gpu_check.py")
    options = ["--device", "cpu", "--tiny", "--out", str(tmp_path / "out")]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, program, *options],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    written = (tmp_path / "out" / "gpu.json").read_text()
    steps = json.loads(written, parse_constant=no_constant)["steps"]
    assert list(steps) == list(gpu_steps.STEPS) == list(gpu_check.ROWS)
    last = steps.pop("little memory")
    assert (last["status"], last["why"]) == ("not applicable", "only a GPU's memory can be capped")
    assert {step["status"] for step in steps.values()} == {"passed"}
    table = (tmp_path / "out" / "gpu.md").read_text()
    assert table in done.stdout
    assert "| largest difference of the scene code, fp32 |" in table
    assert "| picture to object at 48³, warm" in table
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"gpu.json", "gpu.md"}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "finds no GPU here"),
        (["--device", "cpu"], "add --tiny"),
        (["--device", "mps"], "choose cuda"),
    ],
)
def test_one_sentence_where_there_is_nothing_to_measure(
    arguments: list[str], sentence: str, monkeypatch, capsys, tmp_path: Path
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert gpu_check.main([*arguments, "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr()
    assert sentence in said.err and said.err.count("\n") == 1 and not said.out
    assert not (tmp_path / "out").exists()


def test_a_card_that_is_not_there(monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert gpu_check.unusable("cuda:1", False) == "There is no cuda:1: torch finds 1 of them."


def test_missing_packages_are_named(monkeypatch, capsys) -> None:
    monkeypatch.setitem(gpu_check.NEEDED, "PyMCubes", "not_there_at_all")
    monkeypatch.setitem(gpu_check.NEEDED, "PyYAML", "nor_this")
    assert gpu_check.main([]) == 2
    assert capsys.readouterr().err == (
        "This Python lacks PyMCubes, PyYAML; install them with pip, and try again.\n"
    )


def test_a_step_that_fails_leaves_the_others(capsys) -> None:
    saved: list[list[str]] = []
    results: dict[str, Any] = {}

    def broken() -> dict[str, Any]:
        raise RuntimeError("CUDA error: device-side assert")

    gpu_check.run(
        {
            "broken": broken,
            "bad": lambda: {"passed": False, "figure": 1},
            "good": lambda: {"passed": True, "figure": 2},
        },
        results,
        time.monotonic() + 1000,
        lambda: saved.append([step["status"] for step in results["steps"].values()]),
    )
    assert saved[0] == ["error", "no time", "no time"]
    assert saved[-1] == ["error", "failed", "passed"]
    assert results["steps"]["broken"]["why"] == "RuntimeError: CUDA error: device-side assert"
    assert results["steps"]["good"]["values"] == {"figure": 2}
    assert [gpu_check.is_good(step) for step in results["steps"].values()] == [False, False, True]
    assert "device-side assert" in capsys.readouterr().err


def test_no_step_begins_when_the_time_is_up() -> None:
    results: dict[str, Any] = {}
    deadline = time.monotonic() + gpu_check.RESERVE / 2
    gpu_check.run({"one": lambda: pytest.fail("it began")}, results, deadline, lambda: None)
    assert results["steps"] == {"one": {"status": "no time", "why": "the time was up"}}
    assert not gpu_check.is_good(results["steps"]["one"])
    about = gpu_check.machine("cpu")
    assert "| one | – | – | no time: the time was up |" in gpu_check.report(
        {"machine": about, **results}
    )


ENDLESS = """
import json, sys, threading, time
from pathlib import Path
import gpu_check
gpu_check.RESERVE = 0
results = {}
steps = {"quick": lambda: {"passed": True}, "endless": threading.Event().wait, "more": dict}
gpu_check.run(steps, results, time.monotonic() + 1,
              lambda: Path(sys.argv[1]).write_text(json.dumps(results)))
"""


def test_a_step_without_end_is_ended(tmp_path: Path) -> None:
    command = [sys.executable, "-c", ENDLESS, str(tmp_path / "results.json")]
    done = subprocess.run(
        command, cwd=ROOT / "tools" / "bench", capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 1
    assert "endless: it did not end before the time was up" in done.stderr
    steps = json.loads((tmp_path / "results.json").read_text())["steps"]
    assert [step["status"] for step in steps.values()] == ["passed", "error", "no time"]


def here(monkeypatch: pytest.MonkeyPatch, steps: dict[str, Any]) -> list[str]:
    """Let `main` take these steps as on a machine with a GPU; return the tables published."""
    published: list[str] = []
    about = gpu_check.machine("cpu")
    monkeypatch.setattr(gpu_check, "unusable", lambda device, tiny: "")
    monkeypatch.setattr(gpu_check, "machine", lambda device: about)
    monkeypatch.setattr(gpu_check, "publish", lambda results, text: published.append(text))
    monkeypatch.setattr(gpu_steps, "STEPS", steps)
    monkeypatch.setattr(gpu_check, "ROWS", dict.fromkeys(steps, lambda values: [("it", "1", "")]))
    return published


@pytest.mark.parametrize(
    ("last", "budget", "code", "is_published"),
    [
        ({"passed": True}, "999", 0, True),
        ({"passed": False}, "999", 1, False),
        ({"why": "there is none"}, "999", 0, False),
        ({"passed": True}, "1", 1, False),
    ],
)
def test_only_a_check_that_passed_is_published(
    monkeypatch, tmp_path: Path, last: dict[str, Any], budget: str, code: int, is_published: bool
) -> None:
    steps = {"one": lambda setup: {"passed": True}, "last": lambda setup: last}
    published = here(monkeypatch, steps)
    options = ["--device", "cuda", "--out", str(tmp_path), "--budget", budget]
    assert gpu_check.main(options) == code
    assert gpu_check.main([*options, "--publish"]) == (0 if is_published else 1)
    assert len(published) == is_published


def test_publishing_changes_the_table_only(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    shutil.copy(ROOT / "docs" / "performance.md", page)
    before = page.read_text()
    gpu_check.publish({"machine": {}}, "| a table |\n", tmp_path)
    after = page.read_text()
    start, end = gpu_check.MARKS
    assert f"{start}| a table |\n{end}" in after
    assert after.partition(start)[0] == before.partition(start)[0]
    assert (
        after.partition(start)[2].partition(end)[2] == before.partition(start)[2].partition(end)[2]
    )
    assert json.loads((tmp_path / "bench" / "gpu.json").read_text()) == {"machine": {}}
    gpu_check.publish({"machine": {}}, "| a table |\n", tmp_path)
    assert page.read_text() == after


def test_parity_holds_with_older_torch(monkeypatch) -> None:
    """Which may read no checkpoint but the published one."""
    monkeypatch.setattr(torch, "__version__", "2.8.0+cu128")
    gpu_steps.network.cache_clear()
    assert gpu_steps.parity(TINY)["passed"]


def test_parity_notices_another_scene_code(monkeypatch, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(gpu_steps.TINY, tmp_path / "tiny"))
    golden = dict(np.load(folder / "golden.npz"))
    golden["scene_codes"][1, 0, 0, 0, 0] += 1e-3 * np.abs(golden["scene_codes"]).max()
    np.savez(folder / "golden.npz", **golden)
    monkeypatch.setattr(gpu_steps, "TINY", folder)
    found = gpu_steps.parity(TINY)
    assert not found["passed"]
    assert found["relative_difference"]["scene code"] > 5e-4


def moved(cells: float) -> Any:
    """`extract_mesh` with every vertex moved along x."""
    extract_mesh = gpu_steps.extract_mesh

    def extract(code: Any, resolution: int, *arguments: Any, **options: Any) -> MeshData:
        mesh = extract_mesh(code, resolution, *arguments, **options)
        by = np.array([cells * gpu_steps.cell(code, resolution), 0, 0], np.float32)
        return MeshData(mesh.vertices + by, mesh.faces, mesh.colors)

    return extract


def test_parity_notices_another_mesh(monkeypatch) -> None:
    monkeypatch.setattr(gpu_steps, "extract_mesh", moved(0.1))
    found = gpu_steps.parity(TINY)
    assert not found["passed"] and found["mean_distance_cells"] > 0.02


def test_half_precision_that_moves_the_surface_is_noticed(monkeypatch) -> None:
    far = moved(3.0)
    calls = iter([gpu_steps.extract_mesh, far, far])
    monkeypatch.setattr(gpu_steps, "extract_mesh", lambda *a, **k: next(calls)(*a, **k))
    found = gpu_steps.half_precision(TINY)
    assert not found["passed"] and found["bf16"]["mean_cells"] > 0.5


def test_a_mesh_that_differs_from_the_published_one_is_no_result(monkeypatch) -> None:
    extract_mesh = gpu_steps.extract_mesh
    monkeypatch.setattr(
        gpu_steps, "extract_mesh", lambda code, n, *a, **k: extract_mesh(code, n + 8, *a, **k)
    )
    assert not gpu_steps.against_published(TINY)["passed"]


def test_memory_that_grows_is_noticed() -> None:
    flat = [900.0, 1000, 1010, 1000, 1010, 1000, 1010, 1000, 1010]
    assert gpu_steps.late_growth(flat) == 0
    assert gpu_steps.late_growth([100.0 * job for job in range(9)]) == 300
    assert gpu_steps.late_growth([1.0, 2.0]) is None


def test_distances_are_those_of_the_nearest() -> None:
    points = np.array([[0, 0, 0], [1, 0, 0], [0, 3, 4]], np.float32)
    others = np.array([[0, 0, 1], [1, 0, 0.25]], np.float32)
    assert gpu_steps.distances(points, others, "cpu").tolist() == pytest.approx(
        [1.0, 0.25, 18**0.5]
    )


class Capped:
    """Stands for a GPU with little memory: caps are noted, and the work fails as told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, fails_below: int, ends_on: str) -> None:
        self.megabytes = 0.0
        self.fails_below, self.ends_on = fails_below, ends_on
        self.extract_mesh = gpu_steps.extract_mesh
        monkeypatch.setattr(gpu_steps, "CAPS_MB", [1024, 300, 100])
        monkeypatch.setattr(gpu_steps, "capped", self.cap)
        monkeypatch.setattr(gpu_steps, "free", lambda setup: None)
        monkeypatch.setattr(gpu_steps, "extract_mesh", self.extract)
        monkeypatch.setattr(gpu_steps, "Engine", lambda: self)
        monkeypatch.setattr(Setup, "is_cuda", True)
        monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)
        monkeypatch.setattr(devices, "choose_device", torch.device)
        # A card of capability 8.0 or more: without help, it never computes in fp32 by itself.
        monkeypatch.setattr(devices, "_multiplies_bfloat16", lambda device: device.type == "cuda")

    @contextmanager
    def cap(self, megabytes: float) -> Iterator[None]:
        self.megabytes = megabytes
        yield
        self.megabytes = 0.0

    def extract(self, *arguments: Any, **options: Any) -> MeshData:
        log = logging.getLogger("triposr.inference.surface.workers")
        if self.megabytes and self.megabytes < self.fails_below:
            raise DeviceMemoryError("Memory ran out", "Use the CPU")
        if self.megabytes and self.megabytes < 2 * self.fails_below:
            log.info("Memory ran out: going on with blocks of %d points", 1 << 17)
        return self.extract_mesh(*arguments, **options)

    def run(self, work: Any, *_: Any) -> SceneCode:
        step = ("cuda", "auto")
        while step := devices.less_memory(*step):
            logging.getLogger("triposr.inference.engine").warning("Trying %s", step)
        return gpu_steps.fresh_robot()

    def device(self) -> str:
        return self.ends_on

    def unload(self) -> None:
        """Nothing is loaded."""


def test_less_memory_gives_the_same_mesh(monkeypatch) -> None:
    Capped(monkeypatch, fails_below=200, ends_on="cpu")
    found = gpu_steps.less_memory(TINY)
    assert found["passed"]
    results = [(row["times_smaller_blocks"], row["result"]) for row in found["extraction"]]
    assert results[0] == (0, "the same mesh")
    assert results[-2] == (1, "the same mesh")
    assert results[-1] == (0, "Memory ran out. Use the CPU.")
    steps = ["Trying ('cuda', 'fp16')", "Trying ('cpu', 'auto')"]
    assert found["network"]["steps"] == steps
    rows = gpu_check.ROWS["little memory"](found)
    assert len(rows) == len(results) + 1


def test_a_ladder_that_begins_in_half_precision_is_noticed(monkeypatch) -> None:
    Capped(monkeypatch, fails_below=200, ends_on="cpu")
    monkeypatch.setattr(gpu_steps, "without_bfloat16", nullcontext)
    assert not gpu_steps.less_memory(TINY)["passed"]


def test_the_time_of_marching_cubes_is_left_out(monkeypatch) -> None:
    """On both sides: a second that it takes longer does not change the ratio without it."""
    march, add, seconds = published.march, Surface.add, [0.0]
    monkeypatch.setattr(published, "march", lambda values: seconds.append(5) or march(values))
    monkeypatch.setattr(Surface, "add", lambda *a: seconds.append(1) or add(*a))
    monkeypatch.setattr(gpu_steps.time, "perf_counter", lambda: sum(seconds) + time.monotonic())
    found = gpu_steps.against_published(TINY)
    assert found["published_marching_seconds"] >= 5 and found["marching_seconds"] >= 1
    rest = found["published_seconds"] - found["published_marching_seconds"]
    assert 0 < rest < 5
    rows = dict((what, figure) for what, figure, _ in gpu_check.ROWS[EXTRACTION](found))
    assert rows["ratio without marching cubes"] == f"{found['ratio_without_marching']:.1f}×"
    assert "scene code to mesh at 48³, published, marching on the CPU" in rows


@pytest.mark.parametrize(("fails_below", "ends_on"), [(0, "cpu"), (200, "cuda:0")])
def test_a_ladder_that_is_not_climbed_is_noticed(
    monkeypatch, fails_below: int, ends_on: str
) -> None:
    """No block got smaller; the network stayed on a GPU that has no room for it."""
    Capped(monkeypatch, fails_below, ends_on)
    assert not gpu_steps.less_memory(TINY)["passed"]
