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
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import DependencyError, importing
from .own_torch import read_build

log = logging.getLogger(__name__)

RECORD = "triposr-build.json"
"""Name of the record: version, size on the disk, and the size of every file."""

PARTIAL = ".partial"
"""End of the name of the folder into which a build is unpacked; a number may follow."""

ARCHIVES = ".archives"
"""End of the name of the folder that holds a build's files as downloaded."""

IN_USE = ".in-use"
"""End of the names of locked files in a build, one for each Blender that uses it."""

OURS = re.compile(r"\d+\.\d+\.\d+-cu\d+-[a-z]{3}-\d+(\.partial\d*|\.archives)?")
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
    with partial.open("w", encoding="utf-8") as stream:
        json.dump(record, stream)
        stream.flush()
        os.fsync(stream.fileno())  # else a power failure may leave an empty file of that name
    partial.replace(folder / RECORD)


def find_installed(home: Path) -> InstalledBuild | None:
    """Return the build that was installed last and fits this Python; None if there is none."""
    whole = (
        folder for folder in _folders(home) if not folder.suffix.startswith((PARTIAL, ARCHIVES))
    )
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
    """Return the name of a file that is missing or has another size; empty if none is.

    A file that cannot be asked for its size, as on a share that fails for a moment, counts as
    whole.
    """
    try:
        record = _parse_record(folder)
    except OSError as error:
        log.info("The record of %s cannot be read now: %s", folder.name, error)
        return ""
    if record is None:
        return RECORD
    for name, size in record["files"].items():
        try:
            is_whole = os.path.getsize(folder / name) == size
        except FileNotFoundError:
            is_whole = False
        except OSError as error:
            log.info("%s cannot be looked at now: %s", name, error)
            continue
        if not is_whole:
            return Path(name).name
    return ""


def disown(folder: Path) -> None:
    """Delete a build's record, so that it counts no more; raises OSError."""
    (folder / RECORD).unlink(missing_ok=True)


def hold(folder: Path) -> bool:
    """Keep other Blenders from deleting a build for as long as this process lives.

    Returns:
        Whether the build is still there. Who removes a build deletes its record first, and then
        looks whether anybody holds it; so its record is read here once it is held.

    Raises:
        OSError, NotImplementedError, DependencyError: The build cannot be marked, as on a share
            that is read-only or knows no locks.
    """
    with importing("filelock"):
        import filelock

    if any(Path(lock.lock_file).parent == folder for lock in _held):
        return (folder / RECORD).exists()
    if not folder.is_dir():  # filelock would create it
        return False
    for mark in folder.glob(f"*{IN_USE}"):
        if not _is_held(mark):  # by a Blender that has ended
            mark.unlink(missing_ok=True)
    lock = filelock.FileLock(folder / f"{os.getpid()}{IN_USE}", timeout=0)
    lock.acquire()
    if (folder / RECORD).exists():
        _held.append(lock)
        return True
    lock.release()
    Path(lock.lock_file).unlink(missing_ok=True)
    with suppress(OSError):  # not empty: who removes it deletes the rest
        folder.rmdir()
    return False


def release(folder: Path) -> None:
    """Let other Blenders delete a build that this process does not use after all."""
    for lock in [lock for lock in _held if Path(lock.lock_file).parent == folder]:
        lock.release()
        _held.remove(lock)


def is_in_use(folder: Path) -> bool:
    """Return whether this Blender or another one has imported torch from a build."""
    return any(_is_held(mark) for mark in folder.glob(f"*{IN_USE}"))


_held: list[Any] = []
"""Locks of this process; they go with it."""


def _is_held(mark: Path) -> bool:
    with importing("filelock"):
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
        if folder.name.endswith(ARCHIVES):
            if _may_count(folder.with_name(folder.name.removesuffix(ARCHIVES))):
                found.append(folder)
        elif folder.suffix.startswith(PARTIAL) or not _may_count(folder):
            found.append(folder)
    return found


def _may_count(folder: Path) -> bool:
    """Return whether a folder has a record, or one that cannot be read just now."""
    try:
        return _parse_record(folder) is not None
    except OSError as error:
        log.info("The record of %s cannot be read now: %s", folder.name, error)
        return True


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
        return _parse_record(folder)
    except OSError as error:
        log.warning("The record of %s cannot be read: %s", folder.name, error)
        return None


def _parse_record(folder: Path) -> dict[str, Any] | None:
    """Return a build's record; None if there is none, or it is damaged. Raises OSError."""
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        is_whole = record["version"] and int(record["size"]) and dict(record["files"])
        return record if is_whole else None
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        log.warning("The record of %s is damaged: %s", folder.name, error)
        return None
