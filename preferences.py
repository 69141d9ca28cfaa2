"""Facts about this machine that hold for every .blend: device, precision, model folder."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.props import BoolProperty, EnumProperty, IntProperty, StringProperty

from .inference.weights import STARTER_FOLDER, find_model


class TripoSRPreferences(bpy.types.AddonPreferences):
    bl_idname = __package__

    device: EnumProperty(
        name="Device",
        description="What the network runs on",
        items=(
            ("auto", "Automatic", "The first that works of GPU and CPU"),
            ("cpu", "CPU", "Works everywhere"),
            ("cuda", "NVIDIA or AMD GPU", "CUDA, or ROCm with a ROCm build of torch"),
            ("xpu", "Intel GPU", "XPU, with an XPU build of torch"),
            ("mps", "Apple GPU", "Metal, on Apple silicon"),
        ),
    )
    precision: EnumProperty(
        name="Precision",
        description="How many bits the network computes with",
        items=(
            ("auto", "Automatic", "Half on processors that are made for it, else full"),
            ("fp32", "Full", "32 bits: exact"),
            ("bf16", "Half (bfloat16)", "16 bits: half the memory, slightly different meshes"),
            ("fp16", "Half (float16)", "16 bits: half the memory, for GPUs without bfloat16"),
        ),
    )
    threads: IntProperty(
        name="CPU Threads",
        description="Processor cores that a run takes. "
        "0: all but one, which Blender keeps; all of them for scripts, for which Blender waits",
        min=0,
        soft_max=64,
    )
    model_folder: StringProperty(
        name="Model Folder",
        description="Folder with the published config.yaml and model.ckpt or model.safetensors. "
        "Matting models, such as u2net.onnx, are looked up there too. "
        "Empty: the add-on's own data folder",
        subtype="DIR_PATH",
    )
    show_colors: BoolProperty(
        name="Show Colors in Solid Shading",
        description="Set the viewports' solid shading to show color attributes when a mesh arrives",
        default=True,
    )

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.prop(self, "device")
        layout.prop(self, "precision")
        layout.prop(self, "threads")
        column = layout.column(align=True)
        column.prop(self, "model_folder")
        row = column.split(factor=0.4)
        row.label()
        if uses_starter(context):
            row.label(text="No weights there: the starter model is used", icon="INFO")
        else:
            row.label(text="Weights found", icon="CHECKMARK")
        if not self.model_folder:
            row = column.split(factor=0.4)
            row.label()
            row.label(text=str(model_folder(context)))
        layout.prop(self, "show_colors")


def preferences(context: bpy.types.Context) -> TripoSRPreferences:
    """The add-on's preferences."""
    return context.preferences.addons[__package__].preferences


def model_folder(context: bpy.types.Context) -> Path:
    """The folder that is searched for the published weights and the matting models."""
    chosen = preferences(context).model_folder
    if chosen:
        return Path(bpy.path.abspath(chosen))
    return Path(bpy.utils.extension_path_user(__package__)) / "models"


def active_model(context: bpy.types.Context) -> Path:
    """The folder of the model that a run would use now."""
    return find_model(model_folder(context))


def uses_starter(context: bpy.types.Context) -> bool:
    """Whether a run would use the starter model."""
    return active_model(context) == STARTER_FOLDER


classes = (TripoSRPreferences,)
