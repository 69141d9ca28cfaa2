"""Train the network that separates a subject from its shadow, on pictures generated meanwhile.

Every picture has a seed of its own, so that a run can be stopped at any time, goes on where it last
saved, and is the same whatever number of processes makes the pictures.
"""

from __future__ import annotations

import argparse
import itertools
import math
import os
import time
from collections.abc import Iterator
from concurrent.futures import Executor
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from layers import FOLDER, LAYERS, path_of
from long_runs import worker_pool
from photos import make_photo, network_sample
from unet import ShadowNetwork

STEPS = 3600
BATCH = 12
SIZES = (192, 224, 256, 288, 320)  # pixels, of the pictures of a batch; 320 is that of the add-on
RATE = 3e-3  # highest learning rate
WARM_UP = 200  # steps
DECAY = 1e-4
SAVE_EVERY = 200  # steps
CHECKPOINT = FOLDER / "checkpoint.pt"

Batch = tuple[Tensor, Tensor]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--layers-folder", type=Path, default=FOLDER)
    parser.add_argument("--layers", type=int, default=LAYERS, help="of seeds from 0 on")
    parser.add_argument("--checkpoint", type=Path, default=CHECKPOINT)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--batch", type=int, default=BATCH)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=1, help="that make pictures")
    parser.add_argument("--threads", type=int, default=1, help="of torch")
    options = parser.parse_args()
    if not path_of(options.layers_folder, options.layers - 1).exists():
        parser.error("there are fewer layers: make them with layers.py")
    torch.set_num_threads(options.threads)
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # of those that make pictures, one core each
    with worker_pool(options.processes, "spawn") as pool:
        train(pool, options)


def train(pool: Executor, options: argparse.Namespace) -> list[float]:
    """Train from where the checkpoint is to the end; the losses of the steps."""
    torch.manual_seed(options.seed)
    network = ShadowNetwork().to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=DECAY)
    first = 0
    if options.checkpoint.exists():
        saved = torch.load(options.checkpoint, weights_only=True)
        network.load_state_dict(saved["network"])
        optimizer.load_state_dict(saved["optimizer"])
        first = saved["step"]
    losses = []
    begun = time.monotonic()
    for step, batch in zip(range(first, options.steps), batches(pool, options, first)):  # noqa: B905
        for group in optimizer.param_groups:
            group["lr"] = RATE * rate(step, options.steps)
        loss = loss_of(network, *batch)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
        done = step + 1
        if done % SAVE_EVERY == 0 or done == options.steps:
            save(options.checkpoint, network, optimizer, done)
            speed = (time.monotonic() - begun) / (done - first)
            print(f"{done}: loss {np.mean(losses[-SAVE_EVERY:]):.4f}, {speed:.2f} s", flush=True)
    return losses


def rate(step: int, steps: int) -> float:
    """Part of the highest learning rate: up quickly, then down along half a cosine."""
    rise = min(1.0, (step + 1) / WARM_UP)
    return rise * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * step / steps)))


def loss_of(network: ShadowNetwork, seen: Tensor, truth: Tensor) -> Tensor:
    """Cross-entropy of the pixels, and one minus the soft IoU of each picture."""
    with torch.autocast("cpu", torch.bfloat16):
        logits = network(seen.contiguous(memory_format=torch.channels_last))
    logits = logits.float()[:, 0]
    found = logits.sigmoid()
    both = (found * truth).sum((1, 2))
    iou = both / (found + truth - found * truth).sum((1, 2))
    return F.binary_cross_entropy_with_logits(logits, truth) + 0.5 * (1 - iou).mean()


def save(path: Path, network: ShadowNetwork, optimizer: torch.optim.Optimizer, step: int) -> None:
    """Write a checkpoint; one that was there is whole until the new one is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    state = {"network": network.state_dict(), "optimizer": optimizer.state_dict(), "step": step}
    torch.save(state, part)
    part.replace(path)


def batches(pool: Executor, options: argparse.Namespace, first: int) -> Iterator[Batch]:
    """Batches from step `first` on, without an end."""
    tasks = (
        (options.layers_folder, options.layers, options.seed, step, options.batch)
        for step in itertools.count(first)
    )
    waiting = [pool.submit(make_batch, *task) for task in itertools.islice(tasks, 6)]
    while True:
        done = waiting.pop(0)
        waiting.append(pool.submit(make_batch, *next(tasks)))
        seen, truth = done.result()
        yield torch.from_numpy(seen), torch.from_numpy(truth)


def make_batch(
    folder: Path, layers: int, seed: int, step: int, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return a step's inputs (B, 4, S, S) and targets (B, S, S)."""
    cv2.setNumThreads(1)
    size = int(np.random.default_rng((seed, step)).choice(SIZES))
    samples: list[tuple[np.ndarray, np.ndarray]] = []
    for number in itertools.count():
        rng = np.random.default_rng((seed, step, number))
        sample = network_sample(make_photo(rng, folder, layers, size))
        if sample is not None:
            samples.append(sample)
        if len(samples) == count:
            break
    seen, truth = zip(*samples, strict=True)
    return np.stack(seen), np.stack(truth)


if __name__ == "__main__":
    main()
