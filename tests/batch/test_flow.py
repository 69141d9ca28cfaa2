"""What Ray does with the stages: every picture ends once, whatever happens to workers."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from threading import Thread
from types import ModuleType

import pytest
from batch_runs import draw, primitive_of
from light_stages import BURST, IN_BURSTS, LIGHT, LOADING_ENDS, WITHOUT_MODEL

from triposr.batch import pipeline
from triposr.batch.cluster import Resources
from triposr.batch.passing import DONE, FATAL, KEPT, ROUNDS
from triposr.batch.pipeline import LOST, MEMORY, TORCH, Stages, process, workers
from triposr.batch.rows import Row
from triposr.batch.run import Run
from triposr.inference import TripoSRError, image_to_mesh
from triposr.inference.model.network import Model

pytestmark = pytest.mark.usefixtures("running_ray")


def flow(
    run: Run, pictures: list[Path], known: list[str] | None = None, stages: Stages | None = LIGHT
) -> dict[str, tuple[str, Row]]:
    """Process pictures, and return kinds and rows by the pictures' names; none comes twice."""
    found: dict[str, tuple[str, Row]] = {}
    places = [str(picture) for picture in pictures]
    resources = Resources(cores=2)
    for number, kind, row in process(places, known or [""] * len(places), run, resources, stages):
        assert row.picture == places[number]
        assert pictures[number].name not in found
        found[pictures[number].name] = kind, row
        if kind == FATAL:
            break
    return found


def some(folder: Path, count: int, **contents: bytes) -> list[Path]:
    folder.mkdir(exist_ok=True)
    for number in range(count):
        (folder / f"{number:03}.png").write_bytes(b"%d" % number)
    for name, content in contents.items():
        (folder / f"{name}.png").write_bytes(content)
    return sorted(folder.iterdir())


def test_nothing_is_sent_out() -> None:
    from ray._common.usage.usage_lib import usage_stats_enabled

    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0" and not usage_stats_enabled()


def test_the_real_stages(a_run, tiny: Model, tmp_path: Path) -> None:
    pictures = [draw(tmp_path / "in" / f"{number}.png", 30 + 20 * number) for number in range(2)]
    (tmp_path / "in" / "bad.png").write_bytes(b"bad")
    run = a_run()
    found = flow(run, [*pictures, tmp_path / "in" / "bad.png", tmp_path / "gone.png"], stages=None)
    assert {kind for kind, _ in found.values()} == {DONE}
    for picture in pictures:
        row = found[picture.name][1]
        mesh = image_to_mesh(picture, tiny, run.options)
        assert row.faces == len(mesh.faces)
        _, parts, _ = primitive_of((tmp_path / "out" / row.file).read_bytes())
        assert (parts["faces"] == mesh.faces).all()
    assert found["bad.png"][1].hint and "does not exist" in found["gone.png"][1].error


def test_many_pictures_each_once(a_run, tmp_path: Path) -> None:
    found = flow(a_run(), some(tmp_path / "in", 300))
    assert len(found) == 300
    assert all(kind == DONE and row.attempts == 1 for kind, row in found.values())
    assert len(list((tmp_path / "out" / "objects").iterdir())) == 300


def test_workers_that_wait_keep_their_model(a_run, tmp_path: Path) -> None:
    """Ray would end one, and soon start another that loads the model anew."""
    found = flow(a_run(), some(tmp_path / "in", 4 * BURST), stages=IN_BURSTS)
    assert len(found) == 4 * BURST
    assert len(list((tmp_path / "out" / "workers").iterdir())) <= 2


def test_known_pictures_are_kept(a_run, tmp_path: Path) -> None:
    pictures = some(tmp_path / "in", 10)
    digests = [picture.read_bytes().hex()[:64] for picture in pictures]
    known = [digest if number < 4 else "" for number, digest in enumerate(digests)]
    known[9] = "another"
    found = flow(a_run(), pictures, known)
    assert [found[picture.name][0] for picture in pictures] == [KEPT] * 4 + [DONE] * 6


def test_a_picture_that_ends_its_worker_once(a_run, tmp_path: Path) -> None:
    """It comes again, and so does what the worker had in hand."""
    once = os.fsencode(tmp_path / "ended")
    found = flow(a_run(), some(tmp_path / "in", 30, x=b"deadly " + once))
    assert len(found) == 31 and all(row.is_done for _, row in found.values())
    assert found["x.png"][1].attempts == 2


def test_a_picture_that_ends_every_worker(a_run, tmp_path: Path, monkeypatch) -> None:
    """It is a row with the reason, and the others are done, those in the same block as well."""
    monkeypatch.setattr(pipeline, "BLOCKS", 4)
    found = flow(a_run(), some(tmp_path / "in", 30, x=b"deadly"))
    _, row = found.pop("x.png")
    assert (
        row.attempts == ROUNDS
        and f"last of {ROUNDS} attempts" in row.error
        and "memory" in row.hint
    )
    assert row.digest == sha256(b"deadly").hexdigest(), "so that the next run knows it again"
    assert len(found) == 30 and all(row.is_done for _, row in found.values())


def test_workers_killed_while_they_work(a_run, tmp_path: Path) -> None:
    """Again and again, tasks and actors: what was theirs is done by others."""
    from ray.thirdparty_files import psutil

    killed: list[int] = []

    def kill() -> None:
        objects = tmp_path / "out" / "objects"
        for count in (10, 60, 110):
            while not objects.is_dir() or len(list(objects.iterdir())) < count:
                time.sleep(0.05)
            working = [
                process.pid
                for process in psutil.Process().children(recursive=True)
                if any("ray::Map" in part for part in process.cmdline())
            ]
            killed.extend(working)
            for pid in working:
                os.kill(pid, signal.SIGKILL)

    killer = Thread(target=kill)
    killer.start()
    found = flow(a_run(), some(tmp_path / "in", 200))
    killer.join()
    assert len(killed) >= 4, "tasks and an actor each time"
    assert len(found) == 200 and all(row.is_done for _, row in found.values())
    assert max(row.attempts for _, row in found.values()) > 1


@pytest.mark.parametrize("count", [2, LOST + 2])
def test_workers_that_end_while_they_load_the_model(a_run, tmp_path: Path, count: int) -> None:
    """They are not started anew without end."""
    pictures = some(tmp_path / "in", count)
    if count > LOST:
        with pytest.raises(
            TripoSRError, match=r"Every worker of Ray ended .* \(The actor"
        ) as caught:
            flow(a_run(), pictures, stages=LOADING_ENDS)
        assert "(The actor " in caught.value.message and "memory for" in caught.value.hint
    else:
        found = flow(a_run(), pictures, stages=LOADING_ENDS)
        assert all(f"last of {ROUNDS} attempts" in row.error for _, row in found.values())


def test_a_package_that_the_workers_lack(a_run, tmp_path: Path, monkeypatch) -> None:
    """The reason is said: on a cluster, somebody has to install it."""
    module = ModuleType("only_here")
    exec("def prepare(batch, run): yield batch", module.__dict__)
    monkeypatch.setitem(sys.modules, "only_here", module)
    stages = Stages(module.prepare, LIGHT.encoder, LIGHT.finish)
    found = flow(a_run(), some(tmp_path / "in", 2), stages=stages)
    assert all("No module named 'only_here'" in row.error for _, row in found.values())


GB = 1 << 30


@pytest.mark.parametrize(
    ("machines", "device", "resources", "expected"),
    [
        ([{"CPU": 8, "memory": 9 * GB}], "auto", {}, (False, 8, 3)),
        ([{"CPU": 8, "memory": 2 * GB}], "auto", {"threads": 4}, (False, 2, 2)),
        ([{"CPU": 1}], "auto", {"threads": 4}, (False, 1, 0)),
        ([{"CPU": 8, "GPU": 2, "memory": 9 * GB}], "auto", {}, (True, 2, 3)),
        ([{"CPU": 8, "GPU": 2, "memory": 9 * GB}], "cpu", {"actors": 3}, (False, 3, 3)),
        ([{"CPU": 8, "memory": 9 * GB}, {"GPU": 1, "memory": GB}], "auto", {}, (True, 1, 1)),
        ([{"CPU": 8, "memory": 9 * GB}], "cuda", {"address": "auto"}, (True, 1, 3)),
        ([{"CPU": 8, "memory": 9 * GB}], "cuda", {}, (False, 8, 3)),
    ],
    ids=[
        *("cores", "little-memory", "few-cores", "gpus", "not-asked-for", "on-its-machine"),
        *("gpu-to-come", "no-gpu"),
    ],
)
def test_the_network_s_workers(a_run, machines, device, resources, expected) -> None:
    resources = Resources(weights_bytes=int((3 * GB - TORCH) / MEMORY), **resources)
    on_gpu, most, memory = workers(machines, a_run(device=device), resources)
    assert (on_gpu, most) == expected[:2] and memory == pytest.approx(expected[2] * GB, abs=9)


LISTENING = """
import os
from triposr.batch.cluster import Resources, start_ray, stop_ray
start_ray(Resources(cores=1))
import ray
from ray.thirdparty_files import psutil
ray.get(ray.remote(lambda: 1).remote())  # workers and agents have opened their ports
for process in psutil.Process(), *psutil.Process().children(recursive=True):
    try:
        connections = process.net_connections("inet")
    except psutil.NoSuchProcess:
        continue
    for connection in connections:
        if connection.status == psutil.CONN_LISTEN:
            print(connection.laddr.ip.removeprefix("::ffff:"))
stop_ray()
assert not [name for name in os.environ if name.startswith("RAY_ENABLE")]
"""


def test_no_other_machine_reaches_ray() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LISTENING], capture_output=True, text=True, timeout=120
    )
    addresses = done.stdout.split()
    assert done.returncode == 0, done.stderr
    assert len(addresses) > 4 and set(addresses) == {"127.0.0.1"}


@pytest.mark.parametrize("fault", ["missing", "weights"])
def test_a_model_that_no_worker_can_load(
    a_run: Callable[..., Run], tiny_folder: Path, tmp_path: Path, fault: str
) -> None:
    """One row says so, and the run ends."""
    shutil.copytree(tiny_folder, tmp_path / "model")
    run = a_run(model=str(tmp_path / "model"))
    if fault == "missing":
        shutil.rmtree(tmp_path / "model")
    else:
        run = replace(run, weights="0" * 64)
    found = flow(run, some(tmp_path / "in", 5), stages=WITHOUT_MODEL)
    [(kind, row)] = found.values()
    assert kind == FATAL and row.hint
    assert ("other weights" if fault == "weights" else "does not exist") in row.error
