"""Installation of a GPU build of torch: download, unpack, try, and only then put in place. No bpy.

A build lies in `home/NAME`; before, in `home/NAME.partial`, and what it is unpacked from in
`home/NAME.archives`. All that can be left by a Blender that was killed is deleted later.
"""

from __future__ import annotations

import itertools
import logging
import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from ..errors import DependencyError, DownloadError, TripoSRError
from ..machine.gpu_builds import GpuBuild, Wheel
from ..machine.installed_builds import (
    ARCHIVES,
    PARTIAL,
    archives,
    disown,
    find_installed,
    is_in_use,
    missing_file,
    rubbish,
    write_record,
)
from ..machine.own_torch import read_build
from ..machine.trial import Trial
from ..model.catalog import ModelFile
from ..types import Stage, Tick
from .download import ServerError, check_space, disk_errors, fetch, only_one
from .unpacking import UselessArchiveError, check_path_length, unpack

log = logging.getLogger(__name__)

LEEWAY = 1.5
"""How much larger than the catalog says a build may be: some of its sizes are estimates."""

PATIENCE = 60
"""Attempts to rename a folder, half a second apart."""


def install_build(
    build: GpuBuild, home: Path, tick: Tick, try_it: Callable[[Path], Trial]
) -> Trial:
    """Install a build, so that the next process that imports torch takes it.

    Args:
        build: The build; its files may lie on a mirror.
        home: Folder for builds; created if it does not exist.
        tick: Called with the stages `download`, `verify`, `unpack` and `try`; raises to stop.
        try_it: Tries an unpacked build; raises DependencyError if it does not work.

    Returns:
        What the build can do.

    Raises:
        DownloadError, DependencyError: It failed. What was installed before is unchanged, and what
            has arrived is kept if it can be used again.
    """
    final = home / build.folder_name
    partial, kept = (home / f"{build.folder_name}{end}" for end in (PARTIAL, ARCHIVES))
    check_path_length(partial)
    with disk_errors(home):
        home.mkdir(parents=True, exist_ok=True)
        with only_one(home):
            _clean(home)
            before = find_installed(home)
            if before is not None and before.folder == final:
                if not missing_file(final):
                    return try_it(final)
                if not is_in_use(final):
                    disown(final)
                    _clean(home)
            if final.exists():
                raise DownloadError(
                    "The GPU build {version} that is to be replaced is still in use",
                    "Close all Blenders, start one and try again",
                    version=build.version,
                )
            _check_space(build, kept)
            wheels = _fetch_all(build, kept, tick)
            partial = _new_folder(partial)
            try:
                _unpack(build, wheels, kept, partial, tick)
                trial = try_it(partial)
                write_record(partial, build.version)
                _rename(partial, final, tick)
            finally:
                _delete(partial)
            if before is not None and before.folder != final:
                disown(before.folder)
            for folder in archives(home):
                if _is_for_the_same(folder, final):
                    _delete(folder)
            _clean(home)
    log.info("Installed torch %s in %s", build.version, final)
    return trial


def _new_folder(path: Path) -> Path:
    """Make a folder, with a number after its name if one of that name is left.

    On Windows, the libraries of a trial that has just ended cannot be deleted yet.
    """
    for number in itertools.count(2):
        try:
            path.mkdir()
            break
        except FileExistsError:
            path = path.with_suffix(f"{PARTIAL}{number}")
    return path


def _unpack(build: GpuBuild, wheels: list[Path], kept: Path, folder: Path, tick: Tick) -> None:
    """Unpack a build; archives with which every attempt would fail are deleted."""
    try:
        unpack(wheels, folder, int(LEEWAY * build.unpacked), tick)
        read_build(folder)
    except (UselessArchiveError, DependencyError):
        _delete(kept)
        raise


def _is_for_the_same(folder: Path, other: Path) -> bool:
    """Whether the names of two folders are those of builds for the same system and Python."""
    return folder.name.split(".a")[0].split("-")[2:] == other.name.split("-")[2:]


def _rename(partial: Path, final: Path, tick: Tick) -> None:
    """Give a build its final name; on Windows, a virus scanner may still read it for a while."""
    for _ in range(PATIENCE):
        try:
            partial.rename(final)
            return
        except PermissionError as error:
            log.info("%s cannot be renamed yet: %s", partial.name, error)
            tick("try", 1.0)
            time.sleep(0.5)
    partial.rename(final)


def _check_space(build: GpuBuild, kept: Path) -> None:
    """Raise DownloadError unless the disk has room for the archives and what is in them."""
    missing = max(build.size - downloaded(kept), 0)
    check_space(kept.parent, f"torch {build.release}", missing + build.unpacked)


def _fetch_all(build: GpuBuild, folder: Path, tick: Tick) -> list[Path]:
    """Download all files of a build; ticks with the fraction of all of them."""
    wheels, done = [], 0
    for file in build.files:
        is_last = file is build.files[-1]
        part = _part_of(tick, done / build.size, file.size / build.size, is_last)
        wheels.append(_fetch(file, folder, part))
        done += file.size
    return wheels


def _fetch(file: Wheel, folder: Path, tick: Tick) -> Path:
    """Download a file, from its server's second name if the first one fails."""
    published = ModelFile(file.url, file.size, file.sha256, file.name)
    try:
        return fetch(published, folder, tick)
    except ServerError as error:
        if not file.other_url:
            raise
        log.info("%s: %s Trying the server's other name", file.name, error)
        try:
            return fetch(replace(published, url=file.other_url), folder, tick)
        except ServerError as second:
            log.info("%s: %s", file.name, second)
            raise error from second


def _part_of(tick: Tick, start: float, share: float, is_last: bool) -> Tick:
    """Return the tick of one of several files, which begins at `start` of the whole download."""

    def tick_of_file(stage: Stage, fraction: float) -> None:
        if stage == "download":
            tick("download", start + fraction * share)
        elif is_last:
            tick("verify", fraction)
        else:  # the bar does not jump between two files
            tick("download", start + share)

    return tick_of_file


def _go_on() -> None:
    """Check of a caller that never stops."""


def clean_builds(home: Path, check: Callable[[], None] = _go_on) -> None:
    """Delete what nobody needs: builds unpacked halfway, removed, or broken, and their archives.

    Args:
        home: Folder for builds, which need not exist.
        check: Called again and again; raises to stop.
    """
    try:
        if rubbish(home):
            with only_one(home):
                _clean(home, check)
    except (TripoSRError, OSError) as error:  # another Blender is installing, or it is read-only
        log.info("%s is not cleaned up: %s", home.name, error)


def _clean(home: Path, check: Callable[[], None] = _go_on) -> None:
    for folder in rubbish(home):
        if is_in_use(folder):
            continue
        for part in sorted(folder.glob("*/*")):  # such as torch/lib
            check()
            if part.is_dir() and not part.is_symlink():
                _delete(part)
        _delete(folder)


def remove_builds(home: Path) -> tuple[int, bool]:
    """Remove the installed build and unfinished downloads.

    Returns:
        The bytes that this frees, and whether they are free already: on Windows, libraries that are
        in use cannot be deleted, and `clean_builds` does so after the next start.

    Raises:
        DownloadError: Another Blender is installing, or the files cannot be deleted.
    """
    freed = 0
    with disk_errors(home):
        if not home.is_dir():
            return 0, True
        with only_one(home):
            while (build := find_installed(home)) is not None:
                freed += build.size
                disown(build.folder)
            for folder in archives(home):
                freed += downloaded(folder)
                _delete(folder)
            _clean(home)
    return freed, not rubbish(home)


def downloaded(folder: Path) -> int:
    """Return the bytes of the files in a folder of archives; 0 if it is not there.

    Another Blender may rename or delete files meanwhile.
    """
    found = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                found += os.path.getsize(os.path.join(parent, name))
    return found


def _delete(folder: Path) -> None:
    """Delete a folder with all that is in it, as far as that is possible now."""
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        log.info("Some files of %s are in use, and are left for later", folder.name)
