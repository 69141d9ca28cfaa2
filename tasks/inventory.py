"""Inventory of the models and the torch on the disks, for the panels.

A model folder may be a network share that sleeps or does not answer, and Blender draws a panel at
every move of the mouse. So a task looks at the disks; draw() and poll() get its last findings, and
start another look if these are old. Without a window there are no looks: each call of a script
checks the disks itself.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import bpy

from ..inference.errors import DependencyError
from ..inference.files.gpu_installation import downloaded
from ..inference.files.installation import is_installed, needs_conversion
from ..inference.machine.installed_builds import (
    ARCHIVES,
    InstalledBuild,
    archives,
    find_installed,
)
from ..inference.machine.own_torch import TorchBuild, read_build
from ..inference.message import Message
from ..inference.model.catalog import MODELS
from ..inference.model.weights import STARTER_FOLDER, find_model, is_bundled
from ..preferences import folder_watchers, gpu_builds, model_folder, torch_folder
from .queue import Outcome, Task
from .session import looks

MAX_AGE = 10.0
"""Seconds after which draw() starts another look: other programs write into these folders too."""


@dataclass(frozen=True)
class Places:
    """Folders to look into.

    Attributes:
        models: Folder of the models.
        torch: Folder of another torch, if one is chosen.
        builds: Folder of the builds that *Use My GPU* installs.
    """

    models: Path
    torch: Path | None = None
    builds: Path | None = None


@dataclass(frozen=True)
class Inventory:
    """Findings of a look.

    Attributes:
        places: Folders that were looked into.
        uses_starter: Whether the next picture would use the starter model.
        is_bundled: Whether the published weights came with the add-on's zip.
        needs_conversion: Whether TripoSR's weights are there in their published form only.
        installed: Names of the installed models.
        torch: The other torch, or why it cannot be used; None if none is chosen.
        gpu_build: The build that *Use My GPU* installed.
        gpu_downloads: Bytes that have arrived of such builds, and are not installed, by name.
        free: Bytes that are free for such builds; None if that is not known.
    """

    places: Places
    uses_starter: bool
    is_bundled: bool
    needs_conversion: bool
    installed: frozenset[str]
    torch: TorchBuild | Message | None
    gpu_build: InstalledBuild | None = None
    gpu_downloads: Mapping[str, int] = field(default_factory=dict)
    free: int | None = None

    @property
    def gpu_download(self) -> int:
        """Bytes of all `gpu_downloads`."""
        return sum(self.gpu_downloads.values())


_found: Inventory | None = None
_wanted: Places | None = None
"""Folders of the last look, or of the current one."""
_at = 0.0
"""When the last look ended, or the current one began."""


def known(context: bpy.types.Context) -> Inventory | None:
    """Last findings in the folders of the preferences, or None before the first look.

    For draw() and poll(): it touches no disk, and starts another look if the findings are old.
    """
    places = places_of(context)
    if _has_timers() and not bpy.app.timers.is_registered(_look) and _is_due(places):
        _expect(places)
        bpy.app.timers.register(_look, first_interval=0.0)
    return _found if _found is not None and _found.places == places else None


def look_again() -> None:
    """Look again now, because a setting or a file has changed."""
    if _has_timers():
        _expect(places_of(bpy.context))
        _look()


def places_of(context: bpy.types.Context) -> Places:
    """The folders of the preferences."""
    return Places(model_folder(context), torch_folder(context), gpu_builds(context))


def find(places: Places) -> Inventory:
    """Look into the folders. No bpy: this runs on a worker, and may take long."""
    return Inventory(
        places,
        uses_starter=find_model(places.models) == STARTER_FOLDER,
        is_bundled=is_bundled(),
        needs_conversion=needs_conversion(places.models),
        installed=frozenset(m.name for m in MODELS if is_installed(m, places.models)),
        torch=_torch_in(places.torch),
        gpu_build=None if places.builds is None else find_installed(places.builds),
        gpu_downloads={} if places.builds is None else _downloads(places.builds),
        free=None if places.builds is None else _free(places.builds),
    )


def _downloads(builds: Path) -> dict[str, int]:
    return {
        folder.name.removesuffix(ARCHIVES): size
        for folder in archives(builds)
        if (size := downloaded(folder))
    }


def _free(folder: Path) -> int | None:
    """Bytes that are free where a folder is, or would be made."""
    for path in (folder, *folder.parents):
        with suppress(OSError):
            return shutil.disk_usage(path).free
    return None


def _torch_in(folder: Path | None) -> TorchBuild | Message | None:
    if folder is None:
        return None
    try:
        return read_build(folder)
    except DependencyError as error:
        return error.sentences


def _has_timers() -> bool:
    """Whether Blender calls timers, as it does with a window."""
    return not bpy.app.background


def _is_due(places: Places) -> bool:
    is_old = not looks.is_running() and time.monotonic() - _at > MAX_AGE
    return places != _wanted or is_old


def _expect(places: Places) -> None:
    global _wanted, _at
    _wanted, _at = places, time.monotonic()


def _look() -> None:
    """Start a look, in place of a running one. Blender's timer may call this."""
    places = _wanted
    assert places is not None
    looks.drop("")
    task = Task(
        Message("Models"),
        stages={},
        work=lambda _: find(places),
        deliver=_keep,
        on_failure=lambda: _expect(places),
    )
    looks.submit(task)


def _keep(found: Inventory) -> Outcome:
    """Store the findings for the panels. Called on the main thread."""
    global _found
    _expect(found.places)
    _found = found
    return Outcome()


def forget() -> None:
    """Stop looking, and forget all findings."""
    global _found, _wanted
    for timer in (_look, look_again):
        if bpy.app.timers.is_registered(timer):
            bpy.app.timers.unregister(timer)
    _found = _wanted = None


def register() -> None:
    folder_watchers.append(look_again)
    bpy.app.timers.register(look_again, first_interval=0.0, persistent=True)


def unregister() -> None:
    folder_watchers.remove(look_again)
    forget()
