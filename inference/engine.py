"""A model that stays loaded between tasks."""

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

from .errors import (
    DependencyError,
    DeviceMemoryError,
    explain_windows_code,
    import_network_packages,
    importing,
    windows_code,
)
from .machine.installed_builds import find_installed, hold, is_build, missing_file, release
from .machine.own_torch import forget_failed_import, loaded_from, use_torch_from
from .message import Message
from .model.weights import weights_file
from .scene_code import SceneCode
from .types import DeviceInfo, Machine, MeshData, SurfaceSettings, Tick

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .model.network import Model
    from .texture.bake import Frame
    from .texture.corners import Corners
    from .texture.photo import Photo
    from .texture.pictures import TextureOptions, Textures

T = TypeVar("T")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Key:
    """Identity of a loaded model; `weights` is the file's name, size and modification time (ns)."""

    folder: Path
    device: str
    precision: str
    weights: tuple[str, int, int]


class Engine:
    """Cache of at most one model, replaced when a caller asks for other files or another device.

    Safe to call from several threads: a second caller waits until the first has loaded the model.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._choosing_torch = threading.RLock()
        self._key: _Key | None = None
        self._model: Model | None = None
        self._users = 0
        self._unload_at = float("inf")
        self.devices: tuple[DeviceInfo, ...] = ()
        """The devices that `look_for_devices` found last; empty until it has been called."""
        self.torch_problem: str = ""
        """Why the build that `Use My GPU` installed is not used, a message; empty if it is."""
        self._passed_over: Path | None = None
        self._spoiled: DependencyError | None = None

    def is_loaded(self) -> bool:
        """Return whether a model is in memory."""
        return self._model is not None

    def takes_memory(self) -> bool:
        """Return whether `unload` would free anything."""
        recall = sys.modules.get(f"{__package__}.surface.recall")
        return self.is_loaded() or (recall is not None and recall.keeps_anything())

    def has_torch(self) -> bool:
        """Return whether this process has loaded torch, so that another needs a new process."""
        return "torch" in sys.modules or self._spoiled is not None

    def uses_gpu_build(self) -> bool:
        """Return whether torch was imported from a build that `Use My GPU` installed."""
        return bool(self.gpu_build())

    def gpu_build(self) -> str:
        """Return the name of that build's folder; empty if torch was imported from another one."""
        file = getattr(sys.modules.get("torch"), "__file__", None)
        folder = None if file is None else Path(file).parents[1]
        return folder.name if folder is not None and is_build(folder) else ""

    def device(self) -> str:
        """Return torch's name for the loaded model's device; empty if no model is loaded."""
        model = self._model
        return "" if model is None else str(model.device)

    def choose_torch(
        self, torch_folder: Path | None = None, gpu_builds: Path | None = None
    ) -> None:
        """Set where the first import of torch takes it from; raises DependencyError.

        Args:
            torch_folder: The artist's own torch; None for the next.
            gpu_builds: See `Machine.gpu_builds`. A build that cannot be used is passed over, with
                `torch_problem` as the reason.
        """
        _let_waiting_threads_sleep()
        with self._choosing_torch:
            if (spoiled := self._spoiled) is not None:
                raise DependencyError(spoiled.message, spoiled.hint)
            build = None
            if torch_folder is None and gpu_builds is not None:
                build = self._usable_build(gpu_builds)
            else:
                self.torch_problem = ""
            use_torch_from(torch_folder or build)
            if build is not None:
                self._try_import(build)

    def forget_gpu_problem(self) -> None:
        """Try the installed build again, because it is another one now, or none."""
        self.torch_problem, self._passed_over = "", None

    def _usable_build(self, home: Path) -> Path | None:
        """Return the folder of the build to import torch from; None for Python's usual one."""
        loaded = loaded_from()
        if loaded is not None:  # It stays for as long as this process lives.
            return loaded if is_build(loaded) else None
        build = find_installed(home)
        if build is None:
            self.forget_gpu_problem()
            return None
        if build.folder == self._passed_over:
            return None
        try:
            if not hold(build.folder):
                log.info("%s has just been removed", build.folder.name)
                return None
        except (OSError, DependencyError, NotImplementedError) as error:
            # A share that is read-only, or that knows no locks; nobody deletes such a build.
            log.info("%s is not marked as in use: %s", build.folder.name, error)
        if missing := missing_file(build.folder):
            self._pass_over(
                build.folder,
                Message(
                    "The GPU build of torch is not used, because it is damaged: the file {name} is"
                    " missing or has another size",
                    name=missing,
                ),
            )
            return None
        self.forget_gpu_problem()
        return build.folder

    def _try_import(self, folder: Path) -> None:
        """Import torch from a build; fall back to Python's usual torch if that fails."""
        if "torch" in sys.modules:
            return
        try:
            import_module("torch")
        except (Exception, SystemExit) as error:  # as in `importing`: a broken install raises any
            log.warning("torch cannot be imported from %s", folder, exc_info=error)
            code = windows_code(error)
            if code is None:
                reason = f"{type(error).__name__}: {error}"
                problem = DependencyError(
                    "The GPU build of torch cannot be imported ({reason})",
                    "Restart Blender; if that does not help, click Remove beside the build in the"
                    " preferences, and restart Blender",
                    reason=reason,
                )
            else:
                problem = explain_windows_code("torch", code, "gpu build")
                reason = problem.message
            if not forget_failed_import():  # Some of its libraries stay, so it stays held, too.
                self._spoiled = problem
                raise problem from error
            self._pass_over(
                folder,
                Message(
                    "The GPU build of torch is not used, because it cannot be imported ({reason})",
                    reason=reason,
                ),
            )
            use_torch_from(None)

    def _pass_over(self, folder: Path, problem: Message) -> None:
        """Use Python's usual torch in this process; others may be able to use the build."""
        log.warning("%s", problem)
        self.torch_problem, self._passed_over = problem, folder
        release(folder)

    def import_torch(
        self, torch_folder: Path | None = None, gpu_builds: Path | None = None
    ) -> None:
        """Import torch; takes the arguments of `choose_torch`, raises DependencyError."""
        self.choose_torch(torch_folder, gpu_builds)
        with importing("torch"):
            import_module("torch")

    def look_for_devices(
        self,
        torch_folder: Path | None = None,
        again: bool = False,
        gpu_builds: Path | None = None,
    ) -> tuple[DeviceInfo, ...]:
        """Import torch and return the devices that it finds; raises DependencyError.

        Args:
            torch_folder, gpu_builds: See `choose_torch`.
            again: Look again even if devices are known already.
        """
        self.import_torch(torch_folder, gpu_builds)
        if again or not self.devices:
            from .machine.devices import list_devices

            self.devices = list_devices()
            for device in self.devices:
                if device.problem:
                    log.warning("%s", device.problem)
        return self.devices

    def model(self, folder: Path, device: str, precision: str, tick: Tick) -> Model:
        """Return the model in `folder`, loading it if needed; raises what `load_model` raises."""
        weights = weights_file(folder, exact=precision == "fp32")
        status = weights.stat()
        key = _Key(folder, device, precision, (weights.name, status.st_size, status.st_mtime_ns))
        with self._lock:
            if self._model is None or key != self._key:
                load_model = _import_loader()
                # Release the old model first: two may not fit into memory.
                self._release()
                self._model = load_model(folder, device, precision, tick)
                self._key = key
            return self._model

    def run(self, work: Callable[[Model], T], folder: Path, machine: Machine, tick: Tick) -> T:
        """Call `work` with the model and return its result; retry with less memory if it runs out.

        Args:
            work: Called with the model, and again if it raises `DeviceMemoryError`.
            folder, tick: As for `model`.
            machine: What the model may use, and how long it stays loaded; see `unload_if_idle`.

        Raises:
            DependencyError: torch or another package cannot be imported.
            DeviceMemoryError: Not even the CPU's memory suffices.
            TripoSRError: What `work` and `load_model` raise.
        """
        self.choose_torch(machine.torch_folder, machine.gpu_builds)
        _import_loader()
        # Looking for devices wakes every GPU; an artist who chose the CPU wants them left alone.
        if machine.device != "cpu":
            self.look_for_devices(machine.torch_folder, gpu_builds=machine.gpu_builds)
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
            # By now the error is gone, and with it the frames that kept the model alive.
            self.unload()

    def extract(
        self, code: SceneCode, surface: SurfaceSettings, machine: Machine, tick: Tick | None = None
    ) -> MeshData:
        """Extract another surface of a scene code without loading a model.

        Falls back to the CPU if a GPU's memory runs out. Raises what `extract_mesh` and
        `import_torch` raise.
        """
        self.import_torch(machine.torch_folder, machine.gpu_builds)
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
        """Return colors (N, 3) at points (N, 3) without loading a model.

        Falls back to the CPU if a GPU's memory runs out. Raises what `color_points` and
        `import_torch` raise.
        """
        self.import_torch(machine.torch_folder, machine.gpu_builds)
        from .surface.extraction import color_points

        return _on_device_or_cpu(lambda device: color_points(code, points, tick, device), machine)

    def texture(
        self,
        code: SceneCode,
        threshold: float,
        corners: Corners,
        frame: Frame,
        options: TextureOptions,
        photo: Photo | None,
        machine: Machine,
        tick: Tick | None = None,
    ) -> Textures:
        """Return the textures of a mesh without loading a model; see `bake`.

        Falls back to the CPU if a GPU's memory runs out. Raises what `bake` and `import_torch`
        raise.
        """
        self.import_torch(machine.torch_folder, machine.gpu_builds)
        from .texture.bake import bake

        return _on_device_or_cpu(
            lambda device: bake(code, threshold, corners, frame, options, photo, tick, device),
            machine,
        )

    def unload(self) -> None:
        """Free the memory of the model and of recalled densities.

        Memory that a task still uses is freed when the task ends.
        """
        _forget_recalled()
        with self._lock:
            self._release()

    def leave_gpu(self) -> None:
        """Free all GPU memory: the model, recalled densities and torch's cache of freed memory.

        A model on the CPU stays loaded.
        """
        _forget_recalled()
        with self._lock:
            if self.device() != "cpu":
                self._release()
            else:
                _empty_caches()

    def unload_if_idle(self) -> None:
        """Unload if no task uses the model and the last task's `Machine.keep` seconds are over."""
        if self.is_loaded() and not self._users and time.monotonic() >= self._unload_at:
            log.info("Unloading the model")
            self.unload()

    def _release(self) -> None:
        """Drop the model and empty torch's cache of freed memory."""
        self._model = self._key = None
        _empty_caches()


engine = Engine()
"""The engine of this process."""


def _forget_recalled() -> None:
    """Drop the recalled densities, which speed up the next surface of a scene code."""
    if recall := sys.modules.get(f"{__package__}.surface.recall"):
        recall.forget()


def _empty_caches() -> None:
    """Empty torch's cache of freed memory, if torch is loaded."""
    if "torch" not in sys.modules:
        return
    gc.collect()  # The parts of a network refer to each other.
    from .machine.devices import empty_caches

    empty_caches()


def _on_device_or_cpu(work: Callable[[str], T], machine: Machine) -> T:
    """Call `work` with the machine's device, or with the CPU if the device's memory runs out."""
    from .machine.devices import choose_device
    from .machine.threads import torch_threads

    with torch_threads(machine.threads):
        try:
            return work(machine.device)
        except DeviceMemoryError as error:
            if choose_device(machine.device).type == "cpu":
                raise
            log.warning("%s Trying the CPU", str(error))
        # By now the error is gone, and with it the frames that kept the GPU's memory in use.
        return work("cpu")


@cache
def _import_loader() -> Callable[[Path, str, str, Tick], Model]:
    """Return `load_model`; the first call imports torch and transformers."""
    _let_waiting_threads_sleep()
    started = time.perf_counter()
    import_network_packages()
    from .model.checkpoint import load_model

    log.info("Imported torch: %.2f s", time.perf_counter() - started)
    return load_model


def _let_waiting_threads_sleep() -> None:
    """Ask OpenMP not to spin while it waits; it reads the variable when torch is first imported.

    Torch's threads meet after every operation. With a busy Blender on one of two cores, spinning
    at those meetings made an extraction take several times as long; on idle cores, sleeping costs
    up to a tenth. This is not done in `load_model`, because it changes the environment of the
    process, which is for a program to choose, not for a library.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
