"""Rendered solids with the shadows that they cast on a floor: one PNG for each seed, in the cache.

A layer is as wide as high. The upper half of its file is the solid with alpha; in the lower half,
red is what the floor lacks of the lamp's light, and green what it lacks of the light all around.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dataset import CACHE, cores, random_light
from floor import LOWEST_LAMP, floor_shadows
from long_runs import worker_pool
from objects import make_object
from views import Camera, render

LAYER = 320  # pixels
LAYERS = 660
FOLDER = CACHE.with_name("shadow")


@dataclass(frozen=True)
class Layer:
    """A subject without its surroundings.

    Attributes:
        color: (H, W, 3) float32, RGB of 0 to 255.
        alpha: (H, W) float32, 0 to 1.
        cast: (H, W) float32, what the floor lacks of the lamp's light, 0 to 1; of drawn subjects,
            which stand on no floor, none.
        around: (H, W) float32, what it lacks of the light from all around.
    """

    color: NDArray[np.float32]
    alpha: NDArray[np.float32]
    cast: NDArray[np.float32] | None = None
    around: NDArray[np.float32] | None = None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--layers", type=int, default=LAYERS)
    parser.add_argument("--processes", type=int, default=cores())
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    seeds = [seed for seed in range(options.layers) if not path_of(options.folder, seed).exists()]
    with worker_pool(options.processes) as pool:
        tasks = [(options.folder, seed) for seed in seeds]
        for number, _ in enumerate(pool.map(_write, tasks), 1):
            print(f"\r{number} of {len(seeds)} layers", end="", flush=True)
    print()


def path_of(folder: Path, seed: int) -> Path:
    """The file of a seed."""
    return folder / f"{seed:05}.png"


def _write(task: tuple[Path, int]) -> None:
    folder, seed = task
    done = cv2.imencode(".png", make_layer(seed))[1].tobytes()
    path = path_of(folder, seed)
    part = path.with_suffix(".part")
    part.write_bytes(done)
    part.rename(path)


def make_layer(seed: int) -> NDArray[np.uint8]:
    """The layer of a seed (2 * LAYER, LAYER, 4) as its file has it, in OpenCV's order of colors."""
    rng = np.random.default_rng((seed, 1))
    solid = make_object(seed)
    camera = Camera(0.0, float(rng.triangular(-3, 15, 55)), float(rng.uniform(20, 55)))
    light = random_light(rng)
    while light.direction[1] < LOWEST_LAMP:
        light = random_light(rng)
    left, top, side = camera.window(solid)
    wider = side * float(rng.uniform(1.02, 1.9))
    room = wider - side
    window = left - room * float(rng.random()), top - room * float(rng.random()), wider
    view = render(solid, camera, light, LAYER, window)
    softness = math.exp(rng.uniform(math.log(0.02), math.log(0.3)))
    shadows = floor_shadows(solid, camera, light, softness, LAYER, window, seed)
    below = np.zeros((LAYER, LAYER, 4), np.uint8)
    below[..., 2], below[..., 1] = (np.round(255 * shadow) for shadow in shadows)
    below[..., 3] = 255
    return np.vstack((view.rgba[..., [2, 1, 0, 3]], below))


def read_layer(folder: Path, seed: int) -> Layer:
    """The layer of a seed, from its file."""
    return as_layer(cv2.imread(str(path_of(folder, seed)), cv2.IMREAD_UNCHANGED))


def as_layer(both: NDArray[np.uint8]) -> Layer:
    """The layer that a file's pixels are."""
    above, below = both[:LAYER], both[LAYER:].astype(np.float32) / 255
    return Layer(
        np.ascontiguousarray(above[..., 2::-1]).astype(np.float32),
        above[..., 3].astype(np.float32) / 255,
        np.ascontiguousarray(below[..., 2]),
        np.ascontiguousarray(below[..., 1]),
    )


if __name__ == "__main__":
    main()
