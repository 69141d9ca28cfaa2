"""The contact sheet of an output folder, which opens from a disk. No Ray, no torch, no bpy."""

from __future__ import annotations

import heapq
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from .places import name_of
from .rows import Row

TEMPLATE = Path(__file__).with_suffix(".html")


MOST = 20_000
"""Number of rows that a page holds: a browser takes a second for them."""


def page(rows: Iterable[Row]) -> bytes:
    """Return the page's content, with the rows in it: a page on a disk may not read other files.

    Of more than MOST rows, it holds the ones that need a look: failures, then the poorest matches.
    """
    count = Counter[bool]()
    shown = heapq.nsmallest(MOST, _counted(rows, count), key=_need)
    facts = {
        "objects": count[True],
        "failures": count[False],
        "rows": [_values(row) for row in shown],
    }
    values = json.dumps(facts, ensure_ascii=False, separators=(",", ":"))
    # Inside the script element, only this could end it: a file may be named </script>.
    safe = values.replace("<", "\\u003c")
    return TEMPLATE.read_text(encoding="utf-8").replace("@BATCH@", safe).encode()


def _counted(rows: Iterable[Row], count: Counter[bool]) -> Iterator[Row]:
    for row in rows:
        count[row.is_done] += 1
        yield row


def _need(row: Row) -> tuple[bool, float]:
    """Smaller for rows that need a look more; a match of 0 is not known."""
    return row.is_done, row.match or 1.0


def _values(row: Row) -> list[str | float | int]:
    """Values of a row for the page, in the order of its script's COLUMNS."""
    return [
        name_of(row.picture) or row.picture,
        row.picture,
        row.file,
        row.thumbnail,
        round(row.match, 4),
        row.faces,
        round(sum(row.seconds.values()), 2),
        row.error,
        row.hint,
    ]
