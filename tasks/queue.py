"""Queue of tasks beside Blender's main thread: one task at a time, the others wait. No bpy.

A timer calls `pump`, which handles the events of the task's job and delivers its result. A modal
operator in place of the timer would be canceled when a file is loaded, and would defer auto-save.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .job import Done, Event, Failed, Job, Progress, Stopped, ThreadJob

log = logging.getLogger(__name__)

FAILURES = 20
"""Number of failed tasks that are kept to be retried."""

Stages = Mapping[str, tuple[str, float]]
"""Label and share of the progress bar of each stage, in order."""


@dataclass(frozen=True)
class Outcome:
    """Outcome of a task.

    Attributes:
        message: Message to the artist; may be empty.
        result: Result for a waiting script, such as the new object.
        remarks: Messages about what was asked for, but left out; `message` contains them.
    """

    message: str = ""
    result: Any = None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Task:
    """Piece of work.

    Attributes:
        title: Subject of the task: the picture's name, or a message.
        stages: Stages that the work reports.
        work: Runs on the job's thread, without bpy.
        deliver: Runs on the main thread with the value that the work returned.
        describe: Returns the label of a stage, given the fraction that is done; without it, the
            label in `stages` is shown.
        picture: Thumbnail beside the title: a picture's file, or the session_uid of an image; 0
            for none.
        group: Name of the group that the task belongs to; see `Queue.remove_group`.
        on_failure: Called on the main thread after the task's error was reported.
        again: Makes the task again, on the main thread, from the current state of its input. For a
            failed task, the queue keeps only this, because the work may hold the pixels of a large
            picture. Without it, the queue keeps the task itself.
        step: Called on the main thread at each pump while the work runs, to deliver what is ready.
        discard: Called on the main thread if the task fails or is canceled, to take back what
            `step` has delivered.
    """

    title: str
    stages: Stages
    work: Callable[[Callable[[str, float], None]], Any]
    deliver: Callable[[Any], Outcome]
    describe: Callable[[str, float], str] | None = None
    picture: Path | int = 0
    group: str = ""
    on_failure: Callable[[], None] | None = None
    again: Callable[[], Task] | None = None
    step: Callable[[], None] | None = None
    discard: Callable[[], None] | None = None

    def do(self) -> Outcome:
        """Do the task now, on the main thread, while the caller waits; errors propagate."""
        try:
            return self.deliver(self.work(_ignore_progress))
        except BaseException:
            if self.discard is not None:
                self.discard()
            raise


def _ignore_progress(_stage: str, _fraction: float) -> None:
    """Tick for a caller that waits."""


@dataclass(frozen=True)
class Failure:
    """Record of a failed task.

    Attributes:
        title, picture: Those of the task.
        message, hint: Why it failed, and what to do. The error itself is not kept: its traceback
            would hold the task's pixels.
        again: See `Task`.
    """

    title: str
    picture: Path | int
    message: str
    hint: str
    again: Callable[[], Task]


@dataclass
class State:
    """State of a queue, for the panels. Only the queue writes it; texts are messages, or empty.

    Attributes:
        title, picture: Those of the running task, or of the last one.
        label: Label of the task's stage.
        fraction: Part of the task that is done, 0...1.
        ended, failed: How many tasks have ended, and failed, since the queue was last empty.
        canceling, canceled: Whether the task is being canceled, or was canceled.
        message: Message of the last task that succeeded or was canceled.
        error, hint: Last error, and what to do.
    """

    title: str = ""
    picture: Path | int = 0
    label: str = ""
    fraction: float = 0.0
    ended: int = 0
    failed: int = 0
    canceling: bool = False
    canceled: bool = False
    message: str = ""
    error: str = ""
    hint: str = ""


@dataclass(frozen=True)
class Words:
    """Texts for the artist that all tasks share.

    Attributes:
        starting, canceling: Labels in place of a stage's.
        canceled: Returns, for a title, the message that the task was canceled.
        explain: Returns, for an error, what went wrong and what to do.
    """

    starting: str
    canceling: str
    canceled: Callable[[str], str]
    explain: Callable[[BaseException], tuple[str, str]]


class Queue:
    """Queue that runs tasks in the order in which they were submitted.

    Args:
        words: Texts for the artist.
        wake: Called when there is something to `pump`.
        show: Called when the state has changed.
        report: Called with an error message and a hint when a task has failed.
        keeps_failed: Whether failed tasks can be retried.
    """

    def __init__(
        self,
        words: Words,
        wake: Callable[[], None],
        show: Callable[[], None],
        report: Callable[[str, str], None],
        keeps_failed: bool = True,
    ) -> None:
        self.state = State()
        self._words = words
        self._wake = wake
        self._show = show
        self._report = report
        self._waiting: deque[Task] = deque()
        self._failed: deque[Failure] = deque(maxlen=FAILURES if keeps_failed else 0)
        self._task: Task | None = None
        self._job: Job[Any] | None = None
        self._abandoned: list[Job[Any]] = []

    def is_running(self) -> bool:
        """Whether a task is running, so that another would have to wait."""
        return self._job is not None

    def waiting(self) -> tuple[Task, ...]:
        """Waiting tasks, the next one first."""
        return tuple(self._waiting)

    def failed(self) -> tuple[Failure, ...]:
        """Failed tasks, the latest one last; see `retry`."""
        return tuple(self._failed)

    def move(self, number: int, by: int) -> None:
        """Move a waiting task forward (`by` < 0) or back in the queue."""
        task = self._waiting[number]
        del self._waiting[number]
        self._waiting.insert(max(0, number + by), task)
        self._show()

    def remove(self, number: int) -> None:
        """Remove a waiting task."""
        del self._waiting[number]
        self._show()

    def remove_group(self, group: str) -> None:
        """Remove the waiting tasks of a group, and cancel the running task if it belongs to it."""
        self._waiting = deque(task for task in self._waiting if task.group != group)
        if self._task is not None and self._task.group == group:
            self.cancel()
        self._show()

    def retry(self, number: int) -> None:
        """Submit a failed task again."""
        failure = self._failed[number]
        del self._failed[number]
        self._try_again(failure)
        self._show()

    def retry_all(self) -> None:
        """Submit all failed tasks again."""
        failures = tuple(self._failed)
        self._failed.clear()
        for failure in failures:
            self._try_again(failure)
        self._show()

    def _try_again(self, failure: Failure) -> None:
        try:
            task = failure.again()
        except Exception as error:  # the boundary at which errors are reported
            message, hint = self.fail(error)
            self._failed.append(replace(failure, message=message, hint=hint))
        else:
            self.submit(task)

    def submit(self, task: Task) -> None:
        """Start a task, or let it wait for its turn."""
        if self._job is None:
            self._forget()
            self.state.ended = self.state.failed = 0
        self._waiting.append(task)
        self._wake()
        if self._job is None:
            self._start_next()

    def cancel_all(self) -> None:
        """Remove the waiting tasks, and cancel the running one."""
        self._waiting.clear()
        self.cancel()

    def cancel(self) -> None:
        """Cancel the running task; it stops at its next tick."""
        if self._job is not None:
            self._job.cancel()
            self.state.canceling = True
            self.state.label = self._words.canceling
            self._show()

    def dismiss(self) -> None:
        """Clear the last message and error, and the failed tasks."""
        self._forget()
        self._failed.clear()
        self._show()

    def drop(self, message: str) -> None:
        """Cancel all tasks, discard their results, and leave a message."""
        self._abandon()
        self._forget()
        self._failed.clear()
        self.state.message, self.state.canceled = message, bool(message)
        self._show()

    def pump(self, may_deliver: bool = True) -> bool:
        """Handle the job's events. A timer calls this on the main thread, again and again.

        Args:
            may_deliver: Whether a result may be delivered now.

        Returns:
            Whether the timer must go on.
        """
        if self._job is not None and may_deliver:
            before = (self.state.label, round(self.state.fraction, 2))
            self._do_step()
            for event in self._job.poll() if self._job is not None else ():
                self._take(event)
            if self._job is None:
                self._start_next()
                self._show()
            elif before != (self.state.label, round(self.state.fraction, 2)):
                self._show()
        self._abandoned[:] = [job for job in self._abandoned if not job.join(0.0)]
        return self._job is not None or bool(self._waiting)

    def join(self, timeout: float) -> bool:
        """Cancel all tasks and wait for their threads; return whether all have ended.

        While a thread is running, Blender must not quit, and the code must not be unloaded.
        """
        self._abandon()
        deadline = time.monotonic() + timeout
        ended = [job.join(max(0.0, deadline - time.monotonic())) for job in self._abandoned]
        self._abandoned.clear()
        if not all(ended):
            log.error("A canceled task does not end")
        return all(ended)

    def discard(self) -> None:
        """Take back what the running task has delivered so far; then `drop` it."""
        if self._task is not None:
            self._discard(self._task)

    def _do_step(self) -> None:
        """Let the running task deliver what is ready; if that fails, the task has failed."""
        task, job = self._task, self._job
        if task is None or task.step is None or job is None or self.state.canceling:
            return
        try:
            task.step()
        except Exception as error:  # a boundary like the job's: the timer must go on
            job.cancel()
            self._abandoned.append(job)
            self._task = self._job = None
            self.state.ended += 1
            self._keep_failed(task, error)

    def _discard(self, task: Task) -> None:
        try:
            if task.discard is not None:
                task.discard()
        except Exception as error:  # a boundary like the job's: the timer must go on
            self.fail(error)

    def _forget(self) -> None:
        self.state.message = self.state.error = self.state.hint = ""

    def _abandon(self) -> None:
        self._waiting.clear()
        if self._job is not None:
            self._job.cancel()
            self._abandoned.append(self._job)
        self._job = self._task = None

    def _start_next(self) -> None:
        if not self._waiting:
            return
        self._task = task = self._waiting.popleft()
        self.state.title, self.state.picture = task.title, task.picture
        self.state.label = self._words.starting
        self.state.fraction = 0.0
        self.state.canceling = self.state.canceled = False
        self._job = ThreadJob(task.work, f"TripoSR: {task.title}")
        self._job.start()
        self._show()

    def _take(self, event: Event[Any]) -> None:
        task = self._task
        assert task is not None
        if isinstance(event, Progress):
            if not self.state.canceling:
                label = task.stages[event.stage][0]
                describe = task.describe
                self.state.label = describe(event.stage, event.fraction) if describe else label
                self.state.fraction = overall_fraction(task.stages, event.stage, event.fraction)
            return
        self._task = self._job = None
        self.state.ended += 1
        if isinstance(event, Stopped) or self.state.canceling:
            self._discard(task)
            self.state.message = self._words.canceled(task.title)
            self.state.canceled = True
        elif isinstance(event, Done):
            self._deliver(task, event.result)
        elif isinstance(event, Failed):
            self._keep_failed(task, event.error)

    def _deliver(self, task: Task, result: Any) -> None:
        try:
            self.state.message = task.deliver(result).message
        except Exception as error:  # a boundary like the job's: the timer must go on
            self._keep_failed(task, error)

    def _keep_failed(self, task: Task, error: BaseException) -> None:
        self.state.failed += 1
        self._discard(task)
        message, hint = self.fail(error)
        again = task.again or (lambda: task)
        self._failed.append(Failure(task.title, task.picture, message, hint, again))
        if task.on_failure is not None:
            task.on_failure()

    def fail(self, error: BaseException) -> tuple[str, str]:
        """Report an error of a task or of its preparation; return the message and the hint."""
        message, hint = self._words.explain(error)
        self.state.error, self.state.hint = message, hint
        self._report(message, hint)
        self._show()
        return message, hint


def overall_fraction(stages: Stages, stage: str, fraction: float) -> float:
    """Fraction of the whole task that is done when `fraction` of `stage` is: 0...1."""
    names = list(stages)
    done = sum(stages[name][1] for name in names[: names.index(stage)])
    return done + stages[stage][1] * fraction
