"""The tokenizer of pictures: a DINO vision transformer, run through `transformers.ViTModel`."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import importing

# Imported here, not where it is used: there the default device is `meta`, and importing
# transformers runs tensor operations (seen with torch 2.6) that need a real device.
with importing("transformers"):
    from transformers import ViTConfig, ViTModel

# Mean and standard deviation of ImageNet, on which DINO was trained.
IMAGE_MEAN = (0.485, 0.456, 0.406)
IMAGE_STD = (0.229, 0.224, 0.225)

PREFIX = "image_tokenizer.model."
POSITIONS = PREFIX + "embeddings.position_embeddings"

# The published checkpoint has the key names of transformers 4.35; transformers 5.9 renamed them.
# "attention.output.dense" must come before "output.dense", which it contains.
_RENAMES = (
    (r"\bencoder\.layer\.(\d+)\.", r"layers.\1."),
    (r"\battention\.attention\.(query|key|value)\.", r"attention.\1."),
    (r"\battention\.query\.", "attention.q_proj."),
    (r"\battention\.key\.", "attention.k_proj."),
    (r"\battention\.value\.", "attention.v_proj."),
    (r"\battention\.output\.dense\.", "attention.o_proj."),
    (r"\bintermediate\.dense\.", "mlp.fc1."),
    (r"\boutput\.dense\.", "mlp.fc2."),
)


class ImageTokenizer(nn.Module):
    """From pictures (B, 3, S, S) in [0, 1] to tokens (B, 1 + (S / patch)², width), class first."""

    def __init__(self, vit: Mapping[str, Any], image_size: int) -> None:
        super().__init__()
        # Given the network's own size, every release of transformers uses the table of position
        # embeddings as it is; `resize_positions` has resized it with the formula of the release
        # that the published model was trained with.
        self.model = ViTModel(ViTConfig(**{**vit, "image_size": image_size}))

    def forward(self, pictures: Tensor, progress: Callable[[float], None]) -> Tensor:
        mean = pictures.new_tensor(IMAGE_MEAN).view(3, 1, 1)
        std = pictures.new_tensor(IMAGE_STD).view(3, 1, 1)
        with self._progress_between_layers(progress):
            tokens: Tensor = self.model(pixel_values=(pictures - mean) / std).last_hidden_state
        return tokens

    @contextmanager
    def _progress_between_layers(self, progress: Callable[[float], None]) -> Iterator[None]:
        """Report progress before each layer of the ViT, by hooks: transformers runs the loop."""
        # A ViTModel has one list of modules, its layers, whatever their name.
        layers = next(part for part in self.model.modules() if isinstance(part, nn.ModuleList))

        def report(number: int, *_: object) -> None:
            progress(number / len(layers))

        hooks = [
            layer.register_forward_pre_hook(partial(report, number))
            for number, layer in enumerate(layers)
        ]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()


def resize_positions(table: Tensor, grid: int) -> Tensor:
    """Resize position embeddings (1, 1 + n², C) to a grid of `grid`² patches: (1, 1 + grid², C).

    The formula is that of transformers 4.35: bicubic by a scale factor of (grid + 0.1) / n. Later
    releases interpolate to a size instead, which differs by up to a percent of the largest value.
    """
    side = math.isqrt(table.shape[1] - 1)
    if side == grid:
        return table
    class_token, patches = table[:, :1], table[:, 1:]
    planes = patches.reshape(1, side, side, -1).permute(0, 3, 1, 2).float()
    scale = (grid + 0.1) / side
    planes = F.interpolate(planes, scale_factor=(scale, scale), mode="bicubic", align_corners=False)
    resized = planes.permute(0, 2, 3, 1).reshape(1, grid * grid, -1).to(table.dtype)
    return torch.cat((class_token, resized), dim=1)


def adapt_keys(state: Mapping[str, Tensor], installed: set[str]) -> dict[str, Tensor]:
    """Rename the ViT's weights for the installed transformers, which has the keys `installed`."""
    if any(key.startswith(PREFIX + "encoder.layer.") for key in installed):
        return dict(state)
    return {published_to_renamed(key): tensor for key, tensor in state.items()}


def published_to_renamed(key: str) -> str:
    """Return transformers 5.9's name for a published key; keys outside the ViT stay the same."""
    if not key.startswith(PREFIX):
        return key
    for pattern, replacement in _RENAMES:
        key = re.sub(pattern, replacement, key)
    return key
