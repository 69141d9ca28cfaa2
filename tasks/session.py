"""Queues of this Blender, and the timer that pumps them."""

from __future__ import annotations

import atexit
import logging
import time
from collections import deque
from functools import partial

import bpy
from bpy.app.handlers import persistent

from ..inference.engine import engine
from ..inference.errors import explain
from ..inference.machine.packages import forget_the_nameless
from ..inference.message import Message
from ..texts import localized
from .queue import Queue, Words

log = logging.getLogger(__name__)

ADDON = __package__.rpartition(".")[0]
"""Name of the add-on's module, and of the logger above those of all its modules."""

PUMP_INTERVAL = 0.1
"""Seconds between two calls of the pump."""

IDLE_INTERVAL = 10.0
"""Seconds between two checks whether the model has been idle for long enough to unload it."""

JOIN_TIMEOUT = 60.0
"""Seconds to wait at exit for canceled tasks: longer than the longest step that cannot stop."""

RECENT = 20
"""Number of warnings that are kept for the report."""


class _Recent(logging.Handler):
    """Handler that keeps the last warnings and errors of the add-on."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: deque[str] = deque(maxlen=RECENT)
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


_recent = _Recent()

_console = logging.StreamHandler()
"""Prints unexpected errors with their tracebacks, as the hint that goes with them says, and what
scripts are warned of.
"""
_console.addFilter(lambda record: record.levelno >= logging.ERROR or record.name == f"{ADDON}.api")
_console.setLevel(logging.WARNING)


def recent_warnings() -> list[str]:
    """Last warnings and errors, oldest first."""
    return list(_recent.lines)


def _show() -> None:
    """Redraw the sidebars and the preferences, which show the states, but not the viewports."""
    shown = {("VIEW_3D", "UI"), ("IMAGE_EDITOR", "UI"), ("PREFERENCES", "WINDOW")}
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            for region in area.regions:
                if (area.type, region.type) in shown:
                    region.tag_redraw()


def _wake() -> None:
    if not bpy.app.timers.is_registered(_pump):
        bpy.app.timers.register(_pump, first_interval=0.0, persistent=True)


def _popup(message: str, hint: str) -> None:
    """Show an error at the mouse, because the panel that keeps it may be closed."""
    if bpy.app.background or not bpy.context.window_manager.windows:
        return

    def draw(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
        for line in (message, hint):
            menu.layout.label(text=localized(line), translate=False)

    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
        bpy.context.window_manager.popup_menu(draw, title="TripoSR", icon="ERROR")


def _in_panel(_message: str, _hint: str) -> None:
    """Show no popup: the artist is looking at the panel that shows the error."""


def _explained(error: BaseException) -> tuple[str, str]:
    explained = explain(error)
    return explained.message, explained.hint


_queue = partial(
    Queue,
    Words(
        starting=Message("Starting"),
        canceling=Message("Canceling"),
        canceled=lambda title: Message("{title}: canceled", title=title),
        explain=_explained,
    ),
    _wake,
    _show,
)

pictures = _queue(_popup)
"""Tasks that build objects from pictures."""

upkeep = _queue(_popup)
"""Tasks that download or import models and builds of torch, and detect devices."""

previews = _queue(_in_panel, keeps_failed=False)
"""Tasks that make previews of pictures."""

mattes = _queue(_popup, keeps_failed=False)
"""Tasks that make mattes to paint on."""

refinements = _queue(_in_panel, keeps_failed=False)
"""Tasks that extract surfaces as the sliders in the panel move."""

edits = _queue(_popup, keeps_failed=False)
"""Tasks that edit, color or extract a mesh at a click."""

cameras = _queue(_in_panel, keeps_failed=False)
"""Tasks that set up the camera of a picture."""

exports = _queue(_popup, keeps_failed=False)
"""Tasks that export objects; they go on when another file is opened."""

imports = _queue(_popup, keeps_failed=False)
"""Tasks that import objects of a batch."""

pastes = _queue(_popup, keeps_failed=False)
"""Tasks that read the clipboard."""

looks = _queue(_in_panel, keeps_failed=False)
"""Tasks that search the disks for the panels; see `inventory`."""

drivers = _queue(_in_panel, keeps_failed=False)
"""Tasks that ask NVIDIA's driver for its cards; see `gpu`."""

cleaning = _queue(_in_panel, keeps_failed=False)
"""Tasks that delete what a Blender that was killed has left behind."""

QUEUES = (
    *(pictures, upkeep, previews, mattes, refinements, edits, cameras, exports, imports, pastes),
    *(looks, drivers, cleaning),
)


def _pump() -> float | None:
    """Pump all queues. Called by Blender's timer on the main thread."""
    may_deliver = not is_scene_locked()
    busy = [queue.pump(may_deliver) for queue in QUEUES]
    return PUMP_INTERVAL if any(busy) else None


def is_scene_locked() -> bool:
    """Whether Blender reads the scene on another thread, so that the scene must not change."""
    return bpy.app.is_job_running("RENDER") or bpy.context.window_manager.is_interface_locked


def _unload_when_idle() -> float:
    engine.unload_if_idle()
    return IDLE_INTERVAL


def _join_all() -> bool:
    """Cancel all tasks and wait for their threads; return whether all have ended."""
    deadline = time.monotonic() + JOIN_TIMEOUT
    # Cancel all first, then wait, so that they end at the same time.
    for queue in QUEUES:
        queue.drop("")
    # Do not wait for a look at a share that does not answer: it cannot stop, and changes nothing.
    ending = [queue for queue in QUEUES if queue not in (looks, drivers)]
    return all([queue.join(max(0.0, deadline - time.monotonic())) for queue in ending])


@persistent
def _on_load(_path: str) -> None:
    """Drop the tasks of the previous file. A file that fails to open leaves them running."""
    for queue in (previews, mattes, refinements, edits, cameras):
        queue.drop("")
    if imports.is_running():
        imports.drop(_canceled_by_load(imports.state.title, 0))
    else:
        imports.dismiss()
    if pictures.is_running():
        pictures.drop(_canceled_by_load(pictures.state.title, len(pictures.waiting())))
    else:
        pictures.dismiss()  # failed tasks belong to the previous file


def _canceled_by_load(title: str, waiting: int) -> Message:
    if not waiting:
        return Message("{title}: canceled, because another file was opened", title=title)
    return Message(
        "{title} and {count} more: canceled, because another file was opened",
        title=title,
        count=waiting,
    )


@persistent
def _on_render(scene: bpy.types.Scene, *_: object) -> None:
    """Free the GPU's memory for Cycles."""
    if scene.render.engine == "CYCLES" and scene.cycles.device == "GPU":
        log.info("Freeing memory: Cycles renders on the GPU")
        engine.leave_gpu()


def register() -> None:
    for handler in (_recent, _console):
        logging.getLogger(ADDON).addHandler(handler)
    bpy.app.handlers.load_post.append(_on_load)
    bpy.app.handlers.render_init.append(_on_render)
    bpy.app.timers.register(_unload_when_idle, first_interval=IDLE_INTERVAL, persistent=True)
    atexit.register(_join_all)


def unregister() -> None:
    atexit.unregister(_join_all)
    bpy.app.handlers.render_init.remove(_on_render)
    bpy.app.handlers.load_post.remove(_on_load)
    imports.discard()
    if _join_all():
        engine.unload()
    if bpy.app.timers.is_registered(_unload_when_idle):
        bpy.app.timers.unregister(_unload_when_idle)
    if bpy.app.timers.is_registered(_pump):
        bpy.app.timers.unregister(_pump)
    forget_the_nameless()
    for handler in (_recent, _console):
        logging.getLogger(ADDON).removeHandler(handler)
