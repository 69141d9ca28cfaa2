"""Work in several processes, and what an interrupted command has done already."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL.Image import Image

REPORT = "report.md"


@contextmanager
def worker_pool(count: int, method: str | None = None) -> Iterator[ProcessPoolExecutor]:
    """Run a pool of processes; what is still waiting when the block ends is not begun.

    `method` is how they start; see multiprocessing.get_context.

    Raises:
        SystemExit: A process died.
    """
    pool = ProcessPoolExecutor(count, multiprocessing.get_context(method))
    try:
        yield pool
    except BrokenProcessPool as error:
        raise SystemExit(
            "A process was ended from outside, perhaps because memory ran out: pass fewer"
            " --processes"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def resumed(
    names: list[str], compute: Callable[[list[int]], Iterable[Any]], kept: Path | None
) -> Iterator[Any]:
    """Yield a value for each name, in their order, and compute only those that are not kept yet.

    Args:
        names: What the values are of, each once.
        compute: Given indices of names, it yields their values, which JSON can hold, in that order.
        kept: File of JSON lines to which values are added as soon as they are there; its own name
            must tell all else that they depend on, such as a digest of the weights. None keeps
            nothing.

    Raises:
        SystemExit: The file is damaged.
    """
    if kept is None:
        yield from compute(list(range(len(names))))
        return
    known = _whole_lines(kept)
    missing = [number for number, name in enumerate(names) if name not in known]
    computed = iter(compute(missing))
    with kept.open("a", encoding="utf-8") as file:
        for name in names:
            if name not in known:
                line = json.dumps([name, next(computed)])
                file.write(line + "\n")
                file.flush()
                known[name] = json.loads(line)[1]
            yield known[name]


def is_reported(folder: Path, heading: str) -> bool:
    """Return whether the folder holds a finished report that begins with this heading."""
    report = folder / REPORT
    return report.exists() and report.read_text(encoding="utf-8").startswith(heading)


def write_report(folder: Path, text: str, figures: list[dict[str, Any]], sheet: Image) -> None:
    """Write what a measurement has found: report.md, figures.json and sheet.png.

    A report is there only while the other two are its own, however the writing ends.
    """
    report = folder / REPORT
    report.unlink(missing_ok=True)
    sheet.save(folder / "sheet.png")
    (folder / "figures.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")
    part = report.with_suffix(".part")
    part.write_text(text, encoding="utf-8")
    part.replace(report)


def _whole_lines(kept: Path) -> dict[str, Any]:
    """Return what a file of `resumed` holds, and cut off a last line that was not finished."""
    kept.touch()
    text = kept.read_bytes()
    whole = text[: text.rfind(b"\n") + 1]
    if len(whole) < len(text):
        with kept.open("r+b") as file:
            file.truncate(len(whole))
    try:
        return dict(json.loads(line) for line in whole.splitlines())
    except (ValueError, TypeError) as error:
        raise SystemExit(f"{kept} is damaged: delete it, and call again") from error
