"""The index of an output folder: what is known of each picture. No Ray, no torch, no bpy.

While a run goes on, its rows are in parts, which are written whole, every few seconds. At its end,
the parts become the index: Parquet for programs, JSON lines for people and Blender, a page.
"""

from __future__ import annotations

import dataclasses
import itertools
import tempfile
import time
from collections.abc import Iterable, Iterator
from typing import IO

import pyarrow as pa
from pyarrow import parquet

from .page import page
from .rows import CODES, LINES, OBJECTS, PAGE, TABLE, THUMBNAILS, Row
from .storage import CHUNK, Folder, WriteError

PARTS = "parts"
"""Subfolder of the parts."""

ROWS, SECONDS, SLOWER = 1000, 2.0, 60.0
"""A part is written when it has so many rows, or so many seconds after the last one; of a long run,
the seconds grow to the last number, so that the parts do not become too many."""

SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("picture", "digest", "settings", "weights")),
        *((name, pa.string()) for name in ("file", "code", "thumbnail")),
        ("faces", pa.int64()),
        ("cut_off", pa.bool_()),
        ("match", pa.float64()),
        ("camera", pa.list_(pa.float64())),
        ("scale", pa.float64()),
        ("base", pa.list_(pa.float64())),
        ("seconds", pa.map_(pa.string(), pa.float64())),
        ("device", pa.string()),
        ("attempts", pa.int64()),
        *((name, pa.string()) for name in ("error", "hint")),
    ]
)
"""Columns of the table: the attributes of `Row`."""


class Journal:
    """The parts of a run, to which rows are added."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._lines: list[str] = []
        self._written = time.monotonic()
        self._count = 1 + max((_number(name) for name in folder.names(PARTS)), default=0)

    def add(self, row: Row) -> None:
        """Add a row; write the part if it is due."""
        self._lines.append(row.to_json())
        seconds = min(SECONDS * (1 + self._count / 50), SLOWER)
        if len(self._lines) >= ROWS or time.monotonic() - self._written > seconds:
            self.write()

    def write(self) -> None:
        """Write the rows that are in no part yet.

        Raises:
            WriteError: Nothing can be written.
        """
        self._written = time.monotonic()
        if not self._lines:
            return
        content = "".join(f"{line}\n" for line in self._lines).encode()
        self._folder.write(f"{PARTS}/{self._count:08}.jsonl", content)
        self._count += 1
        self._lines.clear()


def _number(part: str) -> int:
    stem = part.rpartition("/")[2].partition(".")[0]
    return int(stem) if stem.isdecimal() else 0


def known_rows(folder: Folder) -> Iterator[Row]:
    """Iterate over what earlier runs have found out, the oldest first: several rows of a picture
    that was tried several times, of which the last one counts.

    Raises:
        StorageError: The folder cannot be read.
    """
    for name in (LINES, *(part for part in folder.names(PARTS) if _number(part))):
        for line in folder.lines(name):
            try:
                yield Row.from_json(line.decode(errors="replace"))
            except ValueError:  # somebody has edited it: that picture is done again
                continue


def compile_index(folder: Folder) -> None:
    """Merge index and parts into an index with one row for each picture, and draw the page anew.

    Raises:
        StorageError: The folder cannot be read or written.
    """
    try:
        _compile(folder)
    except OSError as error:  # of the files between
        raise WriteError(
            "Nothing can be written to {place} ({error})",
            "Free some space, then run the same command again",
            place=tempfile.gettempdir(),
            error=error.strerror or str(error),
        ) from error
    folder.sweep(OBJECTS, CODES, THUMBNAILS, PARTS)
    # Only now: a run that is killed before merges the same rows again.
    for part in folder.names(PARTS):
        folder.remove(part)


def _compile(folder: Folder) -> None:
    with tempfile.TemporaryFile() as file:
        rows = _Rows(file, known_rows(folder))
        folder.write(LINES, rows.lines())
        with tempfile.TemporaryFile() as table:
            _write_table(table, rows)
            table.seek(0)
            folder.write(TABLE, iter(lambda: table.read(CHUNK), b""))
        folder.write(PAGE, page(rows))


class _Rows:
    """The last row of each picture, by picture, in a file: a million of them take gigabytes.

    Args:
        file: An empty file.
        rows: All rows, the oldest first.
    """

    def __init__(self, file: IO[bytes], rows: Iterable[Row]) -> None:
        self._file = file
        starts: dict[str, int] = {}
        for row in rows:
            starts[row.picture] = file.tell()
            file.write(f"{row.to_json()}\n".encode())
        self._starts = [starts[picture] for picture in sorted(starts)]

    def lines(self) -> Iterator[bytes]:
        """Iterate over the lines of the index."""
        for start in self._starts:
            self._file.seek(start)
            yield self._file.readline()

    def __iter__(self) -> Iterator[Row]:
        return (Row.from_json(line.decode()) for line in self.lines())


def _write_table(file: IO[bytes], rows: Iterable[Row]) -> None:
    """Write a Parquet file, some rows at a time."""
    names = [field.name for field in dataclasses.fields(Row)]
    left = iter(rows)
    with parquet.ParquetWriter(file, SCHEMA) as writer:
        while some := list(itertools.islice(left, ROWS)):
            columns = {name: [getattr(row, name) for row in some] for name in names}
            columns["seconds"] = [list(row.seconds.items()) for row in some]
            writer.write_table(pa.table(columns, schema=SCHEMA))
