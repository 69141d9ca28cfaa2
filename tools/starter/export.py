"""Export the starter model's files from a training checkpoint: calibrated, in half precision.

The heads, which the model does not use, are saved beside this script, so that training can continue
from them and the model.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

import checkpoints
import views
from architecture import RAW_THRESHOLD, write_config
from dataset import CACHE, HALF_BOX, box_rays, cell_centers
from families import FAMILIES
from figures import SolidTruth, box_window, encode, scene
from long_runs import resumed
from triposr.inference import SceneCode, load_model
from triposr.inference.model.network import Model
from triposr.inference.model.weights import STARTER_FOLDER
from triposr.inference.surface.field import density_at
from views import Camera, Window

HEADS = Path(__file__).resolve().with_name("heads.safetensors")
FIRST_SEED = 40_000_000  # of the calibration; training and evaluation use other seeds
CALIBRATED_WITH = 96  # objects
CELLS = 40  # per axis of the model's box
OUTLINE = 64  # pixels, the side of the outlines
ALONG = 128  # points on each of their rays
SHIFTS = np.linspace(-1, 1, 41)  # shifts of the density output to try


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, default=CACHE / "checkpoint.pt")
    parser.add_argument("--folder", type=Path, default=STARTER_FOLDER)
    parser.add_argument("--heads", type=Path, default=HEADS)
    parser.add_argument("--calibrate", type=int, default=CALIBRATED_WITH, help="with how many")
    parser.add_argument(
        "--weight",
        type=float,
        default=1.0,
        help="of the checkpoint in its mean with the shipped model, from 0 to 1: after a training"
        " that began with --start, to lose less of what that model knew",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="continue an interrupted export; do nothing if this checkpoint is exported already",
    )
    options = parser.parse_args()
    if not 0 <= options.weight <= 1:
        parser.error("--weight must be from 0 to 1")
    export(
        *(options.checkpoint, options.folder, options.heads, options.calibrate),
        resume=options.resume,
        weight=options.weight,
    )


def export(
    checkpoint: Path,
    folder: Path,
    heads: Path,
    objects: int = CALIBRATED_WITH,
    *,
    resume: bool = False,
    weight: float = 1.0,
) -> None:
    """Write the model's three files to `folder` and the heads to `heads`, both at the end.

    The model is calibrated with that many `objects`. With a `weight` below 1, it is the weighted
    mean of the checkpoint and the shipped model, which must be in other places. The heads come last
    and say what they were made from, so that `resume` can tell that all is there. With `resume`,
    what is found of each object is kept beside the heads until then.
    """
    if weight < 1 and (folder.resolve() == STARTER_FOLDER.resolve() or heads.resolve() == HEADS):
        raise SystemExit("A mean with the shipped model cannot replace it: pass --folder, --heads")
    data = checkpoints.read(checkpoint)
    if data is None:
        raise SystemExit(f"There is no {checkpoint}: run tools/starter/train.py first")
    sources = [data, str(objects).encode()]
    if weight < 1:
        other = (STARTER_FOLDER / "model.safetensors", HEADS)
        sources += [str(weight).encode(), *(path.read_bytes() for path in other)]
    digest = hashlib.sha256(b"".join(sources)).hexdigest()
    if resume and (folder / "model.safetensors").exists() and exported(heads) == digest:
        print(f"{folder} is exported already")
        return
    kept_overlaps = heads.with_suffix(f".{digest[:16]}.jsonl") if resume else None
    state = checkpoints.load(data)
    print(f"step {state['step']} of {state['steps']}")
    if weight < 1:
        state["trainee"] = mean(state["trainee"], shipped(STARTER_FOLDER, HEADS), weight)
    prefix = "network."
    # The published names are those of transformers before 5.9; the lock pins such a release.
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
        model = load_model(made, device="cpu", precision="fp32")
        shift, before, after = best_shift(model, objects, kept_overlaps)
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
        shutil.copytree(made, folder, dirs_exist_ok=True, copy_function=copy_whole)
    partial = heads.with_suffix(".part")
    save_file(kept, partial, metadata={"format": "pt", "checkpoint": digest})
    partial.replace(heads)
    if kept_overlaps:
        kept_overlaps.unlink()
    print(f"{folder}: {(folder / 'model.safetensors').stat().st_size / 1e6:.1f} MB")


def shipped(folder: Path, heads: Path) -> dict[str, Tensor]:
    """Read the state of a trainee from the files that `export` writes."""
    network = load_file(folder / "model.safetensors")
    state = {f"network.{name}": tensor for name, tensor in network.items()} | load_file(heads)
    return {name: tensor.float() for name, tensor in state.items()}


def mean(state: dict[str, Tensor], other: dict[str, Tensor], weight: float) -> dict[str, Tensor]:
    """Return the mean of two states of a trainee, the first with that weight.

    Raises:
        SystemExit: They are of different networks.
    """
    sizes, others = ({name: each.shape for name, each in one.items()} for one in (state, other))
    if sizes != others:
        raise SystemExit("The checkpoint is of another network than the shipped model")
    return {name: other[name].lerp(tensor.float(), weight) for name, tensor in state.items()}


def exported(heads: Path) -> str | None:
    """Return the digest of what heads were made from, if they tell it."""
    if not heads.exists():
        return None
    with safe_open(heads, "numpy") as file:
        return (file.metadata() or {}).get("checkpoint")


def copy_whole(source: str, target: str) -> None:
    """Copy a file, which gets its name when it is complete."""
    partial = f"{target}.part"
    shutil.copy(source, partial)
    os.replace(partial, target)


def density_bias(weights: dict[str, Tensor], hidden_layers: int) -> Tensor:
    """Return the biases (4,) of the decoder's last layer, density first."""
    return weights[f"decoder.layers.{2 * hidden_layers}.bias"]  # Activations lie between layers.


def best_shift(
    model: Model, objects: int, kept: Path | None = None
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """Find the shift of the density output with which volumes and outlines agree best.

    Training optimizes the probability at each point. Where the model is unsure, cutting at one half
    leaves out too much: thin parts and far sides. Volumes, and outlines as seen from the picture's
    camera, have equal weight. An interrupted search continues with what it `kept`.

    Returns:
        The shift to add, and the mean IoU of volumes and of outlines (2,) before and after.
    """
    centers = cell_centers(CELLS)
    names = list(FAMILIES)

    def computed(numbers: list[int]) -> Iterator[list[list[float]]]:
        for number in numbers:
            solid, camera, light = scene(FIRST_SEED + number, names[number % len(names)])
            code = encode(model, SolidTruth(solid), camera, light)
            inside = solid.distance(centers) < 0
            window = box_window(camera, HALF_BOX)
            shown = views.render(solid, camera, light, OUTLINE, window).mask.ravel()
            yield [
                _ious(raw_density(code, centers), inside).tolist(),
                _ious(highest_seen(code, camera, window), shown).tolist(),
            ]

    overlaps = list(resumed([str(FIRST_SEED + n) for n in range(objects)], computed, kept))
    means = np.mean(overlaps, axis=0)
    best, unmoved = int(means.mean(axis=0).argmax()), len(SHIFTS) // 2
    return float(SHIFTS[best]), means[:, unmoved], means[:, best]


def raw_density(code: SceneCode, points: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return the density output (N,) at points (N, 3)."""
    return np.log(density_at(code, points)) - np.float32(code.density_bias)


def highest_seen(code: SceneCode, camera: Camera, window: Window) -> NDArray[np.float32]:
    """Return the highest density output behind each pixel (OUTLINE²,) of a camera's picture."""
    rays, through = box_rays(camera, window, OUTLINE)
    shares = np.linspace(0, 1, ALONG)[:, None]
    points = rays[through, None, 0] * (1 - shares) + rays[through, None, 1] * shares
    highest = np.full(len(rays), -np.inf, np.float32)
    highest[through] = raw_density(code, points.reshape(-1, 3)).reshape(-1, ALONG).max(axis=1)
    return highest


def _ious(raw: NDArray[np.float32], truth: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the IoU (41,) of the inside after each of the shifts with the truth (N,)."""
    found, truth = raw[:, None] > RAW_THRESHOLD - SHIFTS, truth[:, None]
    return (found & truth).sum(axis=0) / np.maximum((found | truth).sum(axis=0), 1)


if __name__ == "__main__":
    main()
