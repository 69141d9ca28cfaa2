"""Make the starter model's files of a training checkpoint: half precision, published names."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from safetensors.torch import save_file

from architecture import write_config
from dataset import CACHE
from triposr.inference import load_model
from triposr.inference.weights import STARTER_FOLDER


def export(checkpoint: Path, folder: Path) -> Path:
    """Write `config.yaml`, `vit/config.json` and `model.safetensors` to `folder`."""
    config = write_config(folder)
    trained = torch.load(checkpoint, weights_only=True)["trainee"]
    prefix = "network."
    weights = {
        name.removeprefix(prefix): tensor.half().contiguous()
        for name, tensor in trained.items()
        if name.startswith(prefix)
    }
    path = folder / "model.safetensors"
    partial = folder / "model.safetensors.part"
    save_file(weights, partial, metadata={"format": "pt"})
    partial.replace(path)
    load_model(folder, device="cpu")  # raises if the add-on could not
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB, planes of {config.plane_size}² tokens")
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, default=CACHE / "checkpoint.pt")
    parser.add_argument("--folder", type=Path, default=STARTER_FOLDER)
    options = parser.parse_args()
    export(options.checkpoint, options.folder)


if __name__ == "__main__":
    main()
