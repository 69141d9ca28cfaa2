"""The values that pass between the stages: frozen dataclasses over numpy. No torch, no bpy."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from .errors import InputError
from .message import Message

if TYPE_CHECKING:
    from PIL import Image

Stage = Literal[
    "load",
    "prepare",
    "encode",
    "extract",
    "color",
    "match",
    "download",
    "copy",
    "verify",
    "convert",
    "unpack",
    "try",
    "snap",
    "photo",
    "save",
]
"""Stages of a reconstruction, in order; of downloads, imports and installations; of textures."""

Tick = Callable[[Stage, float], None]
"""Callback for the stage and the fraction of it that is done, 0...1; raises to stop the work."""

Background = Literal["auto", "alpha", "model", "plain", "none"]
"""How the subject is separated from its background; see `Options.background`."""

Crop = Literal["subject", "published"]
"""How the subject is framed; see `Options.crop`."""

RESOLUTION_RANGE = (16, 1024)
"""Lattice points per axis: with fewer, nothing is recognizable; more exceed a laptop's memory."""

THRESHOLD_RANGE = (0.1, 10_000.0)
"""Density at the surface; the decoder's outputs reach far beyond both ends."""

FOREGROUND_RATIO_RANGE = (0.3, 1.0)
"""Longest side of the subject divided by the side of the network's square input."""


SIZE_RANGE = (1e-4, 1e6)
"""A new object's side in scene units: beyond it, Blender's floats and views lose precision."""


def ignore_progress(stage: Stage, fraction: float) -> None:
    """Do nothing: the `Tick` of a caller that does not need progress."""


@dataclass(frozen=True)
class SurfaceSettings:
    """Settings of the surface to extract from a scene code. The numbers are the published ones.

    Attributes:
        resolution: Density lattice points per axis, 16...1024.
        threshold: Density at the surface, 0.1...10,000.
        closed: Whether a surface that reaches the end of the model's box is closed there. The
            published code leaves it open; 3D printers reject open surfaces.

    Raises:
        InputError: A value is out of its range.
    """

    resolution: int = 256
    threshold: float = 25.0
    closed: bool = True

    def __post_init__(self) -> None:
        check_resolution(self.resolution)
        object.__setattr__(self, "resolution", int(self.resolution))  # 128.0 is as good
        check_range("Density Threshold", self.threshold, THRESHOLD_RANGE)


@dataclass(frozen=True, kw_only=True)
class Options(SurfaceSettings):
    """Settings of one reconstruction: those of the surface and those of the picture's preparation.

    Attributes:
        background: `auto` uses the picture's alpha if it sets a subject apart, else the matting
            model if its file is present, else the method for plain backgrounds; `alpha`, `model`
            and `plain` insist on one of them; `none` takes the picture as it is.
        matting_model: Name of a rembg model, for instance `u2net` or `isnet-general-use`; `auto`
            takes the best one on this machine.
        matting_folder: Folder that holds `<matting_model>.onnx`; rembg's own folder
            (`U2NET_HOME`, else `~/.u2net`) is searched next.
        foreground_ratio: Longest side of the subject divided by the side of the square, 0.3...1.
        crop: `subject` ignores stray matte pixels and keeps the whole bounding box;
            `published` repeats the published code to the pixel.
        keep_largest: Whether only the largest part of the subject is kept.

    Raises:
        InputError: A value is out of its range.
    """

    background: Background = "auto"
    matting_model: str = "auto"
    matting_folder: Path | None = None
    foreground_ratio: float = 0.85
    crop: Crop = "subject"
    keep_largest: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("Background", self.background, get_args(Background))
        check_choice("Crop", self.crop, get_args(Crop))
        check_range("Foreground Ratio", self.foreground_ratio, FOREGROUND_RATIO_RANGE)


@dataclass(frozen=True)
class Machine:
    """How a task may use this machine.

    Attributes:
        device: Torch's name for the device, or `auto`; see `choose_device`.
        precision: `auto`, `fp32`, `bf16` or `fp16`; see `load_model`.
        threads: CPU threads that torch may use; 0 leaves one to Blender, None changes nothing.
        keep: Seconds for which a model stays loaded after its last use.
        torch_folder: Folder to import torch from; None leaves the choice to Python.
        gpu_builds: Folder with builds of torch that `Use My GPU` installed; the newest that is
            whole is imported if `torch_folder` is None.
    """

    device: str = "auto"
    precision: str = "auto"
    threads: int | None = None
    keep: float = float("inf")
    torch_folder: Path | None = None
    gpu_builds: Path | None = None


def check_choice(label: str, value: object, choices: tuple[str, ...]) -> None:
    """Raise `InputError` unless `value` is one of the choices."""
    if value not in choices:
        raise InputError(
            "{label} is {value}",
            "Choose one of {names}",
            label=Message(label),
            value=repr(value),
            names=", ".join(choices),
        )


def check_switch(label: str, value: object) -> None:
    """Raise `InputError` unless `value` is true or false."""
    if not isinstance(value, bool | np.bool_ | int) or value not in (True, False):
        raise InputError(
            "{label} is {value}",
            "Choose True or False",
            label=Message(label),
            value=repr(value),
        )


def check_range(label: str, value: Any, limits: tuple[float, float]) -> None:
    """Raise `InputError` unless `value` is a finite number within `limits` (inclusive).

    Blender stores 32-bit floats, so a limit rounded to 32 bits also counts as within the limits.
    """
    low, high = limits
    is_number = isinstance(value, numbers.Real) and math.isfinite(value)
    rounded_limits = [float(np.float32(limit)) for limit in limits]
    if not (is_number and (low <= value <= high or float(np.float32(value)) in rounded_limits)):
        shown = f"{value:.6g}" if isinstance(value, float) else repr(value)
        raise InputError(
            "{label} is {value}",
            "Choose a value from {low:,.10g} to {high:,.10g}",
            label=Message(label),
            value=shown,
            low=low,
            high=high,
        )


def check_whole(label: str, value: Any) -> None:
    """Raise `InputError` unless `value`, a finite number, is whole."""
    if value != int(value):
        raise InputError(
            "{label} is {value}",
            "Choose a whole number",
            label=Message(label),
            value=repr(value),
        )


def check_resolution(resolution: int) -> None:
    """Raise `InputError` unless `resolution` is a whole number within its range."""
    check_range("Resolution", resolution, RESOLUTION_RANGE)
    check_whole("Resolution", resolution)


@dataclass(frozen=True)
class DeviceInfo:
    """A device that could run the network.

    Attributes:
        name: Torch's name for it: `cuda:0`, `cpu`, ...
        label: Its product name, or a message.
        memory: Its total memory in bytes; 0 if unknown.
        problem: A message that says why it is not used; empty if it works.
    """

    name: str
    label: str
    memory: int = 0
    problem: str = ""


@dataclass(frozen=True, eq=False)
class PreparedImage:
    """A picture ready for the network.

    Attributes:
        rgb: (N, N, 3) float32 in [0, 1], display-referred, the subject on 50 % gray.
        cutout: The picture without its background, RGBA, upright, not yet cropped.
        size: Width and height of the picture in pixels; the cut-out of a large one has fewer.
    """

    rgb: NDArray[np.float32]
    cutout: Image.Image
    size: tuple[int, int]


@dataclass(frozen=True, eq=False)
class MeshData:
    """A triangle mesh in the model's frame: right-handed, z up, the subject faces +X.

    Attributes:
        vertices: (V, 3) float32 in [-radius, radius].
        faces: (F, 3) int32, wound counterclockwise as seen from outside.
        colors: (V, 3) float32 in [0, 1], display-referred sRGB with the photo's light baked in.
        cut_off: Whether the model's box cuts the surface off.
    """

    vertices: NDArray[np.float32]
    faces: NDArray[np.int32]
    colors: NDArray[np.float32]
    cut_off: bool = False
