"""How the progress of a download is told: bytes, rate, time left. No bpy."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from ..inference.message import Message

MB = 1e6

SMOOTHING = 0.1
"""Weight of the newest rate in the one shown: about the last ten looks at it."""

INTERVAL = 0.5
"""Seconds between two looks at the rate."""


class Meter:
    """Describes the stages of a download of `size` bytes; called with each fraction in turn.

    Args:
        size: Bytes.
        labels: What is said of each other stage.
        clock: Seconds.
    """

    def __init__(
        self, size: int, labels: Mapping[str, Message], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._size = size
        self._labels = labels
        self._clock = clock
        self._rate = 0.0
        self._seen: tuple[float, float] | None = None

    def __call__(self, stage: str, fraction: float) -> Message:
        if stage != "download":
            return self._labels[stage]
        done = fraction * self._size
        self._look(done)
        told = Message("{done:,.0f} of {size:,.0f} MB", done=done / MB, size=self._size / MB)
        if self._rate < 1:
            return told
        seconds = round((self._size - done) / self._rate)
        return Message(
            "{told}, {rate:.1f} MB/s, {minutes}:{seconds:02} left",
            told=told,
            rate=self._rate / MB,
            minutes=seconds // 60,
            seconds=seconds % 60,
        )

    def _look(self, done: float) -> None:
        """Update the rate, if it is time to."""
        now = self._clock()
        if self._seen is None:
            self._seen = (now, done)
            return
        passed = now - self._seen[0]
        if passed < INTERVAL:
            return
        rate = max(0.0, done - self._seen[1]) / passed
        self._rate += (rate - self._rate) * (SMOOTHING if self._rate else 1.0)
        self._seen = (now, done)
