"""A GPU build from a real server on this machine to its final folder, and each way to fail."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
import small_builds
from file_server import Fault, FileServer, serving

from triposr.inference.errors import DependencyError, DownloadError
from triposr.inference.files import download, gpu_installation, unpacking
from triposr.inference.files.download import ServerError
from triposr.inference.files.gpu_installation import (
    clean_builds,
    install_build,
    remove_builds,
)
from triposr.inference.machine import gpu_builds, installed_builds, trial
from triposr.inference.machine.gpu_builds import GpuBuild
from triposr.inference.machine.installed_builds import find_installed, missing_file
from triposr.inference.machine.trial import Trial, try_build
from triposr.inference.model.catalog import ModelFile
from triposr.inference.types import Tick, ignore_progress
from triposr.tasks.job import Cancelled

PYTHON = (sys.executable, "-I")
INSTALL = """
import json, sys, time
from pathlib import Path
from triposr.inference.files.gpu_installation import install_build
from triposr.inference.machine import gpu_builds
from triposr.inference.machine.trial import try_build
[entry] = json.loads(sys.argv[1])["builds"]
stop_at, home = sys.argv[2], Path(sys.argv[3])
def tick(stage, fraction):
    if stage == stop_at and (fraction > 0.3 or stage == "try"):
        print("there", flush=True)
        time.sleep(60)
build = gpu_builds._build(entry)
print(install_build(build, home, tick, lambda at: try_build(at, [sys.executable, "-I"], tick)))
"""


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serving(small_builds.small_build()) as server:
        yield server


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test waits for what is only a matter of time."""
    monkeypatch.setattr(download, "TIMEOUT", (1.0, 0.3))
    monkeypatch.setattr(download, "_sleep", lambda seconds, tick: tick())


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "models" / "torch"


def published(server: FileServer, **changes: object) -> GpuBuild:
    [entry] = small_builds.catalog(server.files, server.url, **changes)["builds"]
    return gpu_builds._build(entry)


def really(folder: Path) -> Trial:
    """The trial as it is, in another Python."""
    return try_build(folder, PYTHON, ignore_progress, limit=60)


def fine(_folder: Path) -> Trial:
    """A trial that takes no time."""
    return Trial("2.8.0+cu128", "12.8", (), "")


def broken(_folder: Path) -> Trial:
    raise DependencyError("The build is broken", "Do without it")


def left_in(home: Path) -> list[str]:
    """Names of the build's folders."""
    return sorted(path.name for path in home.iterdir())


def test_from_the_server_to_the_import(server: FileServer, home: Path) -> None:
    build, progress = published(server), []
    done = install_build(build, home, lambda *now: progress.append(now), really)
    assert done == Trial("2.8.0+cu128", "12.8", (), "")
    assert left_in(home) == [build.folder_name], "archives and everything partial are gone"
    found = find_installed(home)
    assert found is not None and found.version == "2.8.0+cu128"
    assert found.folder == home / build.folder_name and missing_file(found.folder) == ""
    assert found.size > 2 * len(small_builds.LIBRARY)
    assert list(dict.fromkeys(stage for stage, _ in progress)) == ["download", "verify", "unpack"]
    for stage in ("download", "unpack"):
        fractions = [fraction for name, fraction in progress if name == stage]
        assert fractions == sorted(fractions) and fractions[0] < 0.01 and fractions[-1] == 1
    # As the next Blender does:
    code = (
        "import sys; from pathlib import Path; from triposr.inference.engine import engine\n"
        "before = list(sys.path); engine.import_torch(gpu_builds=Path(sys.argv[1]))\n"
        "import torch; print(torch.__version__, torch.version.cuda, torch.__file__)\n"
        "assert sys.path == before and not engine.torch_problem"
    )
    run = subprocess.run([sys.executable, "-c", code, home], capture_output=True, text=True)
    assert run.stdout.startswith("2.8.0+cu128 12.8 ") and str(home) in run.stdout, run.stderr


def test_the_same_again_downloads_nothing(server: FileServer, home: Path) -> None:
    install_build(published(server), home, ignore_progress, fine)
    asked = len(server.requests)
    install_build(published(server), home, ignore_progress, fine)
    assert len(server.requests) == asked


def test_the_newer_takes_the_place_of_the_older(server: FileServer, home: Path) -> None:
    install_build(published(server, version="2.7.1+cu126"), home, ignore_progress, fine)
    install_build(published(server), home, ignore_progress, fine)
    assert left_in(home) == [published(server).folder_name]


@pytest.mark.parametrize(
    "fault, words",
    [
        (Fault(status=403), "refuses to send it"),
        (Fault(body=b"<!doctype html> please log in"), "web page"),
        (Fault(status=407), "HTTP 407"),
    ],
)
def test_servers_that_refuse(server: FileServer, home: Path, fault: Fault, words: str) -> None:
    build = published(server)
    server.faults = [fault]
    with pytest.raises(DownloadError, match=words):
        install_build(build, home, ignore_progress, fine)
    assert find_installed(home) is None


def test_no_network(server: FileServer, home: Path) -> None:
    build = gpu_builds.at_mirror(published(server), "http://127.0.0.1:9")
    with pytest.raises(DownloadError, match="the connection failed"):
        install_build(build, home, ignore_progress, fine)
    assert find_installed(home) is None


def test_pytorchs_server_has_two_names(server: FileServer, home: Path, monkeypatch) -> None:
    """If one of them fails, the other goes on from what has arrived; NVIDIA's has one name only."""
    [entry] = small_builds.catalog(server.files)["builds"]
    asked = []

    def fetch_here(file: ModelFile, folder: Path, tick: Tick) -> Path:
        host, path = urlsplit(file.url).hostname, urlsplit(file.url).path
        asked.append(host)
        if host == "download.pytorch.org":
            raise ServerError("The server is down", "Try again")
        return download.fetch(replace(file, url=server.url + path), folder, tick)

    monkeypatch.setattr(gpu_installation, "fetch", fetch_here)
    install_build(gpu_builds._build(entry), home, ignore_progress, fine)
    assert asked == ["download.pytorch.org", "download-r2.pytorch.org", "pypi.nvidia.com"]


@pytest.mark.parametrize("error", [ServerError("The first", "Hint"), DownloadError("Page", "Log")])
def test_the_first_error_is_reported(
    server: FileServer, home: Path, monkeypatch, error: DownloadError
) -> None:
    """The second name is tried only if it can help."""
    [entry] = small_builds.catalog(server.files)["builds"]
    errors = [error, ServerError("The second", "Hint")]

    def refuse(*_: object) -> Path:
        raise errors.pop(0)

    monkeypatch.setattr(gpu_installation, "fetch", refuse)
    with pytest.raises(DownloadError) as raised:
        install_build(gpu_builds._build(entry), home, ignore_progress, fine)
    assert raised.value is error
    assert len(errors) == (0 if isinstance(error, ServerError) else 1)


def test_what_is_left_of_a_trial_is_not_in_the_way(server, home: Path, monkeypatch) -> None:
    """On Windows, libraries of a process that has just ended cannot be deleted."""
    build = published(server)
    left = home / f"{build.folder_name}.partial"
    left.mkdir(parents=True)
    (left / "c10.dll").write_bytes(b"x")
    delete = shutil.rmtree
    with monkeypatch.context() as patch:
        stuck = lambda path, **more: path == left or delete(path, **more)  # noqa: E731
        patch.setattr(gpu_installation.shutil, "rmtree", stuck)
        install_build(build, home, ignore_progress, fine)
    (home / f"{build.folder_name}.partial2").mkdir()
    found = find_installed(home)
    assert found is not None and found.folder.name == build.folder_name
    clean_builds(home)
    assert left_in(home) == [build.folder_name]


def test_archives_of_other_versions_go_with_success(server: FileServer, home: Path) -> None:
    build = published(server)
    older = home / build.folder_name.replace("2.8.0", "2.7.1")
    others = ["2.8.0-cu128-lin-39.archives", "2.8.0-cu128-xyz-311.archives"]
    for name in (f"{older.name}.archives", *others):
        (home / name).mkdir(parents=True)
    install_build(build, home, ignore_progress, fine)
    assert left_in(home) == sorted([build.folder_name, *others])


def test_files_that_are_renamed_while_they_are_counted(tmp_path: Path, monkeypatch) -> None:
    for name in ("torch.whl", "torch.whl.part"):
        (tmp_path / name).write_bytes(b"123")
    size = os.path.getsize

    def gone(path: str) -> int:
        if path.endswith(".part"):
            raise FileNotFoundError(path)
        return size(path)

    monkeypatch.setattr(gpu_installation.os.path, "getsize", gone)
    assert gpu_installation.downloaded(tmp_path) == 3
    assert gpu_installation.downloaded(tmp_path / "nowhere") == 0


def test_a_proxy_that_is_gone(server: FileServer, home: Path, monkeypatch) -> None:
    build = published(server)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "")
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with pytest.raises(DownloadError, match="the connection failed"):
        install_build(build, home, ignore_progress, fine)
    assert find_installed(home) is None and server.requests == []


def test_a_mirror_with_other_bytes(server: FileServer, home: Path) -> None:
    build = published(server)
    path = next(iter(server.files))
    server.files[path] = bytes(len(server.files[path]))
    with pytest.raises(DownloadError, match="other content than was published"):
        install_build(build, home, ignore_progress, fine)
    assert find_installed(home) is None and not list(home.rglob("*.whl*part"))


def test_an_archive_that_is_none(server: FileServer, home: Path) -> None:
    """Its hash is right, so fetching it again would not help: the disk is given back."""
    path = next(iter(server.files))
    server.files[path] = server.files[path][:-2000]
    with pytest.raises(DownloadError, match="cannot be unpacked"):
        install_build(published(server), home, ignore_progress, fine)
    assert left_in(home) == []


def test_larger_than_announced(server: FileServer, home: Path) -> None:
    with pytest.raises(DownloadError, match="instead of"):
        install_build(published(server, unpacked=100_000), home, ignore_progress, fine)
    assert left_in(home) == []


def test_a_build_that_does_not_import(home: Path) -> None:
    """The last line of its error is in the message."""
    lacking = small_builds.small_build()
    cublas = list(lacking)[1]
    files = {name: text for name, text in small_builds.CUBLAS_FILES.items() if ".so" not in name}
    lacking[cublas] = small_builds.wheel(files)
    with serving(lacking) as server, pytest.raises(DependencyError) as error:
        install_build(published(server), home, ignore_progress, really)
    assert "OSError: libcublas.so.12: cannot open shared object file" in error.value.message
    assert "worked before still works" in error.value.hint
    assert left_in(home) == [f"{published(server).folder_name}.archives"]


def test_a_build_for_another_python(home: Path) -> None:
    changes = {f"torch/_C{small_builds.SUFFIX}": None, "torch/_C.cpython-38.so": ""}
    with (
        serving(small_builds.small_build(changes)) as server,
        pytest.raises(DependencyError, match="another Python"),
    ):
        install_build(published(server), home, ignore_progress, fine)
    assert left_in(home) == []


def test_a_trial_that_does_not_end(home: Path, server: FileServer, tmp_path: Path) -> None:
    waiting = (sys.executable, "-c", "import time; time.sleep(60)")
    with pytest.raises(DependencyError, match="did not answer"):
        install_build(
            published(server), home, ignore_progress,
            lambda folder: try_build(folder, waiting, ignore_progress, limit=0.3),
        )  # fmt: skip
    asked = len(server.requests)
    install_build(published(server), home, ignore_progress, fine)
    assert len(server.requests) == asked, "what had arrived was kept"


def test_a_trial_that_cannot_start_or_dies(tmp_path: Path) -> None:
    with pytest.raises(DependencyError, match="cannot be started a second time"):
        try_build(tmp_path, (str(tmp_path / "blender"),), ignore_progress)
    dying = (
        sys.executable,
        "-c",
        "import os; print('Fatal: out of handles', flush=True); os.abort()",
    )
    with pytest.raises(DependencyError, match="Fatal: out of handles"):
        try_build(tmp_path, dying, ignore_progress)
    with pytest.raises(DependencyError, match="exit code 7"):
        try_build(tmp_path, (sys.executable, "-c", "raise SystemExit(7)"), ignore_progress)


def test_a_trial_is_stopped_by_cancel(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    waiting = (sys.executable, "-c", f"import time; time.sleep(1); open({str(mark)!r}, 'w')")

    def tick(stage: str, fraction: float) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        try_build(tmp_path, waiting, tick)
    time.sleep(1.2)
    assert not mark.exists()


def test_a_process_that_outlives_the_trial_blocks_nothing(tmp_path: Path) -> None:
    """One that the other process has started holds on to what it writes to."""
    mark = tmp_path / "mark"
    lasting = f"import time, os; time.sleep(5); open({str(mark)!r}, 'w')"
    code = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {lasting!r}])"
    waiting = (sys.executable, "-c", f"{code}; import time; print(1, flush=True); time.sleep(60)")
    ticks = []

    def tick(stage: str, fraction: float) -> None:
        ticks.append(stage)
        if len(ticks) > 4:
            raise Cancelled

    with pytest.raises(Cancelled):
        try_build(tmp_path, waiting, tick)
    assert not mark.exists()


def test_a_crash_after_the_answer_is_no_failure(tmp_path: Path) -> None:
    answer = {"version": "2.8.0", "cuda": "12.8", "cards": ["RTX"], "problem": ""}
    code = f"import os; print({trial.ANSWER + json.dumps(answer)!r}, flush=True); os.abort()"
    found = try_build(tmp_path, (sys.executable, "-c", code), ignore_progress)
    assert found.cards == ("RTX",)


@pytest.mark.parametrize(
    ("kind", "code", "told"),
    [
        ("OSError", 126, "Windows does not find one of its libraries"),
        ("OSError", 1455, "paging file is too small"),
        ("DeviceError", None, "does not work on this machine: RTX does not work"),
        ("ValueError", None, "does not work on this machine: ValueError: raw"),
    ],
)
def test_the_other_process_says_what_is_wrong(
    tmp_path: Path, kind: str, code: int | None, told: str
) -> None:
    error = {"kind": kind, "text": "raw", "windows_code": code, "message": "RTX does not work"}
    line = trial.ANSWER + json.dumps({"error": error | {"hint": ""}})
    failing = (sys.executable, "-c", f"print({line!r}, flush=True); raise SystemExit(1)")
    with pytest.raises(DependencyError, match=told):
        try_build(tmp_path, failing, ignore_progress)


def test_a_trial_whose_blender_was_killed_ends(tmp_path: Path) -> None:
    told = json.dumps({"folder": str(tmp_path), "path": sys.path, "limit": 0.5})
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch/version.py").write_text("__version__ = '2.8.0'")
    (tmp_path / f"torch/_C{small_builds.SUFFIX}").write_text("")
    (tmp_path / "torch/__init__.py").write_text("import time; time.sleep(60)")
    done = subprocess.run([*PYTHON, trial.__file__, "--", told], timeout=40)
    assert done.returncode == 1


def test_what_worked_before_stays(server: FileServer, home: Path) -> None:
    install_build(published(server, version="2.7.1+cu126"), home, ignore_progress, fine)
    before = find_installed(home)
    with pytest.raises(DependencyError):
        install_build(published(server), home, ignore_progress, broken)
    assert before is not None and find_installed(home) == before
    assert left_in(home) == [before.folder.name, f"{published(server).folder_name}.archives"]


def test_the_disk_is_too_full_for_all_of_it(server: FileServer, home: Path, monkeypatch) -> None:
    build = published(server)
    usage = SimpleNamespace(free=download.RESERVE + build.size + build.unpacked - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(DownloadError, match=r"too full by .* MB for torch 2\.8\.0\.") as error:
        install_build(build, home, ignore_progress, fine)
    assert "another disk" in error.value.hint and server.requests == []


def full_disk(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_the_disk_fills_while_downloading(server: FileServer, home: Path, monkeypatch) -> None:
    monkeypatch.setattr(download.os, "fsync", full_disk)
    with pytest.raises(DownloadError, match="too full"):
        install_build(published(server), home, ignore_progress, fine)
    assert find_installed(home) is None


def test_the_disk_fills_while_unpacking(server: FileServer, home: Path, monkeypatch) -> None:
    """What was unpacked is deleted; what was downloaded is kept for the next attempt."""
    build = published(server)
    with monkeypatch.context() as patch:
        patch.setattr(unpacking, "_extract", full_disk)
        with pytest.raises(DownloadError, match="too full"):
            install_build(build, home, ignore_progress, fine)
    assert left_in(home) == [f"{build.folder_name}.archives"]
    asked = len(server.requests)
    install_build(build, home, ignore_progress, fine)
    assert len(server.requests) == asked
    assert left_in(home) == [build.folder_name]


def test_a_folder_that_is_read_only(server: FileServer, tmp_path: Path) -> None:
    """As a file in the way: the tests may run as root, whom no permission stops."""
    (tmp_path / "models").write_text("no folder")
    with pytest.raises(DownloadError, match="Nothing can be written") as error:
        install_build(published(server), tmp_path / "models" / "torch", ignore_progress, fine)
    assert "another model folder" in error.value.hint


def start(server: FileServer, home: Path, stop_at: str) -> subprocess.Popen[str]:
    """Another process that installs, and waits in one of the stages."""
    told = json.dumps(small_builds.catalog(server.files, server.url))
    return subprocess.Popen(
        [sys.executable, "-c", INSTALL, told, stop_at, str(home)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def installing(server: FileServer, home: Path) -> Iterator[Callable[[str], subprocess.Popen]]:
    """Start another process that installs, and return it once it waits in that stage."""
    started: list[subprocess.Popen[str]] = []

    def begin(stage: str) -> subprocess.Popen[str]:
        process = start(server, home, stage)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "there\n", process.communicate()
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("stage", ["download", "verify", "unpack", "try"])
def test_killed_and_started_again(
    server: FileServer, home: Path, installing: Callable, stage: str
) -> None:
    process = installing(stage)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert find_installed(home) is None
    build = published(server)
    assert not (home / build.folder_name).exists(), "nothing half-made has the final name"
    clean_builds(home)
    assert left_in(home) == [f"{build.folder_name}.archives"], "the disk is given back"
    asked = len(server.requests)
    install_build(build, home, ignore_progress, really)
    assert left_in(home) == [build.folder_name]
    if stage != "download":
        assert len(server.requests) == asked, "what had arrived was kept"


def test_killed_between_the_last_two_steps(server: FileServer, home: Path) -> None:
    """The build counts, and its archives are deleted later."""
    build = published(server)
    install_build(build, home, ignore_progress, fine)
    kept = home / f"{build.folder_name}.archives"
    kept.mkdir()
    (kept / "torch.whl").write_bytes(b"x")
    clean_builds(home)
    assert left_in(home) == [build.folder_name] and find_installed(home) is not None


@pytest.mark.parametrize("stage", ["download", "unpack", "try"])
def test_two_blenders_at_once(
    server: FileServer, home: Path, installing: Callable, stage: str
) -> None:
    installing(stage)
    before = left_in(home)
    with pytest.raises(DownloadError, match="Another Blender is working on torch"):
        install_build(published(server), home, ignore_progress, fine)
    with pytest.raises(DownloadError, match="Another Blender"):
        remove_builds(home)
    clean_builds(home)
    assert left_in(home) == before, "what the other one unpacks is left alone"


def test_cleaning_never_fails(server: FileServer, home: Path, monkeypatch) -> None:
    """On shares that know no locks, or cannot be read just now; and it can be stopped."""
    left = home / "2.7.1-cu126-lin-311" / "torch" / "lib"
    left.mkdir(parents=True)

    def no_locks(*_: object, **__: object) -> None:
        raise NotImplementedError

    with monkeypatch.context() as patch:
        patch.setattr("filelock.FileLock.acquire", no_locks)
        clean_builds(home)
        with pytest.raises(DownloadError, match="cannot lock files"):
            install_build(published(server), home, ignore_progress, fine)
    for error in (OSError(errno.EIO, "I/O error"), DependencyError("No filelock", "Hint")):

        def fail(path: Path, error: Exception = error) -> list[Path]:
            raise error

        with monkeypatch.context() as patch:
            patch.setattr(gpu_installation, "rubbish", fail)
            clean_builds(home)

    def stop() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        clean_builds(home, stop)
    assert left.is_dir()


def test_remove(server: FileServer, home: Path) -> None:
    install_build(published(server), home, ignore_progress, fine)
    found = find_installed(home)
    assert found is not None
    assert remove_builds(home) == (found.size, True)
    assert left_in(home) == [] and find_installed(home) is None
    assert remove_builds(home) == (0, True)


@pytest.fixture
def using() -> Iterator[Callable[[Path], subprocess.Popen]]:
    """Start another process that imports torch from the installed build and then waits."""
    code = (
        "import sys, time; from pathlib import Path; from triposr.inference.engine import engine\n"
        "engine.import_torch(gpu_builds=Path(sys.argv[1])); print('there', flush=True)\n"
        "time.sleep(60)"
    )
    started: list[subprocess.Popen[str]] = []

    def begin(home: Path) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(home)], stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout is not None and process.stdout.readline() == "there\n"
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def test_remove_what_another_blender_uses(server: FileServer, home: Path, using: Callable) -> None:
    """It no longer counts, and is deleted when nobody uses it any more."""
    install_build(published(server), home, ignore_progress, fine)
    found, other = find_installed(home), using(home)
    assert found is not None
    assert remove_builds(home) == (found.size, False)
    assert find_installed(home) is None
    clean_builds(home)
    assert (found.folder / "torch" / "version.py").exists()
    with pytest.raises(DownloadError, match="still in use"):
        install_build(published(server), home, ignore_progress, fine)
    other.kill()
    other.wait()
    clean_builds(home)
    assert left_in(home) == []


def test_marks_of_blenders_that_have_ended_go(server: FileServer, home: Path, using) -> None:
    install_build(published(server), home, ignore_progress, fine)
    for _ in range(2):
        process = using(home)
        process.kill()
        process.wait()
    marks = list(home.rglob(f"*{installed_builds.IN_USE}"))
    assert [mark.stem for mark in marks] == [str(process.pid)]


def test_a_build_that_a_virus_scanner_reads(server: FileServer, home: Path, monkeypatch) -> None:
    """On Windows, its folder cannot be renamed meanwhile."""
    rename, refused = Path.rename, [2]
    monkeypatch.setattr(gpu_installation.time, "sleep", lambda seconds: None)

    def renamed(self: Path, target: Path) -> Path:
        if refused[0]:
            refused[0] -= 1
            raise PermissionError(errno.EACCES, "Access is denied")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", renamed)
    install_build(published(server), home, ignore_progress, fine)
    assert left_in(home) == [published(server).folder_name]


def test_nothing_else_is_ever_deleted(home: Path) -> None:
    """The folder may be the artist's own: pip may have filled it."""
    for name in ("torch", "torch-2.8.0.dist-info", "2.8.0", "my.partial", "notes.archives"):
        (home / name).mkdir(parents=True)
    (home / "2.8.0-cu128-lin-311.partial").symlink_to(home / "torch")
    before = left_in(home)
    clean_builds(home)
    remove_builds(home)
    assert left_in(home) == before


def test_records_that_cannot_be_read(server: FileServer, home: Path) -> None:
    install_build(published(server), home, ignore_progress, fine)
    record = home / published(server).folder_name / installed_builds.RECORD
    for text in ("", "{", "[]", '{"version": "2.8.0"}', '{"version": "", "size": 0, "files": {}}'):
        record.write_text(text)
        assert find_installed(home) is None
    assert find_installed(home / "nowhere") is None


def test_a_damaged_record_is_no_dead_end(server: FileServer, home: Path, monkeypatch) -> None:
    """As after a power failure: installing, cleaning and removing each get rid of the rest."""
    build = published(server)
    record = home / build.folder_name / installed_builds.RECORD
    for repair in (lambda: clean_builds(home), lambda: remove_builds(home)):
        install_build(build, home, ignore_progress, fine)
        record.write_text("")
        repair()
        assert left_in(home) == []
    install_build(build, home, ignore_progress, fine)
    record.write_text("")
    install_build(build, home, ignore_progress, fine)
    assert find_installed(home) is not None

    def stale(self: Path, **_: str) -> str:
        raise OSError(errno.ESTALE, "Stale file handle")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_text", stale)
        clean_builds(home)
    assert find_installed(home) is not None, "a share that fails for a moment costs nothing"


def test_a_damaged_build_is_replaced(server: FileServer, home: Path, using: Callable) -> None:
    build = published(server)
    install_build(build, home, ignore_progress, fine)
    library, other = home / build.folder_name / "torch/lib/libtorch_cuda.so", using(home)
    library.write_bytes(b"")
    with pytest.raises(DownloadError, match="still in use"):
        install_build(build, home, ignore_progress, fine)
    assert find_installed(home) is not None, "the other Blender may see the file whole"
    other.kill()
    other.wait()
    install_build(build, home, ignore_progress, fine)
    assert missing_file(home / build.folder_name) == ""


def test_a_record_reaches_the_disk(server: FileServer, home: Path, monkeypatch) -> None:
    synced, fsync = [], os.fsync

    def watched(number: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{number}"))
        fsync(number)

    monkeypatch.setattr(installed_builds.os, "fsync", watched)
    install_build(published(server), home, ignore_progress, fine)
    assert any(f"{installed_builds.RECORD}.part" in path for path in synced)


def test_progress_of_the_trial_is_its_own_stage(server: FileServer, home: Path) -> None:
    stages = []

    def tick(stage: str, fraction: float) -> None:
        stages.append(stage)

    install_build(published(server), home, tick, lambda at: try_build(at, PYTHON, tick))
    first = stages.index("try")
    assert first > 0 and set(stages[first:]) == {"try"}
