"""The runs of this Blender session: one at a time beside the main thread, the rest wait.

A timer takes the events of the running job and, when it is done, imports its result. A timer and
not a modal operator: a modal one is canceled when a file is loaded, and holds auto-save back.
"""

from __future__ import annotations

import atexit
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import bpy
from bpy.app.handlers import persistent

from .inference.engine import Engine
from .inference.errors import TripoSRError
from .inference.types import MeshData
from .jobs import Done, Failed, Job, Progress, Stopped, ThreadJob

log = logging.getLogger(__name__)

PUMP_INTERVAL = 0.1
"""Seconds between two looks at the job's events."""

JOIN_TIMEOUT = 60.0
"""Seconds to wait at exit for a canceled job: longer than the longest step that cannot stop."""

STAGES = {
    "load": ("Loading the model", 0.15),
    "prepare": ("Removing the background", 0.10),
    "encode": ("Reading the picture", 0.40),
    "extract": ("Extracting the surface", 0.30),
    "color": ("Coloring", 0.05),
}
"""What the artist reads at each stage, and its part of the progress bar."""


@dataclass(frozen=True)
class Run:
    """One picture on its way.

    Attributes:
        title: The picture's name.
        work: Runs on the job's thread, and touches no bpy.
        deliver: Runs on the main thread with the result; returns what to tell the artist.
    """

    title: str
    work: Callable[[Callable[[str, float], None]], MeshData]
    deliver: Callable[[MeshData], str]


@dataclass
class State:
    """What the panels show. Written here only."""

    title: str = ""
    label: str = ""
    fraction: float = 0.0
    canceling: bool = False
    canceled: bool = False
    message: str = ""
    error: str = ""
    hint: str = ""


state = State()
engine = Engine()
"""Keeps the model loaded for the next run."""

_waiting: deque[Run] = deque()
_run: Run | None = None
_job: Job[MeshData] | None = None
_abandoned: list[Job[MeshData]] = []


def is_running() -> bool:
    """Whether a run is on its way, so that another would have to wait."""
    return _job is not None


def waiting() -> int:
    """How many runs wait for the one that is on its way."""
    return len(_waiting)


def submit(run: Run) -> None:
    """Start a run, or let it wait for its turn."""
    if _job is None:
        state.message = state.error = state.hint = ""
    _waiting.append(run)
    if not bpy.app.timers.is_registered(_pump):
        bpy.app.timers.register(_pump, first_interval=0.0, persistent=True)
    if _job is None:
        _start_next()


def cancel() -> None:
    """Stop the run that is on its way, at its next step, and forget those that wait."""
    _waiting.clear()
    if _job is not None:
        _job.cancel()
        state.canceling = True
        state.label = "Canceling"
        _show()


def dismiss() -> None:
    """Forget the last message and error."""
    state.message = state.error = state.hint = ""
    _show()


def _start_next() -> None:
    global _run, _job
    if not _waiting:
        return
    _run = _waiting.popleft()
    state.title, state.label, state.fraction = _run.title, "Starting", 0.0
    state.canceling = state.canceled = False
    _job = ThreadJob(_run.work, f"TripoSR: {_run.title}")
    _job.start()
    _show()


def _pump() -> float | None:
    """Take the job's events. Called by Blender's timer on the main thread."""
    if _job is not None and not _is_scene_locked():
        before = (state.label, round(state.fraction, 2))
        for event in _job.poll():
            _take(event)
        if _job is None:
            _start_next()
            _show()
        elif before != (state.label, round(state.fraction, 2)):
            _show()
    _abandoned[:] = [job for job in _abandoned if not job.join(0.0)]
    return PUMP_INTERVAL if _job is not None or _waiting else None


def _is_scene_locked() -> bool:
    """Whether Blender reads the scene on another thread, so that nothing may be added to it."""
    return bpy.app.is_job_running("RENDER") or bpy.context.window_manager.is_interface_locked


def _take(event: object) -> None:
    global _job, _run
    if isinstance(event, Progress):
        if not state.canceling:
            state.label = STAGES[event.stage][0]
            state.fraction = overall_fraction(event.stage, event.fraction)
        return
    run, _run, _job = _run, None, None
    if isinstance(event, Stopped) or state.canceling:
        state.message, state.canceled = f"{run.title}: canceled", True
    elif isinstance(event, Done):
        _deliver(run, event.result)
    elif isinstance(event, Failed):
        _fail(event.error)


def overall_fraction(stage: str, fraction: float) -> float:
    """Part of a whole run that is done when `fraction` of `stage` is: 0...1."""
    names = list(STAGES)
    done = sum(STAGES[name][1] for name in names[: names.index(stage)])
    return done + STAGES[stage][1] * fraction


def _deliver(run: Run, result: MeshData) -> None:
    try:
        state.message = run.deliver(result)
    except Exception as error:  # the job's other boundary: the timer must live on
        _fail(error)


def _fail(error: BaseException) -> None:
    told = explain(error)
    state.error, state.hint = told.message, told.hint
    _popup(told.message, told.hint)


def explain(error: BaseException) -> TripoSRError:
    """What to tell the artist; an error that nobody foresaw is logged with its traceback."""
    if isinstance(error, TripoSRError):
        log.info("Run failed: %s", error)
        return error
    log.error("Run failed", exc_info=error)
    return TripoSRError(
        f"Unexpected error: {type(error).__name__}: {error}",
        "See Blender's console for the details, and report them",
    )


def _popup(message: str, hint: str) -> None:
    """Show an error at the mouse: the panel that keeps it may be closed."""
    if bpy.app.background or not bpy.context.window_manager.windows:
        return

    def draw(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
        for line in (message, hint):
            menu.layout.label(text=line)

    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
        bpy.context.window_manager.popup_menu(draw, title="TripoSR", icon="ERROR")


def _show() -> None:
    """Redraw what shows the state: the sidebars, not the viewports."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                for region in area.regions:
                    if region.type == "UI":
                        region.tag_redraw()


def _drop_all() -> None:
    """Cancel everything and forget its results."""
    global _job, _run
    _waiting.clear()
    if _job is not None:
        _job.cancel()
        _abandoned.append(_job)
    _job = _run = None


def _join_all() -> bool:
    """End every thread: Blender may not quit, nor the code be unloaded, under a running one.

    Returns whether all have ended.
    """
    _drop_all()
    deadline = time.monotonic() + JOIN_TIMEOUT
    ended = [job.join(max(0.0, deadline - time.monotonic())) for job in _abandoned]
    _abandoned.clear()
    if not all(ended):
        log.error("A canceled run does not end")
    return all(ended)


@persistent
def _on_load(_path: str) -> None:
    """Another file ends the runs: their scene is gone. A file that cannot be opened does not."""
    if is_running():
        _drop_all()
        state.message = f"{state.title}: canceled, because another file was opened"
        state.canceled = True
        _show()


def register() -> None:
    bpy.app.handlers.load_post.append(_on_load)
    atexit.register(_join_all)


def unregister() -> None:
    atexit.unregister(_join_all)
    bpy.app.handlers.load_post.remove(_on_load)
    was_running = is_running()
    if _join_all():
        engine.unload()
    if was_running:
        _show()
    if bpy.app.timers.is_registered(_pump):
        bpy.app.timers.unregister(_pump)
