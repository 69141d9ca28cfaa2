"""Resizing of a prepared picture to the network's own size."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def resized(rgb: Tensor, size: int) -> Tensor:
    """Resize a picture (N, N, 3) as published, bilinear and antialiased: (1, 3, size, size).

    A picture of that size stays as it is, to the bit.
    """
    return F.interpolate(
        rgb.permute(2, 0, 1).unsqueeze(0),
        (size, size),
        mode="bilinear",
        align_corners=False,
        antialias=True,
    )
