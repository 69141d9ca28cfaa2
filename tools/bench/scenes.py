"""Scene codes of the published size for measurements: a toy robot and fitted, generated objects.

The published network makes such codes from pictures, but its weights are too large for some
machines. Here, planes and a decoder of its sizes learn one object by heart, from points around it.
"""

from __future__ import annotations

import itertools
import math
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

sys.path.append(str(Path(__file__).resolve().parents[1] / "starter"))

from dataset import CACHE, sample_points
from objects import make_object
from triposr.inference import SceneCode

GOLDEN = Path(__file__).resolve().parents[2] / "tests" / "data" / "scene" / "scene.safetensors"
"""A toy robot; the published code's meshes of it are known (see tests/data)."""

FITTED = {"chair": 70_000_001, "figure": 70_000_002, "plant": 70_000_003}
"""Seeds of the fitted objects, by family."""

SCENES = ("robot", *FITTED)

CHANNELS, TEXELS, WIDTH, HIDDEN = 40, 64, 64, 9  # the published sizes
RADIUS, DENSITY_BIAS, THRESHOLD = 0.87, -1.0, 25.0
RAW_THRESHOLD = math.log(THRESHOLD) - DENSITY_BIAS
STEPS, POINTS, RATE = 400, 8192, 5e-3
EMPTY = 4  # every fourth point is anywhere in the box
SMOOTH = 0.1  # weight of the differences between neighboring texels
SHARPNESS = 60.0  # per model unit: how fast occupancy falls across the surface


def scene(name: str) -> Path:
    """Return the file of a scene code, which is fitted if it does not exist yet."""
    if name == "robot":
        return GOLDEN
    path = CACHE.parent / "bench" / f"{name}.safetensors"
    if not path.exists():
        print(f"fitting a scene code to a {name}", flush=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        fit(name, FITTED[name]).save(path)
    return path


def fit(family: str, seed: int) -> SceneCode:
    """Fit a scene code to one object."""
    generator = np.random.default_rng(seed)
    torch.manual_seed(seed)
    solid = make_object(seed, family)
    points, distances, colors = sample_points(solid, generator, STEPS * POINTS)
    # The planes must also learn that the rest of the box is empty.
    points[::EMPTY] = generator.uniform(-RADIUS, RADIUS, points[::EMPTY].shape)
    distances[::EMPTY] = solid.distance(points[::EMPTY].astype(np.float64)).clip(-1, 1)
    planes = (0.01 * torch.randn(3, CHANNELS, TEXELS, TEXELS)).requires_grad_()
    widths = [3 * CHANNELS, *[WIDTH] * HIDDEN, 4]
    layers = [torch.nn.Linear(a, b) for a, b in itertools.pairwise(widths)]
    for layer in layers:
        torch.nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
    parameters = [planes, *(p for layer in layers for p in layer.parameters())]
    optimizer = torch.optim.Adam(parameters, RATE)
    fall = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    for step in range(STEPS):
        here = slice(step * POINTS, (step + 1) * POINTS)
        at, distance, color = (
            torch.from_numpy(values[here].astype(np.float32))
            for values in (points, distances, colors)
        )
        loss = _loss(_decode(planes, layers, at), distance, color / 255) + SMOOTH * _steps(planes)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        fall.step()
    weights = [(layer.weight, layer.bias) for layer in layers]
    return SceneCode(
        planes=planes.detach().numpy(),
        layers=tuple((w.detach().numpy(), b.detach().numpy()) for w, b in weights),
        radius=RADIUS,
        density_bias=DENSITY_BIAS,
    )


def _decode(planes: Tensor, layers: list[torch.nn.Linear], points: Tensor) -> Tensor:
    at = torch.stack([points[:, axes] / RADIUS for axes in ((0, 1), (0, 2), (1, 2))]).unsqueeze(1)
    hidden = F.grid_sample(planes, at, align_corners=False).squeeze(2).permute(2, 0, 1).flatten(1)
    for layer in layers[:-1]:
        hidden = F.silu(layer(hidden))
    return layers[-1](hidden)


def _steps(planes: Tensor) -> Tensor:
    """Return the mean absolute difference between neighboring texels."""
    return planes.diff(dim=-1).abs().mean() + planes.diff(dim=-2).abs().mean()


def _loss(outputs: Tensor, distances: Tensor, colors: Tensor) -> Tensor:
    inside = torch.sigmoid(-SHARPNESS * distances)
    occupancy = F.binary_cross_entropy_with_logits(outputs[:, 0] - RAW_THRESHOLD, inside)
    return occupancy + F.mse_loss(torch.sigmoid(outputs[:, 1:]), colors)
