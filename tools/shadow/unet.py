"""Network that separates a subject from its shadow: a U-Net of 0.2 million parameters."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from triposr.inference.picture.shadow import CHANNELS

WIDTHS = (16, 24, 32, 48, 56)
"""Channels at half the picture's side, a quarter, and so on."""

FINE = 8
"""Channels at the picture's own side."""


class ShadowNetwork(nn.Module):
    """From `network_input` (B, 4, H, W), H and W multiples of 32, to logits (B, 1, H, W)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(CHANNELS, WIDTHS[0], 4, 2, 1), nn.ReLU())
        self.down = nn.ModuleList(
            nn.Sequential(_layer(before, width), _layer(width, width))
            for before, width in zip((WIDTHS[0], *WIDTHS), WIDTHS, strict=False)
        )
        self.pool = nn.MaxPool2d(2)
        self.grow = nn.Upsample(scale_factor=2, mode="nearest")
        self.up = nn.ModuleList(
            nn.Sequential(_layer(below + width, width), _layer(width, width))
            for below, width in zip(WIDTHS[:0:-1], WIDTHS[-2::-1], strict=True)
        )
        self.last = nn.ConvTranspose2d(WIDTHS[0], FINE, 2, 2)
        self.head = nn.Sequential(_layer(FINE + CHANNELS, FINE), nn.Conv2d(FINE, 1, 1))

    def forward(self, seen: Tensor) -> Tensor:
        x = self.stem(seen)
        kept = []
        for number, layer in enumerate(self.down):
            x = layer(self.pool(x) if number else x)
            kept.append(x)
        for layer, beside in zip(self.up, kept[-2::-1], strict=True):
            x = layer(torch.cat((self.grow(x), beside), 1))
        return self.head(torch.cat((torch.relu(self.last(x)), seen), 1))


def _layer(before: int, after: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()
    )
