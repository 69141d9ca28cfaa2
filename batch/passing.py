"""Rows on their way from stage to stage, in batches. No Ray, no torch, no bpy."""

from __future__ import annotations

import dataclasses
import logging
import pickle
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..inference.errors import DeviceError, TripoSRError
from .places import is_url, without_queries
from .rows import Row
from .storage import ReadError

log = logging.getLogger(__name__)

Batch = Mapping[str, Any]
"""Columns of equal length: `number` of the picture, `kind`, `row` (JSON) and `work` (pickled)."""

WORK, DONE, KEPT, AGAIN, FATAL = "work", "done", "kept", "again", "fatal"
"""Kinds of rows: on the way; final; as an earlier run left it; to be begun anew; an error that ends
the run."""

ROUNDS = 3
"""How often a picture is begun, if memory or a device fails or its worker is lost, before it counts
as failed."""

MOST_ROUNDS = 6
"""The same for pictures whose workers are lost, as long as each round brings some of them back:
then others are at fault, or something outside."""

PACK_BYTES = 1 << 20
"""Bytes from which rows are yielded. Rows without work are small, and to Ray, a batch of one costs
as much as a batch of hundreds."""


def output(number: int, kind: str, row: Row, work: object = None) -> dict[str, list[Any]]:
    """Return a batch of one row."""
    packed = b"" if work is None else pickle.dumps(work, protocol=5)
    return {"number": [number], "kind": [kind], "row": [row.to_json()], "work": [packed]}


def each(batch: Batch) -> Iterator[tuple[int, str, Row, bytes]]:
    """Iterate over the rows of a batch that a stage has returned."""
    columns = (batch[name] for name in ("number", "kind", "row", "work"))
    for number, kind, row, work in zip(*columns, strict=True):
        yield int(number), str(kind), Row.from_json(str(row)), bytes(work)


def packed(rows: Iterable[dict[str, list[Any]]]) -> Iterator[dict[str, list[Any]]]:
    """Merge batches of one row until they hold PACK_BYTES."""
    pack: dict[str, list[Any]] = {}
    size = 0
    for row in rows:
        for name, values in row.items():
            pack.setdefault(name, []).extend(values)
        size += len(row["work"][0]) + len(row["row"][0])
        if size >= PACK_BYTES:
            yield pack
            pack, size = {}, 0
    if pack:
        yield pack


def timed(row: Row, stage: str, started: float) -> Row:
    """Return a row with the seconds of a stage that has just ended."""
    seconds = round(time.perf_counter() - started, 4)
    return dataclasses.replace(row, seconds={**row.seconds, stage: seconds})


def unfinished(number: int, row: Row, error: Exception) -> dict[str, list[Any]]:
    """Return a batch of the row of a picture that became no object, for good or this time.

    Another worker may have the memory, another device may work, and a storage may answer again.
    """
    may_pass = isinstance(error, MemoryError | DeviceError) or (
        isinstance(error, ReadError) and is_url(row.picture)
    )
    return output(number, AGAIN if may_pass and row.attempts < ROUNDS else DONE, failed(row, error))


def failed(row: Row, error: BaseException) -> Row:
    """Return the row of a picture that became no object."""
    if isinstance(error, MemoryError):
        error = TripoSRError("There is not enough memory", "Use fewer cores, or a lower resolution")
    elif not isinstance(error, TripoSRError):
        log.error("Unexpected error with %s", row.picture, exc_info=error)
        error = TripoSRError(
            "Unexpected error: {kind}: {error}",
            "Report it, with the picture",
            kind=type(error).__name__,
            error=without_queries(str(error)),
        )
    return dataclasses.replace(
        row, file="", code="", thumbnail="", error=str(error.message), hint=str(error.hint)
    )
