"""Use My GPU: finds the card that is not used, and installs or removes the torch that uses it.

The driver is asked once, on a worker, when a panel is first drawn: asking it wakes the card.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial

import bpy

from ..inference.engine import engine
from ..inference.errors import InputError
from ..inference.files.gpu_installation import clean_builds, install_build, remove_builds
from ..inference.machine.driver import Driver, look_at_driver
from ..inference.machine.gpu_builds import (
    Choice,
    GpuBuild,
    at_mirror,
    builds_here,
    choose,
    drives,
)
from ..inference.machine.own_torch import TorchBuild, read_usual_build
from ..inference.machine.trial import Trial, try_build
from ..inference.message import Message, size_text
from ..inference.types import Tick
from ..preferences import gpu_builds, preferences, torch_folder
from ..scene.beside import second_blender
from . import inventory
from .meter import Meter
from .models import offline_error
from .queue import Outcome, Task
from .session import cleaning, drivers
from .stages import GPU_STAGES, REMOVE_STAGES

LABELS = {stage: label for stage, (label, _) in GPU_STAGES.items()}


@dataclass(frozen=True)
class Gpu:
    """Findings of the look at this machine.

    Attributes:
        driver: What NVIDIA's driver reports.
        choice: The card to use and the build for it; None without a card.
        is_offered: Whether this zip offers any builds for this system.
        usual: The torch that came with the zip, or that Python finds; None without one.
        unfit: Names of the folders of builds for this system that do not drive the chosen card.
    """

    driver: Driver
    choice: Choice | None
    is_offered: bool
    usual: TorchBuild | None
    unfit: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Notice:
    """Notice to the artist about her card.

    Attributes:
        message: One sentence without a final period.
        hint: What to do, likewise; empty if the button does it.
        has_button: Whether *Use My GPU* would help.
        is_minor: Whether only the preferences say it: there may be nothing to mend.
    """

    message: Message
    hint: str = ""
    has_button: bool = False
    is_minor: bool = False


RETRY = 60.0
"""Seconds between two looks, if the first one fails."""

_found: Gpu | None = None
_at = float("-inf")
"""When the last look began."""


def find() -> Gpu:
    """Look at this machine. No bpy: this runs on a worker."""
    builds, driver = builds_here(), look_at_driver()
    choice = choose(driver, builds)
    unfit = frozenset(
        build.folder_name
        for build in builds
        if choice is not None and not drives(build, choice.card, driver.api)
    )
    return Gpu(driver, choice, bool(builds), read_usual_build(), unfit)


def known() -> Gpu | None:
    """Findings, or None before the first look. For draw(): starts that look, touches no disk."""
    is_due = _found is None and not drivers.is_running() and time.monotonic() - _at > RETRY
    if is_due and not bpy.app.background and not bpy.app.timers.is_registered(_look):
        bpy.app.timers.register(_look, first_interval=0.0)
    return _found


def _look() -> None:
    """Start the look, and tidy up after a Blender that was killed. Blender's timer calls this."""
    global _at
    _at = time.monotonic()
    drivers.submit(Task(Message("Devices"), {}, lambda _: find(), _keep))
    home = gpu_builds(bpy.context)

    def clean(tick: Tick) -> None:
        clean_builds(home, lambda: tick("remove", 0.0))

    cleaning.submit(Task(Message("GPU Build"), REMOVE_STAGES, clean, lambda _: Outcome()))


def _keep(found: Gpu) -> Outcome:
    global _found
    _found = found
    return Outcome()


def notice(context: bpy.types.Context) -> Notice | None:
    """Return the notice about the card; None if it is used, or while nothing is known."""
    if torch_folder(context) is not None or preferences(context).device_name == "cpu":
        return None  # The artist has chosen, and her card is left alone.
    gpu, found = known(), inventory.known(context)
    if gpu is None or found is None or not gpu.is_offered:
        return None
    if gpu.choice is None:
        if not (problem := gpu.driver.problem):
            return None
        hint = Message("Restart the computer; if that does not help, install the driver again")
        return Notice(problem, hint, is_minor=gpu.driver.is_puzzling)
    if found.gpu_build is not None and not engine.torch_problem:
        return _about_installed(gpu, gpu.choice, found.gpu_build.folder.name)
    if engine.uses_gpu_build():
        return None
    return None if _is_used(gpu) else _unused(gpu.choice)


def _about_installed(gpu: Gpu, choice: Choice, installed: str) -> Notice | None:
    """Return the notice about the card if a build is installed, in a folder of that name."""
    is_loaded = engine.gpu_build() == installed
    is_idle = is_loaded and bool(engine.devices) and not _drives_a_card()
    # As after another card was put in; a build that is only older is left alone.
    is_other = choice.build is not None and choice.build.folder_name != installed
    if is_other and (is_idle or installed in gpu.unfit):
        return _unused(choice)
    if is_loaded or not engine.has_torch():
        return None
    return Notice(Message("Restart Blender to use {card}", card=choice.card.name))


def _drives_a_card() -> bool:
    return any(each.name.startswith("cuda:") and not each.problem for each in engine.devices)


def _is_used(gpu: Gpu) -> bool:
    """Whether the torch in use drives a card, as far as that is known without importing it."""
    if engine.devices:
        return _drives_a_card()
    return gpu.usual is not None and gpu.usual.uses_gpus


def _unused(choice: Choice) -> Notice:
    card = choice.card.name
    if choice.build is not None:
        return Notice(Message("{card} is not used", card=card), has_button=True)
    if choice.driver:
        return Notice(
            Message("{card} is not used: its driver is too old", card=card),
            Message(
                "Install version {version} or newer of NVIDIA's driver, then restart Blender",
                version=choice.driver,
            ),
        )
    return Notice(
        Message("{card} is not used: there is no build of torch for it here", card=card),
        Message("If you have one, choose its folder as Own Torch in the preferences"),
    )


def findings() -> Gpu | None:
    """Findings, for what a click shows: None before the first look.

    Without a window there are no looks, so it looks now.
    """
    if _found is None and bpy.app.background:
        _keep(find())
    return known()


def offer(context: bpy.types.Context) -> tuple[Choice, GpuBuild]:
    """The card to use, and the build for it, at the mirror of the preferences.

    Looks at the machine if nothing is known yet, as for a script.

    Raises:
        InputError: There is no card, or no build for it, or Own Torch is set.
    """
    if torch_folder(context) is not None:
        raise InputError(
            "Own Torch is set, and goes before what Use My GPU installs",
            "Clear Own Torch in the preferences first",
        )
    gpu = _found or find()
    _keep(gpu)
    if gpu.choice is None:
        raise InputError(
            gpu.driver.problem or Message("No NVIDIA card was found"),
            "Choose Own Torch in the preferences for another kind of GPU",
        )
    if gpu.choice.build is None:
        unused = _unused(gpu.choice)
        raise InputError(unused.message, unused.hint)
    return gpu.choice, at_mirror(gpu.choice.build, preferences(context).pytorch_mirror)


def installation(context: bpy.types.Context, choice: Choice, build: GpuBuild) -> Task:
    """Make the task that installs the build for a card; takes what `offer` returns."""
    home, command, offline = gpu_builds(context), second_blender(), offline_error()

    def work(tick: Tick) -> Trial:
        if offline is not None:
            raise offline
        return install_build(build, home, tick, lambda folder: try_build(folder, command, tick))

    return Task(
        title=Message("torch {version}", version=build.version),
        stages=GPU_STAGES,
        work=work,
        deliver=partial(_installed, choice.card.name),
        describe=Meter(build.size, LABELS),
        on_failure=inventory.look_again,  # some files may have arrived
    )


def _installed(card: str, trial: Trial) -> Outcome:
    engine.forget_gpu_problem()
    inventory.look_again()
    if not trial.cards:
        return Outcome(
            Message(
                "torch {version} is ready, but does not use {card}: {reason}",
                version=trial.version,
                card=card,
                reason=trial.problem or Message("it finds no GPU"),
            ),
            trial,
        )
    if engine.has_torch():
        return Outcome(Message("Restart Blender to use {card}", card=card), trial)
    return Outcome(Message("The next picture uses {card}", card=card), trial)


def removal(context: bpy.types.Context) -> Task:
    """Make the task that removes the installed build, and downloads that were not finished."""
    home = gpu_builds(context)

    def work(tick: Tick) -> tuple[int, bool]:
        tick("remove", 0.0)
        return remove_builds(home)

    return Task(
        Message("GPU Build"), REMOVE_STAGES, work, _removed, on_failure=inventory.look_again
    )


def _removed(result: tuple[int, bool]) -> Outcome:
    engine.forget_gpu_problem()
    inventory.look_again()
    freed, is_complete = result
    if is_complete:
        message = Message("The GPU build is removed: {size} freed", size=size_text(freed))
    else:
        message = Message("The GPU build is removed; its files are deleted at the next start")
    return Outcome(message, freed)


def forget() -> None:
    """Forget the findings."""
    global _found, _at
    if bpy.app.timers.is_registered(_look):
        bpy.app.timers.unregister(_look)
    _found, _at = None, float("-inf")


def register() -> None:
    """Do nothing yet: the look begins when a panel is first drawn."""


def unregister() -> None:
    forget()
