"""Wheels of small builds are unpacked without what nobody needs; hostile ones are refused."""

import os
import shutil
import stat
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
import small_builds

from triposr.inference.errors import DownloadError
from triposr.inference.files import unpacking
from triposr.inference.files.unpacking import UselessArchiveError, check_path_length, unpack
from triposr.inference.types import ignore_progress
from triposr.tasks.job import Cancelled

LIMIT = 10_000_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "2.8.0-cu128-lin-311.partial"
    folder.mkdir()
    return folder


def written(tmp_path: Path, content: bytes, name: str = small_builds.TORCH_WHEEL) -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


def small_wheels(tmp_path: Path) -> list[Path]:
    names = (small_builds.TORCH_WHEEL, small_builds.CUBLAS_WHEEL)
    contents = small_builds.small_build().values()
    return [written(tmp_path, data, name) for name, data in zip(names, contents, strict=True)]


def files_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_only_what_is_needed_in_pips_layout(tmp_path: Path, folder: Path) -> None:
    progress: list[float] = []
    unpack(small_wheels(tmp_path), folder, LIMIT, lambda stage, now: progress.append(now))
    assert files_in(folder) == {
        "torch/__init__.py",
        "torch/version.py",
        f"torch/_C{small_builds.SUFFIX}",
        "torch/lib/libtorch_cuda.so",
        "torch/bin/torch_shm_manager",
        "torchgen/__init__.py",
        "functorch/__init__.py",
        "torch-2.8.0+cu128.dist-info/METADATA",
        "torch-2.8.0+cu128.dist-info/licenses/LICENSE",
        "nvidia/__init__.py",
        "nvidia/cublas/__init__.py",
        "nvidia/cublas/lib/libcublas.so.12",
        "nvidia_cublas_cu12-12.8.4.1.dist-info/License.txt",
    }
    assert (folder / "torch/lib/libtorch_cuda.so").read_bytes() == small_builds.LIBRARY
    assert (folder / "torch/bin/torch_shm_manager").stat().st_mode & stat.S_IXUSR
    assert not (folder / "torch/version.py").stat().st_mode & stat.S_IXUSR
    assert progress == sorted(progress) and progress[0] == 0 and progress[-1] == 1


@pytest.mark.parametrize(
    "name",
    [
        "../outside.py",
        "torch/../../outside.py",
        "/tmp/outside.py",
        "C:/outside.py",
        "C:outside.py",
        "..\\outside.py",
        "torch\\lib\\c10.dll",
        "torch//lib.py",
        "./torch/lib.py",
        "torch/file.py:stream",
        "torch/aux.py",
        "torch/name. ",
        "torch/nul\x00.py",
    ],
)
def test_names_that_lead_outside_are_refused(tmp_path: Path, folder: Path, name: str) -> None:
    odd, stands_for_it = name.encode(), "x" * len(name)
    # zipfile itself would not write some of these names.
    content = small_builds.wheel({"torch/fine.py": "", stands_for_it: ""})
    wheel = written(tmp_path, content.replace(stands_for_it.encode(), odd))
    with pytest.raises(UselessArchiveError, match="unsafe"):
        unpack([wheel], folder, LIMIT, ignore_progress)
    assert files_in(folder) == set()
    assert not (tmp_path / "outside.py").exists()


def test_links_are_refused(tmp_path: Path, folder: Path) -> None:
    link = tmp_path / "link.whl"
    with zipfile.ZipFile(link, "w") as archive:
        info = zipfile.ZipInfo("torch/lib")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc")
        archive.writestr("torch/lib/passwd", "x")
    with pytest.raises(UselessArchiveError, match="unsafe"):
        unpack([link], folder, LIMIT, ignore_progress)
    assert files_in(folder) == set()


def test_damaged_archives(tmp_path: Path, folder: Path) -> None:
    whole = small_builds.wheel({"torch/a.py": os.urandom(50_000)})
    for content in (b"", b"no zip", whole[:30_000], whole[:20_000] + b"\0" * 900 + whole[20_900:]):
        with pytest.raises(UselessArchiveError, match="cannot be unpacked") as error:
            unpack([written(tmp_path, content)], folder, LIMIT, ignore_progress)
        assert "still works" in error.value.hint


def test_more_than_was_announced_is_refused(tmp_path: Path, folder: Path) -> None:
    bomb = written(tmp_path, small_builds.wheel({"torch/a.bin": b"\0" * 5_000_000}))
    assert bomb.stat().st_size < 10_000
    with pytest.raises(UselessArchiveError, match="it has 5 MB instead of 4 MB"):
        unpack([bomb], folder, 4_000_000, ignore_progress)
    assert files_in(folder) == set()
    # A size that lies: no more is written than the archive's directory says.
    lying = bomb.read_bytes()
    size = (5_000_000).to_bytes(4, "little")
    assert lying.count(size) == 2
    bomb.write_bytes(lying.replace(size, (1_000).to_bytes(4, "little")))
    with pytest.raises(UselessArchiveError):
        unpack([bomb], folder, 4_000_000, ignore_progress)
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) <= 1_000


def test_room_is_checked_before(tmp_path: Path, folder: Path, monkeypatch) -> None:
    usage = SimpleNamespace(free=50_100_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(DownloadError, match="too full"):
        unpack(small_wheels(tmp_path), folder, LIMIT, ignore_progress)
    assert files_in(folder) == set()


def test_cancel(tmp_path: Path, folder: Path) -> None:
    def tick(stage: str, fraction: float) -> None:
        if fraction > 0.3:
            raise Cancelled

    with pytest.raises(Cancelled):
        unpack(small_wheels(tmp_path), folder, LIMIT, tick)


def test_paths_that_are_too_long_for_windows() -> None:
    name = "/torch/2.8.0-cu128-win-311.partial"
    check_path_length(Path("C" * 129 + name), system="win32")
    check_path_length(Path("C" * 900 + name), system="linux")
    with pytest.raises(DownloadError, match="9 characters too long") as error:
        check_path_length(Path("C" * 142 + name), system="win32")
    assert "closer to the top" in error.value.hint


def test_the_longest_path_counts(tmp_path: Path, folder: Path, monkeypatch) -> None:
    asked = []
    monkeypatch.setattr(unpacking, "check_path_length", lambda *given: asked.append(given))
    unpack(small_wheels(tmp_path), folder, LIMIT, ignore_progress)
    assert asked == [(folder, max(map(len, files_in(folder))))]
