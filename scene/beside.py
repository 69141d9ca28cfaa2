"""A second Blender, without a window, that does what would block or change the artist's one."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import bpy

log = logging.getLogger(__name__)

GLANCE = 0.05
"""Seconds between two checks of the second Blender's progress."""


def second_blender() -> list[str]:
    """The command to which the name of a script is added; Python, if Blender is a module of it."""
    if bpy.app.binary_path:
        quiet = ("--background", "--factory-startup", "-noaudio", "--python-exit-code", "1")
        return [bpy.app.binary_path, *quiet, "--python"]
    # `bpy` must be imported before `bmesh`, which is part of it.
    run = "import bpy, runpy, sys; runpy.run_path(sys.argv[1], run_name='__main__')"
    return [sys.executable, "-c", run]


def run_beside(
    command: list[str], script: str, folder: Path, tick: Callable[[float], None]
) -> bool:
    """Run a script in a second Blender, on any thread; stops it when `tick` raises.

    Args:
        command: What `second_blender` returns.
        script: Path of the script. It gets the folder as its last argument, writes the fraction
            that is done to `progress` in it, and at the end its answer to `answer.json`.
        folder: Folder for the script's files; its output goes to `log` in it.
        tick: Called with the fraction that is done, until the script has ended.

    Returns:
        Whether the script has ended well; else the log has been logged.

    Raises:
        OSError: The second Blender does not start, or the folder cannot be written to.
    """
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
    finally:
        process.kill()
        process.wait()
    if ended == 0 and (folder / "answer.json").exists():
        return True
    said = (folder / "log").read_text(encoding="utf-8", errors="replace")
    log.error("The second Blender has ended with %s:\n%s", ended, said[-4000:])
    return False


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
