"""Training data from meshes: many views of each object of a folder, in the form of `dataset`.

    python tools/starter/real_dataset.py FOLDER... --leave-out 'door|window'

Each shard holds all views of its objects. The first shard is held out from training, so that
training and its figures share no object.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import re
import time
from collections import Counter
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from batches import HELD_OUT
from dataset import (
    CACHE,
    FIELDS,
    HALF_BOX,
    POINTS,
    RENDERED,
    VOLUME,
    Sample,
    cell_centers,
    cores,
    framed,
    random_camera,
    random_light,
    sample_rays,
)
from mesh_files import ENDINGS, Mesh, UnusableMeshError, load_mesh
from mesh_objects import MeshObject, Placed, varied
from mesh_pictures import fitted_window, render_mesh

FACES = (60, 150_000)
THINNEST, MIDDLE = 0.08, 0.2  # least shares of the longest side
SEE_THROUGH = 0.05  # largest share of the surface that a texture makes transparent
VIEWS = 4
NEAR = ((0.008, 0.4), (0.025, 0.35), (0.07, 0.25))
"""Standard deviations of points from the surface, in model units, and their shares."""


@dataclass(frozen=True)
class Found:
    """A file that was looked at.

    Attributes:
        path: The file.
        problem: Why it is left out; empty if it is used.
    """

    path: str
    problem: str


def find(folders: list[Path], leave_out: str, processes: int) -> list[Found]:
    """Look at all meshes in folders; the same files always come in the same, mixed order."""
    paths = sorted(
        {p for folder in folders for p in folder.rglob("*") if p.suffix.lower() in ENDINGS}
    )
    paths.sort(key=lambda path: sha256("/".join(path.parts[-3:]).encode()).digest())
    named = [path for path in paths if leave_out and re.search(leave_out, path.stem, re.I)]
    found = [Found(str(path), "left out by name") for path in named]
    rest = [path for path in paths if path not in set(named)]
    with multiprocessing.Pool(processes) as pool:
        for done, one in enumerate(pool.imap(look_at, rest, 8), 1):
            found.append(one)
            print(f"\rlooked at {done} of {len(rest)} files", end="", flush=True)
    print()
    return found


def look_at(path: Path) -> Found:
    """Say whether a file can be learned from."""
    try:
        suits(load_mesh(path))
    except UnusableMeshError as error:
        return Found(str(path), str(error))
    return Found(str(path), "")


def suits(mesh: Mesh) -> None:
    """Check a mesh's proportions and surface.

    Raises:
        UnusableMeshError: It is not one that a small model can learn from.
    """
    if not FACES[0] <= len(mesh.faces) <= FACES[1]:
        raise UnusableMeshError(f"not {FACES[0]} to {FACES[1]:,} faces")
    sides = np.sort(np.ptp(mesh.vertices[np.unique(mesh.faces)], axis=0))
    if not sides[2] > 0 or sides[0] < THINNEST * sides[2] or sides[1] < MIDDLE * sides[2]:
        raise UnusableMeshError("too thin or too long")
    corners = mesh.vertices[mesh.faces]
    areas = np.linalg.norm(
        np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1
    )
    faces = np.random.default_rng(0).choice(len(areas), 2000, p=areas / areas.sum())
    alpha = mesh.color_at(faces, np.full((len(faces), 3), 1 / 3))[1]
    if (alpha < 0.5).mean() > SEE_THROUGH:
        raise UnusableMeshError("transparent texture")


def report(found: list[Found]) -> str:
    """Return a table in Markdown of what is used and what is left out, and why."""
    counts = Counter(one.problem or "**used**" for one in found)
    rows = [f"| {problem} | {count} |" for problem, count in counts.most_common()]
    return "\n".join(["| files | |", "|---|--:|", *rows]) + "\n"


def make_samples(path: Path, views: int) -> list[Sample]:
    """Make the samples of an object; the file's name seeds what is random."""
    seed = int.from_bytes(sha256("/".join(path.parts[-3:]).encode()).digest()[:8], "little")
    rng = np.random.default_rng(seed)
    mesh = load_mesh(path)
    samples: list[Sample] = []
    for number in range(views):
        if number % 2 == 0:  # Two views of each variation: building one is half of the work.
            thing = MeshObject(varied(mesh, rng))
        samples.append(make_sample(Placed.turned(thing, float(rng.uniform(0, 360))), rng))
    return samples


def make_sample(placed: Placed, rng: np.random.Generator) -> Sample:
    """Make one sample of a mesh."""
    camera, light = random_camera(rng), random_light(rng)
    window = fitted_window(camera, placed.vertices)
    view = render_mesh(placed, camera, light, RENDERED, window, rng)
    picture, positions = framed(view, rng)
    anywhere = rng.uniform(-HALF_BOX, HALF_BOX, (POINTS // 4, 3))
    near = placed.surface_points(POINTS - len(anywhere), rng)
    spreads, shares = zip(*NEAR, strict=True)
    near += rng.normal(size=near.shape) * rng.choice(spreads, size=(len(near), 1), p=shares)
    points = np.concatenate((anywhere, near)).clip(-HALF_BOX, HALF_BOX).astype(np.float16)
    points = points[rng.permutation(POINTS)]
    distances, colors = placed.distance_and_color(points.astype(np.float64))
    volume = np.packbits(placed.occupied(cell_centers(VOLUME)))
    rays, hits = sample_rays(view, camera, window, rng)
    return Sample(
        picture=picture,
        positions=positions,
        points=points,
        distances=distances.clip(-1, 1).astype(np.float16),
        colors=(255 * colors).round().astype(np.uint8),
        volume=volume,
        rays=rays,
        hits=hits,
    )


def write_shard(task: tuple[Path, int, list[str], int]) -> Path:
    """Write all views of the files of a shard, unless the shard exists already."""
    folder, number, files, views = task
    path = folder / f"{number:05d}.npz"
    if path.exists():
        return path
    samples = [sample for file in files for sample in make_samples(Path(file), views)]
    partial = path.with_suffix(f".{os.getpid()}.part")
    try:
        with partial.open("wb") as file:
            np.savez(
                file, **{name: np.stack([getattr(s, name) for s in samples]) for name in FIELDS}
            )
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return path


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--leave-out", default="", help="regular expression for files' names")
    parser.add_argument("--views", type=int, default=VIEWS, choices=(1, 2, 4, 8, 16))
    parser.add_argument("--folder", type=Path, default=CACHE / "real")
    parser.add_argument("--processes", type=int, default=cores())
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    listed = options.folder / "files.json"
    if listed.exists():  # A folder that is continued keeps its objects.
        found = [Found(**one) for one in json.loads(listed.read_text())]
    else:
        found = find(options.folders, options.leave_out, options.processes)
        listed.write_text(json.dumps([asdict(one) for one in found], indent=1))
    print(report(found))
    used = [one.path for one in found if not one.problem]
    per_shard = HELD_OUT // options.views
    if len(used) <= per_shard:
        raise SystemExit(f"{len(used)} objects are too few: {per_shard} of them are held out")
    groups = [used[first : first + per_shard] for first in range(0, len(used), per_shard)]
    tasks = [(options.folder, n, files, options.views) for n, files in enumerate(groups)]
    started = time.perf_counter()
    with multiprocessing.Pool(options.processes) as pool:
        for done, path in enumerate(pool.imap(write_shard, tasks), 1):
            rate = done * HELD_OUT / (time.perf_counter() - started)
            print(f"{path.name}: {done} of {len(tasks)}, {rate:.1f} samples/s", flush=True)


if __name__ == "__main__":
    main()
