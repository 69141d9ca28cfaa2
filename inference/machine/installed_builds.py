"""Builds of torch that *Use My GPU* has installed, and whether they are whole. No torch.

Each lies in a folder of its own in one folder, `home`. A record, written last, makes it count;
without its record it is rubbish, and deleted when nobody uses it any more.
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import DependencyError
from .own_torch import read_build

log = logging.getLogger(__name__)

RECORD = "triposr-build.json"
"""Name of the record: version, size on the disk, and the size of every file."""

PARTIAL = ".partial"
"""End of the name of the folder into which a build is unpacked."""

ARCHIVES = ".archives"
"""End of the name of the folder that holds a build's files as downloaded."""

IN_USE = ".in-use"
"""End of the names of locked files in a build, one for each Blender that uses it."""

OURS = re.compile(r"\d+\.\d+\.\d+-cu\d+-[a-z]{3}-\d+(\.partial|\.archives)?")
"""Names that we give to folders (`GpuBuild.folder_name`): all others are left alone."""


@dataclass(frozen=True)
class InstalledBuild:
    """A build on the disk.

    Attributes:
        folder: Its folder.
        version: Its version, such as `2.8.0+cu128`.
        size: Bytes that it takes on the disk.
    """

    folder: Path
    version: str
    size: int


def write_record(folder: Path, version: str) -> None:
    """Make a folder with an unpacked build count as one; raises OSError."""
    sizes = {
        path.relative_to(folder).as_posix(): path.stat().st_size
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
    record = {"version": version, "size": sum(sizes.values()), "files": sizes}
    partial = folder / f"{RECORD}.part"
    partial.write_text(json.dumps(record), encoding="utf-8")
    partial.replace(folder / RECORD)


def find_installed(home: Path) -> InstalledBuild | None:
    """Return the build that was installed last and fits this Python; None if there is none."""
    whole = (folder for folder in _folders(home) if not folder.name.endswith((PARTIAL, ARCHIVES)))
    found = [(_age(folder), folder) for folder in whole]
    for _, folder in sorted(found, reverse=True):
        record = _read_record(folder)
        if record is None:
            continue
        try:
            read_build(folder)
        except DependencyError as error:  # for another Python or system that shares the folder
            log.debug("%s", error)
            continue
        return InstalledBuild(folder, str(record["version"]), int(record["size"]))
    return None


def is_build(folder: Path) -> bool:
    """Return whether a folder bears the name of an installed build."""
    return OURS.fullmatch(folder.name) is not None


def missing_file(folder: Path) -> str:
    """Return the name of a file that is missing or has another size; empty if none is."""
    record = _read_record(folder)
    if record is None:
        return RECORD
    for name, size in record["files"].items():
        try:
            is_whole = os.path.getsize(folder / name) == size
        except OSError:
            is_whole = False
        if not is_whole:
            return Path(name).name
    return ""


def disown(folder: Path) -> None:
    """Delete a build's record, so that it counts no more; raises OSError."""
    (folder / RECORD).unlink(missing_ok=True)


def hold(folder: Path) -> None:
    """Keep other Blenders from deleting a build for as long as this process lives."""
    import filelock

    for mark in folder.glob(f"*{IN_USE}"):
        if not _is_held(mark):  # by a Blender that has ended
            mark.unlink(missing_ok=True)
    lock = filelock.FileLock(folder / f"{os.getpid()}{IN_USE}", timeout=0)
    lock.acquire()
    _held.append(lock)


def is_in_use(folder: Path) -> bool:
    """Return whether this Blender or another one has imported torch from a build."""
    return any(_is_held(mark) for mark in folder.glob(f"*{IN_USE}"))


_held: list[Any] = []
"""Locks of this process; they go with it."""


def _is_held(mark: Path) -> bool:
    import filelock

    try:
        with filelock.FileLock(mark, timeout=0):
            return False
    except filelock.Timeout:
        return True


def rubbish(home: Path) -> list[Path]:
    """Return what can be deleted: builds unpacked halfway or removed, archives of whole ones."""
    found = []
    for folder in _folders(home):
        is_build = (folder / RECORD).is_file() and not folder.name.endswith(PARTIAL)
        if folder.name.endswith(ARCHIVES):
            if (folder.with_name(folder.name.removesuffix(ARCHIVES)) / RECORD).is_file():
                found.append(folder)
        elif not is_build:
            found.append(folder)
    return found


def archives(home: Path) -> list[Path]:
    """Return the folders with downloads that have not become a build yet."""
    return [folder for folder in _folders(home) if folder.name.endswith(ARCHIVES)]


def _folders(home: Path) -> Iterator[Path]:
    try:
        names = sorted(os.listdir(home))
    except OSError:
        return  # not there yet, or a share that is not connected
    for name in names:
        if OURS.fullmatch(name) and (home / name).is_dir() and not (home / name).is_symlink():
            yield home / name


def _age(folder: Path) -> float:
    try:
        return (folder / RECORD).stat().st_mtime
    except OSError:
        return 0.0


def _read_record(folder: Path) -> dict[str, Any] | None:
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        return record if record["version"] and record["size"] and record["files"] else None
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("The record of %s cannot be read: %s", folder.name, error)
        return None
