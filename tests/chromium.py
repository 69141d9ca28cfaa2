"""Debian's Chromium without a window, for what a page does in a browser."""

import os
import platform
import re
import shutil
import subprocess
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

PROGRAM = "chromium-headless-shell"
WEBGL = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader")
NO_WEBGL = ("--disable-gpu", "--disable-3d-apis")


def open_page(folder: Path, place: Path, *options: str) -> tuple[set[str], Path, str]:
    """Open index.html of a folder, served on this machine.

    Returns:
        The addresses that the browser asked for, a screenshot, and what the page said.
    """
    _need_chromium()
    place.mkdir()
    log, picture = place / "net.json", place / "page.png"
    handler = partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            done = subprocess.run(
                [
                    *(PROGRAM, "--no-sandbox", "--hide-scrollbars", "--window-size=600,600"),
                    *("--virtual-time-budget=15000", f"--user-data-dir={place / 'profile'}"),
                    *(f"--log-net-log={log}", "--enable-logging=stderr"),
                    *(f"--screenshot={picture}", *options),
                    f"http://127.0.0.1:{server.server_port}/index.html",
                ],
                capture_output=True,
                text=True,
                timeout=240,
            )
        finally:
            server.shutdown()
    assert done.returncode == 0, done.stderr[-3000:]
    asked = set(re.findall(r'"url":"(\w+://[^"]*)', log.read_text(encoding="utf-8")))
    said = "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)
    return asked, picture, said


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing: the browser's own log is read."""


def _need_chromium() -> None:
    """Install Chromium where tests may install Debian's packages, else skip the test."""
    if shutil.which(PROGRAM):
        return
    release = Path("/etc/os-release")
    is_debian = release.exists() and platform.freedesktop_os_release().get("ID") == "debian"
    if os.geteuid() == 0 and is_debian:
        subprocess.run(["apt-get", "update", "-q"], capture_output=True)
        subprocess.run(
            ["apt-get", "install", "-q", "-y", "--no-install-recommends", PROGRAM],
            capture_output=True,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        )
    if not shutil.which(PROGRAM):
        pytest.skip(f"{PROGRAM} opens the page")
