"""Fetch an official build of Blender for this machine and print its executable.

    python3 tools/package/get_blender.py 4.5.15 FOLDER

For build machines: it checks the archive against the SHA-256 that Blender publishes with it.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

RELEASES = os.environ.get("BLENDER_MIRROR", "https://download.blender.org/release")

BUILDS = {
    "Linux": ("linux-x64.tar.xz", "blender"),
    "Windows": ("windows-x64.zip", "blender.exe"),
    "Darwin": ("macos-arm64.dmg", "Blender.app/Contents/MacOS/Blender"),
}
"""End of the archive's name and path of the executable in it, by system."""


def get_blender(version: str, folder: Path, system: str) -> Path:
    """Download, verify and unpack a release into a folder, created if needed.

    Returns:
        The path of the executable.

    Raises:
        RuntimeError: The archive's SHA-256 is not the published one.
    """
    ending, executable = BUILDS[system]
    name = f"blender-{version}-{ending}"
    series = version.rpartition(".")[0]
    folder.mkdir(parents=True, exist_ok=True)
    archive = folder / name
    with _open(f"{RELEASES}/Blender{series}/{name}") as answer, archive.open("wb") as file:
        shutil.copyfileobj(answer, file)
    with _open(f"{RELEASES}/Blender{series}/blender-{version}.sha256") as answer:
        sums = dict(reversed(line.split()) for line in answer.read().decode().splitlines() if line)
    with archive.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if sums.get(name) != digest:
        archive.unlink()
        raise RuntimeError(f"{name} has the SHA-256 {digest}, which Blender does not list")
    if archive.suffix == ".dmg":
        _unpack_image(archive, folder)
        return folder / executable
    shutil.unpack_archive(archive, folder)
    return folder / name.removesuffix("." + ending.partition(".")[2]) / executable


def _open(address: str):
    return urllib.request.urlopen(address, timeout=60)


def _unpack_image(image: Path, folder: Path) -> None:
    """Copy Blender.app from a macOS disk image."""
    place = folder / "image"
    place.mkdir()
    # hdiutil's output must not mix with our one line on stdout.
    attach = ["hdiutil", "attach", image, "-mountpoint", place, "-nobrowse"]
    subprocess.run(attach, check=True, stdout=sys.stderr)
    try:
        shutil.copytree(place / "Blender.app", folder / "Blender.app", symlinks=True)
    finally:
        subprocess.run(["hdiutil", "detach", place], check=True, stdout=sys.stderr)


def main() -> None:
    sys.stdout.reconfigure(newline="\n")  # bash may read it, on Windows too
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("version", help="such as 4.5.15")
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    executable = get_blender(options.version, options.folder, platform.system())
    sys.stdout.write(f"{executable.as_posix()}\n")


if __name__ == "__main__":
    sys.exit(main())
