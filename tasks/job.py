"""Work beside Blender's main thread: the job contract, events, cancellation. No bpy, no torch."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

log = logging.getLogger(__name__)

T = TypeVar("T")


class Cancelled(Exception):  # noqa: N818, it is no error
    """Raised by a job's tick to leave the work; control flow, never shown to the artist."""


@dataclass(frozen=True)
class Progress:
    """The stage that runs, and how much of it is done, 0...1."""

    stage: str
    fraction: float


@dataclass(frozen=True)
class Done(Generic[T]):
    """The work has ended with a result. Last event."""

    result: T


@dataclass(frozen=True)
class Failed:
    """The work has ended with an error. Last event."""

    error: BaseException


@dataclass(frozen=True)
class Stopped:
    """The work has ended because it was canceled. Last event."""


Event = Progress | Done[T] | Failed | Stopped


class Job(Protocol[T]):
    """Work that runs elsewhere and reports by events: any number of `Progress`, then one other."""

    def start(self) -> None:
        """Begin; once only."""

    def poll(self) -> list[Event[T]]:
        """The events since the last poll, oldest first. Never blocks."""
        ...

    def cancel(self) -> None:
        """Ask the work to stop at its next tick. May be called at any time, any number of times."""

    def join(self, timeout: float) -> bool:
        """Wait up to `timeout` seconds for the work to end; whether it has."""
        ...


class ThreadJob(Generic[T]):
    """A job on a thread of this process.

    Args:
        work: Called on the thread with the tick to report to; holds no bpy object.
        name: The thread's name, for debuggers.
    """

    def __init__(self, work: Callable[[Callable[[str, float], None]], T], name: str) -> None:
        self._work = work
        self._events: queue.SimpleQueue[Event[T]] = queue.SimpleQueue()
        self._cancelled = threading.Event()
        # A daemon, or Python would wait for it at exit before our own exit handler could cancel it.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def poll(self) -> list[Event[T]]:
        return [self._events.get_nowait() for _ in range(self._events.qsize())]

    def cancel(self) -> None:
        self._cancelled.set()

    def join(self, timeout: float) -> bool:
        if self._thread.ident is not None:
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def _tick(self, stage: str, fraction: float) -> None:
        if self._cancelled.is_set():
            raise Cancelled
        self._events.put(Progress(stage, fraction))

    def _run(self) -> None:
        end: Event[T]
        try:
            result = self._work(self._tick)
            end = Stopped() if self._cancelled.is_set() else Done(result)
        except Cancelled:
            end = Stopped()
        # The job's boundary: every error becomes an event, a library's call of sys.exit included.
        except BaseException as error:
            log.debug("The job failed", exc_info=True)
            end = Failed(error)
        self._events.put(end)
