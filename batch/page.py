"""The contact sheet of an output folder, which opens from a disk. No Ray, no torch, no bpy."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from .rows import Row
from .storage import name_of

TEMPLATE = Path(__file__).with_suffix(".html")


def page(rows: Iterable[Row]) -> bytes:
    """Return the page's content, with all rows in it: a page on a disk may not read other files."""
    values = json.dumps([_values(row) for row in rows], ensure_ascii=False, separators=(",", ":"))
    # Inside the script element, only this could end it: a file may be named </script>.
    safe = values.replace("<", "\\u003c")
    return TEMPLATE.read_text(encoding="utf-8").replace("@ROWS@", safe).encode()


def _values(row: Row) -> list[str | float | int]:
    """What the page shows of a row, in the order of its script's COLUMNS."""
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
