"""Sizes of the starter model in the published file format, and its weights before training."""

from __future__ import annotations

import json
import math
from pathlib import Path

import torch
import yaml
from torch import Tensor, nn

from dataset import HALF_BOX, PICTURE, RATIO
from objects import LONGEST_SIDE
from triposr.inference import Options
from triposr.inference.model.config import NetworkConfig, read_config
from triposr.inference.model.network import Network

WIDTH = 192
CODE_WAVES = 4
AXIS_CHANNELS = 2 * CODE_WAVES  # channels of a token for the code of one coordinate
Y, Z, X = (slice(n * AXIS_CHANNELS, (n + 1) * AXIS_CHANNELS) for n in range(3))
CODE_CHANNELS = 3 * AXIS_CHANNELS
HEAD_SHARPNESS = (1.2, 1.7)  # scales of the codes in the first two heads' queries and keys
PATCH = 16  # pixels
PATCHES = PICTURE // PATCH
DENSITY_BIAS = -1.0
RAW_THRESHOLD = math.log(Options().threshold) - DENSITY_BIAS
"""The decoder's output at the surface; the density is exp(output + bias)."""

VIT = {
    "architectures": ["ViTModel"],
    "attention_probs_dropout_prob": 0.0,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.0,
    "hidden_size": WIDTH,
    "image_size": PICTURE,
    "initializer_range": 0.02,
    "intermediate_size": 4 * WIDTH,
    "layer_norm_eps": 1e-12,
    "model_type": "vit",
    "num_attention_heads": 3,
    "num_channels": 3,
    "num_hidden_layers": 6,
    "patch_size": PATCH,
}

CONFIG = {
    "cond_image_size": PICTURE,
    "image_tokenizer_cls": "tsr.models.tokenizers.image.DINOSingleImageTokenizer",
    "image_tokenizer": {"pretrained_model_name_or_path": "vit"},
    "tokenizer_cls": "tsr.models.tokenizers.triplane.Triplane1DTokenizer",
    "tokenizer": {"plane_size": 8, "num_channels": WIDTH},
    "backbone_cls": "tsr.models.transformer.transformer_1d.Transformer1D",
    "backbone": {
        "in_channels": WIDTH,
        "num_attention_heads": 3,
        "attention_head_dim": 64,
        "num_layers": 6,
        "cross_attention_dim": WIDTH,
    },
    "post_processor_cls": "tsr.models.network_utils.TriplaneUpsampleNetwork",
    "post_processor": {"in_channels": WIDTH, "out_channels": 16, "kernel_size": 4},
    "decoder_cls": "tsr.models.network_utils.NeRFMLP",
    "decoder": {
        "in_channels": 48,
        "n_neurons": 48,
        "n_hidden_layers": 3,
        "activation": "silu",
    },
    "renderer_cls": "tsr.models.nerf_renderer.TriplaneNeRFRenderer",
    "renderer": {
        "radius": HALF_BOX,
        "feature_reduction": "concat",
        "density_activation": "exp",
        "density_bias": DENSITY_BIAS,
        "num_samples_per_ray": 128,
    },
}


def write_config(folder: Path) -> NetworkConfig:
    """Write `config.yaml` and `vit/config.json`; return the configuration that the add-on reads."""
    (folder / "vit").mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(CONFIG, sort_keys=False))
    (folder / "vit" / "config.json").write_text(json.dumps(VIT, indent=1) + "\n")
    return read_config(folder)


def initial_network(config: NetworkConfig, seed: int) -> Network:
    """Build a network that knows the places of its tokens from the start.

    Patches of the picture and tokens of the planes carry a code of the coordinates they stand for,
    and attention begins by comparing these codes: a token attends to the patch that it projects to,
    and to the tokens of the other planes that share a coordinate with it. With random weights, the
    network must learn this, which takes longer than everything else.
    """
    torch.manual_seed(seed)
    network = Network(config)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.5 / math.sqrt(module.in_features))
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        _write_patch_codes(network)
        _write_token_codes(network)
        _compare_codes(network)
        _start_decoder(network, config)
    return network


def coordinate_code(at: Tensor) -> Tensor:
    """Return sines and cosines of a coordinate (...) in model units: (..., AXIS_CHANNELS)."""
    waves = math.pi / (2 * HALF_BOX) * 2.0 ** torch.arange(CODE_WAVES, device=at.device)
    phase = at.unsqueeze(-1) * waves
    return math.sqrt(2) * torch.cat((phase.sin(), phase.cos()), dim=-1)


def centers(count: int, half: float) -> Tensor:
    """Return the centers (count,) of equal cells that fill [-half, half]."""
    return half * ((torch.arange(count) + 0.5) * 2 / count - 1)


def _write_patch_codes(network: Network) -> None:
    embeddings = network.image_tokenizer.model.embeddings
    grid = math.isqrt(embeddings.position_embeddings.shape[1] - 1)
    # A subject of full size fills 85 % of the picture. Right is +Y, up is +Z.
    half = LONGEST_SIDE / 2 / RATIO
    code = coordinate_code(centers(grid, half))
    table = torch.randn(grid, grid, WIDTH) * 0.02
    table[..., Y] = code[None, :]
    table[..., Z] = code.flip(0)[:, None]
    embeddings.position_embeddings.normal_(std=0.02)
    embeddings.position_embeddings[0, 1:] = table.flatten(0, 1)
    embeddings.cls_token.normal_(std=0.02)
    projection = embeddings.patch_embeddings.projection
    nn.init.trunc_normal_(projection.weight, std=0.02)
    nn.init.zeros_(projection.bias)
    projection.weight[: 2 * AXIS_CHANNELS] = 0.0


def _write_token_codes(network: Network) -> None:
    tokens = network.tokenizer.embeddings  # (3, C, P, P); planes (x, y), (x, z), (y, z)
    tokens.normal_()
    tokens[:, :CODE_CHANNELS] = 0.0
    code = coordinate_code(centers(tokens.shape[-1], HALF_BOX)).T  # (AXIS_CHANNELS, P)
    for plane, (first, second) in enumerate(((X, Y), (X, Z), (Y, Z))):
        tokens[plane, first] = code[:, None, :]
        tokens[plane, second] = code[:, :, None]
    nn.init.eye_(network.backbone.proj_in.weight)
    nn.init.trunc_normal_(network.backbone.proj_out.weight, std=0.5 / math.sqrt(WIDTH))


def _compare_codes(network: Network) -> None:
    for block in network.backbone.transformer_blocks:
        for attention in (block.attn1, block.attn2):
            head_width = attention.to_q.out_features // attention.heads
            for head, sharpness in enumerate(HEAD_SHARPNESS):  # the third head starts at random
                rows = slice(head * head_width, head * head_width + CODE_CHANNELS)
                for weight in (attention.to_q.weight, attention.to_k.weight):
                    weight[rows] = 0.0
                    weight[rows, :CODE_CHANNELS] = sharpness * torch.eye(CODE_CHANNELS)


def _start_decoder(network: Network, config: NetworkConfig) -> None:
    linear = [layer for layer in network.decoder.layers if isinstance(layer, nn.Linear)]
    for layer in linear[:-1]:
        nn.init.kaiming_normal_(layer.weight)
    nn.init.trunc_normal_(linear[-1].weight, std=0.05)
    # Most of the box is empty: one logit below the threshold.
    linear[-1].bias[0] = RAW_THRESHOLD - 1.0
