"""What runs beside Blender's main thread in this session, and the timer that looks after it."""

from __future__ import annotations

import atexit
import logging
import time
from collections import deque

import bpy
from bpy.app.handlers import persistent

from .inference.engine import Engine
from .inference.message import Message
from .inference.packages import forget_the_nameless
from .runner import Runner, popup, redraw

log = logging.getLogger(__name__)

PUMP_INTERVAL = 0.1
"""Seconds between two looks at the jobs' events."""

IDLE_INTERVAL = 10.0
"""Seconds between two looks whether the model has been idle for long enough to unload it."""

JOIN_TIMEOUT = 60.0
"""Seconds to wait at exit for canceled jobs: longer than the longest step that cannot stop."""

RUN_STAGES = {
    "load": (Message("Loading the model"), 0.15),
    "prepare": (Message("Removing the background"), 0.10),
    "encode": (Message("Reading the picture"), 0.40),
    "extract": (Message("Extracting the surface"), 0.30),
    "color": (Message("Coloring"), 0.05),
}
"""What the artist reads at each stage of a picture on its way, and its part of the bar."""

DOWNLOAD_STAGES = {
    "download": (Message("Downloading"), 0.85),
    "verify": (Message("Verifying"), 0.05),
    "convert": (Message("Converting"), 0.10),
}
IMPORT_STAGES = {"verify": (Message("Verifying"), 0.2), "copy": (Message("Copying"), 0.8)}
PREVIEW_STAGES = {"prepare": (Message("Removing the background"), 1.0)}
PASTE_STAGES = {"prepare": (Message("Looking at the clipboard"), 1.0)}
REFINE_STAGES = {
    "extract": (Message("Extracting the surface"), 0.9),
    "color": (Message("Coloring"), 0.1),
}
RECOLOR_STAGES = {"color": (Message("Coloring"), 1.0)}
EDIT_STAGES = {
    "edit": (Message("Editing the mesh"), 0.8),
    "color": (Message("Coloring"), 0.2),
}


RECENT = 20
"""Warnings that are kept for a report."""


class _Recent(logging.Handler):
    """Keeps the last warnings and errors of the add-on."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: deque[str] = deque(maxlen=RECENT)
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


_recent = _Recent()


def recent_warnings() -> list[str]:
    """The last warnings and errors, oldest first."""
    return list(_recent.lines)


def _show() -> None:
    """Redraw what shows the states: the sidebars and the preferences, not the viewports."""
    redraw(("VIEW_3D", "UI"), ("IMAGE_EDITOR", "UI"), ("PREFERENCES", "WINDOW"))


def _wake() -> None:
    if not bpy.app.timers.is_registered(_pump):
        bpy.app.timers.register(_pump, first_interval=0.0, persistent=True)


def _say_nothing(message: str, hint: str) -> None:
    """The panel says what is wrong, where the artist looks."""


runs = Runner(_wake, _show, popup)
"""Pictures that become objects."""

upkeep = Runner(_wake, _show, popup)
"""Models that come to this machine, and devices that are looked for."""

previews = Runner(_wake, _show, _say_nothing, keeps_failed=False)
"""Pictures whose background is removed, to be looked at before they become objects."""

mattes = Runner(_wake, _show, popup, keeps_failed=False)
"""Cut-outs on their way to being painted on."""

refinements = Runner(_wake, _show, _say_nothing, keeps_failed=False)
"""Surfaces that follow the sliders in the panel."""

edits = Runner(_wake, _show, popup, keeps_failed=False)
"""Meshes that are remeshed, colored, extracted again, at a click."""

pastes = Runner(_wake, _show, popup, keeps_failed=False)
"""The clipboard's picture on its way."""

looks = Runner(_wake, _show, _say_nothing, keeps_failed=False)
"""What lies on the disks on its way to the panels; see `inventory`."""

RUNNERS = (runs, upkeep, previews, mattes, refinements, edits, pastes, looks)

engine = Engine()
"""Keeps the model loaded for the next run."""


def _pump() -> float | None:
    """Look after all runners. Called by Blender's timer on the main thread."""
    may_deliver = not is_scene_locked()
    busy = [runner.pump(may_deliver) for runner in RUNNERS]
    return PUMP_INTERVAL if any(busy) else None


def is_scene_locked() -> bool:
    """Whether Blender reads the scene on another thread, so that nothing may be added to it."""
    return bpy.app.is_job_running("RENDER") or bpy.context.window_manager.is_interface_locked


def _unload_when_idle() -> float:
    engine.unload_if_idle()
    return IDLE_INTERVAL


def _join_all() -> bool:
    """Cancel everything and wait for its threads to end; whether they have."""
    deadline = time.monotonic() + JOIN_TIMEOUT
    # All are told first, and then waited for.
    for runner in RUNNERS:
        runner.drop("")
    # But not for a look at a share that does not answer: it cannot stop, and changes nothing.
    ending = [runner for runner in RUNNERS if runner is not looks]
    return all([runner.join(max(0.0, deadline - time.monotonic())) for runner in ending])


@persistent
def _on_load(_path: str) -> None:
    """Another file ends what its scene was for. A file that cannot be opened does not."""
    for runner in (previews, mattes, refinements, edits):
        runner.drop("")
    if runs.is_running():
        runs.drop(_told_of_load(runs.state.title, len(runs.waiting())))
    else:
        runs.dismiss()  # what failed belonged to the other file


def _told_of_load(title: str, waiting: int) -> Message:
    if not waiting:
        return Message("{title}: canceled, because another file was opened", title=title)
    return Message(
        "{title} and {count} more: canceled, because another file was opened",
        title=title,
        count=waiting,
    )


@persistent
def _on_render(scene: bpy.types.Scene, *_: object) -> None:
    """Leave the GPU's memory to Cycles."""
    if scene.render.engine == "CYCLES" and scene.cycles.device == "GPU":
        log.info("Giving memory back: Cycles renders on the GPU")
        engine.leave_gpu()


def register() -> None:
    logging.getLogger(__package__).addHandler(_recent)
    bpy.app.handlers.load_post.append(_on_load)
    bpy.app.handlers.render_init.append(_on_render)
    bpy.app.timers.register(_unload_when_idle, first_interval=IDLE_INTERVAL, persistent=True)
    atexit.register(_join_all)


def unregister() -> None:
    atexit.unregister(_join_all)
    bpy.app.handlers.render_init.remove(_on_render)
    bpy.app.handlers.load_post.remove(_on_load)
    if _join_all():
        engine.unload()
    if bpy.app.timers.is_registered(_unload_when_idle):
        bpy.app.timers.unregister(_unload_when_idle)
    if bpy.app.timers.is_registered(_pump):
        bpy.app.timers.unregister(_pump)
    forget_the_nameless()
    logging.getLogger(__package__).removeHandler(_recent)
