"""Download one file, whole and verified or not at all. No bpy, no torch.

`requests` transfers it, and urllib3's `Retry` decides when to try again. This module adds what no
library at hand combines: resuming a download, the content's hash, progress, cancellation, and one
download at a time.
"""

from __future__ import annotations

import errno
import hashlib
import itertools
import logging
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..errors import DownloadError, importing
from ..message import Message, size_text
from ..model.catalog import ModelFile
from ..types import Tick, ignore_progress

if TYPE_CHECKING:
    from urllib3.util import Retry

log = logging.getLogger(__name__)

CHUNK = 1 << 18
"""Bytes between two ticks."""

TIMEOUT = (10.0, 10.0)
"""Seconds to wait for a connection, and for the next bytes: as long as a cancellation may take."""

ATTEMPTS = 5
"""Connections in a row that may bring nothing before the artist is asked to try again."""

SHORTEST_WAIT = 1.0
"""Shortest time between two attempts, in seconds; urllib3 alone would not wait for the second."""

LONGEST_WAIT = 60.0
"""Longest time between two attempts, in seconds, whatever the server asks for."""

RESERVE = 50_000_000
"""Bytes that a download leaves free on the disk."""

BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers after which a server may be asked again (RFC 9110, RFC 6585)."""

REFUSALS = {
    401: Message("asks for a password"),
    403: Message("refuses to send it"),
    404: Message("does not have it"),
    410: Message("does not have it any more"),
}


class ServerError(DownloadError):
    """A server cannot be reached, or refuses: another one may send the file."""


def fetch(file: ModelFile, folder: Path, tick: Tick | None = None) -> Path:
    """Download a file into a folder, unless it is there already.

    After an interruption, the part that has arrived stays beside it, under a name that ends with
    `.part`, and the next call resumes from there.

    Args:
        file: The file to fetch.
        folder: Where to put it; created if it does not exist.
        tick: Called with the stages `download` and `verify`; raises to stop.

    Returns:
        The file, with the right content.

    Raises:
        DownloadError: The network, the server, the disk or the folder failed, the content is not
            the published one, or another Blender is downloading the file.
        DependencyError: requests or filelock cannot be imported.
    """
    tick = tick or ignore_progress
    path = folder / file.name
    with disk_errors(folder):
        if path.is_file() and _is_right(path, file, tick):
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(path.name + ".part")
        with only_one(path):
            goes_on = partial.exists()
            _download(file, partial, tick)
            is_right = _is_right(partial, file, tick)
            if not is_right and goes_on:
                log.warning("%s was kept from another file: beginning anew", partial.name)
                partial.unlink()
                _download(file, partial, tick)
                is_right = _is_right(partial, file, tick)
            if not is_right:
                partial.unlink()
                raise DownloadError(
                    "{name} arrived with other content than was published",
                    "Try again; if it happens twice, choose another mirror in the preferences",
                    name=file.name,
                )
            partial.replace(path)
    return path


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Keep other Blenders, and other threads, from writing the same file; raises DownloadError.

    The lock goes with the process that holds it, however that ends. A share without locks is
    refused.
    """
    with importing("filelock"):
        import filelock

    lock = filelock.FileLock(path.with_name(path.name + ".lock"), timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise DownloadError(
            "Another Blender is working on {name}", "Wait until it is done", name=path.name
        ) from error
    except NotImplementedError as error:
        raise DownloadError(
            "The folder {folder!r} lies on a share that cannot lock files",
            "Choose another model folder in the preferences",
            folder=path.parent.name,
        ) from error
    try:
        yield
    finally:
        lock.release()


def sha256(path: Path, tick: Tick) -> str:
    """The hash of a file's content, hexadecimal; ticks with the stage `verify`."""
    digest, size = hashlib.sha256(), path.stat().st_size
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
            tick("verify", stream.tell() / size)
    return digest.hexdigest()


def _is_right(path: Path, file: ModelFile, tick: Tick) -> bool:
    """Whether a file on the disk has the published content."""
    return path.stat().st_size == file.size and sha256(path, tick) == file.sha256.lower()


def _download(file: ModelFile, partial: Path, tick: Tick) -> None:
    """Bring `partial` to the file's size, from as far as it is, in as many attempts as it takes."""
    with importing("requests"):
        import requests
    with importing("urllib3"):
        from urllib3.exceptions import MaxRetryError
        from urllib3.util import Retry

    patience = left = Retry(ATTEMPTS - 1, status_forcelist=BUSY, backoff_factor=1)
    while (done := _size(partial)) != file.size:
        if done > file.size:
            partial.unlink()
            continue
        check_space(partial.parent, file.name, file.size - done)
        tick("download", done / file.size)
        problem, wait = Message("the connection was closed"), 0.0
        try:
            _transfer(file, partial, done, patience, tick)
        except requests.RequestException as error:
            log.info("%s: %s", file.name, error)
            _give_up_if_hopeless(file, error)
            if isinstance(error, requests.HTTPError):
                wait = _wait_asked_for(error.response, patience)
                problem = Message("the server is busy")
            elif isinstance(error, requests.Timeout):
                problem = Message("the server does not answer")
            else:
                problem = Message("the connection failed")
        if _size(partial) > done:
            left = patience
            continue
        try:
            left = left.increment("GET", file.url)
        except MaxRetryError as error:
            raise ServerError(
                Message("{name} cannot be downloaded: {problem}", name=file.name, problem=problem),
                Message("Check the network and try again; what has arrived is kept"),
            ) from error
        # Not `Retry.sleep`, which nobody can cancel.
        wait = max(SHORTEST_WAIT, wait or left.get_backoff_time())
        _sleep(wait, lambda: tick("download", done / file.size))


def _give_up_if_hopeless(file: ModelFile, error: Exception) -> None:
    """Raise DownloadError if another attempt cannot help."""
    import requests

    if isinstance(error, ValueError):  # as all of requests' errors about the address itself are
        raise DownloadError(
            "{url} is not a network address",
            "Correct the mirror in the preferences",
            url=file.url,
        ) from error
    if isinstance(error, requests.exceptions.SSLError):
        raise DownloadError(
            "The certificate of {host} is not trusted",
            "Check this computer's date, and any software that inspects its network traffic",
            host=str(urlsplit(file.url).hostname),
        ) from error


def _transfer(file: ModelFile, partial: Path, done: int, patience: Retry, tick: Tick) -> None:
    """Append the bytes of one connection to the partial file.

    Raises:
        DownloadError: The server will not send the file.
        requests.HTTPError: The server is busy, and may be asked again.
        requests.RequestException: The connection failed; it may be tried again.
    """
    import requests

    # In a compressed transfer, positions to resume from would not be those of the file.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={done}-"} if done else {})
    with requests.get(file.url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        if patience.is_retry("GET", response.status_code, "Retry-After" in response.headers):
            raise requests.HTTPError(f"HTTP {response.status_code}", response=response)
        if response.status_code == 416:  # the file ends before that position: start again
            partial.unlink(missing_ok=True)
            _check_size(file, response.headers.get("Content-Range", "").rpartition("/")[2])
            return
        _check_answer(file, response)
        goes_on = done and _starts_at(response, done)
        chunks = response.iter_content(CHUNK)
        first = next(chunks, b"")
        # Check before anything is written, which could destroy what has arrived before.
        _reject_page(file, first)
        _check_size(file, _stated_size(response))
        with partial.open("ab" if goes_on else "wb") as stream:
            for chunk in itertools.chain((first,), chunks):
                if stream.tell() + len(chunk) > file.size:
                    raise _other_file(file, Message("a larger file"))
                stream.write(chunk)
                tick("download", stream.tell() / file.size)
            stream.flush()
            os.fsync(stream.fileno())


def _starts_at(response: Any, done: int) -> bool:
    """Return whether the answer starts where we asked; a server may send the whole file instead."""
    content_range = response.headers.get("Content-Range", "")
    return response.status_code == 206 and content_range.startswith(f"bytes {done}-")


def _check_answer(file: ModelFile, response: Any) -> None:
    host = urlsplit(response.url).hostname
    if response.status_code not in (200, 206):
        raise ServerError(
            Message(
                "The server {host} {refuses}: {name} (HTTP {status})",
                host=str(host),
                refuses=REFUSALS.get(response.status_code, Message("cannot send it")),
                name=file.name,
                status=response.status_code,
            ),
            Message("Choose another mirror in the preferences, or import the file from disk"),
        )
    if response.headers.get("Content-Type", "").startswith("text/html"):
        raise _other_file(file, Message("a web page"))


def _stated_size(response: Any) -> str:
    """Return the size of the whole file that the server states, or an empty string."""
    header = "Content-Range" if response.status_code == 206 else "Content-Length"
    return str(response.headers.get(header, "")).rpartition("/")[2]


def _check_size(file: ModelFile, stated: str) -> None:
    """Raise DownloadError if a server tells that what it has is of another size."""
    if stated.isdecimal() and int(stated) != file.size:
        raise _other_file(file, Message("a file of {size:,} bytes", size=int(stated)))


def _reject_page(file: ModelFile, start: bytes) -> None:
    """Networks that ask to log in send a page for whatever is asked, as any type of content."""
    if start.lstrip().lower().startswith((b"<!doctype html", b"<html")):
        raise _other_file(file, Message("a web page"))


def _other_file(file: ModelFile, what: Message) -> DownloadError:
    return DownloadError(
        "The server sent {what} instead of {name}",
        "If the network asks to log in, do so in a web browser; else choose another mirror",
        what=what,
        name=file.name,
    )


def _wait_asked_for(response: Any, patience: Retry) -> float:
    """Seconds until a busy server wants to be asked again; 0 if it does not say."""
    from urllib3.exceptions import InvalidHeader

    try:
        return min(patience.get_retry_after(response.raw) or 0.0, LONGEST_WAIT)
    except (InvalidHeader, ValueError) as error:  # ValueError: a day that there is not
        log.info("Ignoring what a server says of waiting: %s", error)
        return 0.0


def _sleep(seconds: float, tick: Any) -> None:
    """Wait, but not for longer than it takes to cancel."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        tick()
        time.sleep(min(left, 0.2))


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def check_space(folder: Path, name: str, size: int) -> None:
    """Raise DownloadError unless the disk has room for `size` more bytes."""
    missing = size + RESERVE - shutil.disk_usage(folder).free
    if missing > 0:
        raise _disk_full(name, missing)


def _disk_full(name: str, missing: float | None = None) -> DownloadError:
    problem = Message("The disk is too full for {name}", name=name)
    if missing is not None:
        problem = Message(
            "The disk is too full by {missing} for {name}", missing=size_text(missing), name=name
        )
    return DownloadError(
        problem, "Make room, or choose a model folder on another disk; what has arrived is kept"
    )


@contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """Turn what the disk complains about into a DownloadError that says what to do."""
    try:
        yield
    except OSError as error:
        # requests' own errors are OSErrors too, but are dealt with where they arise.
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _disk_full(folder.name) from error
        raise DownloadError(
            "Nothing can be written to the folder {folder!r} ({reason})",
            "Choose another model folder in the preferences",
            folder=folder.name,
            reason=error.strerror or str(error),
        ) from error
