"""The whole network, and the handle that callers hold: a picture becomes a scene code."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from ..errors import InputError
from ..machine.devices import memory_errors
from ..message import Message
from ..scene_code import SceneCode
from ..types import Tick, ignore_progress
from .backbone import Backbone
from .config import NetworkConfig
from .decoder import Decoder
from .image_tokenizer import ImageTokenizer
from .triplane import TriplaneTokenizer, TriplaneUpsampler

log = logging.getLogger(__name__)


class Network(nn.Module):
    """TripoSR (Tochilkin et al., 2024): attribute names equal the keys of the checkpoint."""

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
        """What the backbone does before it looks at a picture: once for a loaded network, whose
        weights and device stay as they are.
        """
        return self.backbone.begin(self.tokenizer())

    def forward(self, picture: Tensor, tick: Tick = ignore_progress) -> Tensor:
        """A picture (1, 3, S, S) in [0, 1] to the planes of its scene code (3, C, P, P)."""
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
        network: In evaluation mode, on `device`, in `dtype`; its decoder in float32.
        config: The sizes that it was built with.
        device: Where it runs.
        dtype: What it computes in; scene codes are float32 whatever this is.
    """

    network: Network
    config: NetworkConfig
    device: torch.device
    dtype: torch.dtype

    def encode(self, rgb: NDArray[np.float32], tick: Tick | None = None) -> SceneCode:
        """The scene code of a prepared picture.

        Args:
            rgb: (N, N, 3) float32 in [0, 1], square, the subject on 50 % gray; resized to the
                network's own size, bilinear and antialiased as in the published code.
            tick: Called with the stage `encode` between the blocks of the network.

        Raises:
            InputError: `rgb` is no square RGB picture of finite values.
            ModelFilesError: The weights, or too few bits for them, give no finite result.
            DeviceError: The device's memory does not suffice.
        """
        if rgb.ndim != 3 or rgb.shape[0] != rgb.shape[1] or rgb.shape[2] != 3 or not rgb.size:
            raise InputError(
                "The network needs a square RGB picture, not an array of shape {shape}",
                "Pass what prepare_image returned",
                shape=str(rgb.shape),
            )
        # Not a number is not between 0 and 1 either. Filters may overshoot by a rounding error.
        if not ((rgb > -1e-3) & (rgb < 1 + 1e-3)).all():
            raise InputError("The picture's values are not from 0 to 1", "Divide bytes by 255")
        started = time.perf_counter()
        with torch.inference_mode(), memory_errors(Message("encoding the picture")):
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
        """A picture (N, N, 3) at the network's own size, by the published filter: (1, 3, S, S)."""
        size = self.config.image_size
        return F.interpolate(
            rgb.permute(2, 0, 1).unsqueeze(0),
            (size, size),
            mode="bilinear",
            align_corners=False,
            antialias=True,
        )
