"""Train the starter model; stop and go on at any time.

What it saves lies in the cache folder; `export.py` makes the model's files of it.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from architecture import BOX, RAW_THRESHOLD, WIDTH, initial_network, write_config
from dataset import CACHE, FIELDS, MAP, PICTURE
from triposr.inference.model.network import Network

SHARPNESS = 60.0  # per model unit: how fast occupancy falls across the surface
SURFACE = 0.03  # model units from the surface up to which points have a color to learn
PATCHES = 8
SHOWN = 7  # channels that the head tells of each pixel
HELD_OUT = 256  # objects of the last shards


@dataclass(frozen=True)
class Batch:
    """Pictures (B, 3, 128, 128) in [0, 1], positions (B, 3, 32, 32); (B, N, ...) of each point."""

    pictures: Tensor
    positions: Tensor
    points: Tensor
    distances: Tensor
    colors: Tensor


class Objects:
    """All shards in memory."""

    def __init__(self, folder: Path) -> None:
        shards = sorted(folder.glob("*.npz"))
        if not shards:
            raise SystemExit(f"There are no objects in {folder}: run dataset.py first")
        parts: dict[str, list[NDArray]] = {name: [] for name in FIELDS}
        for path in shards:
            with np.load(path) as shard:
                for name in FIELDS:
                    parts[name].append(shard[name])
        self.arrays = {}
        for name in FIELDS:
            self.arrays[name] = np.concatenate(parts.pop(name))
        self.count = len(self.arrays["picture"])

    def batch(
        self, chosen: NDArray[np.int64], points: int, rng: np.random.Generator, vary: bool = True
    ) -> Batch:
        """A batch; varied by mirroring left and right and by exchanging the color channels."""
        samples = []
        for index in chosen:
            picture, positions = self.arrays["picture"][index], self.arrays["positions"][index]
            start = rng.integers(len(self.arrays["points"][index]) - points + 1)
            span = slice(start, start + points)
            at = self.arrays["points"][index, span].astype(np.float32)
            colors = self.arrays["colors"][index, span]
            positions = positions.astype(np.float32)
            if vary:
                channels = rng.permutation(3)
                picture, colors = picture[..., channels], colors[..., channels]
            if vary and rng.random() < 0.5:
                picture, positions = picture[:, ::-1], positions[:, ::-1]
                positions = positions * np.float32([1, -1, 1])
                at = at * np.float32([1, -1, 1])
            samples.append(
                (
                    picture.transpose(2, 0, 1).astype(np.float32) / 255,
                    positions.transpose(2, 0, 1),
                    at,
                    self.arrays["distances"][index, span].astype(np.float32),
                    colors.astype(np.float32) / 255,
                )
            )
        return Batch(*(torch.from_numpy(np.stack(field)) for field in zip(*samples, strict=True)))


class Trainee(nn.Module):
    """The network, and a head that tells what each patch of the picture shows, which is not kept.

    A network that must find out by itself, from occupancy in space alone, that a picture has a
    subject and a background makes the same lump of every picture for a long time.
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network
        self.cell = MAP // PATCHES
        self.head = nn.Linear(WIDTH, SHOWN * self.cell**2)

    def compile_layers(self) -> None:
        """Fuse what happens inside the layers: about a tenth faster on two cores."""
        vit_layers = self.network.image_tokenizer.model.encoder.layer
        for layer in (*vit_layers, *self.network.backbone.transformer_blocks):
            layer.compile()
        self.network.decoder.layers.compile()

    def look(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Image tokens (B, 65, C), and what is shown (B, 7, 32, 32): see `losses_of_look`."""
        tokens = self.network.image_tokenizer(batch.pictures, _ignore)
        cells = self.head(tokens[:, 1:]).float()
        cells = cells.unflatten(-1, (SHOWN, self.cell, self.cell))
        cells = cells.unflatten(1, (PATCHES, PATCHES)).permute(0, 3, 1, 4, 2, 5)
        return tokens, cells.reshape(len(tokens), SHOWN, MAP, MAP)

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Decoder outputs (B, N, 4) at the points, and what is shown (B, 7, 32, 32)."""
        network, count = self.network, len(batch.pictures)
        with torch.autocast(batch.pictures.device.type, torch.bfloat16):
            image_tokens, shown = self.look(batch)
            tokens = network.backbone(
                network.tokenizer().expand(count, -1, -1), image_tokens, _ignore
            )
            size = network.tokenizer.embeddings.shape[-1]
            planes = tokens.unflatten(-1, (3, size, size)).transpose(1, 2).flatten(0, 1)
            planes = network.post_processor(planes)
        at = torch.stack([batch.points[..., axes] for axes in ((0, 1), (0, 2), (1, 2))], dim=1)
        sampled = F.grid_sample(
            planes.float(), (at / BOX).flatten(0, 1).unsqueeze(1), align_corners=False
        )
        features = sampled.squeeze(2).unflatten(0, (count, 3)).flatten(1, 2).transpose(1, 2)
        return network.decoder.layers(features), shown


def _ignore(_: float) -> None:
    pass


def losses_of_look(shown: Tensor, batch: Batch) -> dict[str, Tensor]:
    """Of the positions (channels 0-2), the silhouette (3) and the colors (4-6) of the picture."""
    seen = ~batch.positions.isnan()
    positions = F.smooth_l1_loss(shown[:, :3][seen], batch.positions[seen], beta=0.02)
    silhouette = F.binary_cross_entropy_with_logits(shown[:, 3], seen[:, 0].float())
    colors = F.avg_pool2d(batch.pictures, PICTURE // MAP) - 0.5
    return {
        "positions": positions,
        "silhouette": silhouette,
        "picture": F.smooth_l1_loss(shown[:, 4:], colors, beta=0.05),
    }


def losses(outputs: Tensor, batch: Batch) -> dict[str, Tensor]:
    """Of the occupancy at all points, and of the colors of those at the surface."""
    # Most points lie at the surface, where inside and outside are all but equally right.
    telling = (batch.distances.abs() / SURFACE).clamp(0.15, 1.0)
    occupancy = F.binary_cross_entropy_with_logits(
        outputs[..., 0] - RAW_THRESHOLD,
        torch.sigmoid(-SHARPNESS * batch.distances),
        telling / telling.mean(),
    )
    near = batch.distances.abs() < SURFACE
    color = F.smooth_l1_loss(torch.sigmoid(outputs[..., 1:])[near], batch.colors[near], beta=0.05)
    return {"occupancy": occupancy, "color": color}


def new_optimizer(trainee: Trainee) -> torch.optim.AdamW:
    """AdamW; vectors such as biases and norms are not decayed."""
    matrices = [parameter for parameter in trainee.parameters() if parameter.ndim > 1]
    vectors = [parameter for parameter in trainee.parameters() if parameter.ndim < 2]
    groups = [
        {"params": matrices, "weight_decay": 0.01},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, betas=(0.9, 0.98), fused=True)


def schedule(step: int, looking: int, steps: int) -> float:
    """Factor of the learning rate: rises at the start of both parts, falls to zero at the end."""
    since = step if step < looking else step - looking
    return min(1.0, (since + 1) / 200, max(steps - step, 0) / (0.4 * steps))


def shuffled(count: int, size: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """Batches of indices, epoch after epoch."""
    rng = np.random.default_rng(seed)
    while True:
        order = rng.permutation(count)
        for start in range(0, count - size + 1, size):
            yield order[start : start + size]


@torch.inference_mode()
def held_out(trainee: Trainee, objects: Objects) -> dict[str, float]:
    """Losses on objects that are not trained on, and the IoU of inside and outside at points."""
    rng = np.random.default_rng(0)
    totals: dict[str, float] = {}
    chosen = np.arange(objects.count - HELD_OUT, objects.count).reshape(-1, 32)
    for indices in chosen:
        batch = objects.batch(indices, 2048, rng, vary=False)
        outputs, shown = trainee(batch)
        terms = losses(outputs, batch) | losses_of_look(shown, batch)
        values = {name: float(loss) for name, loss in terms.items()}
        inside, found = batch.distances < 0, outputs[..., 0] > RAW_THRESHOLD
        values["iou"] = float((inside & found).sum() / (inside | found).sum())
        for name, value in values.items():
            totals[name] = totals.get(name, 0.0) + value / len(chosen)
    return totals


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=Path, default=CACHE / "objects")
    parser.add_argument("--checkpoint", type=Path, default=CACHE / "checkpoint.pt")
    parser.add_argument("--steps", type=int, default=8000)
    parser.add_argument("--looking", type=int, default=2000, help="first steps: pictures alone")
    parser.add_argument("--batch", type=int, default=24)
    parser.add_argument("--points", type=int, default=1536)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=0)
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)

    objects = Objects(options.objects)
    print(f"{objects.count} objects", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        trainee = Trainee(initial_network(write_config(Path(folder)), options.seed))
    size = sum(parameter.numel() for parameter in trainee.network.parameters())
    print(f"{size / 1e6:.2f} million parameters", flush=True)
    trainee.compile_layers()
    optimizer = new_optimizer(trainee)
    step = 0
    if options.checkpoint.exists():
        state = torch.load(options.checkpoint, weights_only=True)
        trainee.load_state_dict(state["trainee"])
        optimizer.load_state_dict(state["optimizer"])
        step = state["step"]
        print(f"going on at step {step}", flush=True)

    batches = shuffled(objects.count - HELD_OUT, options.batch, options.seed + step)
    rng = np.random.default_rng((options.seed, step))
    running: dict[str, float] = {}
    started = time.perf_counter()
    while step < options.steps:
        batch = objects.batch(next(batches), options.points, rng)
        if step < options.looking:
            with torch.autocast("cpu", torch.bfloat16):
                shown = trainee.look(batch)[1]
            terms = losses_of_look(shown, batch)
        else:
            outputs, shown = trainee(batch)
            terms = losses(outputs, batch) | losses_of_look(shown, batch)
        sum(terms.values()).backward()
        nn.utils.clip_grad_norm_(trainee.parameters(), 1.0)
        for group in optimizer.param_groups:
            group["lr"] = options.rate * schedule(step, options.looking, options.steps)
        optimizer.step()
        optimizer.zero_grad()
        step += 1
        for name, loss in terms.items():
            running[name] = 0.98 * running.get(name, loss.item()) + 0.02 * loss.item()
        if step % 50 == 0:
            told = "  ".join(f"{name} {value:.4f}" for name, value in running.items())
            seconds = (time.perf_counter() - started) / 50
            print(f"step {step}  {told}  {seconds:.2f} s/step", flush=True)
            started = time.perf_counter()
        if step % 500 == 0 or step == options.steps:
            figures = held_out(trainee, objects)
            told = "  ".join(f"{name} {value:.4f}" for name, value in figures.items())
            print(f"held out at {step}:  {told}", flush=True)
            save(options.checkpoint, trainee, optimizer, step)
            started = time.perf_counter()


def save(path: Path, trainee: Trainee, optimizer: torch.optim.Optimizer, step: int) -> None:
    """Save everything that is needed to go on."""
    partial = path.with_suffix(".part")
    state = {
        "trainee": trainee.state_dict(),
        "optimizer": optimizer.state_dict(),
        "step": step,
    }
    torch.save(state, partial)
    partial.replace(path)


if __name__ == "__main__":
    main()
