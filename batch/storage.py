"""Files on this machine or in an object storage, by path or URL. No Ray, no torch, no bpy.

PyArrow reaches S3, Google Cloud Storage and Hadoop; fsspec reaches the rest if its package for it
is installed. Both try a request again that fails.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

import pyarrow as pa
from fsspec.core import url_to_fs
from pyarrow import fs

from ..inference.errors import InputError, TripoSRError
from .places import (
    OF_ARROW,
    absolute,
    below,
    is_url,
    local,
    name_of,
    public,
    split_query,
    without_queries,
)

WHOLE = ("s3", "gcs")
"""PyArrow's names of the file systems in which a file appears when its upload is complete."""

CHUNK = 1 << 20
"""Bytes of a long file that are read at a time."""

PARTIAL = ".partial-"
"""Start of the names of files that are being written."""


class StorageError(InputError):
    """A file or folder cannot be read or written."""


class ReadError(StorageError):
    """Something may be there, and cannot be read: perhaps now only."""


class WriteError(StorageError):
    """Nothing can be written to a folder."""


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
    place = local(place)
    if not is_url(place):
        return fs.LocalFileSystem(), str(Path(place).absolute())
    place, query = split_query(place)
    scheme, _, rest = place.partition("://")
    host, _, path = rest.partition("/")
    user, _, machine = host.rpartition("@")
    if ":" in user:  # the index and the contact sheet would show it to everybody
        raise StorageError(
            "The address {place} holds a key",
            "Leave it out, and put it where the storage's own tools look, such as ~/.aws or the"
            " environment",
            place=f"{scheme}://…@{machine}/{path}",
        )
    system, root = _file_system(f"{scheme}://{host}{'/' + query if query else ''}")
    return system, "/".join(part for part in (root.rstrip("/"), path) if part)


def read(place: str) -> bytes:
    """Return the content of a file.

    Raises:
        StorageError: It does not exist.
        ReadError: It cannot be read.
    """
    try:
        return _content(*located(place), place)
    except FileNotFoundError as error:
        raise missing(place) from error


def digest(place: str) -> str:
    """Return the SHA-256 of a file, however large.

    Raises:
        StorageError: It does not exist.
        ReadError: It cannot be read.
    """
    found = hashlib.sha256()
    try:
        for chunk in _chunks(*located(place), place):
            found.update(chunk)
    except FileNotFoundError as error:
        raise missing(place) from error
    return found.hexdigest()


def _content(system: fs.FileSystem, path: str, place: str) -> bytes:
    """The content of a file; raises FileNotFoundError, or a ReadError that says `place`."""
    try:
        if isinstance(system, fs.PyFileSystem):
            # PyArrow asks first whether it is there, and takes every refusal for a no.
            return bytes(system.handler.fs.cat_file(path))
        with system.open_input_stream(path, compression=None) as stream:
            return bytes(stream.read())
    except FileNotFoundError:
        raise
    except Exception as error:  # fsspec passes on whatever its packages raise
        raise _unreadable(place, error) from error


def _chunks(system: fs.FileSystem, path: str, place: str) -> Iterator[bytes]:
    """The content of a file, in parts; raises as `_content` does."""
    try:
        with system.open_input_stream(path, compression=None) as stream:
            while chunk := stream.read(CHUNK):
                yield bytes(chunk)
    except FileNotFoundError:
        raise
    except Exception as error:  # see `_content`
        raise _unreadable(place, error) from error


def kind_of(place: str) -> fs.FileType:
    """Return whether a place is a file, a folder, or nothing.

    Raises:
        ReadError: It cannot be reached.
    """
    system, path = located(place)
    try:
        return system.get_file_info(path).type
    except Exception as error:  # see `_content`
        raise _unreadable(place, error) from error


def missing(place: str) -> StorageError:
    """Return the error that says that there is nothing at a place."""
    return StorageError(
        "{place} does not exist", "Check the name and the folder", place=public(place)
    )


def _unreadable(place: str, error: Exception) -> ReadError:
    """Return the error that says why a place cannot be read."""
    return ReadError(
        "{place} cannot be read ({error})",
        "Check the permissions and the connection",
        place=public(place),
        error=_reason(error),
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
        path = self.path(name)
        parts = (content,) if isinstance(content, bytes) else content
        try:
            if self.is_local:
                _replace(Path(path), parts)
            elif isinstance(content, bytes) and self._system.type_name in WHOLE:
                self._upload(path, parts)
            else:
                # PyArrow completes an upload that an error ends between two parts.
                folder, _, last = path.rpartition("/")
                partial = f"{folder}/{PARTIAL}{uuid.uuid4().hex[:8]}-{last}"
                if self._system.type_name not in WHOLE:  # there are no folders
                    self._system.create_dir(folder)
                self._upload(partial, parts)
                self._put(partial, path)
        except TripoSRError:  # of what the parts are read from
            raise
        except Exception as error:  # see `_content`
            raise WriteError(
                "Nothing can be written to {place} ({error})",
                "Free some space or mend the permissions, then run the same command again",
                place=self.place,
                error=_reason(error),
            ) from error

    def _upload(self, path: str, parts: Iterable[bytes]) -> None:
        with self._system.open_output_stream(path) as stream:
            for part in parts:
                stream.write(part)

    def _put(self, partial: str, path: str) -> None:
        try:
            self._system.move(partial, path)
        except OSError:
            if self._system.get_file_info(path).type == fs.FileType.NotFound:
                raise
            # Hadoop, for one, does not replace files. The old one stays until the new one is there.
            old = f"{partial}-old"
            self._system.move(path, old)
            try:
                self._system.move(partial, path)
            except BaseException:
                self._system.move(old, path)
                raise
            self._system.delete_file(old)

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
        try:
            for chunk in _chunks(self._system, self.path(name), below(self.place, name)):
                # Not splitlines: names may hold what it takes for the end of a line.
                *lines, rest = (rest + chunk).split(b"\n")
                yield from lines
        except FileNotFoundError:
            return
        if rest:
            yield rest

    def names(self, folder: str = "", deep: bool = False) -> list[str]:
        """Return the names of the files in a subfolder, relative to this folder, sorted.

        Raises:
            ReadError: They cannot be listed.
        """
        start = self.path(folder) if folder else self._root
        selector = fs.FileSelector(start, recursive=deep, allow_not_found=True)
        try:
            found = self._system.get_file_info(selector)
        except Exception as error:  # see `_content`
            raise ReadError(
                "{place} cannot be listed ({error})",
                "Check the permissions and the connection",
                place=below(self.place, folder) if folder else self.place,
                error=_reason(error),
            ) from error
        files = (info.path for info in found if info.type == fs.FileType.File)
        return sorted(path[len(self._root) :].lstrip("/") for path in files)

    def sweep(self, *folders: str) -> None:
        """Delete what a process left that was killed while it wrote a file, here or in subfolders.

        Raises:
            StorageError: It cannot be found or deleted.
        """
        for name in (*self.names(), *(name for each in folders for name in self.names(each, True))):
            if name_of(name).startswith(PARTIAL):
                self.remove(name)

    def remove(self, name: str) -> None:
        """Delete a file, if it exists.

        Raises:
            WriteError: It cannot be deleted.
        """
        try:
            if isinstance(self._system, fs.PyFileSystem):  # see `_content`
                self._system.handler.fs.rm_file(self.path(name))
            else:
                self._system.delete_file(self.path(name))
        except FileNotFoundError:
            return
        except Exception as error:  # see `_content`
            raise WriteError(
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
    return without_queries(str(known or error).partition("\n")[0])
