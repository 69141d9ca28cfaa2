"""The user's home folder, which not everyone has: containers and render farms run without one."""

from __future__ import annotations

from pathlib import Path


def home_folder() -> Path | None:
    """The home folder; None for a user without an account, where no HOME is set either."""
    try:
        return Path.home()
    except RuntimeError:
        return None


def expanded(path: str) -> Path | None:
    """A path whose `~` stands for a home folder; None where there is no such home."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return None
