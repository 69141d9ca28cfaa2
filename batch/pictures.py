"""Which pictures to turn into objects: files, folders, patterns, lists. No Ray, no bpy."""

from __future__ import annotations

import glob
import io
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
from fsspec.utils import glob_translate
from pyarrow import csv, fs, parquet

from ..inference.errors import InputError
from ..inference.picture.limits import FILE_SUFFIXES
from .places import absolute, below, is_url, local, parent, public, split_query
from .rows import THUMBNAILS
from .storage import Folder, kind_of, missing, read

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
        beside: The output folder, whose thumbnails are no pictures; it may hold the pictures.

    Raises:
        InputError: A source does not exist or holds no picture.
    """
    found: dict[str, str] = {}
    thumbnails = split_query(below(beside, THUMBNAILS))[0] + "/"
    for source in map(local, sources):
        before = len(found)
        for picture in _texts(source):
            if not (beside and split_query(picture)[0].startswith(thumbnails)):
                found.setdefault(public(picture), picture)
        if len(found) == before and not _is_known(source, found):
            raise InputError(
                "There is no picture in {source}",
                "Name a file, a folder, a pattern, or a list in a .csv or .parquet file",
                source=public(source),
            )
    return list(found.values())


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


def _is_known(source: str, found: dict[str, str]) -> bool:
    """Whether all pictures of a source have come with another one."""
    return any(public(picture) in found for picture in _of_source(source))


def _of_source(source: str) -> Iterator[str]:
    path, _ = split_query(source)
    if path.lower().endswith(LISTS):
        yield from _of_list(source)
    elif is_url(source) and _wildcard(path) and kind_of(source) == fs.FileType.NotFound:
        yield from _matching_urls(source)
    elif glob.has_magic(path) and not (is_url(source) or Path(source).expanduser().exists()):
        yield from _matching_files(source)
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
            source=public(source),
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
    is_headless = any(is_url(cell) or cell.lower().endswith(ENDINGS) for cell in cells)
    options = csv.ReadOptions(autogenerate_column_names=is_headless)
    return csv.read_csv(io.BytesIO(content), read_options=options)


def _matching_files(pattern: str) -> Iterator[str]:
    """The files that match a pattern, in which ** stands for any folders."""
    for path in sorted(glob.glob(str(Path(pattern).expanduser()), recursive=True)):
        if Path(path).is_file():
            yield absolute(path)


def _wildcard(url: str) -> int:
    """The place of a URL's first wildcard, 0 if there is none: not of an IPv6 address's bracket,
    nor of a question mark, with which a query begins.
    """
    start = url.index("/", url.index("://") + 3) if url.count("/") > 2 else len(url)
    return next((at for at in range(start, len(url)) if url[at] in "*["), 0)


def _matching_urls(pattern: str) -> Iterator[str]:
    """The same for files of an object storage."""
    path, query = split_query(pattern)
    folder = path[: _wildcard(path)].rpartition("/")[0]
    below_it = path[len(folder) + 1 :]
    try:
        matches = re.compile(glob_translate(below_it)).match
    except ValueError as error:
        raise InputError(
            "{pattern} is no pattern", "Write ** as a folder: folder/**/*.png", pattern=pattern
        ) from error
    for name in Folder(folder + query).names(deep=True):
        if matches(name) and ("/." in f"/{below_it}" or not _is_hidden(name)):
            yield below(folder + query, name)


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") for part in name.split("/"))


def _of_place(place: str) -> Iterator[str]:
    """A file, or the pictures in a folder."""
    place = absolute(place)
    kind = kind_of(place)
    if kind == fs.FileType.NotFound:
        raise missing(place)
    if kind == fs.FileType.Directory:
        for name in Folder(place).names(deep=True):
            if name.lower().endswith(ENDINGS) and not _is_hidden(name):
                yield below(place, name)
    else:
        yield place
