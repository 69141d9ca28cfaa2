"""Device detection, and a report on this installation to attach to a question."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import bpy

from ..inference.engine import engine
from ..inference.files.installation import is_installed
from ..inference.machine.driver import Driver
from ..inference.machine.home import home_folder
from ..inference.machine.installed_builds import find_installed
from ..inference.message import Message
from ..inference.model.catalog import MODELS
from ..inference.model.weights import STARTER_FOLDER, find_model
from ..preferences import device_label, gpu_builds, model_folder, preferences, torch_folder
from ..tasks.devices import detection
from ..tasks.gpu import findings
from ..tasks.session import ADDON, recent_warnings, upkeep
from ..texts import report
from .reporting import do_now

PACKAGES = (
    "torch",
    "transformers",
    "safetensors",
    "PyMCubes",
    "PyYAML",
    "numpy",
    "scipy",
    "Pillow",
    "rembg",
    "onnxruntime",
    "opencv-python-headless",
    "requests",
    "urllib3",
    "filelock",
)


class TRIPOSR_OT_detect_devices(bpy.types.Operator):
    """Detect GPUs that the installed torch can use; takes a few seconds the first time"""

    bl_idname = "triposr.detect_devices"
    bl_label = "Detect Devices (TripoSR)"

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        upkeep.submit(detection(context))
        return {"FINISHED"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        return do_now(self, detection(context))


class TRIPOSR_OT_copy_report(bpy.types.Operator):
    """Copy versions, devices, models and the last warnings to the clipboard, without your paths"""

    bl_idname = "triposr.copy_report"
    bl_label = "Copy Report (TripoSR)"

    def execute(self, context: bpy.types.Context) -> set[str]:
        context.window_manager.clipboard = diagnostics(context)
        report(self, Message("The report is on the clipboard"))
        return {"FINISHED"}


def diagnostics(context: bpy.types.Context) -> str:
    """Report to attach to a question, in English and without the user's folders."""
    lines = [*_about_versions(), *_about_devices(context), *_about_models(context)]
    if warnings := recent_warnings():
        lines += ["", "Last warnings:", *warnings]
    return without_paths("\n".join(lines), context) + "\n"


def _about_versions() -> Iterator[str]:
    own = sys.modules[ADDON]
    manifest = Path(own.__file__).with_name("blender_manifest.toml").read_text(encoding="utf-8")
    version = next(line for line in manifest.splitlines() if line.startswith("version"))
    yield f"TripoSR for Blender, {version}"
    yield f"Blender {bpy.app.version_string}, Python {platform.python_version()}"
    yield f"{platform.system()} {platform.release()}, {platform.machine()}"
    yield ""
    for package in PACKAGES:
        try:
            yield f"{package} {metadata.version(package)}"
        except metadata.PackageNotFoundError:
            yield f"{package}: no metadata found"


def _about_devices(context: bpy.types.Context) -> Iterator[str]:
    chosen = preferences(context)
    yield ""
    yield f"Device {chosen.device}, precision {chosen.precision}, threads {chosen.threads}"
    yield f"Own torch: {'yes' if chosen.torch_folder else 'no'}"
    if build := find_installed(gpu_builds(context)):
        yield f"GPU build: {build.version}, in use: {engine.uses_gpu_build()}"
    looked = findings()
    if looked is None:
        yield "NVIDIA driver: not asked yet"
    else:
        yield from _about_driver(looked.driver)
    for device in engine.devices:
        yield f"{device.name}: {device_label(device)} {device.problem}"
    if engine.is_loaded():
        yield f"A model is loaded on {engine.device()}"


def _about_driver(driver: Driver) -> Iterator[str]:
    if driver.api or driver.problem:
        yield f"NVIDIA driver: CUDA {driver.api // 1000}.{driver.api % 1000 // 10} {driver.problem}"
    for card in driver.cards:
        major, minor = card.capability
        yield f"{card.name}: capability {major}.{minor}, {card.memory / 1e9:.0f} GB"


def _about_models(context: bpy.types.Context) -> Iterator[str]:
    folder = model_folder(context)
    used = find_model(folder)
    yield ""
    yield f"Model in use: {'starter' if used == STARTER_FOLDER else used}"
    yield f"Online access: {bpy.app.online_access}"
    for model in MODELS:
        if is_installed(model, folder):
            yield f"{model.label} is installed"


def without_paths(text: str, context: bpy.types.Context) -> str:
    """Replace folders that reveal the user or the project by placeholders."""
    own = {
        str(model_folder(context)): "<models>",
        str(torch_folder(context) or ""): "<torch>",
        bpy.utils.resource_path("USER"): "<blender>",
        str(Path(bpy.data.filepath).parent) if bpy.data.filepath else "": "<file>",
        str(home_folder() or ""): "~",
    }
    # Keep the root folder, which is the home of users in containers.
    own.pop(str(Path("/")), None)
    for path in sorted(filter(None, own), key=len, reverse=True):
        text = text.replace(path, own[path])
    return text


classes = (TRIPOSR_OT_detect_devices, TRIPOSR_OT_copy_report)
