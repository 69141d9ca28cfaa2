"""The queues of this Blender, and the timer that pumps them."""

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
"""Its logger has the loggers of all modules below it."""

PUMP_INTERVAL = 0.1
"""Seconds between two looks at the jobs' events."""

IDLE_INTERVAL = 10.0
"""Seconds between two looks whether the model has been idle for long enough to unload it."""

JOIN_TIMEOUT = 60.0
"""Seconds to wait at exit for canceled jobs: longer than the longest step that cannot stop."""

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
    """Show an error at the mouse: the panel that keeps it may be closed."""
    if bpy.app.background or not bpy.context.window_manager.windows:
        return

    def draw(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
        for line in (message, hint):
            menu.layout.label(text=localized(line), translate=False)

    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
        bpy.context.window_manager.popup_menu(draw, title="TripoSR", icon="ERROR")


def _in_panel(_message: str, _hint: str) -> None:
    """No popup: the artist looks at the panel that shows the error anyway."""


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
"""Pictures that become objects."""

upkeep = _queue(_popup)
"""Models that come to this machine, and devices that are looked for."""

previews = _queue(_in_panel, keeps_failed=False)
"""Pictures whose background is removed, to be looked at before they become objects."""

mattes = _queue(_popup, keeps_failed=False)
"""Cut-outs that will be painted on."""

refinements = _queue(_in_panel, keeps_failed=False)
"""Surfaces that follow the sliders in the panel."""

edits = _queue(_popup, keeps_failed=False)
"""Meshes that are remeshed, colored, extracted again, at a click."""

pastes = _queue(_popup, keeps_failed=False)
"""Pictures from the clipboard."""

looks = _queue(_in_panel, keeps_failed=False)
"""Looks at the disks, for the panels; see `inventory`."""

QUEUES = (pictures, upkeep, previews, mattes, refinements, edits, pastes, looks)


def _pump() -> float | None:
    """Pump all queues. Called by Blender's timer on the main thread."""
    may_deliver = not is_scene_locked()
    busy = [queue.pump(may_deliver) for queue in QUEUES]
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
    for queue in QUEUES:
        queue.drop("")
    # But not for a look at a share that does not answer: it cannot stop, and changes nothing.
    ending = [queue for queue in QUEUES if queue is not looks]
    return all([queue.join(max(0.0, deadline - time.monotonic())) for queue in ending])


@persistent
def _on_load(_path: str) -> None:
    """Another file ends what its scene was for. A file that cannot be opened does not."""
    for queue in (previews, mattes, refinements, edits):
        queue.drop("")
    if pictures.is_running():
        pictures.drop(_told_of_load(pictures.state.title, len(pictures.waiting())))
    else:
        pictures.dismiss()  # what failed belonged to the other file


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
    logging.getLogger(ADDON).addHandler(_recent)
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
    logging.getLogger(ADDON).removeHandler(_recent)
