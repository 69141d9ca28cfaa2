"""`make bench-batch` measures processes with their children, and reports what it finds."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

import batch
import batch_measurements
import processes
from triposr.batch.passing import PACK_BYTES, WORK, each, output, packed
from triposr.batch.rows import Row
from triposr.batch.stages import _reduced
from triposr.inference.model.network import Model

PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print("row", flush=True)
time.sleep(60)
"""


def test_large_pictures_travel_at_the_networks_size(tiny: Model) -> None:
    size = tiny.config.image_size
    rgb = np.random.default_rng(0).random((2 * size + 3, 2 * size + 3, 3), np.float32)
    reduced = _reduced(rgb, size)
    assert reduced.shape == (size, size, 3)
    assert np.array_equal(tiny.encode(reduced).planes, tiny.encode(rgb).planes)
    assert _reduced(reduced, size) is reduced
    assert _reduced(rgb, 0) is rgb


def test_small_rows_travel_together_and_large_ones_alone() -> None:
    small = [output(number, WORK, Row(picture=f"/{number}.png")) for number in range(100)]
    large = output(100, WORK, Row(picture="/100.png"), b"x" * PACK_BYTES)
    batches = list(packed([large, *small, large]))
    assert [len(batch["number"]) for batch in batches] == [1, 101]
    rows = [row for batch in batches for row in each(batch)]
    assert [number for number, *_ in rows] == [100, *range(100), 100]
    assert rows[1] == (0, WORK, Row(picture="/0.png"), b"")
    assert list(packed([])) == []


def test_a_pause_reaches_children_and_stops_the_clock(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT]
    with processes.watched(command, [0], tmp_path / "log") as side:
        while not side.events:
            time.sleep(0.01)
        tree = processes.descendants(side.pid)
        assert len(tree) == 2
        side.pause()
        assert all(is_stopped(process) for process in tree)
        paused = side.clock()
        assert processes.memory(tree[1])["own"] > 1e6
        assert side.clock() == paused
        side.resume()
        assert not any(state(process) == "T" for process in tree)
        assert side.clock() > paused
    assert not [process for process in tree if processes.title(process)]


def is_stopped(process: int) -> bool:
    """Whether a process stops soon: the kernel delivers the signal when it next runs."""
    for _ in range(1000):
        if state(process) == "T":
            return True
        time.sleep(0.01)
    return False


def state(process: int) -> str:
    """The kernel's letter for what a process does; T if it is stopped."""
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]


def test_a_failure_says_what_the_process_said(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit('no pictures')"]
    with (
        processes.watched(command, [0], tmp_path / "log") as side,
        pytest.raises(RuntimeError, match="no pictures"),
    ):
        side.end()


def test_an_index_with_a_gap_or_a_failure_is_no_result(tmp_path: Path) -> None:
    (tmp_path / "0.glb").write_bytes(b"glTF")

    def write(*rows: dict[str, str]) -> None:
        parquet.write_table(pa.Table.from_pylist(list(rows)), tmp_path / "index.parquet")
        lines = "".join(f"{json.dumps(row)}\n" for row in rows)
        (tmp_path / "index.jsonl").write_text(lines)

    good = {"picture": "/0.png", "file": "0.glb", "error": ""}
    write(good)
    assert batch_measurements.check(tmp_path, 1) == [good]
    with pytest.raises(RuntimeError, match="1 rows and 1 lines for 2 pictures"):
        batch_measurements.check(tmp_path, 2)
    for bad, message in (
        (good, "/0.png is there 2 times"),
        ({**good, "picture": "/1.png", "file": "1.glb"}, "1.glb is missing"),
        ({**good, "picture": "/1.png", "error": "Too dark"}, "Too dark"),
    ):
        write(good, bad)
        with pytest.raises(RuntimeError, match=message):
            batch_measurements.check(tmp_path, 2)


def test_agents_of_ray_are_no_workers() -> None:
    assert batch_measurements.is_worker("ray::MapBatches(finish)")
    assert batch_measurements.is_worker("ray::IDLE")
    assert not batch_measurements.is_worker("ray::DashboardAgent")
    assert not batch_measurements.is_worker("python -m triposr.batch")


def test_report_and_publication(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rates = {"whole": 1.5, "started": 1.6, "steady": 1.7}
    memory = {"rows": 1000, "seconds": 5.0, "driver_mb": 120.4, "ray_mb": 800.6}
    results = {
        "machine": {"cpu": "A CPU", "cores": 2, "memory_gb": 25, "torch": "2.13"},
        "picture": {
            "resolution": 256,
            "cpu_seconds": {"prepare": 0.1, "encode": 9.0, "extract": 2.5},
            "bytes": {"picture": 100e3, "scene_codes": 130e3, "objects": 9.87e6},
            "requests": 5.5,
        },
        "forward": {
            "together": 4,
            "seconds": {"starter": {"1": 0.034, "4": 0.02}, "full": {"1": 7.123, "4": 7.4}},
        },
        "overhead": {
            **{"pictures": 200, "resolution": 128, "loop": rates, "batch": rates},
            **{"overhead_whole": 0.09, "overhead_started": 0.08, "overhead_steady": -0.07},
        },
        "scaling": {
            **{"pictures": 200, "one": rates, "ratio_started": 1.765},
            **{"some": 50, "further": {"one": 0.4, "two": 0.744, "ratio": 1.861}},
        },
        "limit": {"pictures": 50, "one": 0.4, "two": 0.7, "ratio": 1.75},
        "driver": {"pictures": 500, "resolution": 64, "killed": 10, "done_twice": 12},
    }
    text = batch.report(results)
    assert "| overhead, from when Ray runs | 8.0 % | ≤ 10 % |" in text
    assert "prepare 0.10, encode 9.00, extract 2.50 | 11.60 s |" in text
    assert "picture 100, scene codes 130, objects 9,870 | 10.1 MB |" in text
    assert "| CPU cores for each GPU, so that it never waits | 17 |" in text
    assert "10.0 MB | 10.0 TB, 533 MB a second |" in text
    assert "size, a picture on one core: alone; of 4 in one forward pass | 7.1 s; 7.4 s |" in text
    assert "a core each: 200 pictures | 1.76× | ≥ 1.8× |" in text
    assert "the start not counted | 1.86× |" in text
    assert "the limit | 1.75× |" in text
    assert "killed 10 times | all there, none twice |" in text
    assert "scheduling" not in text, "only what was measured"
    results["scheduling"] = {"rows": 1000, "rows_per_second": 1234.5, "memory": [memory]}
    assert "| 120 MB; 801 MB | flat |" in batch.report(results)
    page = tmp_path / "performance.md"
    page.write_text("# Before\n\n" + "old\n".join(batch.MARKS) + "\nAfter\n")
    monkeypatch.setattr(batch, "DOCS", tmp_path)
    batch.publish(results, text)
    assert page.read_text() == f"# Before\n\n{text.join(batch.MARKS)}\nAfter\n"
    assert json.loads((tmp_path / "bench" / "batch.json").read_text()) == results


def test_arguments_that_make_no_table_are_refused(tmp_path: Path) -> None:
    for arguments in (["--only", "speed"], ["--publish", "--only", "scaling"]):
        done = subprocess.run(
            [sys.executable, batch.__file__, *arguments, "--out", str(tmp_path)],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 2
        assert "usage" in done.stderr
