"""Where the time of an extraction goes, and how little its arithmetic alone would take."""

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
"""What is timed: none of these calls another."""

REST = "choosing points and gathering leaves"
SIDE = 2048  # of the matrices that tell what the device can multiply


def stages(code: SceneCode, resolution: int, threshold: float, device: str) -> dict[str, Any]:
    """Seconds in each part of one extraction, and the limit that arithmetic sets.

    Returns:
        `seconds` by part; `points` that the decoder was evaluated at; `limit_seconds` that its
        multiplications alone would take at the rate of a large product of matrices.
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
    # The first layer is three rows added; of the last one, density takes one row, colors three.
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
    """The function, which adds the time that it takes to its part of `seconds`."""

    def timed(self: Any, *arguments: Any) -> Any:
        started = time.perf_counter()
        result = function(self, *arguments)
        if device.startswith("cuda"):
            torch.cuda.synchronize()
        seconds[part] += time.perf_counter() - started
        return result

    return timed


def _counted(evaluated: list[int]) -> Callable[..., Any]:
    """`Field.raw_density`, which also notes at how many points it was evaluated."""
    raw_density = Field.raw_density

    def counted(self: Field, hidden: Tensor) -> Tensor:
        evaluated.append(len(hidden))
        return raw_density(self, hidden)

    return counted


def multiplications(device: str) -> float:
    """Floating-point operations a second in products of large float32 matrices."""
    one = torch.rand(SIDE, SIDE, device=device)
    best = 0.0
    for _ in range(5):
        started = time.perf_counter()
        (one @ one)[0, 0].item()  # waits for the device
        best = max(best, 2 * SIDE**3 / (time.perf_counter() - started))
    return best
