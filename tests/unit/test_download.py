"""One file from a real server on this machine, and everything that can go wrong on its way."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path

import pytest
from file_server import Fault, FileServer, serving
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from triposr.inference.errors import DownloadError
from triposr.inference.files import download
from triposr.inference.files.download import fetch
from triposr.inference.model.catalog import ModelFile
from triposr.tasks.job import Cancelled

CONTENT = os.urandom(1_000_000)
NAME = "/models/resolve/main/weights.onnx"
FETCH = """
import sys
from pathlib import Path
from triposr.inference.files.download import fetch
from triposr.inference.model.catalog import ModelFile
fetch(ModelFile(sys.argv[1], int(sys.argv[2]), sys.argv[3]), Path(sys.argv[4]))
"""


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serving({NAME: CONTENT}) as server:
        yield server


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test waits for what is only a matter of time."""
    monkeypatch.setattr(download, "TIMEOUT", (1.0, 0.3))
    monkeypatch.setattr(download, "_sleep", lambda seconds, tick: tick())


def published(server: FileServer, path: str = NAME) -> ModelFile:
    return ModelFile(server.url + path, len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


def assert_told(error: pytest.ExceptionInfo[DownloadError], *words: str) -> None:
    for word in words:
        assert word in str(error.value)
    assert not error.value.message.endswith(".")


def test_arrives_under_its_name_with_progress(server: FileServer, tmp_path: Path) -> None:
    progress: list[tuple[str, float]] = []
    path = fetch(published(server), tmp_path / "new", lambda *now: progress.append(now))
    assert path == tmp_path / "new" / "weights.onnx"
    assert path.read_bytes() == CONTENT
    for stage in ("download", "verify"):
        fractions = [fraction for name, fraction in progress if name == stage]
        assert fractions == sorted(fractions) and fractions[-1] == 1
    assert [stage for stage, _ in progress] == sorted(stage for stage, _ in progress)


def test_what_is_there_is_not_fetched_again(server: FileServer, tmp_path: Path) -> None:
    fetch(published(server), tmp_path)
    fetch(published(server), tmp_path)
    assert server.requests == [""]


def test_follows_the_hub_elsewhere(server: FileServer, tmp_path: Path) -> None:
    server.redirects = True
    (tmp_path / "weights.onnx.part").write_bytes(CONTENT[:300])
    assert fetch(published(server), tmp_path).read_bytes() == CONTENT
    assert server.requests == ["bytes=300-"]


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(cuts=st.lists(st.integers(0, len(CONTENT)), max_size=4), ranges=st.booleans())
def test_goes_on_after_any_cut(cuts: list[int], ranges: bool, tmp_path_factory) -> None:
    with serving({NAME: CONTENT}) as server:
        server.ranges = ranges
        server.faults = [Fault(cut=cut) for cut in cuts]
        folder = tmp_path_factory.mktemp("cut")
        assert fetch(published(server), folder).read_bytes() == CONTENT


def test_what_was_kept_from_another_file_is_dropped(server: FileServer, tmp_path: Path) -> None:
    (tmp_path / "weights.onnx.part").write_bytes(b"x" * 5000)
    assert fetch(published(server), tmp_path).read_bytes() == CONTENT
    (tmp_path / "weights.onnx").unlink()
    (tmp_path / "weights.onnx.part").write_bytes(b"x" * (len(CONTENT) + 1))
    assert fetch(published(server), tmp_path).read_bytes() == CONTENT


def test_cancel_keeps_what_arrived(server: FileServer, tmp_path: Path) -> None:
    def cancel_at_half(stage: str, fraction: float) -> None:
        if fraction > 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        fetch(published(server), tmp_path, cancel_at_half)
    kept = (tmp_path / "weights.onnx.part").stat().st_size
    assert kept > len(CONTENT) / 2 and not (tmp_path / "weights.onnx").exists()
    fetch(published(server), tmp_path)
    assert server.requests == ["", f"bytes={kept}-"]


def start_process(server: FileServer, folder: Path) -> subprocess.Popen[str]:
    """Another process that downloads, once some bytes have arrived."""
    file = published(server)
    process = subprocess.Popen(
        [sys.executable, "-c", FETCH, file.url, str(file.size), file.sha256, str(folder)],
        stderr=subprocess.PIPE,
        text=True,
    )
    partial = folder / "weights.onnx.part"
    end = time.monotonic() + 60
    while not (partial.exists() and partial.stat().st_size):
        assert time.monotonic() < end and process.poll() is None
        time.sleep(0.05)
    return process


def test_goes_on_after_the_process_was_killed(server: FileServer, tmp_path: Path) -> None:
    server.bytes_per_second = 300_000
    with start_process(server, tmp_path) as process:
        process.send_signal(signal.SIGKILL)
    kept = (tmp_path / "weights.onnx.part").stat().st_size
    server.bytes_per_second = 0
    assert 0 < kept < len(CONTENT)
    assert fetch(published(server), tmp_path).read_bytes() == CONTENT
    assert server.requests[-1] == f"bytes={kept}-"


def test_two_processes_do_not_meet(server: FileServer, tmp_path: Path) -> None:
    server.bytes_per_second = 500_000
    with start_process(server, tmp_path) as process:
        with pytest.raises(DownloadError) as error:
            fetch(published(server), tmp_path)
        assert process.wait(60) == 0, process.stderr.read()
    assert_told(error, "Another Blender", "weights.onnx")
    assert (tmp_path / "weights.onnx").read_bytes() == CONTENT
    assert server.requests == [""]


@pytest.mark.parametrize("body", [b"<!DOCTYPE html><title>Log in", b"\n <html><body>Wi-Fi"])
def test_a_web_page_is_told_from_a_file(server: FileServer, tmp_path: Path, body: bytes) -> None:
    part = tmp_path / "weights.onnx.part"
    part.write_bytes(CONTENT[:1234])
    server.faults = [Fault(body=body)]
    with pytest.raises(DownloadError) as error:
        fetch(published(server), tmp_path)
    assert part.read_bytes() == CONTENT[:1234], "what has arrived is kept"
    assert_told(error, "web page", "weights.onnx", "log in")
    server.faults = [Fault(body=b"Sorry", headers={"Content-Type": "text/html; charset=utf-8"})]
    with pytest.raises(DownloadError, match="web page"):
        fetch(published(server), tmp_path)
    assert fetch(published(server), tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("wrong", [b"x" * len(CONTENT), b"x" * (len(CONTENT) + 1)])
def test_other_content_never_gets_the_name(
    server: FileServer, tmp_path: Path, wrong: bytes
) -> None:
    server.files[NAME] = wrong
    with pytest.raises(DownloadError):
        fetch(published(server), tmp_path)
    assert not (tmp_path / "weights.onnx").exists()
    server.files[NAME] = CONTENT
    assert fetch(published(server), tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "password"), (403, "refuses"), (404, "does not have"), (418, "cannot send")],
)
def test_refusals_are_told_at_once(
    server: FileServer, tmp_path: Path, status: int, words: str
) -> None:
    server.faults = [Fault(status=status)] * 2
    with pytest.raises(DownloadError) as error:
        fetch(published(server), tmp_path)
    assert_told(error, words, "127.0.0.1", str(status), "mirror")
    assert len(server.requests) == 1


def test_busy_servers_are_asked_again(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(download, "_sleep", lambda seconds, tick: waits.append(seconds))
    server.faults = [
        Fault(status=429, headers={"Retry-After": "7"}),
        Fault(status=503, headers={"Retry-After": "86400"}),
        Fault(status=500),
        Fault(status=502),
    ]
    assert fetch(published(server), tmp_path).read_bytes() == CONTENT
    assert waits == [7, download.LONGEST_WAIT, 4, 8]
    waits.clear()
    later = formatdate(time.time() + 30, usegmt=True)
    for said in (later, "soon", "Wed, 21 Oct 99999 07:28:00 GMT"):
        server.faults.append(Fault(status=503, headers={"Retry-After": said}))
    fetch(published(server), tmp_path / "new")
    assert 20 < waits[0] <= 30 and waits[1:] == [2, 4]
    waits.clear()
    server.faults = [Fault(status=503), Fault(status=503, headers={"Retry-After": "0"})]
    fetch(published(server), tmp_path / "newer")
    assert min(waits) >= 1, "a busy server is left in peace"


def test_each_byte_that_arrives_gives_new_patience(server: FileServer, tmp_path: Path) -> None:
    some, busy = Fault(cut=download.CHUNK + 1), Fault(status=503)
    server.faults = [*[busy] * 4, some, *[busy] * 4, some, *[busy] * 4]
    assert fetch(published(server), tmp_path).read_bytes() == CONTENT


def test_gives_up_on_a_server_that_stays_busy(server: FileServer, tmp_path: Path) -> None:
    server.faults = [Fault(status=503)] * 99
    with pytest.raises(DownloadError) as error:
        fetch(published(server), tmp_path)
    assert_told(error, "busy", "try again")
    assert len(server.requests) == download.ATTEMPTS


def test_waiting_can_be_canceled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    ticks: list[float] = []

    def cancel_while_waiting(stage: str, fraction: float) -> None:
        ticks.append(fraction)
        if len(ticks) > 3:
            raise Cancelled

    with serving({NAME: CONTENT}) as server:
        server.faults = [Fault(status=429, headers={"Retry-After": "3600"})]
        with pytest.raises(Cancelled):
            fetch(published(server), tmp_path, cancel_while_waiting)


def test_a_stalled_server_is_left_and_asked_again(server: FileServer, tmp_path: Path) -> None:
    server.faults = [Fault(stall=0.8), Fault(cut=10)]
    assert fetch(published(server), tmp_path).read_bytes() == CONTENT
    server.faults = [Fault(stall=0.6)] * 9
    with pytest.raises(DownloadError, match="does not answer"):
        fetch(published(server), tmp_path / "other")


def test_no_network(tmp_path: Path) -> None:
    with serving({}) as server:
        gone = published(server)
    with pytest.raises(DownloadError) as error:
        fetch(gone, tmp_path)
    assert_told(error, "connection failed", "network")


@pytest.mark.parametrize("url", ["mirror.example/weights.onnx", "ftp://mirror.example/w.onnx"])
def test_an_address_that_is_none(tmp_path: Path, url: str) -> None:
    with pytest.raises(DownloadError) as error:
        fetch(ModelFile(url, 1, "0" * 64), tmp_path)
    assert error.value.message == f"{url} is not a network address"
    assert_told(error, "Correct the mirror")


def test_too_little_room_is_told_before_the_transfer(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "RESERVE", 1 << 60)
    with pytest.raises(DownloadError) as error:
        fetch(published(server), tmp_path)
    assert_told(error, "too full by", "GB", "another disk")
    assert server.requests == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
def test_a_disk_that_fills_up(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", tmp_path], check=True)
    try:
        with pytest.raises(DownloadError, match="too full by"):
            fetch(published(server), tmp_path)
        monkeypatch.setattr(download, "check_space", lambda *_: None)
        with pytest.raises(DownloadError) as error:
            fetch(published(server), tmp_path)
        assert_told(error, "too full", "kept")
        assert (tmp_path / "weights.onnx.part").stat().st_size > 0
        subprocess.run(["mount", "-o", "remount,size=8m", tmp_path], check=True)
        assert fetch(published(server), tmp_path).read_bytes() == CONTENT
        assert server.requests[-1].startswith("bytes=")
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_a_folder_that_cannot_be_made(server: FileServer, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DownloadError) as error:
        fetch(published(server), tmp_path / "file" / "models")
    assert_told(error, "models", "another model folder")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a disk")
def test_a_read_only_folder(server: FileServer, tmp_path: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", tmp_path], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,ro", tmp_path], check=True)
        with pytest.raises(DownloadError) as error:
            fetch(published(server), tmp_path)
        assert_told(error, "Nothing can be written", tmp_path.name, "another model folder")
        subprocess.run(["mount", "-o", "remount,rw", tmp_path], check=True)
        fetch(published(server), tmp_path)
        subprocess.run(["mount", "-o", "remount,ro", tmp_path], check=True)
        assert fetch(published(server), tmp_path).is_file()
    finally:
        subprocess.run(["umount", tmp_path], check=True)


@pytest.mark.parametrize("ranges", [True, False])
def test_a_file_that_is_too_short_on_the_server_ends_the_download(
    server: FileServer, tmp_path: Path, ranges: bool
) -> None:
    """As a Git LFS pointer at a mirror is: it must not be fetched again and again."""
    server.ranges = ranges
    server.files[NAME] = CONTENT[:134]
    with pytest.raises(DownloadError, match="134 bytes"):
        fetch(published(server), tmp_path)
    (tmp_path / "weights.onnx.part").write_bytes(CONTENT[:500])
    with pytest.raises(DownloadError, match="134 bytes"):
        fetch(published(server), tmp_path)
    assert len(server.requests) == 2
    server.files[NAME] = CONTENT
    assert fetch(published(server), tmp_path).read_bytes() == CONTENT
