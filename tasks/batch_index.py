"""The index of a batch's folder, read with care, for it may come from anywhere. No bpy."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, BinaryIO

from ..batch.rows import FORMAT, LINES, RUN, Row
from ..inference.errors import InputError
from ..inference.message import Message
from ..settings import OBJECT, Value, checked, defaults_of

MAX_LINE = 1 << 20
"""Most bytes of a line; a longer one is no row."""

MAX_RUN = 16 << 20
"""Most bytes of run.json."""

TICK = 500
"""Lines between two ticks."""

TEXTS = ("picture", "digest", "settings", "file", "code", "error", "hint")
"""Attributes of a row that must be texts."""

MAX_REASON = 200
"""Most characters of a reason that is shown."""

MAX_SIDE = 1_000_000
"""Most pixels along a side of a picture."""

MAX_SCALE = 1e9
"""Most object units per model unit, beyond what the largest size asks for."""


@dataclass(frozen=True)
class Selection:
    """Which objects of a batch to import; see settings.BATCH."""

    match_from: float
    match_to: float
    maximum: int

    def includes(self, match: float) -> bool:
        """Whether an object is wanted, by its match."""
        return self.match_from <= match <= self.match_to


@dataclass(frozen=True)
class Index:
    """Objects to import, and what is left out.

    Attributes:
        folder: Output folder.
        settings: Values of settings.OBJECT, by name.
        is_draft: Whether the starter model made the objects.
        rows: Rows of the wanted objects, in the order of the index.
        beyond: Number of wanted objects beyond the maximum.
        failed: Number of pictures that became no object.
        reason: Why the first of them did not; empty if there is none.
        damaged: Number of lines that are no rows.
    """

    folder: Path
    settings: dict[str, Value]
    is_draft: bool
    rows: tuple[Row, ...]
    beyond: int
    failed: int
    reason: str
    damaged: int


def read_index(path: Path, selection: Selection, tick: Callable[[float], None]) -> Index:
    """Read an index and choose from it.

    Args:
        path: The output folder, or the index in it.
        selection: What to choose.
        tick: Called with the fraction that is done; raises to stop.

    Raises:
        InputError: There is no index, it is none, or there is nothing in it to import.
    """
    lines = path / LINES if os.path.isdir(path) else path
    folder = lines.parent
    if not os.path.isfile(lines):  # a pipe would be waited for
        raise InputError(
            "There is no {name} in {folder}",
            "Choose the folder that the batch was written to",
            name=lines.name,
            folder=str(folder),
        )
    run = _run(folder)
    settings, digest = _settings(run, folder), run.get("digest")
    try:
        with lines.open("rb") as file:
            entries, damaged = _entries(file, lines.stat().st_size, tick)
            _check(entries, damaged, lines.name, selection)
            wanted = [at for at, match in entries.values() if selection.includes(match)]
            first_failed = next((at for at, match in entries.values() if match == FAILED), None)
            rows = tuple(_row_at(file, at) for at in wanted[: selection.maximum])
            reason = "" if first_failed is None else _reason(_row_at(file, first_failed))
    except OSError as error:
        raise _unreadable(lines, error) from error
    failed = sum(match == FAILED for _, match in entries.values())
    if not rows and failed == 1:
        raise InputError(
            "The batch has one picture, which failed: {reason}",
            "Correct that, and run the batch again",
            reason=reason,
        )
    if not rows:
        raise InputError(
            "All {count:,} pictures of the batch failed: {reason}",
            "Correct that, and run the batch again",
            count=failed,
            reason=reason,
        )
    if any(row.settings not in ("", digest) for row in rows):
        raise InputError(
            "The objects were made with other settings than {name} has",
            "Run the batch again into an empty folder",
            name=RUN,
        )
    beyond = len(wanted) - len(rows)
    is_draft = run.get("is_draft") is True
    return Index(folder, settings, is_draft, rows, beyond, failed, reason, damaged)


FAILED = -1.0
"""Stands for the match of a picture that became no object."""


def _run(folder: Path) -> dict[str, Any]:
    """Content of run.json, which all objects of the folder have in common."""
    path = folder / RUN
    try:
        if not path.is_file() or path.stat().st_size > MAX_RUN:
            raise ValueError("there is no such file, or it is too large")
        run = json.loads(path.read_bytes())
        if not isinstance(run, dict) or not isinstance(run.get("format"), int):
            raise ValueError("it has no format")
    except (OSError, ValueError, RecursionError) as error:
        raise _no_run(folder) from error
    if run["format"] != FORMAT:
        raise InputError(
            "The batch has format {format}, and this version reads format {known}",
            "Install the version of the add-on that made the batch",
            format=run["format"],
            known=FORMAT,
        )
    return run


def _settings(run: dict[str, Any], folder: Path) -> dict[str, Value]:
    given, usual = run.get("settings"), defaults_of(OBJECT)
    if not isinstance(given, dict):
        raise _no_run(folder)
    # A newer version may have more settings, an older one fewer.
    known = {name: value for name, value in given.items() if name in usual}
    try:
        return usual | checked(OBJECT, known)
    except (InputError, TypeError, ValueError, OverflowError) as error:
        raise _no_run(folder) from error


def _no_run(folder: Path) -> InputError:
    return InputError(
        "{folder} is not the folder of a batch: {name} is missing or damaged",
        "Choose the folder that the batch was written to",
        folder=str(folder),
        name=RUN,
    )


def _unreadable(path: Path, error: OSError) -> InputError:
    return InputError(
        "{name} cannot be read: {reason}",
        "Check the disk or the network, and try again",
        name=path.name,
        reason=error.strerror or str(error),
    )


def _entries(
    file: BinaryIO, size: int, tick: Callable[[float], None]
) -> tuple[dict[str, tuple[int, float]], int]:
    """Where each picture's row begins, with its match; and the number of damaged lines.

    Of a picture that was tried several times, the last row counts. Only this much is kept of each
    row, because there may be millions.
    """
    entries: dict[str, tuple[int, float]] = {}
    damaged = 0
    for number, (at, line) in enumerate(_lines(file)):
        if number % TICK == 0:
            tick(at / max(size, 1))
        try:
            row = _checked(line)
        except (ValueError, TypeError, OverflowError, RecursionError):
            damaged += 1
        else:
            entries[row.picture] = at, (row.match if row.is_done else FAILED)
    return entries, damaged


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """The lines that are not empty, and where each begins; a line that is too long is cut."""
    at = 0
    while line := file.readline(MAX_LINE):
        start, at = at, at + len(line)
        while len(line) == MAX_LINE and not line.endswith(b"\n"):
            rest = file.readline(MAX_LINE)
            at += len(rest)
            if not rest or rest.endswith(b"\n"):
                break
        if line.strip():
            yield start, line


def _row_at(file: BinaryIO, at: int) -> Row:
    file.seek(at)
    return _checked(file.readline(MAX_LINE))


def _reason(row: Row) -> str:
    """Why a picture failed, on one line of the panel's size."""
    return " ".join(row.error.split())[:MAX_REASON]


def _checked(line: bytes) -> Row:
    """The row that a line holds.

    Raises:
        ValueError, TypeError, OverflowError, RecursionError: It is none.
    """
    row = Row.from_json(line.decode())
    texts = [getattr(row, name) for name in TEXTS]
    if not all(isinstance(text, str) and "\0" not in text for text in texts):
        raise ValueError("a text is none")
    for text in texts:
        text.encode("utf-8", "surrogateescape")
    if len(row.base) != 3 or len(row.camera) not in (0, 8):
        raise ValueError("numbers are missing")
    if not all(map(math.isfinite, (row.match, row.scale, *row.base, *row.camera))):
        raise ValueError("a number is not finite")
    if not (0 <= row.match <= 1 and 0 < row.scale <= MAX_SCALE):
        raise ValueError("a number is out of its range")
    if max(map(abs, (*row.base, *row.camera))) > MAX_SIDE:
        raise ValueError("a number is out of its range")
    return row


def _check(
    entries: dict[str, tuple[int, float]], damaged: int, name: str, selection: Selection
) -> None:
    """Raise InputError for an index without rows, or without an object that is wanted."""
    if not entries:
        if damaged:
            raise InputError(
                "{name} is not the index of a batch",
                "Choose the index.jsonl that the batch has written",
                name=name,
            )
        raise InputError("The index {name} is empty", "Run the batch again", name=name)
    matches = [match for _, match in entries.values() if match != FAILED]
    if matches and not any(map(selection.includes, matches)):
        raise InputError(
            "No object of the batch has a match from {low:.0%} to {high:.0%}",
            "Choose wider limits",
            low=selection.match_from,
            high=selection.match_to,
        )


def file_in(folder: Path, name: str) -> Path:
    """The path of a file that a row names.

    Raises:
        InputError: It lies outside of the folder.
    """
    windows = PureWindowsPath(name)
    is_inside = not (
        not name
        or PurePosixPath(name).is_absolute()
        or windows.drive
        or windows.root
        or ".." in windows.parts
    )
    path = folder / name
    try:
        is_inside = is_inside and path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # links that lead to each other
        is_inside = False
    if not is_inside:
        raise InputError(
            "{name} lies outside of the batch's folder",
            "Import only batches that were written by the batch command",
            name=name or Message("A file without a name"),
        )
    return path
