"""Progress messages of a download: bytes, rate, time left. No bpy."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from ..inference.message import Message

MB, GB = 1e6, 1e9

IN_GB = 2e9
"""Bytes above which sizes are given in GB: the label has to fit the bar."""

SMOOTHING = 0.1
"""Weight of the newest rate in the shown rate, which thus averages about ten measurements."""

INTERVAL = 0.5
"""Seconds between two measurements of the rate."""


class Meter:
    """Callable that returns the progress message of a download, given its fractions in order.

    Args:
        size: Bytes.
        labels: Messages of all other stages.
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
        self._measure(done)
        amount = Message("{done:,.0f} of {size:,.0f} MB", done=done / MB, size=self._size / MB)
        if self._size > IN_GB:
            amount = Message("{done:.2f} of {size:.2f} GB", done=done / GB, size=self._size / GB)
        if self._rate < 1:
            return amount
        seconds = round((self._size - done) / self._rate)
        return Message(
            "{amount}, {rate:.1f} MB/s, {minutes}:{seconds:02} left",
            amount=amount,
            rate=self._rate / MB,
            minutes=seconds // 60,
            seconds=seconds % 60,
        )

    def _measure(self, done: float) -> None:
        """Update the rate if INTERVAL has passed."""
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
