"""The user's home folder, which containers and render farms may lack."""

from __future__ import annotations

from pathlib import Path


def home_folder() -> Path | None:
    """Return the home folder; None if HOME is not set and the user has no account."""
    try:
        return Path.home()
    except RuntimeError:
        return None


def expanded(path: str) -> Path | None:
    """Replace `~` in a path by the home folder; return None if there is no such home."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return None
