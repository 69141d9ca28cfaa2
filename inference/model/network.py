"""The whole network, from a picture to a scene code, and `Model`, the handle that callers hold."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..errors import InputError
from ..machine.devices import full_float32, memory_errors
from ..message import Message
from ..scene_code import SceneCode
from ..types import Tick, ignore_progress
from .backbone import Backbone
from .config import NetworkConfig
from .decoder import Decoder
from .image_tokenizer import ImageTokenizer
from .resize import resized
from .triplane import TriplaneTokenizer, TriplaneUpsampler

log = logging.getLogger(__name__)


class Network(nn.Module):
    """TripoSR (Tochilkin et al., 2024); attribute names equal the keys of the checkpoint."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.image_tokenizer = ImageTokenizer(config.vit, config.image_size)
        self.tokenizer = TriplaneTokenizer(config.plane_size, config.channels)
        self.backbone = Backbone(
            config.channels, config.image_width, config.heads, config.head_width, config.blocks
        )
        self.post_processor = TriplaneUpsampler(
            config.channels, config.feature_channels, config.kernel_size
        )
        self.decoder = Decoder(3 * config.feature_channels, config.neurons, config.hidden_layers)

    @cached_property
    def _begun(self) -> Tensor:
        """The backbone's hidden tokens before it sees a picture.

        Computed once for a loaded network, whose weights and device do not change.
        """
        return self.backbone.begin(self.tokenizer())

    def forward(self, picture: Tensor, tick: Tick = ignore_progress) -> Tensor:
        """Turn a picture (1, 3, S, S) in [0, 1] into the planes of its scene code (3, C, P, P)."""
        # At the published size, the image tokenizer does about a fifth of the work.
        image_tokens = self.image_tokenizer(picture, lambda done: tick("encode", 0.2 * done))
        tokens = self.backbone(
            self.tokenizer(),
            image_tokens,
            lambda done: tick("encode", 0.2 + 0.8 * done),
            self._begun,
        )
        planes: Tensor = self.post_processor(self.tokenizer.detokenize(tokens))
        return planes


@dataclass(frozen=True, eq=False)
class Model:
    """A loaded network on its device.

    Attributes:
        network: The network in evaluation mode, on `device`, in `dtype`; its decoder in float32.
        config: The sizes that it was built with.
        device: The device that it runs on.
        dtype: The type that it computes in; scene codes are always float32.
    """

    network: Network
    config: NetworkConfig
    device: torch.device
    dtype: torch.dtype

    def encode(self, rgb: NDArray[np.float32], tick: Tick | None = None) -> SceneCode:
        """Compute the scene code of a prepared picture.

        Args:
            rgb: (N, N, 3) float32 in [0, 1], square, the subject on 50 % gray; resized to the
                network's own size, bilinear and antialiased as in the published code.
            tick: Called with the stage `encode` between the blocks of the network.

        Raises:
            InputError: `rgb` is not a square RGB picture with values from 0 to 1.
            ModelFilesError: The result is not finite: bad weights, or too low a precision.
            DeviceError: The device has too little memory.
        """
        if rgb.ndim != 3 or rgb.shape[0] != rgb.shape[1] or rgb.shape[2] != 3 or not rgb.size:
            raise InputError(
                "The network needs a square RGB picture, not an array of shape {shape}",
                "Pass what prepare_image returned",
                shape=str(rgb.shape),
            )
        # NaN fails both comparisons. Filters may overshoot by a rounding error.
        if not ((rgb > -1e-3) & (rgb < 1 + 1e-3)).all():
            raise InputError("The picture's values are not from 0 to 1", "Divide bytes by 255")
        started = time.perf_counter()
        with (
            torch.inference_mode(),
            full_float32(),
            memory_errors(Message("encoding the picture")),
        ):
            picture = self.resize(torch.from_numpy(np.ascontiguousarray(rgb, np.float32)))
            planes = self.network(
                picture.to(self.device, self.dtype), tick if tick else ignore_progress
            )
            code = SceneCode(
                planes=planes.float().cpu().numpy(),
                layers=self.network.decoder.to_numpy(),
                radius=self.config.radius,
                density_bias=self.config.density_bias,
            )
        log.info("Encoded the picture: %.2f s", time.perf_counter() - started)
        return code

    def resize(self, rgb: Tensor) -> Tensor:
        """Resize a picture (N, N, 3) to the network's size, as published: (1, 3, S, S)."""
        return resized(rgb, self.config.image_size)
