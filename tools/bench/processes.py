"""Processes with all that they start: their memory, pauses, and ends. Linux only."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

PROC = Path("/proc")

GRACE = 120.0
"""Seconds in which processes must have ended that were killed, or whose parent was: one of Ray's
tries for a minute to report that the others are gone."""


def descendants(root: int) -> list[int]:
    """Return the ids of a process and of all that it has started, parents first."""
    children: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError):  # it has just ended
                # After the name, which may hold spaces: the state, and the parent.
                state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
                if state != "Z":
                    children.setdefault(int(parent), []).append(int(entry.name))
    found = [root]
    for process in found:  # grows while it is iterated
        found += children.get(process, ())
    return found


def title(process: int) -> str:
    """Return the command line of a process, which Ray's workers set; empty if it has ended."""
    try:
        line = (PROC / str(process) / "cmdline").read_bytes()
    except OSError:
        return ""
    return line.replace(b"\0", b" ").decode(errors="replace").strip()


def memory(process: int) -> dict[str, int]:
    """Return what a process holds, in bytes: `own` pages, and its `share` of all pages.

    The shares of several processes add up to what they hold together. Ended processes hold nothing.
    """
    sums = {"own": 0, "share": 0}
    try:
        lines = (PROC / str(process) / "smaps_rollup").read_text().splitlines()
    except OSError:
        return sums
    for line in lines:
        name, _, rest = line.partition(":")
        if name in ("Private_Clean", "Private_Dirty"):
            sums["own"] += int(rest.split()[0]) * 1024
        elif name == "Pss":
            sums["share"] += int(rest.split()[0]) * 1024
    return sums


class Watched:
    """A process that says by lines on its output how far it is, and that can be paused.

    Attributes:
        events: (Seconds since the start, without pauses; the line), as the lines come.
    """

    def __init__(
        self,
        command: Sequence[str],
        cores: Sequence[int],
        log: Path,
        seen: Callable[[float, str], None] | None = None,
    ) -> None:
        self.events: list[tuple[float, str]] = []
        self._seen = seen
        self._spent, self._since = 0.0, time.perf_counter()
        self._is_paused = False
        pinned = ["taskset", "--cpu-list", ",".join(map(str, cores)), *command]
        with open(log, "ab") as file:
            self._process = subprocess.Popen(
                pinned, stdout=subprocess.PIPE, stderr=file, text=True, start_new_session=True
            )
        self._log = log
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            now = self.clock()
            self.events.append((now, line.strip()))
            if self._seen is not None:
                self._seen(now, line.strip())

    @property
    def pid(self) -> int:
        """Its id."""
        return self._process.pid

    def clock(self) -> float:
        """Return the seconds since the start, without pauses."""
        return self._spent + (0.0 if self._is_paused else time.perf_counter() - self._since)

    def wait(self, seconds: float) -> bool:
        """Wait until it has ended or time is over, and return whether it has ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        return self._stop_clock()

    def _stop_clock(self) -> bool:
        """Stop the clock if the process has ended, and return whether it has."""
        has_ended = self._process.returncode is not None
        if has_ended and not self._is_paused:
            self._spent, self._is_paused = self.clock(), True
        return has_ended

    def wait_for(self, event: str) -> None:
        """Wait until it has said so, or has ended."""
        while not self.wait(0.05) and all(line != event for _, line in self.events):
            pass

    def pause(self) -> None:
        """Stop it and all that it has started."""
        stopped: set[int] = set()
        while new := set(descendants(self.pid)) - stopped:  # one may have started another
            for process in new:
                _send(process, signal.SIGSTOP)
            stopped |= new
        self._spent, self._is_paused = self.clock(), True

    def resume(self) -> None:
        """Let it go on."""
        if self._is_paused:
            self._since, self._is_paused = time.perf_counter(), False
            for process in descendants(self.pid):
                _send(process, signal.SIGCONT)

    def kill(self) -> None:
        """Kill it, and it alone."""
        end(self.pid)
        self._process.wait()

    def end(self) -> float:
        """Wait for the end and return the seconds that it took.

        Raises:
            RuntimeError: Its exit code is not 0; the message has the end of what it wrote.
        """
        self._process.wait()
        self._stop_clock()
        self._reader.join()
        if self._process.returncode:
            said = self._log.read_text(errors="replace")[-3000:]
            raise RuntimeError(f"Exit code {self._process.returncode}:\n{said}")
        return self.clock()

    def at(self, event: str) -> float:
        """Return when an event came for the first time."""
        return next(seconds for seconds, line in self.events if line == event)


def wait_for_end(processes: Sequence[int]) -> None:
    """Wait until processes are gone.

    Raises:
        RuntimeError: Some are not after GRACE seconds.
    """
    until = time.monotonic() + GRACE
    while left := [title(process) for process in processes if title(process)]:
        if time.monotonic() > until:
            raise RuntimeError(f"Left behind: {', '.join(left)}")
        time.sleep(0.05)


def end(process: int) -> None:
    """Kill a process, if it is still there."""
    _send(process, signal.SIGKILL)


def _send(process: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, number)


@contextlib.contextmanager
def watched(
    command: Sequence[str],
    cores: Sequence[int],
    log: Path,
    seen: Callable[[float, str], None] | None = None,
) -> Iterator[Watched]:
    """Start a process; at the end, kill what is left of it and of all that it has started."""
    process = Watched(command, cores, log, seen)
    try:
        yield process
    finally:
        left = descendants(process.pid)
        for each in left:
            end(each)
        process.wait(GRACE)
        wait_for_end(left)


def take_turns(turns: Mapping[Watched, float]) -> None:
    """Run processes in turns, each alone for so many seconds, until all have ended.

    What else the machine does then slows all of them alike, best if all end at about the same time.
    All are paused before.
    """
    going = list(turns)
    while going:
        for side in list(going):
            seconds = turns[side]
            side.resume()
            if side.wait(seconds if len(going) > 1 else 3600):
                going.remove(side)
            elif len(going) > 1:
                side.pause()
