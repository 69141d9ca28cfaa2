"""A second Blender, without a window, that does what would block or change the artist's one."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import bpy

from ..inference.errors import TripoSRError

log = logging.getLogger(__name__)

GLANCE = 0.05
"""Seconds between two checks of the second Blender's progress."""


LIMIT = 600.0
"""Seconds that a second Blender may take; whatever takes longer has most likely hung."""


def second_blender() -> list[str]:
    """The command to which the name of a script is added; Python, if Blender is a module of it."""
    if bpy.app.binary_path:
        quiet = ("--background", "--factory-startup", "-noaudio", "--python-exit-code", "1")
        return [bpy.app.binary_path, *quiet, "--python"]
    # `bpy` must be imported before `bmesh`, which is part of it.
    run = "import bpy, runpy, sys; runpy.run_path(sys.argv[1], run_name='__main__')"
    return [sys.executable, "-c", run]


def run_beside(
    command: list[str],
    script: str,
    folder: Path,
    tick: Callable[[float], None],
    limit: float | None = None,
) -> bool:
    """Run a script in a second Blender, on any thread; stops it when `tick` raises.

    Args:
        command: What `second_blender` returns.
        script: Path of the script. It gets the folder as its last argument, writes the fraction
            that is done to `progress` in it, and at the end its answer to `answer.json`.
        folder: Folder for the script's files; its output goes to `log` in it.
        tick: Called with the fraction that is done, until the script has ended.
        limit: Seconds after which it is stopped; None for `LIMIT`.

    Returns:
        Whether the script has ended well; else the log has been logged.

    Raises:
        TripoSRError: The script has not ended within the limit.
        OSError: The second Blender does not start, or the folder cannot be written to.
    """
    limit = LIMIT if limit is None else limit
    started = time.monotonic()
    with (folder / "log").open("wb") as output:
        process = subprocess.Popen(
            [*command, script, "--", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # No console window pops up on Windows.
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    try:
        while (ended := _ended(process)) is None:
            tick(_progress(folder))
            if time.monotonic() - started > limit:
                _log_output(folder, "does not end")
                raise TripoSRError(
                    "The second Blender has not finished in {minutes:g} minutes",
                    "Reduce the faces first, and close programs that need much memory",
                    minutes=limit / 60,
                )
    finally:
        process.kill()
        process.wait()
    if ended == 0 and (folder / "answer.json").exists():
        return True
    _log_output(folder, f"has ended with {ended}")
    return False


def _log_output(folder: Path, what: str) -> None:
    """Log the end of what the second Blender has written."""
    said = (folder / "log").read_text(encoding="utf-8", errors="replace")
    log.error("The second Blender %s:\n%s", what, said[-4000:])


def _progress(folder: Path) -> float:
    """Fraction that the second Blender reports as done; 0 before its first report."""
    try:
        return float((folder / "progress").read_text(encoding="utf-8"))
    except (OSError, ValueError):  # not there yet, or half written
        return 0.0


def _ended(process: subprocess.Popen[bytes]) -> int | None:
    try:
        return process.wait(GLANCE)
    except subprocess.TimeoutExpired:
        return None
