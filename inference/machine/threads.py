"""How many of the machine's cores a run takes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def torch_threads(count: int | None) -> Iterator[None]:
    """Let torch take `count` threads, and afterwards as many as before.

    Args:
        count: 0 leaves Blender one that the machine can run; None changes nothing.
    """
    before = torch.get_num_threads()
    if count is not None:
        torch.set_num_threads(min(count, os.cpu_count() or 1) or spare_threads())
    try:
        yield
    finally:
        torch.set_num_threads(before)


def spare_threads() -> int:
    """As many threads as torch takes, less one where those are all that the machine can run.

    Torch takes one for each core; a core that can run two has one left for Blender.
    """
    return max(1, min(torch.get_num_threads(), (os.cpu_count() or 1) - 1))
