"""Which pictures to turn into objects: files, folders, patterns, lists. No Ray, no bpy."""

from __future__ import annotations

import fnmatch
import glob
import io
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
from pyarrow import csv, fs, parquet

from ..inference.errors import InputError
from ..inference.picture.limits import FILE_SUFFIXES
from .storage import absolute, below, is_url, located, parent, read, split_query

ENDINGS = FILE_SUFFIXES
"""Endings of the files that a folder is searched for; a file that is named may have any."""

LISTS = (".csv", ".parquet")

COLUMNS = ("picture", "path", "url", "image", "file", "filename")
"""Names of the column that holds the pictures; without one of them, it is the first column."""


def find_pictures(sources: Iterable[str], beside: str = "") -> list[str]:
    """Return the absolute paths and URLs of all pictures, each once, in the order of the sources.

    Args:
        sources: Files, folders (searched with all subfolders), patterns, CSV or Parquet lists;
            paths or URLs.
        beside: The output folder, whose thumbnails are no pictures.

    Raises:
        InputError: A source does not exist or holds no picture.
    """
    found: dict[str, None] = {}
    for source in sources:
        before = len(found)
        for picture in _texts(source):
            if not (beside and split_query(picture)[0].startswith(f"{split_query(beside)[0]}/")):
                found[picture] = None
        if len(found) == before and not _is_known(source, found):
            raise InputError(
                "There is no picture in {source}",
                "Name a file, a folder, a pattern, or a list in a .csv or .parquet file",
                source=source,
            )
    return list(found)


def _texts(source: str) -> Iterator[str]:
    """The pictures of a source, whose names an index can hold: Linux allows any bytes."""
    try:
        for picture in _of_source(source):
            picture.encode()
            yield picture
    except UnicodeError as error:
        raise InputError(
            "In {source} is a file whose name is not valid UTF-8",
            "Rename it, for instance with convmv",
            source=source.encode(errors="replace").decode(),
        ) from error


def _is_known(source: str, found: dict[str, None]) -> bool:
    """Whether all pictures of a source have come with another one."""
    return any(picture in found for picture in _of_source(source))


def _of_source(source: str) -> Iterator[str]:
    path, _ = split_query(source)
    if path.lower().endswith(LISTS):
        yield from _of_list(source)
    elif glob.has_magic(path) and (is_url(source) or not Path(source).expanduser().exists()):
        yield from _matching(source)
    else:
        yield from _of_place(source)


def _of_list(source: str) -> Iterator[str]:
    """The pictures that a list names; relative ones lie beside the list."""
    content = read(source)
    try:
        if split_query(source)[0].lower().endswith(".parquet"):
            table = parquet.read_table(io.BytesIO(content))
        else:
            table = _read_csv(content)
        named = next((name for name in table.column_names if name.lower() in COLUMNS), None)
        column = table.column(named if named is not None else 0).cast(pa.string()).to_pylist()
    except (pa.ArrowException, ValueError, IndexError) as error:
        raise InputError(
            "The list {source} cannot be read ({error})",
            "Write one picture in each line, below a first line that says: picture",
            source=source,
            error=str(error).partition("\n")[0],
        ) from error
    folder = parent(absolute(source))
    for picture in column:
        if picture and picture.strip():
            name = picture.strip()
            is_whole = is_url(name) or Path(name).is_absolute()
            yield absolute(name if is_whole else below(folder, name))


def _read_csv(content: bytes) -> pa.Table:
    """Read a CSV file of strings, whose first line may or may not name the columns."""
    first = content.removeprefix(b"\xef\xbb\xbf").partition(b"\n")[0].decode(errors="replace")
    cells = [cell.strip().strip('"') for cell in first.split(",")]
    is_headless = any(cell.lower().endswith(ENDINGS) for cell in cells)
    options = csv.ReadOptions(autogenerate_column_names=is_headless)
    return csv.read_csv(io.BytesIO(content), read_options=options)


def _matching(pattern: str) -> Iterator[str]:
    """The files that match a pattern, in which ** stands for any folders."""
    if not is_url(pattern):
        for path in sorted(glob.glob(str(Path(pattern).expanduser()), recursive=True)):
            if Path(path).is_file():
                yield absolute(path)
        return
    path, query = split_query(pattern)
    fixed = path[: next(i for i, c in enumerate(path) if c in "*?[")].rpartition("/")[0]
    for name in _names_below(fixed + query):
        if fnmatch.fnmatchcase(f"{fixed}/{name}", path):
            yield below(fixed + query, name)


def _of_place(place: str) -> Iterator[str]:
    """A file, or the pictures in a folder."""
    place = absolute(place)
    system, path = located(place)
    try:
        kind = system.get_file_info(path).type
    except OSError as error:
        raise InputError(
            "{place} cannot be reached ({error})",
            "Check the address and the connection",
            place=place,
            error=str(error).partition("\n")[0],
        ) from error
    if kind == fs.FileType.NotFound:
        raise InputError("{place} does not exist", "Check the name and the folder", place=place)
    if kind == fs.FileType.Directory:
        for name in _names_below(place):
            is_hidden = any(part.startswith(".") for part in name.split("/"))
            if name.lower().endswith(ENDINGS) and not is_hidden:
                yield below(place, name)
    else:
        yield place


def _names_below(folder: str) -> Iterator[str]:
    """The names of all files below a folder, relative to it, sorted."""
    system, root = located(folder)
    found = system.get_file_info(fs.FileSelector(root, recursive=True, allow_not_found=True))
    for path in sorted(info.path for info in found if info.type == fs.FileType.File):
        yield path[len(root) :].lstrip("/")
