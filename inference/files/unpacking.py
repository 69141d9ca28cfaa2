"""Unpacking of wheels as pip lays them out, without what only developers need. No bpy.

Whatever a wheel names, nothing is written outside the folder, and no more than was announced.
"""

from __future__ import annotations

import os
import re
import stat
import sys
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..errors import DownloadError
from ..machine.packages import WINDOWS_LIMIT
from ..message import Message, size_text
from ..types import Tick
from .download import CHUNK, check_space

NOT_NEEDED = re.compile(
    r"""
    torch/(include|test|share)/.*
    | torch/bin/(?!torch_shm_manager$).*   # programs for developers
    | torchgen/packaged/.*                 # templates of C++ code, deep in folders
    | nvidia/(?:[^/]+/)?include/.*
    | .*\.(lib|pdb|a|cmake)
    | [^/]+\.dist-info/(?!licenses/[^/]+$).+/.* # licenses of parts of parts; torch's stays
    | [^/]+\.data/(?!purelib/|platlib/).*
    """,
    re.VERBOSE,
)
"""Matches files that computing does not need: they are most of the files, and have the longest
paths."""

PLACED = re.compile(r"[^/]+\.data/(?:purelib|platlib)/")
"""Matches the start of the names of files that pip puts at the top of its folder."""

DEEPEST = 91
"""Characters of the longest path in an unpacked build: one of torch 2.8 with its CUDA libraries."""

ON_WINDOWS = re.compile(
    r'[<>:"|?*\x00-\x1f]|[. ](/|$)|(^|/)(con|prn|aux|nul|com\d|lpt\d)(\.|/|$)', re.I
)
"""Matches what no file name on Windows may contain; a colon also begins a path on another disk."""


class UselessArchiveError(DownloadError):
    """A wheel cannot be unpacked, and never will be."""


@dataclass(frozen=True)
class _Entry:
    """A file of a wheel, and the name under which it is unpacked."""

    info: zipfile.ZipInfo
    name: str


def unpack(wheels: Sequence[Path], folder: Path, limit: int, tick: Tick) -> None:
    """Unpack what is needed of some wheels.

    Args:
        wheels: Files of wheels, of trusted origin or not.
        folder: An empty folder that exists.
        limit: Bytes that all unpacked files may take together.
        tick: Called with the stage `unpack`; raises to stop.

    Raises:
        UselessArchiveError: A wheel is damaged or unsafe, or larger than announced.
        DownloadError: The paths are too long for Windows, or the disk is full.
        OSError: The folder cannot be written.
    """
    entries = {wheel: _needed(wheel) for wheel in wheels}
    total = sum(entry.info.file_size for found in entries.values() for entry in found)
    if total > limit:
        raise _refused(
            folder.name,
            Message(
                "it has {size} instead of {limit}", size=size_text(total), limit=size_text(limit)
            ),
        )
    names = [entry.name for found in entries.values() for entry in found]
    check_path_length(folder, max(map(len, names), default=0))
    check_space(folder, folder.name, total)
    done = 0
    tick("unpack", 0.0)
    for wheel, found in entries.items():
        with _readable(wheel), zipfile.ZipFile(wheel) as archive:
            for entry in found:
                for written in _extract(archive, entry, folder):
                    done += written
                    tick("unpack", done / max(total, 1))


def check_path_length(folder: Path, deepest: int = DEEPEST, system: str = sys.platform) -> None:
    """Raise DownloadError if paths in a folder would be longer than Windows allows.

    Args:
        deepest: Characters of the longest path inside the folder.
    """
    excess = len(str(folder)) + 1 + deepest - (WINDOWS_LIMIT - 1)
    if system == "win32" and excess > 0:
        raise DownloadError(
            "The path of the model folder is {excess} characters too long for Windows",
            "Choose a model folder closer to the top of a disk in the preferences",
            excess=excess,
        )


def _needed(wheel: Path) -> list[_Entry]:
    """Return the entries to unpack; raises UselessArchiveError if any is unsafe."""
    with _readable(wheel), zipfile.ZipFile(wheel) as archive:
        entries = []
        for info in archive.infolist():
            _check_safe(wheel, info)
            name = info.filename
            if not info.is_dir() and not NOT_NEEDED.fullmatch(name):
                entries.append(_Entry(info, PLACED.sub("", name, count=1)))
        return entries


def _check_safe(wheel: Path, info: zipfile.ZipInfo) -> None:
    # Not `filename`, in which Python replaces backslashes on Windows and cuts at a null byte.
    name = info.orig_filename
    parts = name.split("/")
    kind = stat.S_IFMT(info.external_attr >> 16)
    is_odd = (
        name.startswith("/")
        or "\\" in name
        or ".." in parts
        or "." in parts
        or "" in parts[:-1]
        or ON_WINDOWS.search(name) is not None
        or kind not in (0, stat.S_IFREG, stat.S_IFDIR)
    )
    if is_odd or info.flag_bits & 1:  # encrypted
        raise _refused(wheel.name, Message("it names {name!r}, which is unsafe", name=name))


def _extract(archive: zipfile.ZipFile, entry: _Entry, folder: Path) -> Iterator[int]:
    """Write one file; yields the sizes of its pieces."""
    target = folder / entry.name
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(entry.info) as reading, target.open("wb") as writing:
        while chunk := reading.read(CHUNK):
            writing.write(chunk)
            yield len(chunk)
    if (entry.info.external_attr >> 16) & stat.S_IXUSR:
        os.chmod(target, 0o755)


@contextmanager
def _readable(wheel: Path) -> Iterator[None]:
    """Turn errors of a damaged archive into an UselessArchiveError."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise _refused(wheel.name, str(error)) from error


def _refused(name: str, reason: str) -> UselessArchiveError:
    return UselessArchiveError(
        Message("{name} cannot be unpacked: {reason}", name=name, reason=reason),
        Message("Report it; what worked before still works"),
    )
