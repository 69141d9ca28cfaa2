"""Files on this machine or in an object storage, by path or URL. No Ray, no torch, no bpy.

PyArrow reaches S3, Google Cloud Storage and Hadoop; fsspec reaches the rest if its package for it
is installed.
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pyarrow as pa
from fsspec.core import url_to_fs
from pyarrow import fs

from ..inference.errors import InputError

OF_ARROW = ("s3", "gs", "gcs", "hdfs", "viewfs")
"""Schemes that PyArrow's own file systems serve."""

WHOLE = ("s3", "gcs")
"""PyArrow's names of the file systems in which a file appears when its upload is complete."""

QUERY = re.compile(r"\?\w+=.*", re.DOTALL)
"""Options of such a file system, at the end of a URL."""

SIGNED = re.compile(r"[?&](?:X-Amz-Signature|X-Goog-Signature|Signature|sig|token)=", re.IGNORECASE)
"""A URL that somebody has signed: its bearer may read the file for some hours."""

OF_SIGNATURES = re.compile(
    "X-(?:Amz|Goog)-.*|Signature|Policy|Key-Pair-Id|Expires|AWSAccessKeyId|GoogleAccessId|token"
    "|sig|s[eprtv]|sip|spr|ske|skoid|sks|skt|sktid|skv",
    re.IGNORECASE,
)
"""Parameters that S3, CloudFront, Google and Azure add when they sign a URL."""

CHUNK = 1 << 20
"""Bytes of a long file that are read at a time."""

PARTIAL = ".partial-"
"""Start of the names of files that are being written."""


class StorageError(InputError):
    """A file or folder cannot be read or written."""


class ReadError(StorageError):
    """A file exists, and cannot be read: perhaps now only."""


class WriteError(StorageError):
    """Nothing can be written to a folder."""


def is_url(place: str) -> bool:
    """Whether a place is a URL; `C:\\...` is none."""
    return "://" in place


def absolute(place: str) -> str:
    """Return the URL, or the absolute path, of a place."""
    if place.startswith("file://"):
        place = url2pathname(urlsplit(place).path)
    if is_url(place):
        path, query = split_query(place)
        return path.rstrip("/") + query
    found = Path(place).expanduser().absolute()
    if ".." in found.parts:  # the same file has one name, wherever the command is started
        found = found.resolve() if found.name == ".." else found.parent.resolve() / found.name
    return str(found)


def public(place: str) -> str:
    """Return a URL without its signature: the index may be shown to others, and the same file has
    one name when its URL is signed anew. Other places stay as they are.
    """
    if not is_url(place) or not SIGNED.search(place):
        return place
    path, _, query = place.partition("?")
    kept = [p for p in query.split("&") if not OF_SIGNATURES.fullmatch(p.partition("=")[0])]
    return f"{path}?{'&'.join(kept)}" if kept else path


def split_query(place: str) -> tuple[str, str]:
    """Split off the part of a URL that belongs to the file system, such as
    ?region=...&endpoint_override=..., with its question mark. Elsewhere, ? is part of the name.
    """
    if place.partition("://")[0] in OF_ARROW and (found := QUERY.search(place)):
        return place[: found.start()], place[found.start() :]
    return place, ""


def below(folder: str, name: str) -> str:
    """Return the path or URL of a file in a folder."""
    path, query = split_query(folder)
    return f"{path.rstrip('/')}/{name}{query}"


def parent(place: str) -> str:
    """Return the path or URL of the folder that a file lies in."""
    path, query = split_query(place)
    return path.rpartition("/")[0] + query


def name_of(place: str) -> str:
    """Return the name of a file or folder, with its ending."""
    path, _ = split_query(place)
    return path.rstrip("/").rpartition("/")[2]


@lru_cache(maxsize=64)
def _file_system(scheme_and_host: str) -> tuple[fs.FileSystem, str]:
    """The file system of a URL's first part, and the path of that part."""
    scheme, uri = scheme_and_host.partition("://")[0], scheme_and_host
    if scheme == "s3":  # one request for a file of up to 10 MB; without it, three for any
        uri += f"{'&' if '?' in uri else '/?'}allow_delayed_open=true"
    try:
        if scheme in OF_ARROW:
            return fs.FileSystem.from_uri(uri)
        system, path = url_to_fs(scheme_and_host)
        return fs.PyFileSystem(fs.FSSpecHandler(system)), path
    except (ValueError, ImportError, pa.ArrowException, OSError) as error:
        raise StorageError(
            "{place} cannot be reached ({error})",
            "Check the address, or install the package that the message names",
            place=scheme_and_host,
            error=str(error).partition("\n")[0],
        ) from error


def located(place: str) -> tuple[fs.FileSystem, str]:
    """Return the file system of a path or URL, and the path in it.

    Raises:
        StorageError: There is no file system for such URLs.
    """
    if not is_url(place):
        return fs.LocalFileSystem(), str(Path(place).absolute())
    place, query = split_query(place)
    scheme, _, rest = place.partition("://")
    host, _, path = rest.partition("/")
    if "@" in host:  # the index and the contact sheet would show it to everybody
        raise StorageError(
            "The address {place} holds a key",
            "Leave it out, and put it where the storage's own tools look, such as ~/.aws or the"
            " environment",
            place=f"{scheme}://…@{host.rpartition('@')[2]}/{path}",
        )
    system, root = _file_system(f"{scheme}://{host}{'/' + query if query else ''}")
    return system, "/".join(part for part in (root.rstrip("/"), path) if part)


def read(place: str) -> bytes:
    """Return the content of a file.

    Raises:
        StorageError: It is missing or cannot be read.
    """
    try:
        return _content(*located(place), place)
    except FileNotFoundError as error:
        raise StorageError(
            "{place} does not exist", "Check the name and the folder", place=public(place)
        ) from error


def _content(system: fs.FileSystem, path: str, place: str) -> bytes:
    """The content of a file; raises FileNotFoundError, or a ReadError that says `place`."""
    try:
        with system.open_input_stream(path, compression=None) as stream:
            return bytes(stream.read())
    except FileNotFoundError:
        raise
    except (OSError, pa.ArrowException) as error:
        raise _unreadable(place, error) from error


def _unreadable(place: str, error: Exception) -> ReadError:
    return ReadError(
        "{place} cannot be read ({error})",
        "Check the permissions and the connection",
        place=public(place),
        error=_reason(error).replace(place, public(place)),
    )


class Folder:
    """The folder that a run writes to, with subfolders, on this machine or in an object storage."""

    def __init__(self, place: str) -> None:
        self.place = absolute(place)
        self._system, self._root = located(self.place)
        self.is_local = isinstance(self._system, fs.LocalFileSystem)

    def __reduce__(self) -> tuple[type[Folder], tuple[str]]:
        """Connections do not travel to other processes."""
        return type(self), (self.place,)

    def path(self, name: str) -> str:
        """Return the path of a file in the file system."""
        return f"{self._root}/{name}"

    def write(self, name: str, content: bytes | Iterable[bytes]) -> None:
        """Write a file, whole or not at all; a long one in parts.

        Raises:
            WriteError: Nothing can be written.
        """
        parts = (content,) if isinstance(content, bytes) else content
        path = self.path(name)
        try:
            if self.is_local:
                _replace(Path(path), parts)
            elif self._system.type_name in WHOLE:
                self._upload(path, parts)
            else:
                folder, _, last = path.rpartition("/")
                partial = f"{folder}/{PARTIAL}{last}"
                self._system.create_dir(folder)
                self._upload(partial, parts)
                self._put(partial, path)
        except (OSError, pa.ArrowException) as error:
            raise WriteError(
                "Nothing can be written to {place} ({error})",
                "Free some space or mend the permissions, then run the same command again",
                place=self.place,
                error=_reason(error),
            ) from error

    def _put(self, partial: str, path: str) -> None:
        try:
            self._system.move(partial, path)
        except OSError:  # Hadoop, for one, does not replace files
            self._system.delete_file(path)
            self._system.move(partial, path)

    def _upload(self, path: str, parts: Iterable[bytes]) -> None:
        with self._system.open_output_stream(path) as stream:
            for part in parts:
                stream.write(part)

    def read(self, name: str) -> bytes | None:
        """Return the content of a file; None if it does not exist.

        Raises:
            ReadError: It cannot be read.
        """
        try:
            return _content(self._system, self.path(name), below(self.place, name))
        except FileNotFoundError:
            return None

    def lines(self, name: str) -> Iterator[bytes]:
        """Iterate over the lines of a file, which may be longer than the memory; none if it does
        not exist.

        Raises:
            ReadError: It cannot be read.
        """
        rest = b""
        for chunk in self._chunks(name):
            # Not splitlines: names may hold what it takes for the end of a line.
            *lines, rest = (rest + chunk).split(b"\n")
            yield from lines
        yield rest

    def _chunks(self, name: str) -> Iterator[bytes]:
        try:
            with self._system.open_input_stream(self.path(name), compression=None) as stream:
                while chunk := stream.read(CHUNK):
                    yield bytes(chunk)
        except FileNotFoundError:
            return
        except (OSError, pa.ArrowException) as error:
            raise _unreadable(below(self.place, name), error) from error

    def names(self, folder: str = "", deep: bool = False) -> list[str]:
        """Return the names of the files in a subfolder, relative to this folder, sorted.

        Raises:
            StorageError: They cannot be listed.
        """
        start = self.path(folder) if folder else self._root
        selector = fs.FileSelector(start, recursive=deep, allow_not_found=True)
        try:
            found = self._system.get_file_info(selector)
        except (OSError, pa.ArrowException) as error:
            raise StorageError(
                "{place} cannot be listed ({error})",
                "Check the permissions and the connection",
                place=below(self.place, folder) if folder else self.place,
                error=_reason(error),
            ) from error
        files = (info.path for info in found if info.type == fs.FileType.File)
        return sorted(path[len(self._root) :].lstrip("/") for path in files)

    def sweep(self) -> None:
        """Delete what a process left that was killed while it wrote a file.

        Raises:
            StorageError: It cannot be deleted.
        """
        if self.is_local or self._system.type_name not in WHOLE:
            for name in self.names(deep=True):
                if name_of(name).startswith(PARTIAL):
                    self.remove(name)

    def remove(self, name: str) -> None:
        """Delete a file, if it exists.

        Raises:
            StorageError: It cannot be deleted.
        """
        try:
            self._system.delete_file(self.path(name))
        except FileNotFoundError:
            return
        except (OSError, pa.ArrowException) as error:
            raise StorageError(
                "{place} cannot be deleted ({error})",
                "Mend the permissions, then run the same command again",
                place=below(self.place, name),
                error=_reason(error),
            ) from error


def _replace(path: Path, parts: Iterable[bytes]) -> None:
    """Write a file of this machine beside its place, then move it there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file, partial = tempfile.mkstemp(dir=path.parent, prefix=PARTIAL)
    try:
        with os.fdopen(file, "wb") as stream:
            stream.writelines(parts)
            stream.flush()
            os.fsync(file)  # or a power cut might leave an empty file under the final name
        os.chmod(partial, 0o666 & ~_umask())  # mkstemp lets nobody else read
        os.replace(partial, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(partial)
        raise


@lru_cache(maxsize=1)
def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _reason(error: Exception) -> str:
    """Reason for an error, on one line; in the system's own words if they are known."""
    known = getattr(error, "strerror", None)
    return str(known or error).partition("\n")[0]
