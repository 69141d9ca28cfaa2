"""The index of an output folder: what is known of each picture. No Ray, no torch, no bpy.

While a run goes on, its rows are in parts, which are written whole, every few seconds. At its end,
the parts become the index: Parquet for programs, JSON lines for people and Blender, a page.
"""

from __future__ import annotations

import dataclasses
import io
import time
from collections.abc import Iterator

import pyarrow as pa
from pyarrow import parquet

from .page import page
from .rows import LINES, PAGE, TABLE, Row
from .storage import Folder

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
            StorageError: Nothing can be written.
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
        content = folder.read(name) or b""
        # Not splitlines: names may hold what it takes for the end of a line.
        for line in content.decode(errors="replace").split("\n"):
            try:
                yield Row.from_json(line)
            except ValueError:  # somebody has edited it: that picture is done again
                continue


def compile_index(folder: Folder) -> None:
    """Merge index and parts into an index with one row for each picture, and draw the page anew.

    Raises:
        StorageError: The folder cannot be read or written.
    """
    lines = {row.picture: row.to_json() for row in known_rows(folder)}
    ordered = [lines[picture] for picture in sorted(lines)]
    folder.write(LINES, "".join(f"{line}\n" for line in ordered).encode())
    folder.write(TABLE, _table(ordered))
    folder.write(PAGE, page(map(Row.from_json, ordered)))
    folder.sweep()
    # Only now: a run that is killed before merges the same rows again.
    for part in folder.names(PARTS):
        folder.remove(part)


def _table(lines: list[str]) -> bytes:
    """The content of a Parquet file; some rows at a time, because as objects they are large."""
    names = [field.name for field in dataclasses.fields(Row)]
    content = io.BytesIO()
    with parquet.ParquetWriter(content, SCHEMA) as writer:
        for start in range(0, len(lines), ROWS):
            rows = [Row.from_json(line) for line in lines[start : start + ROWS]]
            columns = {name: [getattr(row, name) for row in rows] for name in names}
            columns["seconds"] = [list(row.seconds.items()) for row in rows]
            writer.write_table(pa.table(columns, schema=SCHEMA))
    return content.getvalue()
