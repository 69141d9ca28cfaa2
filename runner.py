"""Work of one kind beside Blender's main thread: one piece at a time, the rest wait.

A timer calls `pump`, which takes the running job's events and, when it is done, delivers its
result. A timer and not a modal operator: a modal one is canceled when a file is loaded, and holds
auto-save back.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import bpy

from .inference.errors import TripoSRError
from .inference.message import Message
from .inference.types import ignore_progress
from .jobs import Done, Failed, Job, Progress, Stopped, ThreadJob
from .texts import localized, tell

log = logging.getLogger(__name__)

FAILURES = 20
"""Failed runs that are kept to be retried."""

Stages = dict[str, tuple[Message, float]]
"""What the artist reads at each stage, and its part of the progress bar; in order."""


@dataclass(frozen=True)
class Run:
    """One piece of work on its way.

    Attributes:
        title: What it is about: the picture's name, or a message.
        stages: That the work reports.
        work: Runs on the job's thread, and touches no bpy.
        deliver: Runs on the main thread with the result; returns what to tell the artist, a message
            or nothing.
        describe: Says more about a stage, given how much of it is done; else the stage's own label.
        icon: Number of a thumbnail; 0 if there is none.
        group: What several runs have in common; see `Runner.remove_group`.
        on_failure: Called on the main thread when it has failed, after that was told.
        again: Makes the same run once more, on the main thread, from what it is of by then. Of one
            that failed nothing else is kept: it may hold the pixels of a large picture. Without it
            the run itself is kept.
    """

    title: str
    stages: Stages
    work: Callable[[Callable[[str, float], None]], Any]
    deliver: Callable[[Any], str]
    describe: Callable[[str, float], Message] | None = None
    icon: int = 0
    group: str = ""
    on_failure: Callable[[], None] | None = None
    again: Callable[[], Run] | None = None


@dataclass(frozen=True)
class Failure:
    """What is kept of a run that failed.

    Attributes:
        title, icon: The run's.
        message, hint: Why it failed, and what to do. The error itself would hold its traceback, and
            that the run's pixels.
        again: See `Run`.
    """

    title: str
    icon: int
    message: str
    hint: str
    again: Callable[[], Run]


@dataclass
class State:
    """What the panels show. Written by the runner only; texts are messages, or empty.

    Attributes:
        title, icon: Of the run that is on its way, or was the last one.
        label: Its stage.
        fraction: How much of it is done, 0...1.
        ended, failed: How many runs have ended, and failed, since there last was nothing to do.
        canceling, canceled: Whether it is being, or was, canceled.
        message: What the last one that ended well told.
        error, hint: What went wrong last, and what to do.
    """

    title: str = ""
    icon: int = 0
    label: str = ""
    fraction: float = 0.0
    ended: int = 0
    failed: int = 0
    canceling: bool = False
    canceled: bool = False
    message: str = ""
    error: str = ""
    hint: str = ""


class Runner:
    """Runs of one kind, in the order in which they were submitted.

    Args:
        wake: Called when there is something to `pump`.
        show: Called when the state has changed.
        tell: Called with an error and a hint when a run has failed.
        keeps_failed: Whether what failed can be retried.
    """

    def __init__(
        self,
        wake: Callable[[], None],
        show: Callable[[], None],
        tell: Callable[[str, str], None],
        keeps_failed: bool = True,
    ) -> None:
        self.state = State()
        self._wake = wake
        self._show = show
        self._tell = tell
        self._waiting: deque[Run] = deque()
        self._failed: deque[Failure] = deque(maxlen=FAILURES if keeps_failed else 0)
        self._run: Run | None = None
        self._job: Job[Any] | None = None
        self._abandoned: list[Job[Any]] = []

    def is_running(self) -> bool:
        """Whether a run is on its way, so that another would have to wait."""
        return self._job is not None

    def waiting(self) -> tuple[Run, ...]:
        """The runs that wait for the one that is on its way, the next one first."""
        return tuple(self._waiting)

    def failed(self) -> tuple[Failure, ...]:
        """The runs that failed, the last one last; see `retry`."""
        return tuple(self._failed)

    def move(self, number: int, by: int) -> None:
        """Let a waiting run have its turn earlier (`by` < 0) or later."""
        run = self._waiting[number]
        del self._waiting[number]
        self._waiting.insert(max(0, number + by), run)
        self._show()

    def remove(self, number: int) -> None:
        """Forget a waiting run."""
        del self._waiting[number]
        self._show()

    def remove_group(self, group: str) -> None:
        """Forget all waiting runs of a group, and cancel the one on its way if it is of it."""
        self._waiting = deque(run for run in self._waiting if run.group != group)
        if self._run is not None and self._run.group == group:
            self.cancel()
        self._show()

    def retry(self, number: int) -> None:
        """Submit a run that failed once more."""
        failure = self._failed[number]
        del self._failed[number]
        self._try_again(failure)
        self._show()

    def retry_all(self) -> None:
        """Submit all runs that failed once more."""
        failures = tuple(self._failed)
        self._failed.clear()
        for failure in failures:
            self._try_again(failure)
        self._show()

    def _try_again(self, failure: Failure) -> None:
        try:
            run = failure.again()
        except Exception as error:  # the boundary at which the artist is told
            told = self.fail(error)
            self._failed.append(replace(failure, message=told.message, hint=told.hint))
        else:
            self.submit(run)

    def submit(self, run: Run) -> None:
        """Start a run, or let it wait for its turn."""
        if self._job is None:
            self._forget()
            self.state.ended = self.state.failed = 0
        self._waiting.append(run)
        self._wake()
        if self._job is None:
            self._start_next()

    def cancel_all(self) -> None:
        """Stop the run that is on its way, and forget those that wait."""
        self._waiting.clear()
        self.cancel()

    def cancel(self) -> None:
        """Stop the run that is on its way, at its next step."""
        if self._job is not None:
            self._job.cancel()
            self.state.canceling = True
            self.state.label = Message("Canceling")
            self._show()

    def dismiss(self) -> None:
        """Forget the last message and error, and what failed."""
        self._forget()
        self._failed.clear()
        self._show()

    def drop(self, message: str) -> None:
        """Cancel everything that runs, forget its results, and leave a message."""
        self._abandon()
        self._forget()
        self._failed.clear()
        self.state.message, self.state.canceled = message, bool(message)
        self._show()

    def pump(self, may_deliver: bool = True) -> bool:
        """Take the job's events. Called on the main thread, again and again.

        Args:
            may_deliver: Whether a result may be delivered now.

        Returns:
            Whether to go on calling.
        """
        if self._job is not None and may_deliver:
            before = (self.state.label, round(self.state.fraction, 2))
            for event in self._job.poll():
                self._take(event)
            if self._job is None:
                self._start_next()
                self._show()
            elif before != (self.state.label, round(self.state.fraction, 2)):
                self._show()
        self._abandoned[:] = [job for job in self._abandoned if not job.join(0.0)]
        return self._job is not None or bool(self._waiting)

    def join(self, timeout: float) -> bool:
        """Cancel everything and wait for its threads to end; whether they have.

        Blender may not quit, nor the code be unloaded, under a running one.
        """
        self._abandon()
        deadline = time.monotonic() + timeout
        ended = [job.join(max(0.0, deadline - time.monotonic())) for job in self._abandoned]
        self._abandoned.clear()
        if not all(ended):
            log.error("A canceled run does not end")
        return all(ended)

    def _forget(self) -> None:
        self.state.message = self.state.error = self.state.hint = ""

    def _abandon(self) -> None:
        self._waiting.clear()
        if self._job is not None:
            self._job.cancel()
            self._abandoned.append(self._job)
        self._job = self._run = None

    def _start_next(self) -> None:
        if not self._waiting:
            return
        self._run = self._waiting.popleft()
        self.state.title, self.state.icon = self._run.title, self._run.icon
        self.state.label = Message("Starting")
        self.state.fraction = 0.0
        self.state.canceling = self.state.canceled = False
        self._job = ThreadJob(self._run.work, f"TripoSR: {self._run.title}")
        self._job.start()
        self._show()

    def _take(self, event: object) -> None:
        run = self._run
        assert run is not None
        if isinstance(event, Progress):
            if not self.state.canceling:
                label = run.stages[event.stage][0]
                describe = run.describe
                self.state.label = describe(event.stage, event.fraction) if describe else label
                self.state.fraction = overall_fraction(run.stages, event.stage, event.fraction)
            return
        self._run = self._job = None
        self.state.ended += 1
        if isinstance(event, Stopped) or self.state.canceling:
            self.state.message = Message("{title}: canceled", title=run.title)
            self.state.canceled = True
        elif isinstance(event, Done):
            self._deliver(run, event.result)
        elif isinstance(event, Failed):
            self._keep_failed(run, event.error)

    def _deliver(self, run: Run, result: Any) -> None:
        try:
            self.state.message = run.deliver(result)
        except Exception as error:  # the job's other boundary: the timer must live on
            self._keep_failed(run, error)

    def _keep_failed(self, run: Run, error: BaseException) -> None:
        self.state.failed += 1
        told, again = self.fail(error), run.again or (lambda: run)
        self._failed.append(Failure(run.title, run.icon, told.message, told.hint, again))
        if run.on_failure is not None:
            run.on_failure()

    def fail(self, error: BaseException) -> TripoSRError:
        """Tell of an error, of a run or on the way to one; returns what was told."""
        told = explain(error)
        self.state.error, self.state.hint = told.message, told.hint
        self._tell(told.message, told.hint)
        self._show()
        return told


def overall_fraction(stages: Stages, stage: str, fraction: float) -> float:
    """Part of a whole run that is done when `fraction` of `stage` is: 0...1."""
    names = list(stages)
    done = sum(stages[name][1] for name in names[: names.index(stage)])
    return done + stages[stage][1] * fraction


def explain(error: BaseException) -> TripoSRError:
    """What to tell the artist; an error that nobody foresaw is logged with its traceback."""
    if isinstance(error, TripoSRError):
        log.warning("Run failed: %s", error)
        return error
    log.error("Run failed", exc_info=error)
    return TripoSRError(
        "Unexpected error: {kind}: {error}",
        "See Blender's console for the details, and report them",
        kind=type(error).__name__,
        error=str(error),
    )


def run_inline(operator: bpy.types.Operator, run: Run) -> set[str]:
    """Let a script wait for a run, and tell it in one sentence what came of it."""
    return report_outcome(operator, lambda: run.deliver(run.work(ignore_progress)))


def report_outcome(operator: bpy.types.Operator, work: Callable[[], str]) -> set[str]:
    """Do an operator's work, and report what it tells, or in one sentence why it failed."""
    try:
        tell(operator, "INFO", work())
    except Exception as error:  # the boundary at which the artist and scripts are told
        tell(operator, "ERROR", explain(error).sentences)
        return {"CANCELLED"}
    return {"FINISHED"}


def popup(message: str, hint: str) -> None:
    """Show an error at the mouse: the panel that keeps it may be closed."""
    if bpy.app.background or not bpy.context.window_manager.windows:
        return

    def draw(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
        for line in (message, hint):
            menu.layout.label(text=localized(line), translate=False)

    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
        bpy.context.window_manager.popup_menu(draw, title="TripoSR", icon="ERROR")


def push_undo_step(name: Message, window: bpy.types.Window | None = None) -> None:
    """Let an undo step hold what was done from a timer; Blender translates its name.

    As a window sees things, the first one if none is given: without one, a timer's context has no
    scene, and with the scene or its view layer overridden as well, Blender crashes.
    """
    window = window or next(iter(bpy.context.window_manager.windows), None)
    with bpy.context.temp_override(**({"window": window} if window else {})):
        if bpy.ops.ed.undo_push.poll():
            bpy.ops.ed.undo_push(message=name)


def redraw(*places: tuple[str, str]) -> None:
    """Redraw the regions of such a type in the areas of such a type, in all windows."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            for region in area.regions:
                if (area.type, region.type) in places:
                    region.tag_redraw()
