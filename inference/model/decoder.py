"""The decoder's weights: a small MLP from plane features to raw density and raw color.

`inference.surface.field` evaluates it and folds the first layer into the planes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn


class Decoder(nn.Module):
    """Linear layers with SiLU between them: 3C features → n neurons → … → density, r, g, b."""

    def __init__(self, features: int, neurons: int, hidden_layers: int) -> None:
        super().__init__()
        modules: list[nn.Module] = [nn.Linear(features, neurons), nn.SiLU()]
        for _ in range(hidden_layers - 1):
            modules += [nn.Linear(neurons, neurons), nn.SiLU()]
        self.layers = nn.Sequential(*modules, nn.Linear(neurons, 4))

    def to_numpy(self) -> tuple[tuple[NDArray[np.float32], NDArray[np.float32]], ...]:
        """Return the linear layers as (weight, bias) pairs, for `SceneCode.layers`."""

        def array(tensor: Tensor) -> NDArray[np.float32]:
            copied: NDArray[np.float32] = tensor.detach().float().cpu().numpy()
            return copied

        return tuple(
            (array(layer.weight), array(layer.bias))
            for layer in self.layers
            if isinstance(layer, nn.Linear)
        )
