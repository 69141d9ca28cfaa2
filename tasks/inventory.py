"""What lies on the disks, for the panels: looked for beside Blender, never while it draws.

A model folder may be a share that sleeps, or does not answer at all; and a panel is drawn for every
move of the mouse. So draw() and poll() get what was found last, and ask for another look where that
was some time ago. Without a window nobody looks: a script's run finds out for itself.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import bpy

from ..inference.errors import DependencyError
from ..inference.files.installation import is_installed, needs_conversion
from ..inference.machine.own_torch import TorchBuild, read_build
from ..inference.message import Message
from ..inference.model.catalog import MODELS
from ..inference.model.weights import STARTER_FOLDER, find_model, is_bundled
from ..preferences import folder_watchers, model_folder, torch_folder
from .queue import Outcome, Task
from .session import looks

MAX_AGE = 10.0
"""Seconds until what is drawn again is looked for again: others write into these folders too."""


@dataclass(frozen=True)
class Places:
    """Where to look.

    Attributes:
        models: The folder of models.
        torch: That of another torch, if one is chosen.
    """

    models: Path
    torch: Path | None = None


@dataclass(frozen=True)
class Inventory:
    """What was found.

    Attributes:
        places: Where.
        uses_starter: Whether a run would use the starter model.
        is_bundled: Whether the published weights came with the add-on's zip.
        needs_conversion: Whether TripoSR's weights lie there as they were published.
        installed: Names of the models that lie there.
        torch: The other torch, or why it cannot be used; None if none is chosen.
    """

    places: Places
    uses_starter: bool
    is_bundled: bool
    needs_conversion: bool
    installed: frozenset[str]
    torch: TorchBuild | Message | None


_found: Inventory | None = None
_wanted: Places | None = None
"""Where was looked last, or is being looked."""
_at = 0.0
"""When that began, or has ended."""


def known(context: bpy.types.Context) -> Inventory | None:
    """What was last found in the folders of the preferences, for draw() and poll(): touches no
    disk. None as long as nobody has looked.
    """
    places = _places(context)
    if _has_timers() and not bpy.app.timers.is_registered(_look) and _is_due(places):
        _expect(places)
        bpy.app.timers.register(_look, first_interval=0.0)
    return _found if _found is not None and _found.places == places else None


def look_again() -> None:
    """Look again, because a setting or a file has changed."""
    if _has_timers():
        _expect(_places(bpy.context))
        _look()


def _places(context: bpy.types.Context) -> Places:
    return Places(model_folder(context), torch_folder(context))


def find(places: Places) -> Inventory:
    """Look into the places. No bpy: this runs on a worker, and may take long."""
    return Inventory(
        places,
        uses_starter=find_model(places.models) == STARTER_FOLDER,
        is_bundled=is_bundled(),
        needs_conversion=needs_conversion(places.models),
        installed=frozenset(m.name for m in MODELS if is_installed(m, places.models)),
        torch=_torch_in(places.torch),
    )


def _torch_in(folder: Path | None) -> TorchBuild | Message | None:
    if folder is None:
        return None
    try:
        return read_build(folder)
    except DependencyError as error:
        return error.sentences


def _has_timers() -> bool:
    """Whether Blender goes on beside what it is asked for, as it does with a window."""
    return not bpy.app.background


def _is_due(places: Places) -> bool:
    is_old = not looks.is_running() and time.monotonic() - _at > MAX_AGE
    return places != _wanted or is_old


def _expect(places: Places) -> None:
    global _wanted, _at
    _wanted, _at = places, time.monotonic()


def _look() -> None:
    """Start looking, without waiting for a look elsewhere. May be called by Blender's timer."""
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
    """Let the panels show it. Called on the main thread."""
    global _found
    _expect(found.places)
    _found = found
    return Outcome()


def forget() -> None:
    """Look no more, and know nothing."""
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
