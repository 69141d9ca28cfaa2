"""Downloading, importing, removing and unloading models."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.app.translations import pgettext_iface as iface_
from bpy.app.translations import pgettext_tip as tip_
from bpy.props import EnumProperty, StringProperty

from ..inference.engine import engine
from ..inference.model.catalog import MODELS, published_model
from ..preferences import offline_reason
from ..scene.source import forget_codes
from ..tasks.inventory import known
from ..tasks.models import download, import_from_disk, remove_from_disk
from ..tasks.session import pictures, upkeep
from .file_browser import AsksForFile
from .reporting import do_now, report_outcome

MODEL = {
    "name": "Model",
    "description": "Which model",
    "items": tuple((model.name, model.label, model.purpose) for model in MODELS),
    "options": {"SKIP_SAVE"},
}


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
        return True  # while nothing is known yet, the task reports the problem

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        upkeep.submit(download(context, published_model(self.model)))
        return {"FINISHED"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        return do_now(self, download(context, published_model(self.model)))


class TRIPOSR_OT_cancel_download(bpy.types.Operator):
    """Stop the download; the next one resumes from what has arrived"""

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
    # Not a docstring: the key of its translation must not contain a line break.
    bl_description = (
        "Copy a model from disk: a folder with TripoSR's files, its weights alone, or the .onnx "
        "file of a matting model"
    )

    filter_glob: StringProperty(default="*.ckpt;*.safetensors;*.onnx", options={"HIDDEN"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        task = import_from_disk(context, Path(bpy.path.abspath(self.filepath)))
        if not self.is_clicked:
            return do_now(self, task)
        upkeep.submit(task)
        return {"FINISHED"}


class TRIPOSR_OT_remove_model(bpy.types.Operator):
    """Delete this model's files from the model folder"""

    bl_idname = "triposr.remove_model"
    bl_label = "Remove Model (TripoSR)"

    model: EnumProperty(**MODEL)

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if upkeep.is_running() or pictures.is_running():
            cls.poll_message_set(iface_("Wait until the running task is done"))
            return False
        return True

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_confirm(self, event)

    def execute(self, context: bpy.types.Context) -> set[str]:
        model = published_model(self.model)
        return report_outcome(self, lambda: remove_from_disk(context, model).message)


class TRIPOSR_OT_unload_model(bpy.types.Operator):
    """Free the memory of the model, and of the data that makes refining objects quick"""

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
