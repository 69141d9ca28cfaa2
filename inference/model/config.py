"""Reading of `config.yaml` and the ViT's `config.json` into one checked description. No torch."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ..errors import ModelFilesError
from ..message import Message

PUBLISHED_VIT = "facebook/dino-vitb16"
"""The published `config.yaml`'s name for the ViT configuration, which ships with the add-on."""

VIT_KEYS = (
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "hidden_act",
    "layer_norm_eps",
    "image_size",
    "patch_size",
    "num_channels",
    "qkv_bias",
)
"""The keys to read from the ViT's `config.json`; dropout does nothing at inference."""

REDOWNLOAD = Message("Fetch the model's files again and keep them together in one folder")

_REFERENCE = re.compile(r"\$\{([\w.]+)\}")


@dataclass(frozen=True)
class NetworkConfig:
    """The sizes of one TripoSR network.

    Attributes:
        image_size: Side in pixels of the network's square input.
        vit: Keyword arguments of `transformers.ViTConfig`.
        plane_size: Side of a token plane; the upsampler multiplies it by `kernel_size`.
        channels: Width of the triplane tokens.
        heads, head_width, blocks: Attention heads, their width, and blocks of the backbone.
        image_width: Width of the image tokens that the cross-attention reads.
        feature_channels: Channels of one plane of the scene code.
        kernel_size: Kernel and stride of the transposed convolution that upsamples the planes.
        neurons, hidden_layers: Width and number of hidden layers of the decoder.
        radius: Half the side of the box, in model units.
        density_bias: Added to the raw density before the exponential.
    """

    image_size: int
    vit: dict[str, Any]
    plane_size: int
    channels: int
    heads: int
    head_width: int
    blocks: int
    image_width: int
    feature_channels: int
    kernel_size: int
    neurons: int
    hidden_layers: int
    radius: float
    density_bias: float


def read_config(folder: Path) -> NetworkConfig:
    """Read `config.yaml` in `folder` and the ViT configuration that belongs to it.

    Raises:
        ModelFilesError: A file is missing, cannot be read or does not describe a network.
    """
    path = folder / "config.yaml"
    document = _read_yaml(path)
    try:
        config = _network_config(_resolve(document, document), folder)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise ModelFilesError(
            "{name} does not describe a TripoSR network ({error})",
            REDOWNLOAD,
            name=path.name,
            error=repr(error),
        ) from error
    _check_consistent(config)
    return config


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelFilesError(
            "There is no {name} in the model folder",
            "Put config.yaml beside the weights, as it was published with them",
            name=path.name,
        ) from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise ModelFilesError("{name} cannot be read", REDOWNLOAD, name=path.name) from error
    if not isinstance(document, dict):
        raise ModelFilesError(
            "{name} does not describe a TripoSR network", REDOWNLOAD, name=path.name
        )
    return document


def _resolve(value: Any, document: dict[str, Any]) -> Any:
    """Replace `${section.key}`, which the published file uses once, by the value that it names."""
    if isinstance(value, dict):
        return {key: _resolve(item, document) for key, item in value.items()}
    if isinstance(value, str) and (reference := _REFERENCE.fullmatch(value)):
        target: Any = document
        for key in reference[1].split("."):
            target = target[key]
        if isinstance(target, str) and _REFERENCE.fullmatch(target):
            raise ValueError(f"{value} names another reference")
        return target
    return value


def _network_config(document: dict[str, Any], folder: Path) -> NetworkConfig:
    backbone, decoder = document["backbone"], document["decoder"]
    tokenizer, upsampler = document["tokenizer"], document["post_processor"]
    renderer = document["renderer"]
    fixed = {
        "decoder.activation": (decoder["activation"], "silu"),
        "renderer.feature_reduction": (renderer["feature_reduction"], "concat"),
        "renderer.density_activation": (renderer["density_activation"], "exp"),
        "backbone.in_channels": (backbone["in_channels"], tokenizer["num_channels"]),
        "post_processor.in_channels": (upsampler["in_channels"], tokenizer["num_channels"]),
        "decoder.in_channels": (decoder["in_channels"], 3 * upsampler["out_channels"]),
    }
    for name, (value, expected) in fixed.items():
        if value != expected:
            raise ValueError(f"{name} is {value!r} instead of {expected!r}")
    return NetworkConfig(
        image_size=_size(document["cond_image_size"]),
        vit=_read_vit(document["image_tokenizer"]["pretrained_model_name_or_path"], folder),
        plane_size=_size(tokenizer["plane_size"]),
        channels=_size(tokenizer["num_channels"]),
        heads=_size(backbone["num_attention_heads"]),
        head_width=_size(backbone["attention_head_dim"]),
        blocks=_size(backbone["num_layers"]),
        image_width=_size(backbone["cross_attention_dim"]),
        feature_channels=_size(upsampler["out_channels"]),
        kernel_size=_size(upsampler.get("kernel_size", 2)),
        neurons=_size(decoder["n_neurons"]),
        hidden_layers=_size(decoder["n_hidden_layers"]),
        radius=_number(renderer["radius"], low=0.0),
        density_bias=_number(renderer["density_bias"], low=-math.inf),
    )


def _number(value: Any, low: float) -> float:
    if not (math.isfinite(number := float(value)) and number > low):
        raise ValueError(f"{value!r} is not a number above {low:g}")
    return number


def _size(value: Any) -> int:
    # The limit is far above the published 1024 and keeps a hostile file from asking for terabytes.
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 16_384:
        raise ValueError(f"{value!r} is not a size")
    return value


def _read_vit(name: str, folder: Path) -> dict[str, Any]:
    """Read the ViT configuration beside the weights, else the published one, which ships here."""
    path = folder / "vit" / "config.json"
    if not path.is_file():
        if name != PUBLISHED_VIT:
            raise ModelFilesError(
                "The configuration of the image tokenizer {name!r} is missing",
                "Put it beside the weights as vit/config.json",
                name=name,
            )
        path = Path(__file__).with_name("dino_vitb16.json")
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelFilesError(
            "{name} cannot be read", REDOWNLOAD, name="vit/config.json"
        ) from error
    if not isinstance(config, dict) or config.get("model_type") != "vit":
        raise ModelFilesError("vit/config.json does not describe a ViT", REDOWNLOAD)
    sizes = ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")
    for key in (*sizes, "image_size", "patch_size"):
        config[key] = _size(config[key])
    config["layer_norm_eps"] = _number(config["layer_norm_eps"], low=0.0)
    # Keep only the keys that shape a ViT: the rest of such a file controls transformers itself.
    return {key: config[key] for key in VIT_KEYS if key in config}


def _check_consistent(config: NetworkConfig) -> None:
    problem: Message | None = None
    if config.image_size % config.vit["patch_size"]:
        problem = Message("the picture's side is no multiple of the ViT's patch size")
    elif config.vit["hidden_size"] != config.image_width:
        problem = Message("the ViT's width differs from the width that the backbone reads")
    elif config.channels % 32:
        problem = Message("the token width is no multiple of 32")
    if problem:
        raise ModelFilesError(
            "config.yaml does not fit together: {problem}", REDOWNLOAD, problem=problem
        )
