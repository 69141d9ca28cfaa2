"""Make the starter model's files of a training checkpoint: calibrated, half precision.

The heads, which the model has no use for, are kept beside this script: training can go on from them
and the model.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor

from architecture import RAW_THRESHOLD, write_config
from dataset import CACHE, cell_centers
from families import FAMILIES
from figures import encode, scene
from triposr.inference import load_model
from triposr.inference.model.network import Model
from triposr.inference.weights import STARTER_FOLDER

HEADS = Path(__file__).with_name("heads.safetensors")
FIRST_SEED = 40_000_000  # of the calibration: neither trained nor evaluated with
CALIBRATED_WITH = 96  # objects
CELLS = 40  # per axis of the model's box
SHIFTS = np.linspace(-1, 1, 41)  # of the density output that are tried


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, default=CACHE / "checkpoint.pt")
    parser.add_argument("--folder", type=Path, default=STARTER_FOLDER)
    options = parser.parse_args()
    if not options.checkpoint.exists():
        raise SystemExit(f"There is no {options.checkpoint}: run tools/starter/train.py first")
    export(options.checkpoint, options.folder, HEADS)


def export(checkpoint: Path, folder: Path, heads: Path) -> None:
    """Write the model's three files to `folder` and the heads to `heads`, all at the end."""
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    print(f"step {state['step']} of {state['steps']}")
    prefix = "network."
    # The published names are those of transformers before 5.9, which the lock pins.
    halves = {name: tensor.half().contiguous() for name, tensor in state["trainee"].items()}
    kept = {name: tensor for name, tensor in halves.items() if not name.startswith(prefix)}
    weights = {
        name.removeprefix(prefix): tensor
        for name, tensor in halves.items()
        if name.startswith(prefix)
    }
    with tempfile.TemporaryDirectory() as name:
        made = Path(name)
        config = write_config(made)
        save_file(weights, made / "model.safetensors", metadata={"format": "pt"})
        shift, before, after = best_shift(load_model(made, device="cpu", precision="fp32"))
        print(
            f"density output {shift:+.2f}:"
            f" mean IoU of volumes {before[0]:.3f}, then {after[0]:.3f};"
            f" of outlines {before[1]:.3f}, then {after[1]:.3f}"
        )
        if abs(shift) == SHIFTS[-1]:
            print("This is the largest shift that was tried: is the training done?")
        density_bias(weights, config.hidden_layers)[0] += shift
        save_file(weights, made / "model.safetensors", metadata={"format": "pt"})
        load_model(made, device="cpu")
        shutil.copytree(made, folder, dirs_exist_ok=True)
    save_file(kept, heads, metadata={"format": "pt"})
    print(f"{folder}: {(folder / 'model.safetensors').stat().st_size / 1e6:.1f} MB")


def density_bias(weights: dict[str, Tensor], hidden_layers: int) -> Tensor:
    """The biases (4,) of the decoder's last layer; density comes first."""
    return weights[f"decoder.layers.{2 * hidden_layers}.bias"]  # activations lie between layers


def best_shift(model: Model) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """What to add to the density output so that volumes and outlines agree best.

    Training asks for the right probability at each point. Where the model is unsure, cutting at one
    half leaves out too much: thin parts and far sides. Outlines, seen from the front, ask for more
    of them than volumes do; both count alike.

    Returns:
        The shift, and the mean IoU of volumes and of outlines (2,) before and after.
    """
    centers = cell_centers(CELLS)
    names = list(FAMILIES)
    overlaps = []
    for number in range(CALIBRATED_WITH):
        solid, camera, light = scene(FIRST_SEED + number, names[number % len(names)])
        code = encode(model, solid, camera, light)
        raw = np.log(code.density(centers)) - code.density_bias
        inside = solid.distance(centers)[:, None] < 0
        found = raw[:, None] > RAW_THRESHOLD - SHIFTS
        overlaps.append((_ious(found, inside), _ious(_from_front(found), _from_front(inside))))
    means = np.mean(overlaps, axis=0)
    best, unmoved = int(means.mean(axis=0).argmax()), len(SHIFTS) // 2
    return float(SHIFTS[best]), means[:, unmoved], means[:, best]


def _from_front(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """What cells (CELLS³, N), x slowest, look like along x: (CELLS², N)."""
    return inside.reshape(CELLS, CELLS**2, -1).any(axis=0)


def _ious(found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> NDArray[np.float64]:
    """IoU (N,) of each column with the one of the truth."""
    return (found & truth).sum(axis=0) / np.maximum((found | truth).sum(axis=0), 1)


if __name__ == "__main__":
    main()
