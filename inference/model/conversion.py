"""Conversion of a published checkpoint to 16-bit safetensors: half as large, memory-mapped."""

from __future__ import annotations

import logging
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from ..errors import DownloadError
from ..types import Tick, ignore_progress
from .checkpoint import assign_weights, build_network, read_weights, reject_other_files
from .config import read_config

log = logging.getLogger(__name__)

EXACT = "decoder."
"""Prefix of the keys that stay in 32 bits: the decoder is small, and rounding it would move every
surface."""


def check_weights(weights: Path, folder: Path) -> None:
    """Check that the weights fit the `config.yaml` of a folder, without running the network.

    Raises:
        ModelFilesError: They do not fit, or a file is missing, damaged or hostile.
        DependencyError: transformers cannot be imported.
    """
    reject_other_files(weights)
    config = read_config(folder)
    assign_weights(build_network(config), read_weights(weights), config)


def convert_to_half(checkpoint: Path, target: Path, tick: Tick | None = None) -> Path:
    """Write the weights of `checkpoint` to `target`, in float16 except for the decoder.

    A tensor with values that float16 cannot hold stays in float32, so that nothing overflows.

    Args:
        checkpoint: The published weights.
        target: The safetensors file to write, whole or not at all.
        tick: Called with the stage `convert`.

    Returns:
        `target`.

    Raises:
        ModelFilesError: The checkpoint is damaged or no checkpoint.
        DownloadError: The file cannot be written.
    """
    tick = tick or ignore_progress
    state = read_weights(checkpoint)
    halved: dict[str, Tensor] = {}
    for number, (key, tensor) in enumerate(state.items(), 1):
        halved[key] = tensor.clone() if key.startswith(EXACT) else _half(tensor)
        tick("convert", 0.9 * number / len(state))
    partial = target.with_name(target.name + ".part")
    try:
        save_file(halved, partial, {"format": "pt"})
        partial.replace(target)
    except Exception as error:  # safetensors wraps the disk's errors in its own
        raise DownloadError(
            "{name} cannot be written ({error})",
            "Make room on the disk; the original weights were kept and work as they are",
            name=target.name,
            error=str(error),
        ) from error
    finally:
        partial.unlink(missing_ok=True)
    tick("convert", 1.0)
    log.info("Converted %s to %s", checkpoint.name, target.name)
    return target


def _half(tensor: Tensor) -> Tensor:
    half = tensor.to(torch.float16).contiguous()
    fits = bool(torch.isfinite(half).all())
    return half if fits else tensor.to(torch.float32).clone().contiguous()
