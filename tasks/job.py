"""Contract of a job, the thread that does a task's work: events, cancellation. No bpy, no torch."""

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
    """Raised by a job's tick to end canceled work; control flow, never shown to the artist."""


@dataclass(frozen=True)
class Progress:
    """The current stage, and how much of it is done, 0...1."""

    stage: str
    fraction: float


@dataclass(frozen=True)
class Done(Generic[T]):
    """Last event of work that returned a result."""

    result: T


@dataclass(frozen=True)
class Failed:
    """Last event of work that raised an error."""

    error: BaseException


@dataclass(frozen=True)
class Stopped:
    """Last event of work that was canceled."""


Event = Progress | Done[T] | Failed | Stopped


class Job(Protocol[T]):
    """Work beside the main thread, which reports any number of `Progress`, then one other event."""

    def start(self) -> None:
        """Start the work. Call this once."""

    def poll(self) -> list[Event[T]]:
        """Return the events since the last poll, oldest first. Never blocks."""
        ...

    def cancel(self) -> None:
        """Ask the work to stop at its next tick. May be called at any time, any number of times."""

    def join(self, timeout: float) -> bool:
        """Wait up to `timeout` seconds for the work to end; return whether it has ended."""
        ...


class ThreadJob(Generic[T]):
    """Job on a thread of this process.

    Args:
        work: Called on the thread with a tick, to which it reports; holds no bpy object.
        name: The thread's name, for debuggers.
    """

    def __init__(self, work: Callable[[Callable[[str, float], None]], T], name: str) -> None:
        self._work = work
        self._events: queue.SimpleQueue[Event[T]] = queue.SimpleQueue()
        self._cancelled = threading.Event()
        # A daemon thread: Python would wait for any other before our exit handler could cancel it.
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
        # The job's boundary: every error becomes an event, even SystemExit from a library.
        except BaseException as error:
            log.debug("The job failed", exc_info=True)
            end = Failed(error)
        self._events.put(end)
