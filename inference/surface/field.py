"""Evaluation of a scene code: density and color at points, and planes resampled for a lattice.

The decoder's first layer is linear, and so is bilinear sampling. Each plane is therefore multiplied
by its slice of that layer once. Sampling the three products and adding them gives the first hidden
layer directly, without concatenating the 3C features of any point.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ..errors import InputError
from ..scene_code import SceneCode
from .recall import recall_of
from .workers import Workers

MAX_LOG_DENSITY = 80.0
"""Cap of the logarithm: exp(80) is near the end of float32; real scene codes stay below 20."""

_AXES = ((0, 1), (0, 2), (1, 2))
"""The coordinates at which each plane is read: (x, y), (x, z), (y, z)."""


def ignore(done: float) -> None:
    """Do nothing: the progress callback of a caller that does not need progress."""


def density_at(code: SceneCode, points: ArrayLike) -> NDArray[np.float32]:
    """Return the density at `points` (N, 3) in [-radius, radius]: (N,) float32, above zero."""
    return Field(code).density(points)


def color_at(code: SceneCode, points: ArrayLike) -> NDArray[np.float32]:
    """Return the color at `points` (N, 3) in [-radius, radius]: (N, 3) float32 sRGB, 0...1.

    The color is display-referred.
    """
    return Field(code).color(points)


class Field:
    """The density and color of a scene code, ready to be evaluated on one device.

    Points are (N, 3) in [-radius, radius], in the model's frame; outside the box the features are
    zero, as in the published code. A density is "raw" before the bias and the exponential.
    """

    def __init__(self, code: SceneCode, workers: Workers | None = None) -> None:
        """Multiply the planes by the first layer.

        Args:
            code: The scene code.
            workers: Evaluate it on their device; if None, the calling thread does so on the CPU.
        """
        self.code, self.radius = code, code.radius
        self.workers = workers or Workers(torch.device("cpu"))
        self.device = self.workers.device
        self.recall = recall_of(code, self.device)
        first, *self._hidden, self._last = [
            (self.tensor(weight), self.tensor(bias)) for weight, bias in code.layers
        ]
        planes = self.tensor(code.planes)
        weight, self._first_bias = first
        slices = weight.view(weight.shape[0], *planes.shape[:2])
        self._planes = torch.einsum("pchw,npc->pnhw", planes, slices)

    def tensor(self, array: NDArray[np.float32]) -> Tensor:
        """Return an array as a float32 tensor on the field's device."""
        return torch.from_numpy(np.ascontiguousarray(array, np.float32)).to(self.device)

    def density(self, points: ArrayLike) -> NDArray[np.float32]:
        """Return the density at points (N, 3): (N,) float32, above zero."""
        return self._at_points(
            points, lambda h: self.activate_density(self.raw_density(h)), (), ignore
        )

    def color(
        self, points: ArrayLike, progress: Callable[[float], None] = ignore
    ) -> NDArray[np.float32]:
        """Return display-referred sRGB at points (N, 3): (N, 3) float32 in [0, 1]."""
        return self._at_points(points, self._color, (3,), progress)

    def raw_density(self, hidden: Tensor) -> Tensor:
        """Return the raw density (N,) of first-layer sums (N, n), which are overwritten."""
        weight, bias = self._last
        return torch.addmv(bias[0], self._activate(hidden), weight[0])

    def activate_density(self, raw: Tensor) -> Tensor:
        """Turn raw densities into densities, in place; capped: infinity cannot be interpolated."""
        return raw.add_(self.code.density_bias).clamp_(max=MAX_LOG_DENSITY).exp_()

    def _color(self, hidden: Tensor) -> Tensor:
        weight, bias = self._last
        return torch.sigmoid(torch.addmm(bias[1:], self._activate(hidden), weight[1:].T))

    def _activate(self, hidden: Tensor) -> Tensor:
        """Apply all layers but the last to first-layer sums (N, n), which are overwritten."""
        hidden = F.silu(hidden, inplace=True)
        for weight, bias in self._hidden:
            hidden = F.silu(torch.addmm(bias, hidden, weight.T), inplace=True)
        return hidden

    def _at_points(
        self,
        points: ArrayLike,
        read: Callable[[Tensor], Tensor],
        width: tuple[int, ...],
        progress: Callable[[float], None],
    ) -> NDArray[np.float32]:
        positions = np.asarray(points, np.float32)
        if positions.ndim != 2 or positions.shape[1] != 3:
            raise InputError(
                "Points have the shape {shape}",
                "Pass an array of shape (N, 3)",
                shape=str(positions.shape),
            )
        result = np.empty((len(positions), *width), np.float32)

        def evaluate(block: slice) -> None:
            hidden = self._sample(self.tensor(positions[block]) / self.code.radius)
            result[block] = read(hidden).cpu().numpy()

        self.workers.each(evaluate, len(positions), progress)
        return result

    def _sample(self, points: Tensor) -> Tensor:
        """Return the first-layer sums (N, n) at points (N, 3) in [-1, 1]."""
        at = torch.stack([points[:, axes] for axes in _AXES]).unsqueeze(1)
        sampled = F.grid_sample(self._planes, at, align_corners=False)
        return sampled.squeeze(2).sum(0).T + self._first_bias

    def resampled(self, ticks: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Resample the three planes at all pairs of `ticks` (n,), coordinates in [-1, 1].

        Returns:
            `xy`, `xz`, `yz`, each (n, n, hidden): the first-layer sum at point (i, j, k) is
            `xy[i, j] + xz[i, k] + yz[j, k]`.
        """
        size = self._planes.shape[-1]
        # In these units, texel centers are whole numbers; zeros surround the first and the last.
        at = ((ticks + 1) * size - 1) / 2 + 1
        lower = at.floor().long().clamp(0, size)
        share = (at - lower)[:, None, None]
        xy, xz, yz = (
            _between(_between(plane, lower, share).transpose(0, 1), lower, share).transpose(0, 1)
            for plane in F.pad(self._planes, (1, 1, 1, 1)).permute(0, 3, 2, 1).contiguous()
        )
        return (xy + self._first_bias).contiguous(), xz.contiguous(), yz.contiguous()


def _between(rows: Tensor, lower: Tensor, share: Tensor) -> Tensor:
    """Interpolate linearly between rows `lower` (n,) of `rows` (m, ...) and the next: (n, ...)."""
    return torch.lerp(rows[lower], rows[lower + 1], share)
