"""Checkpoint of the published architecture with generated weights: 1.7 GB, made once."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch
from torch import nn

from triposr.inference.files.installation import PUBLISHED_CONFIG
from triposr.inference.model.config import read_config
from triposr.inference.model.image_tokenizer import POSITIONS
from triposr.inference.model.network import Network

TRAINED_POSITIONS = 197  # rows of the published table, which is resized when it is loaded


def full_size_model() -> Path:
    """Return the folder of the model, which is made if it does not exist yet."""
    from scenes import CACHE  # which needs numba; `generated` is for machines without, too

    folder = CACHE.parent / "bench" / "full-size"
    path = folder / "model.ckpt"
    if not path.exists():
        print("making a full-size checkpoint, 1.7 GB", flush=True)
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(PUBLISHED_CONFIG, folder)
        partial = path.with_suffix(".part")
        torch.save(generated(folder), partial)
        partial.replace(path)
    return folder


def generated(folder: Path) -> dict[str, torch.Tensor]:
    """Generate weights with which activations keep their size from layer to layer."""
    torch.manual_seed(0)
    network = Network(read_config(folder))
    for module in network.modules():
        if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.trunc_normal_(module.weight, std=0.5 / module.weight[0].numel() ** 0.5)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    nn.init.normal_(network.tokenizer.embeddings)
    state = network.state_dict()
    width = state[POSITIONS].shape[-1]
    return state | {POSITIONS: 0.02 * torch.randn(1, TRAINED_POSITIONS, width)}
