"""A model kept loaded between runs."""

from __future__ import annotations

import gc
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from .errors import DeviceMemoryError, importing
from .types import Tick
from .weights import weights_file

if TYPE_CHECKING:
    from .model.network import Model

T = TypeVar("T")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Key:
    """What makes one loaded model differ from another; the weights by size and time of change."""

    folder: Path
    device: str
    precision: str
    weights: tuple[str, int, int]


class Engine:
    """Holds at most one model, and loads another when other files or another device are asked for.

    Safe to call from several threads: the second waits until the first has loaded.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._key: _Key | None = None
        self._model: Model | None = None

    def model(self, folder: Path, device: str, precision: str, tick: Tick) -> Model:
        """The model in `folder`, loaded if it is not; raises what `load_model` raises."""
        weights = weights_file(folder)
        status = weights.stat()
        key = _Key(folder, device, precision, (weights.name, status.st_size, status.st_mtime_ns))
        with self._lock:
            if self._model is None or key != self._key:
                load_model = _import_loader()
                # The old one goes first: two may not fit.
                self._release()
                self._model = load_model(folder, device, precision, tick)
                self._key = key
            return self._model

    def run(
        self,
        work: Callable[[Model], T],
        folder: Path,
        device: str,
        precision: str,
        tick: Tick,
        threads: int | None = None,
    ) -> T:
        """What `work` makes with the model; where memory runs out, with one that takes less.

        Args:
            work: Called with the model, and again if it raised `DeviceMemoryError`.
            folder, device, precision, tick: As for `model`.
            threads: That torch may take; 0 leaves Blender one, None changes nothing.

        Raises:
            DeviceMemoryError: Not even the CPU's memory suffices.
            TripoSRError: What `work` and `load_model` raise.
        """
        _import_loader()
        from .threads import torch_threads

        with torch_threads(threads):
            return self._run(work, folder, device, precision, tick)

    def _run(
        self, work: Callable[[Model], T], folder: Path, device: str, precision: str, tick: Tick
    ) -> T:
        while True:
            try:
                return work(self.model(folder, device, precision, tick))
            except DeviceMemoryError as error:
                from .devices import less_memory

                step = less_memory(device, precision)
                if step is None:
                    raise
                device, precision = step
                log.warning("%s Trying %s in %s precision", str(error), device, precision)
            # Here the error is gone, and with it the frames that held the model.
            self.unload()

    def unload(self) -> None:
        """Give the model's memory back."""
        with self._lock:
            self._release()

    def _release(self) -> None:
        """Forget the model, and let torch give back what it keeps of freed memory."""
        self._model = self._key = None
        if "torch" not in sys.modules:
            return
        gc.collect()  # Parts of a network hold each other.
        from .devices import empty_caches

        empty_caches()


@cache
def _import_loader() -> Callable[[Path, str, str, Tick], Model]:
    """`load_model`, with which torch and transformers come the first time."""
    _let_waiting_threads_sleep()
    started = time.perf_counter()
    for package in ("yaml", "safetensors", "torch"):
        with importing(package):
            import_module(package)
    from .checkpoint import load_model

    log.info("Imported torch: %.2f s", time.perf_counter() - started)
    return load_model


def _let_waiting_threads_sleep() -> None:
    """Ask OpenMP, which reads this when torch is first imported, not to spin while it waits.

    Torch's threads meet after every operation. With a busy Blender on one of two cores, spinning
    at those meetings made an extraction take several times as long; on idle cores, sleeping costs
    up to a tenth. Done here and not in `load_model`, because it changes the environment of the
    process, which is for programs to choose and not for a library.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
