"""The values that pass between the stages: frozen dataclasses over numpy. No torch, no bpy."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import InputError, ModelFilesError, importing
from .message import Message

if TYPE_CHECKING:
    from PIL import Image

Stage = Literal[
    "load", "prepare", "encode", "extract", "color", "download", "copy", "verify", "convert"
]
"""The stages of a run, in order, and those of a model on its way to this machine."""

Tick = Callable[[Stage, float], None]
"""Called with the stage and how much of it is done, 0...1; raises to stop the run."""

Background = Literal["auto", "alpha", "model", "plain", "none"]
"""How the subject is told from its background; see `Options.background`."""

Crop = Literal["subject", "published"]
"""How the subject is framed; see `Options.crop`."""

RESOLUTION_RANGE = (16, 1024)
"""Lattice points per axis: below, nothing is recognizable; above, a laptop's memory ends."""

THRESHOLD_RANGE = (0.1, 10_000.0)
"""Density at the surface; the decoder's outputs reach far beyond both ends."""

FOREGROUND_RATIO_RANGE = (0.3, 1.0)
"""Longest side of the subject over the side of the network's square input."""


SIZE_RANGE = (1e-4, 1e6)
"""A new object's side in scene units: below and above, Blender's floats and views give out."""


def ignore_progress(stage: Stage, fraction: float) -> None:
    """The tick of a caller that does not listen."""


@dataclass(frozen=True)
class Options:
    """What can be chosen about one run. The numbers' defaults are the published ones.

    Attributes:
        background: `auto` uses the picture's alpha where it says something, else the matting
            model where its file is present, else the method for plain backgrounds; `alpha`,
            `model` and `plain` insist on one of them; `none` takes the picture as it is.
        matting_model: Name of a rembg model, for instance `u2net` or `isnet-general-use`; `auto`
            takes the best of those that are on this machine.
        matting_folder: Folder that holds `<matting_model>.onnx`; rembg's own folder
            (`U2NET_HOME`, else `~/.u2net`) is searched next.
        foreground_ratio: Longest side of the subject over the side of the square, 0.3...1.
        crop: `subject` ignores stray matte pixels and keeps the whole bounding box;
            `published` repeats the published code to the pixel.
        keep_largest: Whether only the largest part of the subject is kept.
        resolution: Density lattice points per axis, 16...1024.
        threshold: Density at the surface, 0.1...10,000.
        closed: Whether a surface that reaches the end of the model's box is closed there. The
            published code leaves it open, which 3D printers reject.

    Raises:
        InputError: A value is out of its range.
    """

    background: Background = "auto"
    matting_model: str = "auto"
    matting_folder: Path | None = None
    foreground_ratio: float = 0.85
    crop: Crop = "subject"
    keep_largest: bool = False
    resolution: int = 256
    threshold: float = 25.0
    closed: bool = True

    def __post_init__(self) -> None:
        _check_choice("Background", self.background, get_args(Background))
        _check_choice("Crop", self.crop, get_args(Crop))
        check_range("Foreground ratio", self.foreground_ratio, FOREGROUND_RATIO_RANGE)
        check_resolution(self.resolution)
        check_range("Threshold", self.threshold, THRESHOLD_RANGE)


def _check_choice(label: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise InputError(
            "{label} is {value!r}",
            "Choose one of {names}",
            label=Message(label),
            value=value,
            names=", ".join(choices),
        )


def check_range(label: str, value: float, limits: tuple[float, float]) -> None:
    """Raise `InputError` unless `value` is a finite number within `limits` (inclusive).

    Blender keeps 32-bit floats: a limit that was rounded to one is still within the limits.
    """
    low, high = limits
    is_number = isinstance(value, int | float) and math.isfinite(value)
    rounded_limits = [float(np.float32(limit)) for limit in limits]
    if not (is_number and (low <= value <= high or float(np.float32(value)) in rounded_limits)):
        told = f"{value:.6g}" if isinstance(value, float) else repr(value)
        raise InputError(
            "{label} is {value}",
            "Choose a value from {low:,.10g} to {high:,.10g}",
            label=Message(label),
            value=told,
            low=low,
            high=high,
        )


def check_resolution(resolution: int) -> None:
    """Raise `InputError` unless `resolution` is a whole number within its range."""
    check_range("Resolution", resolution, RESOLUTION_RANGE)
    if resolution != int(resolution):
        raise InputError(
            "{label} is {value}",
            "Choose a whole number",
            label=Message("Resolution"),
            value=repr(resolution),
        )


@dataclass(frozen=True)
class DeviceInfo:
    """Something that could run the network.

    Attributes:
        name: By which torch knows it: `cuda:0`, `cpu`, ...
        label: Its maker's name, or a message.
        memory: Bytes it has in all; 0 where it does not tell.
        problem: Why it is not used, a message; empty when it works.
    """

    name: str
    label: str
    memory: int = 0
    problem: str = ""


@dataclass(frozen=True, eq=False)
class PreparedImage:
    """A picture as the network wants it.

    Attributes:
        rgb: (N, N, 3) float32 in [0, 1], display-referred, the subject on 50 % gray.
        cutout: The picture with its background removed, RGBA, upright, not yet cropped.
    """

    rgb: NDArray[np.float32]
    cutout: Image.Image


@dataclass(frozen=True, eq=False)
class MeshData:
    """A triangle mesh in the model's frame: right-handed, z up, the subject faces +X.

    Attributes:
        vertices: (V, 3) float32 in [-radius, radius].
        faces: (F, 3) int32, wound counterclockwise seen from outside.
        colors: (V, 3) float32 in [0, 1], display-referred sRGB with the photo's light baked in.
        cut_off: Whether the surface reaches the end of the model's box, which cuts it off there.
    """

    vertices: NDArray[np.float32]
    faces: NDArray[np.int32]
    colors: NDArray[np.float32]
    cut_off: bool = False


@dataclass(frozen=True, eq=False)
class SceneCode:
    """One object as the network describes it: three feature planes and the decoder that reads them.

    Attributes:
        planes: (3, C, P, P) float32: the planes (x, y), (x, z), (y, z); within a plane the first
            coordinate runs along the last axis.
        layers: The decoder's linear layers as (weight (out, in), bias (out,)) float32 pairs; the
            first takes 3C features, the last gives the raw density and three raw colors.
        radius: Half the side of the box that the planes cover, in model units.
        density_bias: Added to the raw density before the exponential.

    Raises:
        ModelFilesError: Shapes do not fit together, or a value is not finite.
    """

    planes: NDArray[np.float32]
    layers: tuple[tuple[NDArray[np.float32], NDArray[np.float32]], ...]
    radius: float = 0.87
    density_bias: float = -1.0

    def __post_init__(self) -> None:
        problem = self._problem()
        if problem:
            raise ModelFilesError(
                "This is not a scene code: {problem}",
                "Choose Full as the precision in the preferences, or fetch the weights again",
                problem=problem,
            )

    def _problem(self) -> Message | None:
        if self.planes.ndim != 4 or self.planes.shape[0] != 3 or not self.planes.size:
            return Message("its planes have the shape {shape}", shape=str(self.planes.shape))
        widths = [3 * self.planes.shape[1], *(len(bias) for _, bias in self.layers)]
        shapes = [weight.shape for weight, _ in self.layers]
        expected = [(outputs, inputs) for inputs, outputs in itertools.pairwise(widths)]
        if len(self.layers) < 2 or shapes != expected or widths[-1] != 4:
            return Message("the layers of its decoder have the shapes {shapes}", shapes=str(shapes))
        arrays = (self.planes, *itertools.chain.from_iterable(self.layers))
        if not all(np.isfinite(array).all() for array in arrays):
            return Message("some of its values are not finite")
        if not (math.isfinite(self.radius) and self.radius > 0):
            return Message("its radius is {radius}", radius=self.radius)
        if not math.isfinite(self.density_bias):
            return Message("its density bias is not finite")
        return None

    def density(self, points: ArrayLike) -> NDArray[np.float32]:
        """Density at `points` (N, 3) in [-radius, radius]: (N,) float32, greater than zero."""
        from .field import Field

        return Field(self).density(points)

    def color(self, points: ArrayLike) -> NDArray[np.float32]:
        """Display-referred sRGB at `points` (N, 3) in [-radius, radius]: (N, 3) float32, 0...1."""
        from .field import Field

        return Field(self).color(points)

    def save(self, path: Path | str) -> None:
        """Write the scene code to `path` as safetensors; the file appears whole or not at all."""
        tensors = {"scene_code": np.ascontiguousarray(self.planes)}
        # Every second module of the decoder is an activation, so linear layers have even numbers.
        for number, (weight, bias) in enumerate(self.layers):
            tensors[f"decoder.layers.{2 * number}.weight"] = np.ascontiguousarray(weight)
            tensors[f"decoder.layers.{2 * number}.bias"] = np.ascontiguousarray(bias)
        metadata = {"radius": repr(self.radius), "density_bias": repr(self.density_bias)}
        path = Path(path)
        partial = path.with_name(path.name + ".partial")
        try:
            _safetensors().numpy.save_file(tensors, partial, metadata)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)

    def to_bytes(self) -> bytes:
        """About a megabyte: the planes in float16, the decoder as it is; for `from_bytes`."""
        box = np.array([self.radius, self.density_bias])
        tensors = {"box": box, "planes": np.ascontiguousarray(self.planes.astype(np.float16))}
        for number, (weight, bias) in enumerate(self.layers):
            tensors[f"weight{number}"] = np.ascontiguousarray(weight)
            tensors[f"bias{number}"] = np.ascontiguousarray(bias)
        return bytes(_safetensors().numpy.save(tensors))

    @classmethod
    def from_bytes(cls, content: bytes) -> SceneCode:
        """What `to_bytes` made; raises ModelFilesError if it is something else."""
        safetensors = _safetensors()
        try:
            tensors = safetensors.numpy.load(content)
            radius, density_bias = tensors["box"].tolist()
            count = sum(key.startswith("weight") for key in tensors)
            layers = tuple((tensors[f"weight{n}"], tensors[f"bias{n}"]) for n in range(count))
            planes = tensors["planes"].astype(np.float32)
        except (safetensors.SafetensorError, KeyError, ValueError, TypeError) as error:
            raise ModelFilesError(
                "The object's scene code is damaged", "Generate the object again"
            ) from error
        return cls(planes, layers, radius, density_bias)

    @classmethod
    def load(cls, path: Path | str) -> SceneCode:
        """Read a scene code written by `save`; half-precision files become float32.

        Raises:
            ModelFilesError: The file is missing, damaged, or holds something else.
        """
        safetensors = _safetensors()
        path = Path(path)
        try:
            with safetensors.safe_open(path, framework="numpy") as file:
                metadata = file.metadata() or {}
                tensors = {key: file.get_tensor(key).astype(np.float32) for key in file.keys()}  # noqa: SIM118
            count = sum(key.endswith(".weight") for key in tensors)
            layers = tuple(
                (tensors[f"decoder.layers.{2 * n}.weight"], tensors[f"decoder.layers.{2 * n}.bias"])
                for n in range(count)
            )
            code = cls(
                planes=tensors["scene_code"],
                layers=layers,
                radius=float(metadata.get("radius", cls.radius)),
                density_bias=float(metadata.get("density_bias", cls.density_bias)),
            )
        except (OSError, safetensors.SafetensorError, KeyError, ValueError, TypeError) as error:
            raise ModelFilesError(
                "{name} is not a scene code",
                "Choose a file that SceneCode.save wrote",
                name=path.name,
            ) from error
        return code


def _safetensors() -> Any:
    """The package that reads and writes scene codes; raises DependencyError."""
    with importing("safetensors"):
        import safetensors.numpy

    return safetensors


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """What a picture has become.

    Attributes:
        mesh: The surface at the resolution and threshold that were asked for.
        code: What it was extracted from: other surfaces and colors come without the network.
    """

    mesh: MeshData
    code: SceneCode
