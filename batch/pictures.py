"""Which pictures to turn into objects: files, folders, patterns, lists. No Ray, no bpy."""

from __future__ import annotations

import fnmatch
import glob
import io
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

import pyarrow as pa
from pyarrow import csv, fs, parquet

from ..inference.errors import InputError
from .storage import absolute, is_url, located, read

ENDINGS = (
    *(".png", ".jpg", ".jpeg", ".webp", ".avif", ".gif", ".bmp", ".tif", ".tiff", ".tga", ".exr"),
    *(".hdr", ".psd", ".jp2", ".qoi", ".dds", ".ppm", ".ico"),
)
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
        for picture in _of_source(source):
            if not (beside and picture.startswith(f"{beside}/")):
                found[picture] = None
        if len(found) == before and not _is_known(source, found):
            raise InputError(
                "There is no picture in {source}",
                "Name a file, a folder, a pattern, or a list in a .csv or .parquet file",
                source=source,
            )
    return list(found)


def _is_known(source: str, found: dict[str, None]) -> bool:
    """Whether all pictures of a source have come with another one."""
    return any(picture in found for picture in _of_source(source))


def _of_source(source: str) -> Iterator[str]:
    if source.lower().endswith(LISTS):
        yield from _of_list(source)
    elif glob.has_magic(source) and not (not is_url(source) and Path(source).exists()):
        yield from _matching(source)
    else:
        yield from _of_place(source)


def _of_list(source: str) -> Iterator[str]:
    """The pictures that a list names; relative ones lie beside the list."""
    content = read(source)
    try:
        if source.lower().endswith(".parquet"):
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
    folder = absolute(source).rpartition("/")[0]
    for picture in column:
        if picture and picture.strip():
            name = picture.strip()
            yield name if is_url(name) or Path(name).is_absolute() else f"{folder}/{name}"


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
    fixed = pattern[: next(i for i, c in enumerate(pattern) if c in "*?[")].rpartition("/")[0]
    for url in _files_below(fixed):
        if fnmatch.fnmatchcase(url, pattern):
            yield url


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
        for url in _files_below(place):
            is_hidden = PurePosixPath(url).name.startswith(".")
            if url.lower().endswith(ENDINGS) and not is_hidden:
                yield url
    else:
        yield place


def _files_below(folder: str) -> Iterator[str]:
    """The paths or URLs of all files below a folder, sorted."""
    system, root = located(folder)
    found = system.get_file_info(fs.FileSelector(root, recursive=True, allow_not_found=True))
    for path in sorted(info.path for info in found if info.type == fs.FileType.File):
        yield folder + path[len(root) :]
