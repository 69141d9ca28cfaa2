"""Settings of this machine, the same for every .blend: device, precision, models, memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import bpy
from bpy.app.translations import pgettext_iface as iface_
from bpy.props import BoolProperty, EnumProperty, IntProperty, StringProperty

from .inference.engine import engine
from .inference.message import Message
from .inference.types import DeviceInfo, Machine
from .texts import localized

BASIC_DEVICES = (
    ("auto", "Automatic", "A GPU if one works, else the CPU"),
    ("cpu", "CPU", "Works everywhere"),
    ("cuda", "NVIDIA or AMD GPU", "CUDA, or ROCm with a ROCm build of torch"),
    ("xpu", "Intel GPU", "XPU, with an XPU build of torch"),
    ("mps", "Apple GPU", "Metal, on Apple silicon"),
)
FURTHER_DEVICES = tuple(f"{kind}:{number}" for kind in ("cuda", "xpu") for number in range(1, 8))
"""GPUs besides the first of their kind; listed if they were found or are chosen."""

DEVICE_NAMES = (*(name for name, _, _ in BASIC_DEVICES), *FURTHER_DEVICES)
"""All devices; Blender stores a device's index in this tuple, so the order must not change."""

_device_items: list[tuple[str, str, str, str, int]] = []
"""Current items: Blender requires Python to keep the strings of a dynamic enumeration alive."""


def device_items(
    chosen: MachineSettings | None, _context: bpy.types.Context | None
) -> list[tuple[str, str, str, str, int]]:
    """Devices to choose from, with their names if known."""
    found = {device.name.removesuffix(":0"): device for device in engine.devices}
    items = [
        (name, device_label(found[name]) if name in found and name != "cpu" else label, about)
        for name, label, about in BASIC_DEVICES
    ]
    for name in FURTHER_DEVICES:
        if name in found:
            items.append((name, device_label(found[name]), Message("Another GPU of this machine")))
        elif chosen is not None and chosen.device_name == name:
            label = Message("{name} (Not Detected Yet)", name=name)
            items.append((name, label, Message("Click Detect Devices")))
    _device_items[:] = [
        (name, localized(label), about, "NONE", _number_of(name)) for name, label, about in items
    ]
    return _device_items


def _number_of(name: str) -> int:
    """Index of a device in `DEVICE_NAMES`; that of Automatic for an unknown name."""
    return DEVICE_NAMES.index(name) if name in DEVICE_NAMES else 0


def _chosen_device(chosen: MachineSettings) -> int:
    return _number_of(chosen.device_name)


def _choose_device(chosen: MachineSettings, number: int) -> None:
    chosen.device_name = DEVICE_NAMES[number]


def device_label(device: DeviceInfo) -> str:
    """Name of a device, with its memory if known."""
    if not device.memory:
        return device.label
    return Message("{name} ({size:.0f} GB)", name=device.label, size=device.memory / 1e9)


folder_watchers: list[Callable[[], None]] = []
"""Functions to call when the artist has chosen another folder."""


def _on_folder(_chosen: MachineSettings, _context: bpy.types.Context) -> None:
    for watcher in folder_watchers:
        watcher()


class MachineSettings:
    """Properties of the add-on's preferences; panels/preferences.py draws them."""

    # Saved by name: the devices are unknown until torch is imported.
    device_name: StringProperty(default="auto", options={"HIDDEN"})
    device: EnumProperty(
        name="Device",
        description="Device that runs the network",
        items=device_items,
        get=_chosen_device,
        set=_choose_device,
    )
    precision: EnumProperty(
        name="Precision",
        description="Number of bits that the network computes with",
        items=(
            ("auto", "Automatic", "Half on processors designed for it, else full"),
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
        description="Number of processor cores that a task uses. 0: all but one, which Blender "
        "keeps; all for scripts, which Blender waits for",
        min=0,
        soft_max=64,
    )
    keep_loaded: EnumProperty(
        name="Keep Loaded",
        description="How long the model stays in memory after its last use. It is always unloaded "
        "before Cycles renders on a GPU whose memory it uses",
        items=(
            ("minutes", "For a While", "The next picture starts at once; memory is freed later"),
            ("always", "Always", "Until Blender is closed"),
            ("never", "Never", "Memory is freed after each task; each task loads the model"),
        ),
    )
    keep_minutes: IntProperty(
        name="Minutes",
        description="Minutes without use after which the model is unloaded",
        min=1,
        soft_max=120,
        default=10,
    )
    torch_folder: StringProperty(
        name="Own Torch",
        description="Folder that pip install --target filled with another build of torch, for "
        "CUDA on Windows, ROCm or Intel GPUs. Empty: the torch that Blender finds",
        subtype="DIR_PATH",
        update=_on_folder,
    )
    model_folder: StringProperty(
        name="Model Folder",
        description="Folder that holds the models. A studio can share one, even read-only. Empty: "
        "the add-on's own data folder",
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
        description="Address to use instead of https://huggingface.co, such as a studio's own "
        "mirror. Empty: HF_ENDPOINT from the environment, else huggingface.co",
    )
    github_mirror: StringProperty(
        name="GitHub Mirror",
        description="Address to use instead of https://github.com, which hosts the matting models",
    )
    pytorch_mirror: StringProperty(
        name="PyTorch Mirror",
        description="Address to use instead of https://download.pytorch.org and "
        "https://pypi.nvidia.com, which host torch for NVIDIA cards and the libraries it needs",
    )
    show_colors: BoolProperty(
        name="Show Colors in Solid Shading",
        description="Show color attributes in the solid shading of the viewports when a mesh "
        "arrives",
        default=True,
    )


def offline_reason() -> str:
    """Why downloads are not allowed and how to allow them, translated; empty if they are."""
    if bpy.app.online_access:
        return ""
    if bpy.app.online_access_override:
        return iface_("Blender was started offline: start it without --offline-mode")
    return iface_("Turn on Allow Online Access in Preferences, System, Network")


def preferences(context: bpy.types.Context) -> MachineSettings:
    """The add-on's preferences."""
    return context.preferences.addons[__package__].preferences


def model_folder(context: bpy.types.Context) -> Path:
    """Folder that holds the models."""
    chosen = preferences(context).model_folder
    if chosen:
        return Path(bpy.path.abspath(chosen))
    # Without a home, the user has no folder for extensions: then models last until Blender quits.
    return Path(bpy.utils.extension_path_user(__package__) or bpy.app.tempdir) / "models"


def torch_folder(context: bpy.types.Context) -> Path | None:
    """Folder to import torch from; None for the torch that Blender's Python finds."""
    chosen = preferences(context).torch_folder
    return Path(bpy.path.abspath(chosen)) if chosen else None


def gpu_builds(context: bpy.types.Context) -> Path:
    """Folder in which *Use My GPU* installs builds of torch."""
    return model_folder(context) / "torch"


def machine(context: bpy.types.Context, is_clicked: bool) -> Machine:
    """Machine settings of a task.

    Args:
        is_clicked: Whether the artist goes on working; then Blender keeps a core, unless she has
            chosen a number of threads.
    """
    chosen = preferences(context)
    minutes = {"always": float("inf"), "never": 0.0, "minutes": float(chosen.keep_minutes)}
    return Machine(
        device=chosen.device,
        precision=chosen.precision,
        threads=chosen.threads if is_clicked else chosen.threads or None,
        keep=60 * minutes[chosen.keep_loaded],
        torch_folder=torch_folder(context),
        gpu_builds=gpu_builds(context),
    )
