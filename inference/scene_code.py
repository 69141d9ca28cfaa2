"""Scene codes, the network's descriptions of objects, and their files. No torch, no bpy."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import ModelFilesError, importing
from .message import Message


@dataclass(frozen=True, eq=False)
class SceneCode:
    """The network's description of one object: three feature planes and a decoder to read them.

    Attributes:
        planes: (3, C, P, P) float32: the planes (x, y), (x, z), (y, z); within a plane the first
            coordinate runs along the last axis.
        layers: The decoder's linear layers as (weight (out, in), bias (out,)) float32 pairs; the
            first takes 3C features, the last returns the raw density and three raw colors.
        radius: Half the side of the box that the planes cover, in model units.
        density_bias: Added to the raw density before the exponential.

    Raises:
        ModelFilesError: Shapes do not match, a value is not finite, or the radius is not positive.
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

    def to_bytes(self, half: bool = False) -> bytes:
        """Return the content of a safetensors file, for `from_bytes`.

        Args:
            half: Whether to write the planes as float16, which halves the size to about a
                megabyte.
        """
        planes = self.planes.astype(np.float16) if half else self.planes
        tensors = {"scene_code": np.ascontiguousarray(planes)}
        # Every second module of the decoder is an activation, so the linear layers have even
        # numbers.
        for number, (weight, bias) in enumerate(self.layers):
            tensors[f"decoder.layers.{2 * number}.weight"] = np.ascontiguousarray(weight)
            tensors[f"decoder.layers.{2 * number}.bias"] = np.ascontiguousarray(bias)
        # One entry, because the package writes several in a random order, and the same scene code
        # shall have the same bytes.
        metadata = {"box": json.dumps([self.radius, self.density_bias])}
        return bytes(_safetensors().numpy.save(tensors, metadata))

    @classmethod
    def from_bytes(cls, content: bytes) -> SceneCode:
        """Read what `to_bytes` wrote; half-precision planes become float32.

        Raises:
            ModelFilesError: The content is damaged or not a scene code.
        """
        safetensors = _safetensors()
        try:
            tensors = safetensors.numpy.load(content)
            box, tensors = _box_of(content, tensors), _with_present_names(tensors)
            count = sum(key.endswith(".weight") for key in tensors)
            layers = tuple(
                (
                    tensors[f"decoder.layers.{2 * number}.weight"].astype(np.float32),
                    tensors[f"decoder.layers.{2 * number}.bias"].astype(np.float32),
                )
                for number in range(count)
            )
            return cls(tensors["scene_code"].astype(np.float32), layers, *map(float, box))
        except (safetensors.SafetensorError, KeyError, ValueError, TypeError) as error:
            raise ModelFilesError(
                "The object's scene code is damaged", "Generate the object again"
            ) from error

    def save(self, path: Path | str) -> None:
        """Write the scene code to `path` as safetensors, whole or not at all."""
        path = Path(path)
        partial = path.with_name(path.name + ".partial")
        try:
            partial.write_bytes(self.to_bytes())
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: Path | str) -> SceneCode:
        """Read a scene code written by `save`.

        Raises:
            ModelFilesError: The file is missing, damaged or not a scene code.
        """
        path = Path(path)
        try:
            return cls.from_bytes(path.read_bytes())
        except (OSError, ModelFilesError) as error:
            raise ModelFilesError(
                "{name} is not a scene code",
                "Choose a file that SceneCode.save wrote",
                name=path.name,
            ) from error


def _box_of(content: bytes, tensors: dict[str, NDArray[Any]]) -> Iterable[Any]:
    """The radius and the density bias, wherever this or an older version wrote them.

    The package reads a file's metadata from paths only. It is in the header: JSON, whose length is
    in the 8 bytes before it.
    """
    length = int.from_bytes(content[:8], "little")
    metadata = json.loads(content[8 : 8 + length]).get("__metadata__", {})
    if "box" in metadata:
        return json.loads(metadata["box"])
    if "box" in tensors:  # in objects of older files
        return tensors["box"].tolist()
    return (
        metadata.get("radius", SceneCode.radius),
        metadata.get("density_bias", SceneCode.density_bias),
    )


def _with_present_names(tensors: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Rename the tensors of an older file to the names that `to_bytes` writes."""
    if "planes" not in tensors:
        return tensors
    present = {"scene_code": tensors["planes"]}
    for number in range(sum(key.startswith("weight") for key in tensors)):
        for part in ("weight", "bias"):
            present[f"decoder.layers.{2 * number}.{part}"] = tensors[f"{part}{number}"]
    return present


def _safetensors() -> Any:
    """Import safetensors, which reads and writes scene codes; raises DependencyError."""
    with importing("safetensors"):
        import safetensors.numpy

    return safetensors
