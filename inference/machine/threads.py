"""The number of the machine's cores that torch uses for a task."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def torch_threads(count: int | None) -> Iterator[None]:
    """Let torch use `count` threads inside the block, and as many as before afterwards.

    Args:
        count: Number of threads; 0 leaves one of the machine's threads to Blender, None changes
            nothing.
    """
    before = torch.get_num_threads()
    if count is not None:
        torch.set_num_threads(min(count, os.cpu_count() or 1) or spare_threads())
    try:
        yield
    finally:
        torch.set_num_threads(before)


def spare_threads() -> int:
    """Return torch's number of threads, less one if those are all that the machine can run.

    Torch uses one thread per core; a core that can run two threads has one left for Blender.
    """
    return max(1, min(torch.get_num_threads(), (os.cpu_count() or 1) - 1))
