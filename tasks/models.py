"""Tasks that download, import and remove models."""

from __future__ import annotations

import gc
from pathlib import Path

import bpy

from ..inference.engine import engine
from ..inference.errors import DownloadError, InputError
from ..inference.files.installation import import_model, install, needs_conversion, remove
from ..inference.message import Message
from ..inference.model.catalog import TRIPOSR, PublishedModel
from ..inference.types import Tick
from ..preferences import gpu_builds, model_folder, preferences, torch_folder
from . import preview
from .inventory import look_again
from .meter import Meter
from .queue import Outcome, Task
from .session import pictures
from .stages import DOWNLOAD_STAGES, IMPORT_STAGES

LABELS = {stage: label for stage, (label, _) in DOWNLOAD_STAGES.items()}


def download(context: bpy.types.Context, model: PublishedModel) -> Task:
    """Make the task that downloads a model and installs it."""
    folder, chosen = model_folder(context), preferences(context)
    hub, github, keep = chosen.hub_mirror, chosen.github_mirror, chosen.keep_original
    torch, builds, offline = torch_folder(context), gpu_builds(context), offline_error()

    def work(tick: Tick) -> Path:
        is_here = model.name == TRIPOSR.name and needs_conversion(folder)
        if offline is not None and not is_here:
            raise offline
        if model.name == TRIPOSR.name:
            engine.choose_torch(torch, builds)
        return install(model, folder, hub, github, keep, tick, _let_go_of_files)

    return Task(
        title=model.label,
        stages=DOWNLOAD_STAGES,
        work=work,
        deliver=lambda _: _ready(model.label),
        describe=Meter(model.size, LABELS),
        on_failure=look_again,  # some files may have arrived
    )


def offline_error() -> DownloadError | None:
    """Error to raise instead of downloading, if Blender may not go online."""
    if bpy.app.online_access:
        return None
    if bpy.app.online_access_override:
        return DownloadError("Blender was started offline", "Start it without --offline-mode")
    return DownloadError(
        "Blender may not go online",
        "Turn on Allow Online Access in Preferences, System, Network",
    )


def import_from_disk(context: bpy.types.Context, source: Path) -> Task:
    """Make the task that copies a model's files into the model folder."""
    folder = model_folder(context)
    torch, builds = torch_folder(context), gpu_builds(context)

    def work(tick: Tick) -> str:
        if source.suffix.lower() != ".onnx":
            engine.choose_torch(torch, builds)
        return import_model(source, folder, tick, _let_go_of_files)

    return Task(
        title=source.name,
        stages=IMPORT_STAGES,
        work=work,
        deliver=_ready,
        on_failure=look_again,
    )


def remove_from_disk(context: bpy.types.Context, model: PublishedModel) -> Outcome:
    """Delete a model's files.

    Raises:
        InputError: The model is not in the model folder.
        DownloadError: The files cannot be deleted.
    """
    _let_go_of_files()
    freed = remove(model, model_folder(context))
    if not freed:
        raise InputError(
            "{name} is not in the model folder", "There is nothing to remove", name=model.label
        )
    preview.refresh()
    look_again()
    message = Message("{name} removed: {size:,.0f} MB freed", name=model.label, size=freed / 1e6)
    return Outcome(message, freed)


def _ready(label: str) -> Outcome:
    preview.refresh()  # another model may cut out the subject now
    look_again()
    return Outcome(Message("{name} is ready", name=label))


def _let_go_of_files() -> None:
    """Close model files: Windows neither replaces nor deletes a mapped file."""
    if pictures.is_running():
        gc.collect()  # The parts of a network that was only inspected refer to each other.
    else:
        engine.unload()
