"""Models come to this machine and leave it: download, import from disk, remove, unload."""

from __future__ import annotations

import gc
from pathlib import Path

import bpy
from bpy.app.translations import pgettext_iface as iface_
from bpy.app.translations import pgettext_tip as tip_
from bpy.props import EnumProperty, StringProperty

from .. import preview
from ..inference.catalog import MODELS, TRIPOSR, PublishedModel, published_model
from ..inference.errors import DownloadError
from ..inference.installation import import_model, install, needs_conversion, remove
from ..inference.message import Message
from ..inference.types import Tick
from ..meter import Meter
from ..preferences import (
    known,
    look_again,
    model_folder,
    offline_reason,
    preferences,
    torch_folder,
)
from ..runner import Run, run_inline
from ..scene.source import forget_codes
from ..session import DOWNLOAD_STAGES, IMPORT_STAGES, engine, runs, upkeep
from ..texts import tell
from .file_browser import AsksForFile

MODEL = {
    "name": "Model",
    "description": "Which model",
    "items": tuple((model.name, model.label, model.purpose) for model in MODELS),
    "options": {"SKIP_SAVE"},
}

LABELS = {stage: label for stage, (label, _) in DOWNLOAD_STAGES.items()}


class TRIPOSR_OT_download_model(bpy.types.Operator):
    """Download this model and verify it"""

    bl_idname = "triposr.download_model"
    bl_label = "Download Model (TripoSR)"

    model: EnumProperty(**MODEL)

    @classmethod
    def description(cls, context: bpy.types.Context, properties: object) -> str:
        model = published_model(properties.model)
        return f"{tip_(model.purpose)} ({model.license}, {model.size / 1e6:,.0f} MB)"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        reason, found = offline_reason(), known(context)
        if reason and found is not None and not found.needs_conversion:
            cls.poll_message_set(reason)
            return False
        return True  # or nobody knows yet; then the run says so

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        upkeep.submit(_download(context, published_model(self.model)))
        return {"FINISHED"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        return run_inline(self, _download(context, published_model(self.model)))


def _told_ready(label: str) -> Message:
    preview.refresh()  # which may be cut out by another model now
    look_again()
    return Message("{name} is ready", name=label)


def _let_go_of_files() -> None:
    """Windows neither replaces nor deletes a file that is mapped, as a loaded model's is."""
    if runs.is_running():
        gc.collect()  # Parts of a network that was only looked at hold each other.
    else:
        engine.unload()


def _download(context: bpy.types.Context, model: PublishedModel) -> Run:
    """The run that installs a model."""
    folder, chosen = model_folder(context), preferences(context)
    hub, github, keep = chosen.hub_mirror, chosen.github_mirror, chosen.keep_original
    torch, offline = torch_folder(context), _offline()

    def work(tick: Tick) -> Path:
        is_here = model.name == TRIPOSR.name and needs_conversion(folder)
        if offline is not None and not is_here:
            raise offline
        if model.name == TRIPOSR.name:
            engine.choose_torch(torch)
        return install(model, folder, hub, github, keep, tick, _let_go_of_files)

    return Run(
        title=model.label,
        stages=DOWNLOAD_STAGES,
        work=work,
        deliver=lambda _: _told_ready(model.label),
        describe=Meter(model.size, LABELS),
        on_failure=look_again,  # some of it may have come
    )


def _offline() -> DownloadError | None:
    """What to raise instead of downloading, if Blender may not."""
    if bpy.app.online_access:
        return None
    if bpy.app.online_access_override:
        return DownloadError("Blender was started offline", "Start it without --offline-mode")
    return DownloadError(
        "Blender may not go online",
        "Turn on Allow Online Access in Preferences, System, Network",
    )


class TRIPOSR_OT_cancel_download(bpy.types.Operator):
    """Stop; what has arrived is kept, and the next download goes on from there"""

    bl_idname = "triposr.cancel_download"
    bl_label = "Cancel Download (TripoSR)"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not upkeep.is_running():
            cls.poll_message_set(iface_("Nothing is being downloaded"))
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        upkeep.cancel_all()
        return {"FINISHED"}


class TRIPOSR_OT_import_model(AsksForFile, bpy.types.Operator):
    bl_idname = "triposr.import_model"
    bl_label = "Import Model (TripoSR)"
    # Not a docstring: what translations know it by must not hold the line's end.
    bl_description = (
        "Copy a model from a disk: a folder with TripoSR's files, its weights alone, or the .onnx "
        "file of a matting model"
    )

    filter_glob: StringProperty(default="*.ckpt;*.safetensors;*.onnx", options={"HIDDEN"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        source, folder = Path(bpy.path.abspath(self.filepath)), model_folder(context)
        torch = torch_folder(context)

        def work(tick: Tick) -> str:
            if source.suffix.lower() != ".onnx":
                engine.choose_torch(torch)
            return import_model(source, folder, tick, _let_go_of_files)

        run = Run(
            title=source.name,
            stages=IMPORT_STAGES,
            work=work,
            deliver=_told_ready,
            on_failure=look_again,
        )
        if not self.is_clicked:
            return run_inline(self, run)
        upkeep.submit(run)
        return {"FINISHED"}


class TRIPOSR_OT_remove_model(bpy.types.Operator):
    """Delete this model's files from the model folder"""

    bl_idname = "triposr.remove_model"
    bl_label = "Remove Model (TripoSR)"

    model: EnumProperty(**MODEL)

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if upkeep.is_running() or runs.is_running():
            cls.poll_message_set(iface_("Wait until the running work is done"))
            return False
        return True

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_confirm(self, event)

    def execute(self, context: bpy.types.Context) -> set[str]:
        model = published_model(self.model)
        _let_go_of_files()
        try:
            freed = remove(model, model_folder(context))
        except DownloadError as error:
            tell(self, "ERROR", error.sentences)
            return {"CANCELLED"}
        if not freed:
            told = Message("{name} is not in the model folder", name=model.label)
            tell(self, "ERROR", told)
            return {"CANCELLED"}
        preview.refresh()
        look_again()
        told = Message("{name} removed: {size:,.0f} MB freed", name=model.label, size=freed / 1e6)
        tell(self, "INFO", told)
        return {"FINISHED"}


class TRIPOSR_OT_unload_model(bpy.types.Operator):
    """Give the memory of the model back, and what is kept of objects to refine them quickly"""

    bl_idname = "triposr.unload_model"
    bl_label = "Unload Model (TripoSR)"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not engine.takes_memory():
            cls.poll_message_set(iface_("No model is loaded"))
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        forget_codes()
        engine.unload()
        return {"FINISHED"}


class TRIPOSR_OT_dismiss_download(bpy.types.Operator):
    """Hide this message"""

    bl_idname = "triposr.dismiss_download"
    bl_label = "Dismiss"
    bl_options = {"INTERNAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        upkeep.dismiss()
        return {"FINISHED"}


classes = (
    TRIPOSR_OT_download_model,
    TRIPOSR_OT_cancel_download,
    TRIPOSR_OT_import_model,
    TRIPOSR_OT_remove_model,
    TRIPOSR_OT_unload_model,
    TRIPOSR_OT_dismiss_download,
)
