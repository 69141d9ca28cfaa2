"""What the command says and returns, and what a second run does with the work of the first."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from batch_runs import (
    RESOLUTION,
    TINY,
    FakeRay,
    arguments,
    draw,
    partial_files,
    primitive_of,
    processes_with,
    rows_in,
)
from filelock import FileLock
from light_stages import bare_environment

from triposr.batch import command, index, storage
from triposr.batch.command import main
from triposr.batch.rows import LINES, PAGE, RUN, TABLE
from triposr.batch.stages import Encoder
from triposr.inference import Options, image_to_mesh, load_model
from triposr.scene.placement import placed


def last_line(capsys: pytest.CaptureFixture[str]) -> str:
    """The last line of what was said, the error if there is one."""
    said = capsys.readouterr()
    return (said.err if "objects" not in said.out else said.out).strip().split("\n")[-1]


def times(output: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (output / "objects").rglob("*.glb")}


def test_importing_the_command_is_light() -> None:
    code = (
        "import sys, triposr.batch.command\n"
        "print([name for name in ('torch', 'ray', 'transformers', 'bpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    for option in ("--output", "--retry-failed", "--resolution", "--address", "--no-scene-codes"):
        assert option in said


@pytest.mark.parametrize(
    ("rest", "reason"),
    [
        ([], "the following arguments are required"),
        (["x.png"], "-o/--output"),
        (["x.png", "-o", "out", "--resolution", "many"], "--resolution"),
        (["x.png", "-o", "out", "--actors", "0"], "0 is not a number from 1 on"),
        (["x.png", "-o", "out", "--precision", "fp1"], "--precision"),
        (["x.png", "-o", "out", "--device", "cuda:1"], "CUDA_VISIBLE_DEVICES"),
        (["s3://NAME:SECRET@bucket/x.png", "-o", "out"], "holds a key"),
        (["gone.png", "-o", "out"], "gone.png does not exist"),
        (["x.png", "-o", "out", "--resolution", "2"], "Resolution"),
        (["x.png", "-o", "out", "--faces", "9"], "add --texture 2048"),
        (["x.png", "-o", "out", "--model", "none"], "'none' does not exist"),
        (["x.png", "-o", "nonsense://out"], "nonsense"),
        (["nonsense://x.png", "-o", "out"], "nonsense"),
        (["x.png", "-o", "x.png"], "is a file, or lies below one"),
        (["x.png", "-o", "x.png/out"], "is a file, or lies below one"),
        (["x.png", "-o", "out", "--device", "xpu"], "Use --device auto"),
    ],
)
def test_wrong_arguments(
    tmp_path: Path, monkeypatch, capsys, without_ray, rest: list[str], reason: str
) -> None:
    monkeypatch.chdir(tmp_path)
    draw(tmp_path / "x.png")
    assert main(rest) == 2
    said = capsys.readouterr().err
    assert reason in said and "Traceback" not in said
    assert not without_ray and not (tmp_path / "out" / LINES).exists()


def test_a_run_and_the_next_ones(pictures: Path, without_ray, capsys) -> None:
    """Done pictures are done once; what has changed, is new, or was deleted is done again."""
    output, run = pictures / "out", arguments(pictures, output=pictures / "out")
    assert main(run) == 1
    said = capsys.readouterr()
    assert said.out == f"3 objects, 1 failed: {output}/{PAGE}\n"
    [line] = [line for line in said.err.split("\n") if "bad.png" in line]
    assert line.endswith("Choose a PNG, JPEG or WebP file.")
    assert len(without_ray[0]) == 3
    rows, first = rows_in(output), times(output)
    assert set(rows) == {"0.png", "1.png", "2.png", "bad.png"}
    for name in (LINES, TABLE, PAGE, RUN):
        assert (output / name).is_file()

    assert main(run) == 1, "the bad one is reported again"
    earlier = "1 in earlier runs: --retry-failed tries them again"
    kept = "3 objects (3 of earlier runs)"
    assert last_line(capsys) == f"{kept}, 1 failed ({earlier}): {output}/{PAGE}"
    assert without_ray[1] == [] and times(output) == first and rows_in(output) == rows

    draw(pictures / "0.png", 30)
    draw(pictures / "new.png")
    (output / rows["1.png"].file).unlink()
    assert main(run) == 1
    assert [Path(picture).name for picture in without_ray[2]] == ["0.png", "1.png", "new.png"]
    again = rows_in(output)
    assert set(again) == {*rows, "new.png"} and again["0.png"].digest != rows["0.png"].digest
    kept = Path(rows["2.png"].file).name
    assert times(output)[kept] == first[kept] and again["2.png"] == rows["2.png"]

    draw(pictures / "bad.png")
    assert main(run) == 0, "a changed picture is tried again"
    assert len(without_ray[3]) == 1 and rows_in(output)["bad.png"].is_done


def test_failed_pictures_are_tried_again_if_asked_for(
    pictures: Path, without_ray, monkeypatch
) -> None:
    def fail(self: Encoder, *_: object) -> None:
        raise MemoryError

    output = pictures / "out"
    with monkeypatch.context() as patch:
        patch.setattr("triposr.inference.model.network.Model.encode", fail)
        assert main(arguments(pictures / "0.png", output=output)) == 1
    assert main(arguments(pictures / "0.png", output=output)) == 1
    assert without_ray[-1] == [] and not rows_in(output)["0.png"].is_done
    assert main([*arguments(pictures / "0.png", output=output), "--retry-failed"]) == 0
    assert rows_in(output)["0.png"].is_done


def test_rows_of_pictures_that_are_not_asked_for_stay(pictures: Path, without_ray) -> None:
    output = pictures / "out"
    assert main(arguments(pictures / "0.png", output=output)) == 0
    assert main(arguments(pictures / "1.png", output=output)) == 0
    assert set(rows_in(output)) == {"0.png", "1.png"}


def test_other_settings(pictures: Path, without_ray, capsys) -> None:
    output = pictures / "out"
    assert main(arguments(pictures, output=output)) == 1
    before = (output / LINES).read_bytes()
    capsys.readouterr()
    assert main([*arguments(pictures, output=output), "--threshold", "9"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "threshold 25.0 and not 9.0. Choose another" in said
    assert main([*map(str, (pictures, "-o", output, "--resolution", RESOLUTION))]) == 2
    assert "other weights" in capsys.readouterr().err
    assert len(without_ray) == 1 and (output / LINES).read_bytes() == before


def test_no_scene_codes_and_subfolders(pictures: Path, without_ray, monkeypatch) -> None:
    monkeypatch.setattr(command, "SHARD_FROM", 3)
    output = pictures / "out"
    assert main([*arguments(pictures, output=output), "--no-scene-codes"]) == 1
    assert not (output / "scene_codes").exists()
    for row in rows_in(output).values():
        assert not row.is_done or (Path(row.file).parts[0], len(Path(row.file).parts)) == (
            "objects",
            3,
        )
    kept = times(output)
    one = arguments(pictures / "0.png", output=output)
    assert main([*one, "--no-scene-codes"]) == 0, "fewer, but in the same subfolders"
    assert times(output) == kept and without_ray[-1] == []
    file = rows_in(output)["0.png"].file
    assert main(one) == 0, "the scene code is missing now"
    row = rows_in(output)["0.png"]
    assert row.file == file and (output / row.code).is_file()
    (output / row.code).unlink()
    assert main(one) == 0 and (output / row.code).is_file()


def test_two_runs_in_one_folder(pictures: Path, without_ray, capsys) -> None:
    output = pictures / "out"
    output.mkdir()
    with FileLock(output / ".lock"):
        assert main(arguments(pictures, output=output)) == 2
    assert capsys.readouterr().err == (
        f"Another run is writing to {output}. Wait until it is done, or choose another folder.\n"
    )
    assert not without_ray
    assert main(arguments(pictures / "0.png", output=output)) == 0


def test_a_list_whose_files_are_partly_missing(pictures: Path, without_ray, capsys) -> None:
    (pictures / "list.csv").write_text("0.png\ngone.png\nnonsense://x/y.png\n")
    output = pictures / "out"
    assert main(arguments(pictures / "list.csv", output=output)) == 1
    rows = rows_in(output)
    assert rows["0.png"].is_done and "does not exist" in rows["gone.png"].error
    assert "cannot be reached" in rows["y.png"].error


@pytest.fixture
def small_disk(tmp_path: Path):
    """An empty disk of 1 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    if os.name != "posix" or os.geteuid() or subprocess.run(mounted).returncode:
        pytest.skip("only root may mount a disk")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk(pictures: Path, small_disk: Path, without_ray, capsys) -> None:
    """The run ends with one sentence, keeps what is done, and goes on when there is space."""
    filler, output = small_disk / "filler", small_disk / "out"
    assert main(arguments(pictures / "0.png", output=output)) == 0
    for size in range(900, 0, -10):  # all but a few KB
        try:
            filler.write_bytes(bytes(size << 10))
            break
        except OSError:
            continue
    capsys.readouterr()
    assert main(arguments(pictures, output=output)) == 1
    said = capsys.readouterr().err
    assert "No space left on device" in last_sentence(said) and "Traceback" not in said
    assert "Free some space" in last_sentence(said)
    assert rows_in(output)["0.png"].is_done and not partial_files(output)
    for file in (output / "objects").iterdir():
        primitive_of(file.read_bytes())
    filler.unlink()
    assert main(arguments(pictures, output=output)) == 1
    assert sum(row.is_done for row in rows_in(output).values()) == 3


def last_sentence(said: str) -> str:
    return said.strip().split("\n")[-1]


def test_a_folder_that_cannot_be_written_to(pictures: Path, small_disk: Path, without_ray, capsys):
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    assert main(arguments(pictures, output=small_disk / "out")) == 1
    said = capsys.readouterr().err
    assert "Nothing can be written to" in said and said.count("\n") == 1
    assert not without_ray


@pytest.mark.parametrize("when", ["parts", LINES, PAGE])
def test_an_index_that_cannot_be_written(
    pictures: Path, without_ray, monkeypatch, capsys, when: str
) -> None:
    """The files of the objects still fit. What is known stays known."""

    def full(path: Path, content: bytes) -> None:
        if when in (path.name, path.parent.name):
            raise OSError(28, "No space left on device")
        real(path, content)

    real, output = storage._replace, pictures / "out"
    monkeypatch.setattr(index, "ROWS", 1)
    with monkeypatch.context() as patch:
        patch.setattr(storage, "_replace", full)
        assert main(arguments(pictures, output=output)) == 1
    said = capsys.readouterr()
    assert "No space left on device" in last_sentence(said.err) and "objects" not in said.out
    assert "Traceback" not in said.err
    assert main(arguments(pictures, output=output)) == 1
    assert len(rows_in(output)) == 4
    assert (without_ray[-1] == []) == (when != "parts")


def test_ctrl_c_while_pictures_are_looked_for(tmp_path: Path, monkeypatch, capsys) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "find_pictures", interrupt)
    assert main(["x", "-o", str(tmp_path / "out")]) == 130
    assert capsys.readouterr().err == "Interrupted. Run the same command again to go on.\n"


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "[::1]:99999"])
def test_no_cluster_at_the_address(pictures: Path, capsys, address: str) -> None:
    output = pictures / "out"
    assert main([*arguments(pictures, output=output), "--address", address]) == 1
    assert last_line(capsys).startswith(f"There is no Ray cluster at {address}: ")


def test_ray_that_does_not_start(pictures: Path, monkeypatch, capsys) -> None:
    error = Exception("The current node timed out during startup. This could be anything.")
    ray = FakeRay(monkeypatch, error, error)
    assert main(arguments(pictures, output=pictures / "out")) == 1
    said = capsys.readouterr().err
    assert said.startswith("4 pictures, with the model in ")
    reason = "Ray does not start on this machine (The current node timed out during startup)"
    assert last_sentence(said).startswith(reason)
    assert said.count("\n") == 2 and len(ray.starts) == 2 <= ray.ends


# Whole runs, in processes of their own


@pytest.fixture
def environment(home: Path, ray_folder: Path) -> dict[str, str]:
    return {**os.environ, **bare_environment(home, ray_folder)}


def test_a_whole_run(pictures: Path, environment: dict[str, str]) -> None:
    """With one core, textures, and the address of a Ray that does not exist: it starts its own."""
    output = pictures / "out"
    options = ("--cores", "1", "--texture", "512", "--faces", "500", "--precision", "fp32")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "triposr.batch"),
            *(*arguments(pictures, output=output), *options),
        ],
        env={**environment, "RAY_ADDRESS": "127.0.0.1:1"},
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 1, done.stderr
    assert done.stdout == f"3 objects, 1 failed: {output}/{PAGE}\n"
    assert "Traceback" not in done.stderr and "bad.png: " in done.stderr
    rows = rows_in(output)
    mesh = image_to_mesh(
        pictures / "0.png", load_model(TINY, "cpu", "fp32"), Options(resolution=RESOLUTION)
    )
    placement, _ = placed(mesh, 1.0)
    assert (rows["0.png"].scale, rows["0.png"].base) == (placement.scale, placement.base)
    document, parts, images = primitive_of((output / rows["0.png"].file).read_bytes())
    assert len(images) == 2 and len(parts["faces"]) == rows["0.png"].faces <= 500
    assert document["images"] and len(parts["POSITION"])
    assert set(rows["0.png"].seconds) >= {"prepare", "encode", "extract", "texture", "write"}


LIGHT = (sys.executable, Path(__file__).with_name("light_stages.py"))


@contextlib.contextmanager
def light_run(
    folder: Path, output: Path, environment: dict[str, str], mark: str
) -> Iterator[subprocess.Popen[str]]:
    """The command with stages that need no network; when it ends, nothing of it stays behind."""
    # Tests that a shell runs in its background ignore Ctrl+C, and so would what they start.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        [*map(str, (*LIGHT, *arguments(folder, output=output), "--cores", 2))],
        env={**environment, "MARK_OF_RUN": mark},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    signal.signal(signal.SIGINT, before)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()
        for _ in range(600):  # one of them tries for a minute to report that the others are gone
            if not processes_with(mark):
                break
            time.sleep(0.2)
        assert not processes_with(mark), "a process of Ray outlives the run"


def wait_for_objects(output: Path, count: int, process: subprocess.Popen[str]) -> None:
    while len(list(output.glob("objects/*.glb"))) < count:
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)


def many(folder: Path, count: int) -> Path:
    folder.mkdir()
    for number in range(count):
        (folder / f"{number:03}.png").write_bytes(b"%d" % number)
    return folder


def check_all(output: Path, count: int) -> None:
    rows = rows_in(output)
    assert len(rows) == count and all(row.is_done for row in rows.values())
    assert len(list((output / "objects").iterdir())) == count
    assert not partial_files(output) and not list((output / "parts").iterdir())


def test_the_driver_killed_at_random_moments(tmp_path: Path, environment: dict[str, str]) -> None:
    """Started again each time until it is done: all are there, none twice."""
    count, random = 120, Random(5)
    folder, output = many(tmp_path / "in", count), tmp_path / "out"
    for kills in range(2):
        with light_run(folder, output, environment, f"killed-{tmp_path}") as process:
            # Among other moments, before anything is done.
            wait_for_objects(output, kills and random.randrange(20, 60), process)
            os.kill(process.pid, signal.SIGKILL)
        assert len(list(output.glob("objects/*.glb"))) < count, "killed too late to show anything"
    (output / "objects" / ".partial-of-a-killed-worker").touch()
    with light_run(folder, output, environment, f"killed-{tmp_path}") as process:
        said, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
    assert said.startswith(f"{count} objects (")
    check_all(output, count)


@pytest.mark.parametrize("asks_for_a_token", [True, False])
def test_a_cluster_of_this_machine(
    tmp_path: Path, environment: dict[str, str], asks_for_a_token: bool
) -> None:
    """The command joins it, and leaves it running."""
    token = tmp_path / "home" / ".ray" / "auth_token"
    environment |= {"HOME": str(tmp_path / "home")}
    if asks_for_a_token:  # as after a batch on this machine alone
        token.parent.mkdir(parents=True)
        token.write_text("0123456789abcdef" * 4)
    folder, output, port = many(tmp_path / "in", 20), tmp_path / "out", free_port()
    ray = Path(sys.executable).with_name("ray")
    start = [ray, *f"start --head --block --port {port} --num-cpus 2".split()]
    with open(tmp_path / "log", "w") as log:
        head = subprocess.Popen(
            [*map(str, start), "--include-dashboard=false"],
            env=environment,
            stdout=log,
            stderr=log,
        )
    try:
        wait_for_cluster(tmp_path / "log", head)
        address = f"127.0.0.1:{port}"
        done = subprocess.run(
            [*map(str, LIGHT), *arguments(folder, output=output), "--address", address],
            env=environment,
            capture_output=True,
            text=True,
            timeout=240,
        )
        said = (tmp_path / "log").read_text()
        assert done.returncode == 0, done.stderr + said
        assert ("Token authentication is enabled" in said) == asks_for_a_token
        check_all(output, 20)
        assert head.poll() is None
    finally:
        head.terminate()
        head.wait(60)


def wait_for_cluster(log: Path, head: subprocess.Popen) -> None:
    for _ in range(600):
        if "Ray runtime started" in log.read_text():
            return
        assert head.poll() is None, log.read_text()
        time.sleep(0.2)
    raise AssertionError(log.read_text())


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(tmp_path: Path, environment: dict[str, str], number: signal.Signals) -> None:
    """By Ctrl+C, or politely by the system: the index is kept."""
    folder, output = many(tmp_path / "in", 100), tmp_path / "out"
    with light_run(folder, output, environment, f"interrupted-{tmp_path}") as process:
        wait_for_objects(output, 5, process)
        os.kill(process.pid, number)
        said, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    assert said == "" and last_sentence(errors).endswith(command.STOPPED)
    assert "Traceback" not in errors
    assert (output / PAGE).is_file() and not partial_files(output)
    rows = rows_in(output)
    assert 0 < len(rows) < 100 and not list((output / "parts").iterdir())
    for row in rows.values():
        assert (output / row.file).is_file()
