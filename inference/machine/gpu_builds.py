"""Catalog of the builds of torch for NVIDIA cards, and the choice among them. No torch.

gpu_builds.json holds the catalog. A zip without that file offers no builds.
"""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from .driver import Card, Driver

CATALOG = Path(__file__).with_suffix(".json")

PYTORCH = "https://download.pytorch.org"
"""PyTorch's own server; NVIDIA's libraries for Linux come from NVIDIA's, https://pypi.nvidia.com."""

PYTORCH_TOO = "https://download-r2.pytorch.org"
"""Second name of PyTorch's server, with the same paths."""

LICENSES = {
    "CUDA EULA": "https://docs.nvidia.com/cuda/eula/",
    "cuDNN License": "https://docs.nvidia.com/deeplearning/cudnn/latest/reference/eula.html",
}
"""NVIDIA's licenses, to which whoever downloads its libraries agrees, by name."""

SYSTEMS = {("linux", "x86_64"): "linux-x64", ("win32", "AMD64"): "windows-x64"}
"""Names of the systems for which there are builds, by sys.platform and platform.machine()."""


@dataclass(frozen=True)
class Wheel:
    """A file of a build.

    Attributes:
        url: Its address.
        size: Its size in bytes.
        sha256: SHA-256 of its content, hexadecimal.
    """

    url: str
    size: int
    sha256: str

    @property
    def name(self) -> str:
        """Its file name."""
        return unquote(PurePosixPath(urlsplit(self.url).path).name)

    @property
    def other_url(self) -> str:
        """Its address under the server's second name; empty if the server has none."""
        if not self.url.startswith(f"{PYTORCH}/"):
            return ""
        return PYTORCH_TOO + self.url.removeprefix(PYTORCH)


@dataclass(frozen=True)
class GpuBuild:
    """A build of torch with all libraries that it needs.

    Attributes:
        version: Version of torch and of CUDA, such as `2.8.0+cu128`.
        system, python: What it was made for, such as `linux-x64` and `cp311`.
        capability: Lowest and highest compute capability of the cards that it drives, inclusive.
        driver_api: `Driver.api` that it needs at least.
        unpacked: Bytes that it takes on the disk, rounded up, or an estimate.
        files: Its wheels.
    """

    version: str
    system: str
    python: str
    capability: tuple[tuple[int, int], tuple[int, int]]
    driver_api: int
    unpacked: int
    files: tuple[Wheel, ...]

    @property
    def size(self) -> int:
        """Bytes to download."""
        return sum(file.size for file in self.files)

    @property
    def release(self) -> str:
        """Version of torch alone, such as `2.8.0`."""
        return self.version.partition("+")[0]

    @property
    def folder_name(self) -> str:
        """Name of its folder: short, because paths on Windows are limited."""
        return f"{self.version.replace('+', '-')}-{self.system[:3]}-{self.python[2:]}"


@dataclass(frozen=True)
class Choice:
    """What a machine's cards allow.

    Attributes:
        card: The card to use; of several, the one with the highest capability that can be used.
        build: The build for it; None if there is none, or the driver is too old.
        driver: Version of the driver that is needed at least, if only that is missing; else empty.
    """

    card: Card
    build: GpuBuild | None = None
    driver: str = ""


@cache
def _catalog() -> dict[str, Any]:
    if not CATALOG.is_file():  # left out, for a platform that forbids such downloads
        return {"builds": [], "drivers": {}}
    return dict(json.loads(CATALOG.read_text(encoding="utf-8")))


def all_builds() -> tuple[GpuBuild, ...]:
    """Return the builds of the catalog, newest first."""
    return tuple(map(_build, _catalog()["builds"]))


def _build(entry: dict[str, Any]) -> GpuBuild:
    lowest, highest = entry["capability"]
    return GpuBuild(
        entry["version"],
        entry["system"],
        entry["python"],
        ((lowest[0], lowest[1]), (highest[0], highest[1])),
        entry["driver_api"],
        entry["unpacked"],
        tuple(Wheel(file["address"], file["size"], file["sha256"]) for file in entry["files"]),
    )


def builds_here(builds: Sequence[GpuBuild] | None = None) -> tuple[GpuBuild, ...]:
    """Return the builds for this system and this Python, newest first."""
    system = SYSTEMS.get((sys.platform, platform.machine()))
    python = f"cp{sys.version_info.major}{sys.version_info.minor}"
    every = all_builds() if builds is None else builds
    return tuple(build for build in every if (build.system, build.python) == (system, python))


def choose(driver: Driver, builds: Sequence[GpuBuild]) -> Choice | None:
    """Choose a build for a machine's cards; None without cards.

    Args:
        driver: What the driver reports.
        builds: Builds for this system and this Python, newest first; the first that fits is chosen.
    """
    strongest = sorted(driver.cards, key=lambda card: (card.capability, card.memory), reverse=True)
    choices = [_choice_for(card, driver.api, builds) for card in strongest]
    usable = [choice for choice in choices if choice.build is not None]
    after_update = [choice for choice in choices if choice.driver]
    return next(iter((*usable, *after_update, *choices)), None)


def _choice_for(card: Card, api: int, builds: Sequence[GpuBuild]) -> Choice:
    fitting = [build for build in builds if _was_made_for(card, build)]
    for build in fitting:
        if build.driver_api <= api:
            return Choice(card, build)
    if not fitting:
        return Choice(card)
    least = min(build.driver_api for build in fitting)
    return Choice(card, driver=_catalog()["drivers"].get(str(least), str(least)))


def _was_made_for(card: Card, build: GpuBuild) -> bool:
    return build.capability[0] <= card.capability <= build.capability[1]


def drives(build: GpuBuild, card: Card, api: int) -> bool:
    """Return whether a build can use a card with a driver of that version (`Driver.api`)."""
    return _was_made_for(card, build) and build.driver_api <= api


def at_mirror(build: GpuBuild, mirror: str) -> GpuBuild:
    """Return the build with the addresses of its files on a mirror, under the same paths.

    Args:
        build: A build of the catalog.
        mirror: Address to use instead of PyTorch's and NVIDIA's servers; empty for those.
    """
    if not mirror:
        return build
    files = tuple(
        replace(file, url=mirror.rstrip("/") + urlsplit(file.url).path) for file in build.files
    )
    return replace(build, files=files)


def hosts(build: GpuBuild) -> tuple[str, ...]:
    """Return the names of the servers that a build comes from, in order."""
    return tuple(dict.fromkeys(str(urlsplit(file.url).hostname) for file in build.files))
