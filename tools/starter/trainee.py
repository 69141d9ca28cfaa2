"""The network in training: with heads that the model does not keep, and with its losses."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from architecture import CODE_CHANNELS, PATCHES, RAW_THRESHOLD, WIDTH, coordinate_code
from batches import Batch
from dataset import HALF_BOX, MAP, PICTURE
from triposr.inference.machine.devices import choose_dtype
from triposr.inference.model.network import Network

SHARPNESS = 60.0  # per model unit: how fast occupancy falls across the surface
SURFACE = 0.03  # model units, distance from the surface up to which points have a color to learn
LEAST = 0.15  # weight of a point on the surface itself, where inside and outside are equally right
RAY_POINTS = 24  # points on a ray, of which the densest counts
RAY_WEIGHT = 0.5  # the first that was tried
GOLDEN = 0.618034  # the fractional parts of its multiples are spread evenly
CODE_WEIGHT = 0.2  # its errors are larger than the other losses
SHOWN = 7  # channels that a head predicts for each pixel of the picture
OUTLINED = 3  # channels that a head predicts for each cell of a plane


class Trainee(nn.Module):
    """The network with two heads, which predict what the picture shows and what the planes see.

    Occupancy at points says little about what a picture's patch or a plane's token should contain:
    without the heads, the network makes nearly the same lump of every picture for a long time.
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network
        self.cell = MAP // PATCHES
        self.head = nn.Linear(WIDTH, SHOWN * self.cell**2)
        self.plane_head = nn.Conv2d(WIDTH, OUTLINED * self.cell**2, 1)

    def compile_layers(self) -> None:
        """Fuse the operations inside the layers if there is a compiler: a tenth faster."""
        if not shutil.which("g++"):
            return
        vit_layers = self.network.image_tokenizer.model.encoder.layer
        for layer in (*vit_layers, *self.network.backbone.transformer_blocks):
            layer.compile()
        self.network.decoder.layers.compile()

    def look(self, batch: Batch) -> dict[str, Tensor]:
        """Return the losses of the picture's head; runs no more of the network than that needs."""
        tokens, shown = self._look(batch)
        return losses_of_look(tokens, shown, batch)

    def learn(self, batch: Batch) -> dict[str, Tensor]:
        """Return all losses."""
        outputs, rays, (tokens, shown), outlined = self(batch)
        return (
            losses_of_points(outputs, batch)
            | losses_of_rays(rays, batch)
            | losses_of_look(tokens, shown, batch)
            | losses_of_outlines(outlined, batch)
        )

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor], Tensor]:
        """Return the decoder's outputs at points (B, N, 4) and on rays (B, R, 4), and the heads'.

        A ray is evaluated at its point of highest density. The heads' outputs are the image tokens
        (B, 65, C) with (B, 7, 32, 32) for the pictures, and (B, 3, 3, 32, 32) for the planes.
        """
        network, count = self.network, len(batch.pictures)
        look = self._look(batch)
        with self._autocast(batch):
            tokens = network.backbone(network.tokenizer().expand(count, -1, -1), look[0], _ignore)
            size = network.tokenizer.embeddings.shape[-1]
            planes = tokens.unflatten(-1, (3, size, size)).transpose(1, 2).flatten(0, 1)
            outlined = F.pixel_shuffle(self.plane_head(planes), self.cell).float()
            code = network.post_processor(planes).float()
        points = torch.cat((batch.points, self._densest(code, batch.rays)), dim=1)
        outputs = self._decode(code, points)
        at_points, on_rays = outputs.split((batch.points.shape[1], batch.rays.shape[1]), dim=1)
        return at_points, on_rays, look, outlined.unflatten(0, (count, 3))

    def _decode(self, code: Tensor, points: Tensor) -> Tensor:
        """Return the decoder's outputs (B, N, 4) at points (B, N, 3) of codes (3 B, C, 32, 32)."""
        at = torch.stack([points[..., axes] for axes in ((0, 1), (0, 2), (1, 2))], dim=1)
        at = (at / HALF_BOX).flatten(0, 1).unsqueeze(1)
        sampled = F.grid_sample(code, at, align_corners=False)
        features = sampled.squeeze(2).unflatten(0, (len(points), 3)).flatten(1, 2).transpose(1, 2)
        return self.network.decoder.layers(features)

    @torch.no_grad()
    def _densest(self, code: Tensor, rays: Tensor) -> Tensor:
        """Find the densest points (B, R, 3) on rays (B, R, 2, 3); only these need gradients."""
        if not rays.shape[1]:
            return rays[:, :, 0]
        # Each ray begins its steps at another offset, so that together they miss nothing.
        starts = torch.arange(rays.shape[1], device=rays.device)[:, None] * GOLDEN % 1
        shares = (torch.arange(RAY_POINTS, device=rays.device) + starts) / RAY_POINTS
        points = torch.lerp(rays[:, :, None, 0], rays[:, :, None, 1], shares[..., None])
        densities = self._decode(code, points.flatten(1, 2))[..., 0].unflatten(1, shares.shape)
        densest = densities.argmax(dim=2)[..., None, None].expand(-1, -1, 1, 3)
        return points.gather(2, densest).squeeze(2)

    def _look(self, batch: Batch) -> tuple[Tensor, Tensor]:
        with self._autocast(batch):
            tokens = self.network.image_tokenizer(batch.pictures, _ignore)
            cells = self.head(tokens[:, 1:]).float()
        cells = cells.unflatten(-1, (SHOWN, self.cell, self.cell))
        cells = cells.unflatten(1, (PATCHES, PATCHES)).permute(0, 3, 1, 4, 2, 5)
        return tokens, cells.reshape(len(tokens), SHOWN, MAP, MAP)

    def _autocast(self, batch: Batch) -> torch.autocast:
        device = batch.pictures.device
        is_fast = choose_dtype("auto", device) == torch.bfloat16
        return torch.autocast(device.type, torch.bfloat16, enabled=is_fast)


@contextmanager
def written_out_attention() -> Iterator[None]:
    """Compute attention by plain matrix products: on a CPU, training takes two thirds of the time.

    On a CPU, the backward pass of torch's fused attention is slow in bfloat16.
    """
    with patch.object(F, "scaled_dot_product_attention", _attend):
        yield


def _attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: None = None,
    dropout_p: float = 0.0,
    scale: float | None = None,
    is_causal: bool = False,
) -> Tensor:
    assert attn_mask is None and not dropout_p and not is_causal
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    return ((query * scale) @ key.transpose(-1, -2)).softmax(dim=-1) @ value


def _ignore(_: float) -> None:
    pass


def losses_of_look(tokens: Tensor, shown: Tensor, batch: Batch) -> dict[str, Tensor]:
    """Return the losses of the picture's head and of the codes that its tokens carry.

    The head predicts positions (channels 0-2), the silhouette (3) and colors (4-6). The code of a
    patch's token should become that of the place in space that the patch shows. Attention compares
    it with the codes of the planes' tokens, which thereby attend to the patches that show their
    part of space.
    """
    seen = ~batch.positions.isnan()
    colors = F.avg_pool2d(batch.pictures, PICTURE // MAP) - 0.5
    places, shows = mean_positions(batch.positions)
    code = coordinate_code(places)[..., (1, 2, 0), :].flatten(-2)  # y, z, x
    return {
        "code": CODE_WEIGHT * F.mse_loss(tokens[:, 1:, :CODE_CHANNELS].float()[shows], code[shows]),
        "positions": F.smooth_l1_loss(shown[:, :3][seen], batch.positions[seen], beta=0.02),
        "silhouette": F.binary_cross_entropy_with_logits(shown[:, 3], seen[:, 0].float()),
        "picture": F.smooth_l1_loss(shown[:, 4:], colors, beta=0.05),
    }


def mean_positions(positions: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean place of the object in each patch (B, 64, 3), and if it has any (B, 64)."""
    cell = MAP // PATCHES
    seen = ~positions.isnan()
    share = F.avg_pool2d(seen[:, :1].float(), cell)
    mean = F.avg_pool2d(positions.nan_to_num(0.0), cell) / share.clamp(min=1e-6)
    return mean.flatten(2).transpose(1, 2), share.flatten(1) > 0


def losses_of_outlines(outlined: Tensor, batch: Batch) -> dict[str, Tensor]:
    """Return the losses of what the planes see (B, 3, 3, 32, 32); see `batches.outlines`."""
    there, extents = batch.outlines[:, :, 0], batch.outlines[:, :, 1:]
    seen = ~extents.isnan()
    return {
        "outline": F.binary_cross_entropy_with_logits(outlined[:, :, 0], there),
        "extent": F.smooth_l1_loss(outlined[:, :, 1:][seen], extents[seen], beta=0.05),
    }


def losses_of_rays(outputs: Tensor, batch: Batch) -> dict[str, Tensor]:
    """Return the loss of whether rays of the picture hit anything where they are densest (B, R, 4).

    If the network does not know the depth of a leg, no point on its ray is likelier inside than
    outside, and the leg is left out although the picture shows it: some point has to be inside.
    """
    if not batch.hits.numel():
        return {}
    logits = outputs[..., 0] - RAW_THRESHOLD
    return {"rays": RAY_WEIGHT * F.binary_cross_entropy_with_logits(logits, batch.hits)}


def losses_of_points(outputs: Tensor, batch: Batch) -> dict[str, Tensor]:
    """Return the losses of occupancy at all points (B, N, 4), and of colors near the surface."""
    weights = (batch.distances.abs() / SURFACE).clamp(LEAST, 1.0)
    near = batch.distances.abs() < SURFACE
    return {
        "occupancy": F.binary_cross_entropy_with_logits(
            outputs[..., 0] - RAW_THRESHOLD,
            torch.sigmoid(-SHARPNESS * batch.distances),
            weights / weights.mean(),
        ),
        "color": F.smooth_l1_loss(
            torch.sigmoid(outputs[..., 1:])[near], batch.colors[near], beta=0.05
        ),
    }
