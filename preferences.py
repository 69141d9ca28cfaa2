"""Facts about this machine that hold for every .blend: device, precision, models, memory."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.app.translations import pgettext_iface as iface_
from bpy.props import BoolProperty, EnumProperty, IntProperty, StringProperty

from . import inventory
from .inference.catalog import MODELS, TRIPOSR, PublishedModel, hub_address
from .inference.message import Message
from .inference.own_torch import TorchBuild
from .inference.types import DeviceInfo
from .inference.weights import STARTER_FOLDER, find_model
from .inventory import Inventory, Places
from .session import engine, upkeep
from .texts import draw_message, draw_progress, draw_text, localized

BASIC_DEVICES = (
    ("auto", "Automatic", "The first that works of GPU and CPU"),
    ("cpu", "CPU", "Works everywhere"),
    ("cuda", "NVIDIA or AMD GPU", "CUDA, or ROCm with a ROCm build of torch"),
    ("xpu", "Intel GPU", "XPU, with an XPU build of torch"),
    ("mps", "Apple GPU", "Metal, on Apple silicon"),
)
FURTHER_DEVICES = tuple(f"{kind}:{number}" for kind in ("cuda", "xpu") for number in range(1, 8))
"""GPUs besides the first of their kind; shown where they were found, or are chosen."""

DEVICE_NAMES = (*(name for name, _, _ in BASIC_DEVICES), *FURTHER_DEVICES)
"""All that can be chosen; Blender counts them by their place here."""

_device_items: list[tuple[str, str, str, str, int]] = []
"""Blender needs the strings of a dynamic list to be kept."""


def device_items(
    chosen: TripoSRPreferences | None, _context: bpy.types.Context | None
) -> list[tuple[str, str, str, str, int]]:
    """The devices to choose from, by their names where those are known."""
    found = {device.name.removesuffix(":0"): device for device in engine.devices}
    items = [
        (name, device_label(found[name]) if name in found and name != "cpu" else label, about)
        for name, label, about in BASIC_DEVICES
    ]
    for name in FURTHER_DEVICES:
        if name in found:
            items.append((name, device_label(found[name]), Message("Another GPU of this machine")))
        elif chosen is not None and chosen.device_name == name:
            label = Message("{name} (Not Looked for Yet)", name=name)
            items.append((name, label, Message("Click Detect Devices")))
    _device_items[:] = [
        (name, localized(label), about, "NONE", _number_of(name)) for name, label, about in items
    ]
    return _device_items


def _number_of(name: str) -> int:
    """A device's place among all that can be named; Automatic's for others."""
    return DEVICE_NAMES.index(name) if name in DEVICE_NAMES else 0


def _chosen_device(chosen: TripoSRPreferences) -> int:
    return _number_of(chosen.device_name)


def _choose_device(chosen: TripoSRPreferences, number: int) -> None:
    chosen.device_name = DEVICE_NAMES[number]


def device_label(device: DeviceInfo) -> str:
    """A device by name, with its memory; a name or a message."""
    if not device.memory:
        return device.label
    return Message("{name} ({size:.0f} GB)", name=device.label, size=device.memory / 1e9)


def look_again() -> None:
    """Let the panels know what lies in the folders now: a setting or a file has changed."""
    inventory.look(_places(bpy.context))


def _on_folder(_chosen: TripoSRPreferences, _context: bpy.types.Context) -> None:
    look_again()


class TripoSRPreferences(bpy.types.AddonPreferences):
    bl_idname = __package__

    # Saved by name: which devices there are is not known until torch was imported.
    device_name: StringProperty(default="auto", options={"HIDDEN"})
    device: EnumProperty(
        name="Device",
        description="What the network runs on",
        items=device_items,
        get=_chosen_device,
        set=_choose_device,
    )
    precision: EnumProperty(
        name="Precision",
        description="How many bits the network computes with",
        items=(
            ("auto", "Automatic", "Half on processors that are made for it, else full"),
            (
                "fp32",
                "Full",
                "32 bits: exact, with the original weights if they were kept",
            ),
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
    keep_loaded: EnumProperty(
        name="Keep Loaded",
        description="How long the model stays in memory after a run. "
        "It is always unloaded before Cycles renders on a GPU that it takes memory of",
        items=(
            ("minutes", "For a While", "The next picture starts at once; memory comes back later"),
            ("always", "Always", "Until Blender is closed"),
            ("never", "Never", "Memory comes back after each run; each run loads the model"),
        ),
    )
    keep_minutes: IntProperty(
        name="Minutes",
        description="Minutes after a run until the model is unloaded",
        min=1,
        soft_max=120,
        default=10,
    )
    torch_folder: StringProperty(
        name="Own Torch",
        description="Folder with another build of torch, as pip install --target fills it: "
        "for CUDA on Windows, ROCm or Intel GPUs. Empty: the torch that Blender finds",
        subtype="DIR_PATH",
        update=_on_folder,
    )
    model_folder: StringProperty(
        name="Model Folder",
        description="Where models are kept. A studio may share a folder, which may be read-only. "
        "Empty: the add-on's own data folder",
        subtype="DIR_PATH",
        update=_on_folder,
    )
    keep_original: BoolProperty(
        name="Keep Original Weights",
        description="Keep the published 1.7 GB file beside the converted one, for exact results "
        "with Full precision",
    )
    hub_mirror: StringProperty(
        name="Hugging Face Mirror",
        description="Address that stands for https://huggingface.co, such as a studio's own. "
        "Empty: the environment's HF_ENDPOINT, else huggingface.co itself",
    )
    github_mirror: StringProperty(
        name="GitHub Mirror",
        description="Address that stands for https://github.com, where matting models are",
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
        found = known(context)
        self._draw_models(context, layout, found)
        layout.separator()
        self._draw_devices(layout, found)
        layout.separator()
        layout.prop(self, "show_colors")
        layout.operator("triposr.copy_report", text="Copy Report", icon="COPYDOWN")

    def _draw_models(
        self, context: bpy.types.Context, layout: bpy.types.UILayout, found: Inventory | None
    ) -> None:
        layout.label(text="Models")
        column = layout.column(align=True)
        column.prop(self, "model_folder", placeholder=str(model_folder(context)))
        box = layout.box().column()
        draw_offline(box)
        if found is None:
            draw_looking(box)
        for model in MODELS if found is not None else ():
            draw_model(box, model, found)
        draw_upkeep(layout)
        layout.operator("triposr.import_model", text="Import from Disk", icon="IMPORT")
        layout.prop(self, "keep_original")
        column = layout.column(align=True)
        column.prop(self, "hub_mirror", placeholder=hub_address())
        column.prop(self, "github_mirror", placeholder="https://github.com")

    def _draw_devices(self, layout: bpy.types.UILayout, found: Inventory | None) -> None:
        layout.label(text="Device and Memory")
        row = layout.row(align=True)
        row.prop(self, "device")
        row.operator("triposr.detect_devices", text="", icon="FILE_REFRESH")
        for device in engine.devices:
            if device.problem:
                _hint(layout, device.problem, "ERROR")
        layout.prop(self, "precision")
        layout.prop(self, "threads")
        row = layout.row(align=True)
        row.prop(self, "keep_loaded")
        if self.keep_loaded == "minutes":
            row.prop(self, "keep_minutes")
        if engine.takes_memory():
            row = layout.split(factor=0.4)
            row.label()
            row.operator("triposr.unload_model", text="Unload Now", icon="TRASH")
        layout.prop(self, "torch_folder")
        build = None if found is None else found.torch
        if isinstance(build, TorchBuild):
            version, made_for = localized(build.version), localized(build.made_for)
            _hint(layout, f"torch {version}, {made_for}", "CHECKMARK")
        elif build is not None:
            _hint(layout, build, "ERROR")


def _hint(layout: bpy.types.UILayout, text: str, icon: str) -> None:
    """A line below the value of a property."""
    row = layout.split(factor=0.4)
    row.label()
    draw_text(row, text, icon)


def draw_looking(layout: bpy.types.UILayout) -> None:
    """That nothing can be said yet of what lies on the disks."""
    layout.label(text="Looking for models", icon="SORTTIME")


def draw_model(layout: bpy.types.UILayout, model: PublishedModel, found: Inventory) -> None:
    """A row with a model and what can be done with it."""
    row = layout.row()
    is_there = model.name in found.installed
    comes_along = model is TRIPOSR and not is_there and found.is_bundled
    row.label(text=model.label, icon="CHECKMARK" if is_there or comes_along else "BLANK1")
    if comes_along:
        row.label(text="Comes with the Add-on")
        return
    row.label(text=f"{model.size / 1e6:,.0f} MB, {model.license}")
    if is_there and model is TRIPOSR and found.needs_conversion:
        row.operator(
            "triposr.download_model", text="Convert", icon="FILE_REFRESH"
        ).model = model.name
    if is_there:
        row.operator("triposr.remove_model", text="Remove", icon="TRASH").model = model.name
    else:
        row = row.row()
        row.enabled = not upkeep.is_running()
        row.operator("triposr.download_model", text="Download", icon="IMPORT").model = model.name


def draw_upkeep(layout: bpy.types.UILayout) -> None:
    """What is on its way to this machine, and what became of the last."""
    state = upkeep.state
    if upkeep.is_running():
        layout.label(text=localized(state.title), icon="IMPORT", translate=False)
        draw_progress(layout, state.fraction, state.label, "triposr.cancel_download")
        return
    if state.error:
        draw_message(layout.box(), (state.error, state.hint), "ERROR", "triposr.dismiss_download")
    elif state.message:
        icon = "INFO" if state.canceled else "CHECKMARK"
        draw_message(layout, (state.message,), icon, "triposr.dismiss_download")


def offline_reason() -> str:
    """Why nothing may be downloaded, and how to allow it, translated; empty when it may."""
    if bpy.app.online_access:
        return ""
    if bpy.app.online_access_override:
        return iface_("Blender was started offline: start it without --offline-mode")
    return iface_("Turn on Allow Online Access in Preferences, System, Network")


def draw_offline(layout: bpy.types.UILayout) -> None:
    """Why nothing can be downloaded, if it cannot, and the way to where that can be changed."""
    if not (reason := offline_reason()):
        return
    draw_text(layout, reason, "INTERNET_OFFLINE")
    if not bpy.app.online_access_override:
        layout.operator("screen.userpref_show", text="Open Preferences").section = "SYSTEM"


def preferences(context: bpy.types.Context) -> TripoSRPreferences:
    """The add-on's preferences."""
    return context.preferences.addons[__package__].preferences


def model_folder(context: bpy.types.Context) -> Path:
    """The folder in which models are kept."""
    chosen = preferences(context).model_folder
    if chosen:
        return Path(bpy.path.abspath(chosen))
    # Blender has no folder of its own for a user without a home: then only while it is open.
    return Path(bpy.utils.extension_path_user(__package__) or bpy.app.tempdir) / "models"


def torch_folder(context: bpy.types.Context) -> Path | None:
    """The folder from which torch is imported, if not from where Blender's Python has it."""
    chosen = preferences(context).torch_folder
    return Path(bpy.path.abspath(chosen)) if chosen else None


def threads(context: bpy.types.Context, is_clicked: bool) -> int | None:
    """How many threads torch may take: 0 leaves Blender one, as a click does if none are chosen;
    None, as for a script, changes nothing.
    """
    chosen = preferences(context).threads
    return chosen if is_clicked else chosen or None


def keep_seconds(context: bpy.types.Context) -> float:
    """How long the model stays loaded after a run."""
    chosen = preferences(context)
    minutes = {"always": float("inf"), "never": 0.0, "minutes": float(chosen.keep_minutes)}
    return 60 * minutes[chosen.keep_loaded]


def _places(context: bpy.types.Context) -> Places:
    return Places(model_folder(context), torch_folder(context))


def known(context: bpy.types.Context) -> Inventory | None:
    """What is known of the folders' content, for draw() and poll(): see `inventory.known`."""
    return inventory.known(_places(context))


def active_model(context: bpy.types.Context) -> Path:
    """The folder of the model that a run would use now. Looks at the disk: not for draw()."""
    return find_model(model_folder(context))


def uses_starter(context: bpy.types.Context) -> bool:
    """Whether a run would use the starter model. Looks at the disk: not for draw()."""
    return active_model(context) == STARTER_FOLDER


def register() -> None:
    bpy.app.timers.register(look_again, first_interval=0.0, persistent=True)


def unregister() -> None:
    if bpy.app.timers.is_registered(look_again):
        bpy.app.timers.unregister(look_again)
    inventory.forget()


classes = (TripoSRPreferences,)
