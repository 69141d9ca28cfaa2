"""What the artist learns about an export."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...inference.message import Message
from .colors import Colors
from .targets import Target


@dataclass(frozen=True)
class ExportReport:
    """What was exported.

    Attributes:
        files: Absolute paths of the files, the one to open first.
        triangles: Number of triangles; of a page's GLB file.
        bytes: Size of all files together.
        remarks: What is to be known about the result, a sentence each.
        summary: One sentence about all that, for the artist.
    """

    files: tuple[Path, ...]
    triangles: int
    bytes: int
    remarks: tuple[Message, ...]
    summary: Message


def summary_of(
    name: str,
    target: Target,
    triangles: int,
    colors: Colors,
    side: int,
    size: int,
    is_ready: bool,
    remarks: tuple[Message, ...],
) -> Message:
    """The sentence about an export, with its remarks."""
    kinds = {
        "texture": Message("{side:,}² texture", side=side),
        "vertex": Message("vertex colors"),
        "both": Message("{side:,}² texture and vertex colors", side=side),
        "none": Message("no colors"),
    }
    is_large = size >= 100_000
    faces = Message("{count:,} triangles", count=triangles)
    summary = Message(
        "{file}: {triangles}, {colors}, {size}, {ready}",
        file=name,
        triangles=Message("1 triangle") if triangles == 1 else faces,
        colors=kinds["none" if target.name == "print" else colors],
        size=Message("{size:,.1f} MB", size=size / 1e6)
        if is_large
        else Message("{size:,.1f} KB", size=size / 1e3),
        ready=target.ready if is_ready else Message("not ready yet"),
    )
    for remark in remarks:
        summary = Message("{summary}. {remark}", summary=summary, remark=remark)
    return summary
