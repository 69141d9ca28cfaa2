"""Train the starter model; a stopped training continues where it last saved.

It saves to the cache folder, from which `export.py` makes the model's files. The exit status is 75
if it stopped before the last step, as --until or --at-most demands.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

# Torch's threads wait for each other after each operation. If they spin, they take cores from the
# threads of the backward pass; if they sleep at once, they wake late.
os.environ.setdefault("GOMP_SPINCOUNT", "30000")

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader

import checkpoints
from architecture import RAW_THRESHOLD, initial_network, write_config
from batches import HELD_OUT, Batch, Objects, World, fingerprint
from dataset import CACHE, POINTS, RAYS, cores
from export import HEADS, shipped
from trainee import Trainee, written_out_attention
from triposr.inference.model.weights import STARTER_FOLDER

WARM_UP = 200  # steps
FULL_PEAK = 0.5  # of the learning rate when all is trained; at 1 the losses were noisier and higher
SAVE_EVERY = 500  # steps
SMOOTHING = 0.98  # of the printed losses
TOLERATED = 9  # steps in a row whose gradients are not finite
CONTINUE = 75  # exit status, EX_TEMPFAIL of sysexits.h: call again


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


def as_text(values: dict[str, float]) -> str:
    """Format losses for the console."""
    return "  ".join(f"{name} {value:.4f}" for name, value in values.items())


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=Path, default=CACHE / "objects")
    parser.add_argument("--real", type=Path, help="folder of real_dataset.py")
    parser.add_argument("--share", type=float, default=0.5, help="of real objects in a batch")
    parser.add_argument(
        "--checkpoint",
        type=Path,
        default=CACHE / "checkpoint.pt",
        help="a file, or a folder that exists, for parts of at most 16 MB",
    )
    parser.add_argument(
        "--steps",
        type=int,
        default=15_000,
        help="all told; may be another number when a training continues: the learning rate, which"
        " falls to zero at the last step, then jumps to where it would be",
    )
    parser.add_argument("--looking", type=int, default=6500, help="first steps: pictures alone")
    parser.add_argument("--batch", type=int, default=16, help="objects")
    parser.add_argument("--points", type=int, default=1536, help="of an object, at most 4096")
    parser.add_argument("--rays", type=int, default=0, help="of an object's picture, at most 128")
    parser.add_argument(
        "--rate",
        type=float,
        default=1e-3,
        help="highest learning rate; half of it once all is trained, as with --start",
    )
    parser.add_argument(
        "--change-rate", action="store_true", help="continue a training of another --rate"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", action="store_true", help="with the shipped model and its heads")
    parser.add_argument(
        "--until", type=float, default=math.inf, help="Unix time at which to save and stop"
    )
    parser.add_argument("--at-most", type=int, help="steps from here on, then save and stop")
    parser.add_argument("--workers", type=int, help="processes that prepare batches")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    if not 1 <= options.points <= POINTS:
        parser.error(f"--points must be from 1 to {POINTS}")
    if not 0 <= options.rays <= RAYS:
        parser.error(f"--rays must be from 0 to {RAYS}")
    if options.at_most is not None and options.at_most < 1:
        parser.error("--at-most must be at least 1")
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


def main() -> int:
    """Train, and return the exit status."""
    options = arguments()
    options.settings = settings(options)
    state = restored(options)
    step: int = state["step"] if state else 0
    if step == options.steps:
        print(f"All {step} steps are done")
        return 0
    kinds = {"generated": Objects(options.objects)}
    if options.real:
        kinds["real"] = Objects(options.real)
    with tempfile.TemporaryDirectory() as folder:
        trainee = Trainee(initial_network(write_config(Path(folder)), options.seed))
    if state:
        trainee.load_state_dict(state["trainee"])
    elif options.start:
        trainee.load_state_dict(shipped(STARTER_FOLDER, HEADS))
    trainee.to(options.device).compile_layers()
    optimizer = new_optimizer(trainee)
    if state:
        optimizer.load_state_dict(state["optimizer"])
    counts = ", ".join(f"{objects.count} {kind} samples" for kind, objects in kinds.items())
    print(f"{counts}, step {step} of {options.steps}", flush=True)

    with written_out_attention() if options.device == "cpu" else nullcontext():
        step = train(trainee, optimizer, kinds, step, options)
    if step < options.steps:
        print(f"stopped at step {step} of {options.steps}", flush=True)
        return CONTINUE
    return 0


def train(
    trainee: Trainee,
    optimizer: torch.optim.Optimizer,
    kinds: dict[str, Objects],
    step: int,
    options: argparse.Namespace,
) -> int:
    """Train from `step` on, save regularly, and return the last step that is done."""
    world = World(
        *(kinds["generated"], kinds.get("real")),
        *(options.share, options.batch, options.points, options.rays, options.seed),
    )
    last = min(options.steps, step + (options.at_most or options.steps))
    batches = DataLoader(
        world,
        batch_size=None,
        sampler=range(step, last),
        num_workers=options.workers,
        collate_fn=_as_it_is,
    )
    running: dict[str, float] = {}
    skipped = in_a_row = 0
    started = begun = time.monotonic()
    for batch in batches:
        batch = batch.to(torch.device(options.device))
        losses = trainee.look(batch) if step < options.looking else trainee.learn(batch)
        sum(losses.values()).backward()
        norm = nn.utils.clip_grad_norm_(trainee.parameters(), 1.0)
        if norm.isfinite():
            for group in optimizer.param_groups:
                group["lr"] = options.rate * schedule(step, options.looking, options.steps)
            optimizer.step()
            in_a_row = 0
        else:
            skipped, in_a_row = skipped + 1, in_a_row + 1
            print(f"step {step + 1} is skipped, its gradients are not finite: {skipped} so far")
            if in_a_row > TOLERATED:
                raise SystemExit(
                    f"The gradients of {in_a_row} steps in a row were not finite: go back to an"
                    " earlier checkpoint, or train anew with a lower --rate"
                )
        optimizer.zero_grad()
        step += 1
        for name, loss in losses.items():
            value = loss.item()
            if math.isfinite(value):
                running[name] = SMOOTHING * running.get(name, value) + (1 - SMOOTHING) * value
        if step % 50 == 0:
            seconds = (time.monotonic() - started) / 50
            print(f"step {step}  {as_text(running)}  {seconds:.2f} s/step", flush=True)
            started = time.monotonic()
        # No step begins that would not end in time. Saving takes a few seconds more.
        duration, begun = time.monotonic() - begun, time.monotonic()
        is_late = time.time() + duration > options.until
        is_due = step % SAVE_EVERY == 0 or step == options.steps
        if is_due or is_late or step == last:
            save(options, trainee, optimizer, step)
            if is_due and not is_late:
                for kind, objects in kinds.items():
                    losses = held_out(trainee, objects, options.points, options.rays)
                    print(f"held out, {kind}: {as_text(losses)}", flush=True)
            started = begun = time.monotonic()
            if is_late:
                break
    return step


def _as_it_is(batch: Batch) -> Batch:
    return batch


def settings(options: argparse.Namespace) -> dict[str, Any]:
    """Return the settings that must not change when a training is continued.

    `steps` may: it is known only later how many are worth their time. `rate` may by --change-rate.
    """
    names = ("looking", "batch", "points", "rays", "seed", "share", "rate", "start")
    folders = {"samples of --objects": options.objects, "samples of --real": options.real}
    samples = {name: fingerprint(folder) if folder else "none" for name, folder in folders.items()}
    return {name: getattr(options, name) for name in names} | samples


def restored(options: argparse.Namespace) -> dict[str, Any] | None:
    """Return the state of the checkpoint; None if there is none.

    Raises:
        SystemExit: It is damaged, of a training with other settings, or past the last step.
    """
    data = checkpoints.read(options.checkpoint)
    if data is None:
        return None
    state = checkpoints.load(data)
    now = options.settings
    before = now | state["settings"]  # Older checkpoints do not tell all of it.
    if options.change_rate:
        before["rate"] = now["rate"]
    differing = [
        f"{name} {before[name]}, not {now[name]}" for name in now if before[name] != now[name]
    ]
    if differing:
        raise SystemExit(
            f"{options.checkpoint} was trained with other settings or samples: "
            f"{'; '.join(differing)}. Pass the same, or another --checkpoint"
        )
    if state["step"] > options.steps:
        raise SystemExit(
            f"{options.checkpoint} has done {state['step']} steps already: pass --steps"
            f" {state['step']} or more, or another --checkpoint"
        )
    return state


def save(
    options: argparse.Namespace, trainee: Trainee, optimizer: torch.optim.Optimizer, step: int
) -> None:
    """Save everything that is needed to continue."""
    state = {
        "trainee": trainee.state_dict(),
        "optimizer": optimizer.state_dict(),
        "step": step,
        "steps": options.steps,
        "settings": options.settings,
    }
    checkpoints.write(state, options.checkpoint)


if __name__ == "__main__":
    sys.exit(main())
