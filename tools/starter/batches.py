"""The training objects in memory, and batches of them, generated and real ones mixed."""

from __future__ import annotations

import functools
import hashlib
import json
import zipfile
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dataset import FIELDS, POINTS, VOLUME

HELD_OUT = 256  # objects of the first shards, which training never uses


@dataclass(frozen=True)
class Batch:
    """A batch of samples, all float32.

    Attributes:
        pictures: (B, 3, 128, 128) in [0, 1].
        positions: (B, 3, 32, 32), the surface point at each pixel; nan outside the object.
        points: (B, N, 3) in model units.
        distances: (B, N), signed, at `points`.
        colors: (B, N, 3) in [0, 1], of the nearest part.
        outlines: (B, 3, 3, 32, 32), see `outlines`.
        rays: (B, R, 2, 3) in model units, where rays of the picture enter and leave the box.
        hits: (B, R), 1 for rays that hit the object, else 0.
    """

    pictures: Tensor
    positions: Tensor
    points: Tensor
    distances: Tensor
    colors: Tensor
    outlines: Tensor
    rays: Tensor
    hits: Tensor

    def to(self, device: torch.device) -> Batch:
        """Copy the batch to another device."""
        return Batch(*(getattr(self, field.name).to(device) for field in fields(self)))


def shards_of(folder: Path) -> list[Path]:
    """Return the shards of a folder in their order."""
    return sorted(folder.glob("*.npz"))


def fingerprint(folder: Path) -> str:
    """Return a digest of the shards, from the checksums that they hold of their parts."""
    checksums = []
    for path in shards_of(folder):
        with zipfile.ZipFile(path) as shard:
            checksums.append((path.name, [(p.filename, p.CRC) for p in shard.infolist()]))
    return hashlib.sha256(json.dumps(checksums).encode()).hexdigest()[:16]


class Objects:
    """All shards of a folder, in memory."""

    def __init__(self, folder: Path) -> None:
        shards = shards_of(folder)
        parts: dict[str, list[NDArray]] = {name: [] for name in FIELDS}
        for path in shards:
            with np.load(path) as shard:
                if not set(FIELDS) <= set(shard.files):
                    raise SystemExit(f"{path} lacks what is learned now: make the objects anew")
                for name in FIELDS:
                    parts[name].append(shard[name])
        if not shards or sum(map(len, parts["picture"])) <= HELD_OUT:
            raise SystemExit(
                f"There are too few objects in {folder}: make some with tools/starter/dataset.py"
            )
        self.arrays = {name: np.concatenate(parts.pop(name)) for name in FIELDS}
        self.count = len(self.arrays["picture"])

    def batch(
        self,
        chosen: NDArray[np.int64],
        points: int,
        rng: np.random.Generator,
        vary: bool = True,
        rays: int = 0,
    ) -> Batch:
        """Return a batch of the chosen samples; see `samples`."""
        return collate(self.samples(chosen, points, rng, vary, rays))

    def samples(
        self,
        chosen: NDArray[np.int64],
        points: int,
        rng: np.random.Generator,
        vary: bool = True,
        rays: int = 0,
    ) -> list[tuple[NDArray[np.float32], ...]]:
        """Return the chosen samples, each with the fields of a batch.

        Each has `points` points (at most 4096) and `rays` rays (at most 128). With `vary`, an
        object may be mirrored left to right, and its color channels are permuted: this makes
        twelve objects from one.
        """
        return [self._sample(index, points, rng, vary, rays) for index in chosen]

    def _sample(
        self, index: int, count: int, rng: np.random.Generator, vary: bool, ray_count: int
    ) -> tuple[NDArray[np.float32], ...]:
        start = rng.integers(POINTS - count + 1)
        span = slice(start, start + count)  # The points are in random order.
        picture = self.arrays["picture"][index].astype(np.float32) / 255
        positions = self.arrays["positions"][index].astype(np.float32)
        points = self.arrays["points"][index, span].astype(np.float32)
        distances = self.arrays["distances"][index, span].astype(np.float32)
        colors = self.arrays["colors"][index, span].astype(np.float32) / 255
        rays = self.arrays["rays"][index, :ray_count].astype(np.float32)
        hits = self.arrays["hits"][index, :ray_count].astype(np.float32)
        volume = np.unpackbits(self.arrays["volume"][index]).reshape(VOLUME, VOLUME, VOLUME)
        if vary:
            channels = rng.permutation(3)
            picture, colors = picture[..., channels], colors[..., channels]
            if rng.random() < 0.5:
                swap = np.array([1, -1, 1], np.float32)
                picture, positions = picture[:, ::-1], positions[:, ::-1] * swap
                points, rays = points * swap, rays * swap
                volume = volume[:, ::-1]
        return (
            picture.transpose(2, 0, 1),
            positions.transpose(2, 0, 1),
            points,
            distances,
            colors,
            outlines(volume),
            rays,
            hits,
        )


def outlines(volume: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Project a volume (32, 32, 32) onto the planes (x, y), (x, z), (y, z): (3, 3, 32, 32).

    Each plane is laid out like its features (the second axis down the rows) and says whether there
    is anything, and where it begins and ends along the third axis, in [-1, 1]; nan where there is
    nothing.
    """
    result = np.empty((3, 3, VOLUME, VOLUME), np.float32)
    ticks = (np.arange(VOLUME, dtype=np.float32) + 0.5) * 2 / VOLUME - 1
    for plane, axis in enumerate((2, 1, 0)):
        there = volume.any(axis=axis)
        begin = np.where(there, ticks[volume.argmax(axis=axis)], np.nan)
        end = np.where(there, -ticks[np.flip(volume, axis).argmax(axis=axis)], np.nan)
        result[plane] = np.stack((there, begin, end)).transpose(0, 2, 1)
    return result


def collate(samples: list[tuple[NDArray[np.float32], ...]]) -> Batch:
    """Make a batch of samples."""
    return Batch(*(torch.from_numpy(np.stack(field)) for field in zip(*samples, strict=True)))


class World(torch.utils.data.Dataset):
    """Batches of generated and real objects, mixed in the same share in each; one per step.

    A step always has the same batch, so that an interrupted training continues as it would have.

    Args:
        generated: The generated objects.
        real: Views of real objects, or None.
        share: Share of real ones in a batch, from 0 to 1.
        size: Samples in a batch.
        points, rays: How many each sample has; see Objects.samples.
        seed: Seed of their order and variations.
    """

    def __init__(
        self,
        generated: Objects,
        real: Objects | None,
        share: float,
        size: int,
        points: int,
        rays: int,
        seed: int,
    ) -> None:
        reals = round(size * share) if real else 0
        self._sources = [
            (source, count) for source, count in ((generated, size - reals), (real, reals)) if count
        ]
        self._points, self._rays, self._seed = points, rays, seed

    def __getitem__(self, step: int) -> Batch:
        """Return the batch of a step."""
        rng = np.random.default_rng((self._seed, step, 1))
        return collate(
            [
                sample
                for source, count in self._sources
                for sample in source.samples(
                    chosen(source.count, count, self._seed, step),
                    self._points,
                    rng,
                    rays=self._rays,
                )
            ]
        )


def chosen(count: int, size: int, seed: int, step: int) -> NDArray[np.int64]:
    """Return the indices (size,) of a step's samples, from HELD_OUT on, epoch after epoch.

    A batch may reach from one epoch into the next, or be larger than one.
    """
    epoch, start = divmod(step * size, count - HELD_OUT)
    found = _shuffled(count, seed, epoch)[start:]
    while len(found) < size:
        epoch += 1
        found = np.concatenate((found, _shuffled(count, seed, epoch)))
    return found[:size]


@functools.lru_cache(maxsize=4)
def _shuffled(count: int, seed: int, epoch: int) -> NDArray[np.int64]:
    return np.random.default_rng((seed, epoch)).permutation(np.arange(HELD_OUT, count))
