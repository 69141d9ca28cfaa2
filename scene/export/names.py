"""Names of exported files."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

import bpy

from ...inference.errors import InputError
from ...inference.machine.paths import local_path
from .targets import Target

RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.I)
"""Names that Windows keeps for devices, with any ending."""

LONGEST = 120
"""Bytes of a suggested name, so that its ending and numbers fit into the 255 of a file system."""

TOO_LONG = 206
"""Windows' number of the error that a name is too long."""

PAGE_PARTS = ("page.js", "model-viewer.min.js", "model-viewer-LICENSE.txt")
"""Files that every AR page holds unchanged."""


def file_name(name: str) -> str:
    """A file name, without ending, that every system accepts for an object of any name."""
    plain = re.sub(r'[\x00-\x1f\x7f<>:"/\\|?*]', "_", name)
    plain = plain.encode("utf-8", "replace")[:LONGEST].decode("utf-8", "ignore").strip(". ")
    return f"_{plain}" if not plain or RESERVED.fullmatch(plain) else plain


def destination(path: Path | str, target: Target) -> Path:
    """The absolute path to write, with the target's ending if `path` has none.

    Args:
        path: May begin with `~/`, `//` or `file://`.

    Raises:
        InputError: The path has the ending of something else, or its folder is not there.
    """
    text = local_path(os.fspath(path).strip())
    if text.startswith("//") and not text.startswith("///"):
        if not bpy.data.filepath:
            raise InputError(
                "{path} is a path beside the .blend, which is not saved yet",
                "Save the .blend first, or give a whole path",
                path=text,
            )
        text = bpy.path.abspath(text)
    if not text:
        raise InputError("There is no path to export to", "Give the file a name")
    found = Path(text).absolute()
    is_folder = not target.endings[0]
    if not found.name or (text.endswith(("/", os.sep)) and not is_folder):
        raise InputError("{path} names no file", "Give the file a name", path=text)
    if not is_folder:
        found = _with_ending(found, target)
    _check_place(found, is_folder)
    return found


def _with_ending(path: Path, target: Target) -> Path:
    ending = path.suffix.lower()
    if ending in target.endings:
        return path.with_suffix(ending)
    if re.fullmatch(r"\.[a-z][a-z0-9]{1,5}", ending):  # not "v1.2", nor "Dr. Who"
        raise wrong_ending(path, target)
    return path.with_name(path.name + target.endings[0])


def wrong_ending(path: Path, target: Target) -> InputError:
    """The error for a path with the ending of something else."""
    return InputError(
        "{file} does not end with {endings}",
        "Choose such a name, or another target",
        file=path.name,
        endings=", ".join(target.endings),
    )


def _check_place(path: Path, is_folder: bool) -> None:
    """Raise InputError if nothing can be written at a path for a reason that is known already."""
    check_length(path)
    if not os.path.isdir(path.parent):
        raise InputError(
            "The folder {folder} does not exist",
            "Create it, or choose another folder",
            folder=str(path.parent),
        )
    if is_folder and os.path.lexists(path) and not os.path.isdir(path):
        raise InputError(
            "{file} is a file, but the page needs a folder", "Choose another name", file=path.name
        )
    if is_folder and _holds_something(path) and not _is_page(path):
        raise InputError(
            "The folder {folder} holds other files, which a page might replace",
            "Choose a new name, or an empty folder",
            folder=str(path),
        )
    if not is_folder and os.path.isdir(path):
        raise InputError("{file} is a folder", "Choose another name", file=path.name)


def check_length(path: Path) -> None:
    """Raise InputError if a path is too long for files, or for those that exporters put beside it
    for a while.
    """
    longer = path.with_name(f"{path.name}.000.png"), path.parent / ".triposr-00000000" / path.name
    for each in (path, *longer):
        try:
            os.lstat(each)
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG or getattr(error, "winerror", 0) == TOO_LONG:
                raise InputError(
                    "The name {name} is too long for a file",
                    "Choose a shorter name",
                    name=f"{max(path.parts, key=len)[:20]}\N{HORIZONTAL ELLIPSIS}",
                ) from error


def _holds_something(folder: Path) -> bool:
    """Whether there are files in a folder that a system has not put there by itself."""
    try:
        return bool({*os.listdir(folder)} - {".DS_Store", "Thumbs.db", "desktop.ini"})
    except OSError:  # it is not there, or nobody may read it, which writing says
        return False


def _is_page(folder: Path) -> bool:
    """Whether a folder holds an AR page of this add-on, which may be written anew."""
    try:
        content = (folder / "index.html").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return 'ios-src="model.usdz"' in content and all((folder / n).exists() for n in PAGE_PARTS)
