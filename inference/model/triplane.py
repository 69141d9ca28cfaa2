"""The learned triplane tokens, and the upsampler that turns answered tokens into planes."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class TriplaneTokenizer(nn.Module):
    """Three planes of learned tokens; the same for every picture."""

    def __init__(self, plane_size: int, channels: int) -> None:
        super().__init__()
        self.embeddings = nn.Parameter(torch.empty(3, channels, plane_size, plane_size))

    def forward(self) -> Tensor:
        """Return the tokens as a sequence (1, C, 3·P·P): plane after plane, row after row."""
        return self.embeddings.permute(1, 0, 2, 3).flatten(1).unsqueeze(0)

    def detokenize(self, tokens: Tensor) -> Tensor:
        """Return a sequence (1, C, 3·P·P) as planes (3, C, P, P)."""
        channels, size = self.embeddings.shape[1], self.embeddings.shape[2]
        return tokens.view(channels, 3, size, size).transpose(0, 1)


class TriplaneUpsampler(nn.Module):
    """From planes (3, C, P, P) to the scene code (3, C', k·P, k·P); kernel and stride are k."""

    def __init__(self, channels: int, feature_channels: int, kernel_size: int) -> None:
        super().__init__()
        self.upsample = nn.ConvTranspose2d(
            channels, feature_channels, kernel_size=kernel_size, stride=kernel_size
        )

    def forward(self, planes: Tensor) -> Tensor:
        upsampled: Tensor = self.upsample(planes)
        return upsampled
