"""Train the starter model; a stopped training continues where it last saved.

It saves to the cache folder, from which `export.py` makes the model's files.
"""

from __future__ import annotations

import argparse
import math
import os
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path

# Torch's threads wait for each other after each operation. If they spin, they take cores from the
# threads of the backward pass; if they sleep at once, they wake late.
os.environ.setdefault("GOMP_SPINCOUNT", "30000")

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.utils.data import DataLoader

from architecture import RAW_THRESHOLD, initial_network, write_config
from batches import HELD_OUT, Batch, Objects, World
from dataset import CACHE, POINTS, RAYS, cores
from export import HEADS
from trainee import Trainee, written_out_attention
from triposr.inference.model.weights import STARTER_FOLDER

WARM_UP = 200  # steps
FULL_PEAK = 0.5  # of the learning rate when all is trained; at 1 the losses were noisier and higher
SAVE_EVERY = 500  # steps
SMOOTHING = 0.98  # of the printed losses


def new_optimizer(trainee: Trainee) -> torch.optim.AdamW:
    """Create AdamW without weight decay for vectors such as biases and norms."""
    matrices = [parameter for parameter in trainee.parameters() if parameter.ndim > 1]
    vectors = [parameter for parameter in trainee.parameters() if parameter.ndim < 2]
    groups = [
        {"params": matrices, "weight_decay": 0.01},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, betas=(0.9, 0.98), fused=True)


def schedule(step: int, looking: int, steps: int) -> float:
    """Return the factor of the learning rate.

    In both parts of the training, it rises for 200 steps and then falls to zero.
    """
    peak, start, end = (1.0, 0, looking) if step < looking else (FULL_PEAK, looking, steps)
    return peak * min((step - start + 1) / WARM_UP, (end - step) / (end - start))


@torch.inference_mode()
def held_out(trainee: Trainee, objects: Objects, points: int, rays: int) -> dict[str, float]:
    """Return the losses on held-out objects, and the IoU of the inside at points."""
    device = next(trainee.parameters()).device
    rng = np.random.default_rng(0)
    totals: dict[str, float] = {}
    groups = np.arange(HELD_OUT).reshape(-1, 32)
    for indices in groups:
        batch = objects.batch(indices, points, rng, vary=False, rays=rays).to(device)
        values = {name: float(loss) for name, loss in trainee.learn(batch).items()}
        inside, found = batch.distances < 0, trainee(batch)[0][..., 0] > RAW_THRESHOLD
        values["iou"] = float((inside & found).sum() / (inside | found).sum())
        for name, value in values.items():
            totals[name] = totals.get(name, 0.0) + value / len(groups)
    return totals


def told(values: dict[str, float]) -> str:
    """Format losses for the console."""
    return "  ".join(f"{name} {value:.4f}" for name, value in values.items())


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=Path, default=CACHE / "objects")
    parser.add_argument("--real", type=Path, help="folder of real_dataset.py")
    parser.add_argument("--share", type=float, default=0.5, help="of real objects in a batch")
    parser.add_argument("--checkpoint", type=Path, default=CACHE / "checkpoint.pt")
    parser.add_argument("--steps", type=int, default=15_000)
    parser.add_argument("--looking", type=int, default=6500, help="first steps: pictures alone")
    parser.add_argument("--batch", type=int, default=16, help="objects")
    parser.add_argument("--points", type=int, default=1536, help="of an object, at most 4096")
    parser.add_argument("--rays", type=int, default=0, help="of an object's picture, at most 128")
    parser.add_argument("--rate", type=float, default=1e-3, help="highest learning rate")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", action="store_true", help="with the shipped model and its heads")
    parser.add_argument("--seconds", type=float, default=math.inf, help="then save and stop")
    parser.add_argument("--workers", type=int, help="processes that prepare batches")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    if not 1 <= options.points <= POINTS:
        parser.error(f"--points must be from 1 to {POINTS}")
    if not 0 <= options.rays <= RAYS:
        parser.error(f"--rays must be from 0 to {RAYS}")
    if not 0 <= options.share <= 1:
        parser.error("--share must be from 0 to 1")
    if not options.real:
        options.share = 0.0
    if options.workers is None:
        # On a CPU, the training itself needs all cores.
        options.workers = 0 if options.device == "cpu" else max(cores() - 1, 1)
    if options.start:
        options.looking = 0  # The start model has learned to look already.
    options.checkpoint.parent.mkdir(parents=True, exist_ok=True)
    return options


def main() -> None:
    options = arguments()
    kinds = {"generated": Objects(options.objects)}
    if options.real:
        kinds["real"] = Objects(options.real)
    with tempfile.TemporaryDirectory() as folder:
        trainee = Trainee(initial_network(write_config(Path(folder)), options.seed))
    if options.start:
        trainee.load_state_dict(shipped(STARTER_FOLDER, HEADS))
    trainee.to(options.device).compile_layers()
    optimizer = new_optimizer(trainee)
    step = restore(options, trainee, optimizer)
    counts = ", ".join(f"{objects.count} {kind} samples" for kind, objects in kinds.items())
    print(f"{counts}, step {step} of {options.steps}", flush=True)

    with written_out_attention() if options.device == "cpu" else nullcontext():
        train(trainee, optimizer, kinds, step, options)


def train(
    trainee: Trainee,
    optimizer: torch.optim.Optimizer,
    kinds: dict[str, Objects],
    step: int,
    options: argparse.Namespace,
) -> None:
    """Train from `step` to the last step, and save regularly."""
    world = World(
        *(kinds["generated"], kinds.get("real")),
        *(options.share, options.batch, options.points, options.rays, options.seed),
    )
    batches = DataLoader(
        world,
        batch_size=None,
        sampler=range(step, options.steps),
        num_workers=options.workers,
        collate_fn=_as_it_is,
    )
    running: dict[str, float] = {}
    begun = started = time.perf_counter()
    for batch in batches:
        batch = batch.to(torch.device(options.device))
        losses = trainee.look(batch) if step < options.looking else trainee.learn(batch)
        sum(losses.values()).backward()
        nn.utils.clip_grad_norm_(trainee.parameters(), 1.0, error_if_nonfinite=True)
        for group in optimizer.param_groups:
            group["lr"] = options.rate * schedule(step, options.looking, options.steps)
        optimizer.step()
        optimizer.zero_grad()
        step += 1
        for name, loss in losses.items():
            value = loss.item()
            running[name] = SMOOTHING * running.get(name, value) + (1 - SMOOTHING) * value
        if step % 50 == 0:
            seconds = (time.perf_counter() - started) / 50
            print(f"step {step}  {told(running)}  {seconds:.2f} s/step", flush=True)
            started = time.perf_counter()
        late = time.perf_counter() - begun > options.seconds
        if step % SAVE_EVERY == 0 or step == options.steps or late:
            save(options, trainee, optimizer, step)
            for kind, objects in kinds.items():
                losses = held_out(trainee, objects, options.points, options.rays)
                print(f"held out, {kind}: {told(losses)}", flush=True)
            started = time.perf_counter()
        if late:
            print(f"stopped after {options.seconds:g} seconds", flush=True)
            return


def _as_it_is(batch: Batch) -> Batch:
    return batch


def settings(options: argparse.Namespace) -> dict[str, float]:
    """Return the settings that must not change when a training is continued."""
    names = ("looking", "batch", "points", "rays", "seed", "share")
    return {name: getattr(options, name) for name in names}


def shipped(folder: Path, heads: Path) -> dict[str, Tensor]:
    """Read the state of a trainee from the files that `export.py` writes."""
    network = load_file(folder / "model.safetensors")
    state = {f"network.{name}": tensor for name, tensor in network.items()} | load_file(heads)
    return {name: tensor.float() for name, tensor in state.items()}


def restore(options: argparse.Namespace, trainee: Trainee, optimizer: torch.optim.Optimizer) -> int:
    """Restore the checkpoint, if there is one, and return the number of steps done."""
    if not options.checkpoint.exists():
        return 0
    state = torch.load(options.checkpoint, map_location="cpu", weights_only=True)
    if state["settings"] != settings(options):
        raise SystemExit(
            f"{options.checkpoint} was trained with {state['settings']}:"
            " pass the same, or another --checkpoint"
        )
    trainee.load_state_dict(state["trainee"])
    optimizer.load_state_dict(state["optimizer"])
    step: int = state["step"]
    return step


def save(
    options: argparse.Namespace, trainee: Trainee, optimizer: torch.optim.Optimizer, step: int
) -> None:
    """Save everything that is needed to continue."""
    partial = options.checkpoint.with_suffix(".part")
    state = {
        "trainee": trainee.state_dict(),
        "optimizer": optimizer.state_dict(),
        "step": step,
        "steps": options.steps,
        "settings": settings(options),
    }
    torch.save(state, partial)
    partial.replace(options.checkpoint)


if __name__ == "__main__":
    main()
