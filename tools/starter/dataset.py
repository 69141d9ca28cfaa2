"""Training data: pictures of objects, with points in space and the distances and colors there."""

from __future__ import annotations

import argparse
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from long_runs import worker_pool
from objects import make_object
from solids import Solid
from triposr.inference import Options
from triposr.inference.picture.prepare import STRAY_ALPHA
from views import Camera, Light, View, Window, render

PICTURE = 128  # pixels, the side of the network's input
RATIO = Options().foreground_ratio  # longest side of the subject divided by that side
MAP = 32  # pixels, the side of the position map
POINTS = 4096  # per sample
NEAR = POINTS * 3 // 4  # of them about the surface
SPREADS = {0.008: 0.4, 0.025: 0.35, 0.07: 0.25}
"""Standard deviations of points from the surface, in model units, and their shares."""
RAYS = 128  # per sample
OUTLINE = 4  # pixels on either side of the outline, where most rays are
HALF_BOX = 0.6  # half the side of the model's box, in model units; objects reach 0.55
VOLUME = 32  # cells per axis of that box
OBJECTS = 24_000
SHARD = 250  # objects
RENDERED = 128  # pixels, the side of the picture before it is resized

_CACHES = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
CACHE = _CACHES / "triposr-blender" / "starter"
"""Folder for objects and checkpoints, all of which can be made again."""

Task = TypeVar("Task", bound=tuple[Any, ...])


@dataclass(frozen=True)
class Sample:
    """One object as the network sees it in training.

    Attributes:
        picture: (128, 128, 3) uint8, on gray, framed as the add-on frames it.
        positions: (32, 32, 3) float16, the surface point at each pixel; nan outside the object.
        points: (4096, 3) float16 in [-0.6, 0.6].
        distances: (4096,) float16, signed, at `points`.
        colors: (4096, 3) uint8, display-referred albedo of the nearest part.
        volume: (4096,) uint8, the 32³ cells of the box whose centers are inside, as packed bits; x
            changes slowest.
        rays: (128, 2, 3) float16, where rays of the picture enter and leave the box.
        hits: (128,) bool, whether the rays hit the object.
    """

    picture: NDArray[np.uint8]
    positions: NDArray[np.float16]
    points: NDArray[np.float16]
    distances: NDArray[np.float16]
    colors: NDArray[np.uint8]
    volume: NDArray[np.uint8]
    rays: NDArray[np.float16]
    hits: NDArray[np.bool_]


FIELDS = tuple(Sample.__dataclass_fields__)


def cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on Windows and macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def random_camera(rng: np.random.Generator) -> Camera:
    """Return a random camera on +X, mostly a little above the subject, as in usual photographs."""
    return Camera(0.0, float(rng.triangular(-10, 12, 45)), float(rng.uniform(25, 55)))


def random_light(rng: np.random.Generator) -> Light:
    """Return random light, from an overcast day to a hard lamp, mostly from above and the front."""
    around, up = rng.uniform(-110, 110), rng.uniform(-10, 75)
    a, e = math.radians(around), math.radians(up)
    direction = (math.sin(a) * math.cos(e), math.sin(e), math.cos(a) * math.cos(e))
    ambient = float(rng.uniform(0.25, 0.9))
    strength = float(rng.uniform(0.85, 1.25)) - 0.75 * ambient
    return Light(direction, strength, ambient, shadows=bool(rng.random() < 0.4))


def framed(
    view: View, flaws: np.random.Generator | None
) -> tuple[NDArray[np.uint8], NDArray[np.float16]]:
    """Return the picture and the position map of a view, cropped to the subject and put on gray.

    The picture is cropped at whole pixels of the view, so the two may be half a pixel apart.

    Args:
        view: A picture of one object.
        flaws: Random numbers for flaws of camera and matte; None for a clean picture.
    """
    alpha = view.rgba[..., 3]
    rgb = view.rgba[..., :3]
    if flaws is not None:
        rgb, alpha = with_flaws(rgb, alpha, flaws)
    rows, columns = np.nonzero(alpha > STRAY_ALPHA)
    top, bottom, left, right = rows.min(), rows.max() + 1, columns.min(), columns.max() + 1
    scale = RATIO * PICTURE / max(bottom - top, right - left)
    # Pixel (x, y) of the square shows pixel (x / scale + x0, y / scale + y0) of the view.
    x0 = (left + right) / 2 - PICTURE / 2 / scale
    y0 = (top + bottom) / 2 - PICTURE / 2 / scale

    opacity = alpha.astype(np.float32)[..., None] / 255
    on_gray = rgb * opacity + 127.5 * (1 - opacity)
    picture = _resample(on_gray, x0, y0, scale, PICTURE, 127.5)

    inverse = PICTURE / MAP / scale
    steps = (np.arange(MAP) + 0.5) * inverse
    x, y = np.floor(x0 + steps).astype(int), np.floor(y0 + steps).astype(int)
    inside = ((y >= 0) & (y < alpha.shape[0]))[:, None] & ((x >= 0) & (x < alpha.shape[1]))[None]
    size = alpha.shape[0]
    positions = view.positions[y.clip(0, size - 1)[:, None], x.clip(0, size - 1)[None]].copy()
    positions[~inside] = np.nan
    return picture.round().astype(np.uint8), positions.astype(np.float16)


def _resample(
    image: NDArray[np.float32], x0: float, y0: float, scale: float, size: int, border: float
) -> NDArray[np.float32]:
    """Return a square of `image` at another scale, filtered by area if that is smaller."""
    side = size / scale
    padding = int(side) + 2
    padded = cv2.copyMakeBorder(
        image.astype(np.float32), *(padding,) * 4, cv2.BORDER_CONSTANT, value=(border,) * 3
    )
    left, top = round(x0 + padding), round(y0 + padding)
    square = padded[top : top + round(side), left : left + round(side)]
    filtering = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return cv2.resize(square, (size, size), interpolation=filtering)


def with_flaws(
    rgb: NDArray[np.uint8], alpha: NDArray[np.uint8], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Add the flaws of cameras, files and matting models to a picture and its matte."""
    if rng.random() < 0.25:  # sensor noise
        noise = rng.normal(0, rng.uniform(1, 8), rgb.shape)
        rgb = (rgb + noise).clip(0, 255).astype(np.uint8)
    if rng.random() < 0.2:  # out of focus
        rgb = cv2.GaussianBlur(rgb, (0, 0), rng.uniform(0.4, 1.6))
    if rng.random() < 0.25:  # JPEG
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 95))]
        rgb = cv2.imdecode(cv2.imencode(".jpg", rgb, quality)[1], cv2.IMREAD_COLOR)
    if rng.random() < 0.25:  # a matte that is too wide, too narrow or soft
        soft = cv2.GaussianBlur(alpha.astype(np.float32), (0, 0), rng.uniform(0.8, 2.5)) / 255
        shift = rng.uniform(-0.3, 0.3)
        alpha = (255 * ((soft - 0.5 + shift) * rng.uniform(1, 6) + 0.5).clip(0, 1)).astype(np.uint8)
        if (alpha > STRAY_ALPHA).sum() < 50:
            alpha = (255 * soft).astype(np.uint8)
    return rgb, alpha


def scattered(surface: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float16]:
    """Sample POINTS points (N, 3): about points (M, 3) of a surface, and the rest anywhere."""
    anywhere = rng.uniform(-HALF_BOX, HALF_BOX, (POINTS - len(surface), 3))
    spread = rng.choice(list(SPREADS), size=(len(surface), 1), p=list(SPREADS.values()))
    near = surface + rng.normal(size=surface.shape) * spread
    points = np.concatenate((anywhere, near)).clip(-HALF_BOX, HALF_BOX).astype(np.float16)
    return points[rng.permutation(POINTS)]


def sample_points(
    solid: Solid, rng: np.random.Generator
) -> tuple[NDArray[np.float16], NDArray[np.float16], NDArray[np.uint8]]:
    """Sample points, signed distances and colors."""
    points = scattered(surface_points(solid, rng, NEAR), rng)
    exact = points.astype(np.float64)
    colors = (255 * solid.color(exact)).round().astype(np.uint8)
    return points, solid.distance(exact).clip(-1, 1).astype(np.float16), colors


def sample_rays(
    view: View, camera: Camera, window: Window, rng: np.random.Generator, count: int = RAYS
) -> tuple[NDArray[np.float16], NDArray[np.bool_]]:
    """Sample rays of a picture in the box, most at its outline, and whether they hit the object."""
    mask = view.mask.astype(np.uint8)
    rays, through = box_rays(camera, window, len(mask))
    around = np.ones((2 * OUTLINE + 1, 2 * OUTLINE + 1), np.uint8)
    at_outline = (cv2.dilate(mask, around) != cv2.erode(mask, around)).ravel()
    chances = through * np.where(at_outline, 1.0, 0.1)
    chosen = rng.choice(len(chances), count, p=chances / chances.sum())
    return rays[chosen].astype(np.float16), mask.ravel()[chosen] > 0


def box_rays(
    camera: Camera, window: Window, size: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Find where the rays through pixels (size, size), row by row, enter and leave the model's box.

    Returns:
        The two points (size², 2, 3) where rays enter and leave the box, and whether they pass
        through it at all (size²,); the points of rays that do not are meaningless.
    """
    left, top, side = window
    rows, columns = np.mgrid[:size, :size].reshape(2, -1)
    directions = camera.directions(
        left + side * (columns + 0.5) / size, top + side * (rows + 0.5) / size
    )
    position = camera.pose()[0]
    faces = (np.array([[-HALF_BOX], [HALF_BOX]]) - position)[:, None] / directions
    enter, leave = faces.min(axis=0).max(axis=1), faces.max(axis=0).min(axis=1)
    rays = position + np.stack((enter, leave), axis=-1)[..., None] * directions[:, None]
    return rays.clip(-HALF_BOX, HALF_BOX), enter < leave


def cell_centers(count: int, half: float = HALF_BOX) -> NDArray[np.float32]:
    """Return the centers (count³, 3) of the cells of a box in [-half, half]; x changes slowest."""
    ticks = ((np.arange(count, dtype=np.float32) + 0.5) / count * 2 - 1) * np.float32(half)
    return np.stack(np.meshgrid(ticks, ticks, ticks, indexing="ij"), axis=-1).reshape(-1, 3)


def surface_points(solid: Solid, rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Sample points (count, 3) all over the surface, not evenly; repeat points if few are found."""
    found: list[NDArray[np.float64]] = []
    missing = count
    for _ in range(8):
        moved = solid.onto_surface(rng.uniform(-HALF_BOX, HALF_BOX, (int(missing * 1.2) + 16, 3)))
        good = moved[
            (np.abs(solid.distance(moved)) < 1e-3) & (np.abs(moved) < HALF_BOX).all(axis=1)
        ]
        found.append(good[:missing])
        missing -= len(found[-1])
        if not missing:
            break
    points = np.concatenate(found)
    return points[np.arange(count) % len(points)]


def make_sample(seed: int) -> Sample:
    """Make the sample of a seed."""
    rng = np.random.default_rng((seed, 1))
    solid = make_object(seed)
    camera, light = random_camera(rng), random_light(rng)
    window = camera.window(solid)
    view = render(solid, camera, light, RENDERED, window)
    picture, positions = framed(view, rng)
    volume = np.packbits(solid.distance(cell_centers(VOLUME)) < 0)
    rays = sample_rays(view, camera, window, np.random.default_rng((seed, 2)))
    return Sample(picture, positions, *sample_points(solid, rng), volume, *rays)


def write_shard(task: tuple[Path, int]) -> Path:
    """Write the samples of SHARD consecutive seeds."""
    path, number = task
    first = number * SHARD
    save_shard(path, [make_sample(seed) for seed in range(first, first + SHARD)])
    return path


def save_shard(path: Path, samples: list[Sample]) -> None:
    """Write samples to a file, which appears whole or not at all."""
    partial = path.with_suffix(f".{os.getpid()}.part")
    try:
        with partial.open("wb") as file:
            np.savez(
                file, **{name: np.stack([getattr(s, name) for s in samples]) for name in FIELDS}
            )
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def shard_file(folder: Path, number: int) -> Path:
    """Return where a shard is, or will be."""
    return folder / f"{number:05d}.npz"


def write_missing(
    write: Callable[[Task], Path], tasks: list[Task], samples: int, processes: int
) -> None:
    """Write the shards that are not there yet, and print how far it is.

    Args:
        write: Writes the shard of a task, and returns its path.
        tasks: Each begins with the path of its shard.
        samples: In a whole shard.
        processes: How many shards are written at once.
    """
    missing = [task for task in tasks if not task[0].exists()]
    print(f"{len(tasks) - len(missing)} of {len(tasks)} shards are there already", flush=True)
    started = time.perf_counter()
    with worker_pool(processes) as pool:
        for done, path in enumerate(pool.map(write, missing), 1):
            rate = done * samples / (time.perf_counter() - started)
            print(f"{path.name}: {done} of {len(missing)}, {rate:.1f} samples/s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=0, help=f"seed, a multiple of {SHARD}")
    parser.add_argument("--objects", type=int, default=OBJECTS)
    parser.add_argument("--folder", type=Path, default=CACHE / "objects")
    parser.add_argument("--processes", type=int, default=cores())
    options = parser.parse_args()
    if options.first % SHARD:
        parser.error(f"--first must be a multiple of {SHARD}")
    options.folder.mkdir(parents=True, exist_ok=True)
    first, last = options.first // SHARD, math.ceil((options.first + options.objects) / SHARD)
    tasks = [(shard_file(options.folder, number), number) for number in range(first, last)]
    write_missing(write_shard, tasks, SHARD, options.processes)


if __name__ == "__main__":
    main()
