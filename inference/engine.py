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

from .errors import DeviceMemoryError, import_network_packages, importing
from .machine.own_torch import use_torch_from
from .model.weights import weights_file
from .scene_code import SceneCode
from .types import DeviceInfo, Machine, MeshData, SurfaceSettings, Tick

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

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
        self._users = 0
        self._unload_at = float("inf")
        self.devices: tuple[DeviceInfo, ...] = ()
        """What was found when torch was first imported."""

    def is_loaded(self) -> bool:
        """Whether a model takes memory."""
        return self._model is not None

    def takes_memory(self) -> bool:
        """Whether there is anything that `unload` gives back."""
        recall = sys.modules.get(f"{__package__}.surface.recall")
        return self.is_loaded() or (recall is not None and recall.keeps_anything())

    def device(self) -> str:
        """What the loaded model runs on, as torch names it; empty if none is loaded."""
        model = self._model
        return "" if model is None else str(model.device)

    def choose_torch(self, torch_folder: Path | None = None) -> None:
        """Where torch will be imported from, whoever imports it first; raises DependencyError."""
        use_torch_from(torch_folder)
        _let_waiting_threads_sleep()

    def import_torch(self, torch_folder: Path | None = None) -> None:
        """Import torch, from that folder if one is given; raises DependencyError."""
        self.choose_torch(torch_folder)
        with importing("torch"):
            import_module("torch")

    def look_for_devices(
        self, torch_folder: Path | None = None, again: bool = False
    ) -> tuple[DeviceInfo, ...]:
        """What torch finds, which it is imported for; raises DependencyError.

        Args:
            torch_folder: See `import_torch`.
            again: Also if it was looked for before.
        """
        self.import_torch(torch_folder)
        if again or not self.devices:
            from .machine.devices import list_devices

            self.devices = list_devices()
            for device in self.devices:
                if device.problem:
                    log.warning("%s", device.problem)
        return self.devices

    def model(self, folder: Path, device: str, precision: str, tick: Tick) -> Model:
        """The model in `folder`, loaded if it is not; raises what `load_model` raises."""
        weights = weights_file(folder, exact=precision == "fp32")
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

    def run(self, work: Callable[[Model], T], folder: Path, machine: Machine, tick: Tick) -> T:
        """What `work` makes with the model; where memory runs out, with one that takes less.

        Args:
            work: Called with the model, and again if it raised `DeviceMemoryError`.
            folder, tick: As for `model`.
            machine: What the model may use, and how long it stays loaded; see `unload_if_idle`.

        Raises:
            DependencyError: torch or another package cannot be imported.
            DeviceMemoryError: Not even the CPU's memory suffices.
            TripoSRError: What `work` and `load_model` raise.
        """
        self.choose_torch(machine.torch_folder)
        _import_loader()
        # Looking wakes every GPU; who has chosen the CPU wants them left alone.
        if machine.device != "cpu":
            self.look_for_devices(machine.torch_folder)
        from .machine.threads import torch_threads

        with self._lock:
            self._users += 1
        try:
            with torch_threads(machine.threads):
                return self._run(work, folder, machine.device, machine.precision, tick)
        finally:
            with self._lock:
                self._users -= 1
            self._unload_at = time.monotonic() + machine.keep
            self.unload_if_idle()

    def _run(
        self, work: Callable[[Model], T], folder: Path, device: str, precision: str, tick: Tick
    ) -> T:
        while True:
            try:
                return work(self.model(folder, device, precision, tick))
            except DeviceMemoryError as error:
                from .machine.devices import less_memory

                step = less_memory(device, precision)
                if step is None:
                    raise
                device, precision = step
                log.warning("%s Trying %s in %s precision", str(error), device, precision)
            # Here the error is gone, and with it the frames that held the model.
            self.unload()

    def extract(
        self, code: SceneCode, surface: SurfaceSettings, machine: Machine, tick: Tick | None = None
    ) -> MeshData:
        """Another surface of a scene code, for which no model is loaded; on the CPU where a GPU's
        memory runs out. Raises what `extract_mesh` and `import_torch` raise.
        """
        self.import_torch(machine.torch_folder)
        from .surface.extraction import extract_mesh

        return _on_device_or_cpu(
            lambda device: extract_mesh(
                code, surface.resolution, surface.threshold, tick, device, surface.closed
            ),
            machine,
        )

    def color(
        self,
        code: SceneCode,
        points: NDArray[np.float32],
        machine: Machine,
        tick: Tick | None = None,
    ) -> NDArray[np.float32]:
        """Colors (N, 3) at points (N, 3), for which no model is loaded; on the CPU where a GPU's
        memory runs out. Raises what `color_points` and `import_torch` raise.
        """
        self.import_torch(machine.torch_folder)
        from .surface.extraction import color_points

        return _on_device_or_cpu(lambda device: color_points(code, points, tick, device), machine)

    def unload(self) -> None:
        """Give back the memory of the model and of what is recalled of scene codes; what a run
        still uses goes when the run is done.
        """
        _forget_recalled()
        with self._lock:
            self._release()

    def leave_gpu(self) -> None:
        """Give all memory of GPUs back: that of the model and of what is recalled of scene codes,
        and what torch keeps of freed memory.
        """
        _forget_recalled()
        with self._lock:
            if self.device() != "cpu":
                self._release()
            else:
                _empty_caches()

    def unload_if_idle(self) -> None:
        """Unload if nothing runs, and the last run ended as long ago as it asked for."""
        if self.is_loaded() and not self._users and time.monotonic() >= self._unload_at:
            log.info("Unloading the model")
            self.unload()

    def _release(self) -> None:
        """Forget the model, and let torch give back what it keeps of freed memory."""
        self._model = self._key = None
        _empty_caches()


engine = Engine()
"""The one of this process."""


def _forget_recalled() -> None:
    """Forget what makes the next surface of a scene code quick."""
    if recall := sys.modules.get(f"{__package__}.surface.recall"):
        recall.forget()


def _empty_caches() -> None:
    """Let torch give back what it keeps of freed memory."""
    if "torch" not in sys.modules:
        return
    gc.collect()  # Parts of a network hold each other.
    from .machine.devices import empty_caches

    empty_caches()


def _on_device_or_cpu(work: Callable[[str], T], machine: Machine) -> T:
    """What `work` makes on the machine's device; on the CPU where the device's memory runs out."""
    from .machine.devices import choose_device
    from .machine.threads import torch_threads

    with torch_threads(machine.threads):
        try:
            return work(machine.device)
        except DeviceMemoryError as error:
            if choose_device(machine.device).type == "cpu":
                raise
            log.warning("%s Trying the CPU", str(error))
        # Here the error is gone, and with it the frames that held the GPU's memory.
        return work("cpu")


@cache
def _import_loader() -> Callable[[Path, str, str, Tick], Model]:
    """`load_model`, with which torch and transformers come the first time."""
    _let_waiting_threads_sleep()
    started = time.perf_counter()
    import_network_packages()
    from .model.checkpoint import load_model

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
