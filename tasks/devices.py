"""Task that detects GPUs."""

from __future__ import annotations

from functools import reduce

import bpy

from ..inference.engine import engine
from ..inference.message import Message
from ..inference.types import DeviceInfo, Tick
from ..preferences import device_label, gpu_builds, torch_folder
from .queue import Outcome, Task
from .stages import DETECT_STAGES


def detection(context: bpy.types.Context) -> Task:
    """Make the task that detects devices that the installed torch can use; they are its result."""
    folder, builds = torch_folder(context), gpu_builds(context)

    def work(tick: Tick) -> tuple[DeviceInfo, ...]:
        tick("load", 0.0)
        return engine.look_for_devices(folder, again=True, gpu_builds=builds)

    return Task(Message("Devices"), DETECT_STAGES, work, _found)


def _found(devices: tuple[DeviceInfo, ...]) -> Outcome:
    labels = [device_label(device) for device in devices if not device.problem]
    return Outcome(Message("Found {devices}", devices=reduce(_listed, labels)), devices)


def _listed(these: str, that: str) -> Message:
    return Message("{these}, {that}", these=these, that=that)
