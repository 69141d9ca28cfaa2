"""A web server on this machine that serves files as the hub and plain hosts do, faults included."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

PIECE = 1 << 16
"""Bytes that are sent at a time."""


@dataclass
class Fault:
    """How one request goes wrong.

    Attributes:
        status: Answered instead of the file.
        headers: Of the answer.
        body: Sent instead of the file's bytes.
        cut: Bytes after which the connection is closed.
        stall: Seconds without a byte, before the first.
    """

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    cut: int | None = None
    stall: float = 0.0


class FileServer(ThreadingHTTPServer):
    """Serves `files` by path; `faults` are taken by the first requests for files, one each.

    Attributes:
        requests: The Range header of each request for a file, in order; "" where it had none.
        ranges: Whether parts of files are sent to who asks for them.
        redirects: Whether a file is first sent for elsewhere on this server, as the hub does.
        bytes_per_second: How fast each file is sent; 0 is as fast as possible.
    """

    daemon_threads = True

    def __init__(self, files: dict[str, bytes], address: str = "127.0.0.1") -> None:
        super().__init__((address, 0), _Handler)
        self.files = files
        self.faults: list[Fault] = []
        self.requests: list[str] = []
        self.ranges = True
        self.redirects = False
        self.bytes_per_second = 0

    @property
    def url(self) -> str:
        host, port = self.server_address[:2]
        return f"http://{host!s}:{port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that leave early are what this server is for."""


@contextmanager
def serving(files: dict[str, bytes]) -> Iterator[FileServer]:
    """A server that runs beside the block."""
    with FileServer(files) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FileServer

    def log_message(self, format: str, *arguments: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        path = self.path.removeprefix("/elsewhere")
        if self.server.redirects and path == self.path:
            self._answer(302, {"Location": f"/elsewhere{path}"}, b"")
            return
        wanted = self.headers.get("Range", "")
        self.server.requests.append(wanted)
        fault = self.server.faults.pop(0) if self.server.faults else Fault()
        time.sleep(fault.stall)
        if fault.status is not None or fault.body is not None:
            self._answer(fault.status or 200, fault.headers, fault.body or b"")
        elif path not in self.server.files:
            self._answer(404, {}, b"Entry not found")
        else:
            self._send(self.server.files[path], wanted, fault)

    def _send(self, content: bytes, wanted: str, fault: Fault) -> None:
        headers = {"ETag": f'"{hashlib.sha256(content).hexdigest()}"'}
        start = 0
        if wanted and self.server.ranges:
            start = int(wanted.removeprefix("bytes=").partition("-")[0])
            if start >= len(content):
                self._answer(416, {"Content-Range": f"bytes */{len(content)}"}, b"")
                return
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        self._answer(206 if start else 200, headers, content[start:], fault.cut)

    def _answer(
        self, status: int, headers: dict[str, str], body: bytes, cut: int | None = None
    ) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        body = body[:cut]
        for at in range(0, len(body), PIECE):
            self.wfile.write(body[at : at + PIECE])
            if self.server.bytes_per_second:
                time.sleep(PIECE / self.server.bytes_per_second)
        if cut is not None:
            self.close_connection = True
