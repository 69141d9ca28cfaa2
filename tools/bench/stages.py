"""Time of each part of an extraction, and the minimum that its arithmetic takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor

from triposr.inference import SceneCode, extract_mesh
from triposr.inference.surface.field import Field
from triposr.inference.surface.grid import Grid
from triposr.inference.surface.marching_cubes import Surface

PARTS = {
    "the decoder at lattice points": (Grid, "at"),
    "PyMCubes": (Surface, "add"),
    "welding": (Surface, "welded"),
    "the decoder at vertices, for colors": (Field, "color"),
}
"""The timed functions by part; none of them calls another."""

REST = "choosing points and gathering leaves"
SIDE = 2048  # side of the matrices that measure the device's speed


def stages(code: SceneCode, resolution: int, threshold: float, device: str) -> dict[str, Any]:
    """Measure the seconds in each part of one extraction, and compute the limit by arithmetic.

    Returns:
        `seconds` by part; `points`, at which the decoder was evaluated; `limit_seconds`, which its
        multiplications alone would take at the speed of a large matrix product.
    """
    seconds = dict.fromkeys(PARTS, 0.0)
    evaluated: list[int] = []
    with ExitStack() as stack:
        for part, (owner, name) in PARTS.items():
            timed = _timed(getattr(owner, name), part, seconds, device)
            stack.enter_context(patch.object(owner, name, timed))
        stack.enter_context(patch.object(Field, "raw_density", _counted(evaluated)))
        started = time.perf_counter()
        mesh = extract_mesh(code, resolution, threshold, device=device, closed=False)
        total = time.perf_counter() - started
    hidden = sum(weight.size for weight, _ in code.layers[1:-1])
    # The first layer adds three rows; of the last layer, density takes one row, colors three.
    operations = 2 * hidden * (sum(evaluated) + len(mesh.vertices))
    return {
        "resolution": resolution,
        "seconds": seconds | {REST: total - sum(seconds.values())},
        "total_seconds": total,
        "points": sum(evaluated),
        "limit_seconds": operations / multiplications(device),
    }


def _timed(
    function: Callable[..., Any], part: str, seconds: dict[str, float], device: str
) -> Callable[..., Any]:
    """Wrap a function so that it adds its time to its part of `seconds`."""

    def timed(self: Any, *arguments: Any) -> Any:
        started = time.perf_counter()
        result = function(self, *arguments)
        if device.startswith("cuda"):
            torch.cuda.synchronize()
        seconds[part] += time.perf_counter() - started
        return result

    return timed


def _counted(evaluated: list[int]) -> Callable[..., Any]:
    """Wrap `Field.raw_density` so that it also appends its number of points to `evaluated`."""
    raw_density = Field.raw_density

    def counted(self: Field, hidden: Tensor) -> Tensor:
        evaluated.append(len(hidden))
        return raw_density(self, hidden)

    return counted


def multiplications(device: str) -> float:
    """Measure floating-point operations per second in products of large float32 matrices."""
    one = torch.rand(SIDE, SIDE, device=device)
    best = 0.0
    for _ in range(5):
        started = time.perf_counter()
        (one @ one)[0, 0].item()  # waits for the device
        best = max(best, 2 * SIDE**3 / (time.perf_counter() - started))
    return best
