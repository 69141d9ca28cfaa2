"""Threads that evaluate blocks of points in parallel, each block on one core from start to end.

Torch's own threads share every single operation and meet after it. For matrices as small as a
decoder's, they mostly wait for each other; whole blocks in parallel take less than half the time.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType

import torch

from ..machine.devices import is_out_of_memory

log = logging.getLogger(__name__)

CPU_BLOCK = 1 << 12
"""Points per block on a CPU: a hidden layer of 64 neurons takes 1 MB, about a core's cache."""

ACCELERATOR_BLOCK = 1 << 19
"""Points per block elsewhere, where the device parallelizes them: 128 MB per hidden layer."""


class Workers:
    """Context manager of as many threads as torch is set to use, for work on one device.

    On an accelerator there are no threads, and blocks follow one another.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        on_cpu = device.type == "cpu"
        self.block = CPU_BLOCK if on_cpu else ACCELERATOR_BLOCK
        self.count = torch.get_num_threads() if on_cpu else 1
        self._executor: ThreadPoolExecutor | None = None

    def __enter__(self) -> Workers:
        if self.count > 1:
            self._executor = ThreadPoolExecutor(self.count, "triposr")
            all_there = threading.Barrier(self.count)
            try:
                list(self._executor.map(_take_one_core, [all_there] * self.count))
            except BaseException:  # The system has no more threads: release those that wait.
                all_there.abort()
                self._executor.shutdown()
                raise
            finally:
                # A thread keeps the number that was set for it; this sets it for later threads.
                torch.set_num_threads(self.count)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._executor is not None:
            self._executor.shutdown(cancel_futures=True)
            self._executor = None

    def each(
        self, work: Callable[[slice], None], total: int, progress: Callable[[float], None]
    ) -> None:
        """Call `work` with all blocks of `total` points, in inference mode.

        Args:
            work: Evaluates the points of a slice; called from several threads at once.
            total: Number of points.
            progress: Called in this thread with the fraction done, 0...1; raises to stop.
        """
        run = _in_inference_mode(work)
        if self._executor is None:
            self._one_after_another(run, total, progress)
            return
        blocks = [slice(at, min(at + self.block, total)) for at in range(0, total, self.block)]
        for number, _ in enumerate(self._executor.map(run, blocks), 1):
            progress(number / len(blocks))

    def _one_after_another(
        self, run: Callable[[slice], None], total: int, progress: Callable[[float], None]
    ) -> None:
        """Call it in this thread; in smaller blocks if an accelerator's memory runs out."""
        done = 0
        while done < total:
            block = slice(done, min(done + self.block, total))
            try:
                run(block)
            except (MemoryError, RuntimeError) as error:
                if not is_out_of_memory(error) or self.block <= CPU_BLOCK:
                    raise
                self.block //= 4
                log.info("Memory ran out: going on with blocks of %d points", self.block)
                continue
            done = block.stop
            progress(done / total)


def _take_one_core(all_there: threading.Barrier) -> None:
    torch.get_num_threads()  # The first call makes the thread take over the common number.
    torch.set_num_threads(1)
    all_there.wait()


def _in_inference_mode(work: Callable[[slice], None]) -> Callable[[slice], None]:
    @torch.inference_mode()
    def in_inference_mode(block: slice) -> None:
        work(block)

    return in_inference_mode
