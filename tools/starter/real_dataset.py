"""Training data from meshes: many views of each object of a folder, in the form of `dataset`.

    python tools/starter/real_dataset.py FOLDER... --leave-out 'door|window'

Each shard holds all views of its objects. The first shard is held out from training, with all
objects of the same shapes, so that training and its figures share no object.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import re
import time
from collections import Counter
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path

import numpy as np

from batches import HELD_OUT
from dataset import (
    CACHE,
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
    save_shard,
)
from insides import surface_samples
from mesh_files import ENDINGS, Mesh, UnusableMeshError, face_areas, load_mesh
from mesh_objects import MeshObject, Placed, varied
from mesh_pictures import Gloss, fitted_window, render_mesh

FACES = (60, 150_000)
THINNEST, MIDDLE = 0.08, 0.2  # least shares of the longest side
SEE_THROUGH = 0.05  # largest share of the surface that a texture makes transparent
GLOSSY = 0.35  # share of the pictures in which the object shines
VIEWS = 4
NEAR = ((0.008, 0.4), (0.025, 0.35), (0.07, 0.25))
"""Standard deviations of points from the surface, in model units, and their shares."""


@dataclass(frozen=True)
class Found:
    """A file that was looked at.

    Attributes:
        path: The file.
        problem: Why it is left out; empty if it is used.
        shape: Digest of the shape, whatever its size and colors.
    """

    path: str
    problem: str
    shape: str = ""


def find(folders: list[Path], leave_out: str, processes: int) -> list[Found]:
    """Look at all meshes in folders; those to use come in an order that only shapes decide.

    `leave_out` is a regular expression for paths below the folders.
    """
    below = {
        path: path.relative_to(folder).as_posix()
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in ENDINGS
    }
    named = {path for path, name in below.items() if leave_out and re.search(leave_out, name, re.I)}
    rest = [path for path in below if path not in named]
    found = []
    with multiprocessing.Pool(processes) as pool:
        for done, one in enumerate(pool.imap(look_at, rest, 8), 1):
            found.append(one)
            print(f"\rlooked at {done} of {len(rest)} files", end="", flush=True)
    print()
    found.sort(key=lambda one: (one.shape, _digest_of_file(Path(one.path))))
    return [*found, *(Found(str(path), "left out by name") for path in sorted(named))]


def look_at(path: Path) -> Found:
    """Check whether a file is usable."""
    try:
        mesh = load_mesh(path)
        suits(mesh)
    except UnusableMeshError as error:
        return Found(str(path), str(error))
    points = np.unique(mesh.vertices.round(2) + 0.0, axis=0)
    return Found(str(path), "", sha256(points.tobytes()).hexdigest()[:16])


def _digest_of_file(path: Path) -> bytes:
    return sha256(path.read_bytes()).digest()


def suits(mesh: Mesh) -> None:
    """Check a mesh's proportions and surface.

    Raises:
        UnusableMeshError: It is not one that a small model can learn from.
    """
    if not FACES[0] <= len(mesh.faces) <= FACES[1]:
        raise UnusableMeshError(f"not {FACES[0]} to {FACES[1]:,} faces")
    sides = np.sort(np.ptp(mesh.vertices, axis=0))
    if sides[0] < THINNEST * sides[2] or sides[1] < MIDDLE * sides[2]:
        raise UnusableMeshError("too thin or too long")
    rng = np.random.default_rng(0)
    _, faces, shares = surface_samples(mesh.corners, face_areas(mesh.corners), 2000, rng)
    if (mesh.color_at(faces, shares)[1] < 0.5).mean() > SEE_THROUGH:
        raise UnusableMeshError("transparent")


def held_out_whole(found: list[Found], count: int) -> list[Found]:
    """Leave out what has the shape of one of the first `count` objects, which are held out."""
    used = [one for one in found if not one.problem]
    shapes = {one.shape for one in used[:count]}
    alike = [one for one in used[count:] if one.shape in shapes]
    return [
        replace(one, problem="the shape of a held-out object") if one in alike else one
        for one in found
    ]


def report(found: list[Found]) -> str:
    """Return a table in Markdown of what is used and what is left out, and why."""
    counts = Counter(one.problem or "**used**" for one in found)
    rows = [f"| {problem} | {count} |" for problem, count in counts.most_common()]
    return "\n".join(["| files | |", "|---|--:|", *rows]) + "\n"


def make_samples(path: Path, views: int) -> list[Sample]:
    """Make the samples of an object; the file's content seeds what is random.

    Raises:
        UnusableMeshError: A sample cannot be made.
    """
    rng = np.random.default_rng(int.from_bytes(_digest_of_file(path)[:8], "little"))
    mesh = load_mesh(path)
    samples: list[Sample] = []
    for number in range(views):
        if number % 2 == 0:  # Two views of each variation: building one is half of the work.
            thing = MeshObject(varied(mesh, rng))
        samples.append(make_sample(Placed.turned(thing, float(rng.uniform(0, 360))), rng))
    return samples


def make_sample(placed: Placed, rng: np.random.Generator) -> Sample:
    """Make one sample of a mesh; raises UnusableMeshError if the picture shows nothing."""
    camera, light = random_camera(rng), random_light(rng)
    window = fitted_window(camera, placed.vertices)
    gloss = Gloss.random(rng) if rng.random() < GLOSSY else None
    view = render_mesh(placed, camera, light, RENDERED, window, rng, gloss)
    if not view.mask.any():
        raise UnusableMeshError("nothing to see")
    picture, positions = framed(view, rng)
    anywhere = rng.uniform(-HALF_BOX, HALF_BOX, (POINTS // 4, 3))
    near = placed.surface_points(POINTS - len(anywhere), rng)
    spreads, shares = zip(*NEAR, strict=True)
    near += rng.normal(size=near.shape) * rng.choice(spreads, size=(len(near), 1), p=shares)
    points = np.concatenate((anywhere, near)).clip(-HALF_BOX, HALF_BOX).astype(np.float16)
    points = points[rng.permutation(POINTS)]
    distances, colors = placed.distance_and_color(points.astype(np.float64))
    volume = np.packbits(placed.occupied(cell_centers(VOLUME)))
    if not (np.isfinite(distances).all() and np.isfinite(colors).all()):
        raise UnusableMeshError("distances that are no numbers")
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
    samples: list[Sample] = []
    for file in files:
        try:
            samples += make_samples(Path(file), views)
        except UnusableMeshError as error:
            print(f"left out: {file}: {error}", flush=True)
    save_shard(path, samples)
    return path


def listed(options: argparse.Namespace, held_out: int) -> list[Found]:
    """Return the files that a folder of shards is made of, and keep the list there.

    A folder that is continued keeps its objects, and the first of them as held out.
    """
    path = options.folder / "files.json"
    settings = {
        # The ends of the paths, because another machine may have the same meshes elsewhere.
        "folders": ["/".join(folder.resolve().parts[-2:]) for folder in options.folders],
        "leave_out": options.leave_out,
        "views": options.views,
    }
    if path.exists():
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept["settings"] != settings:
            raise SystemExit(
                f"{options.folder} was made with {kept['settings']}: pass the same, or another"
                " --folder"
            )
        return [Found(**one) for one in kept["files"]]
    found = held_out_whole(find(options.folders, options.leave_out, options.processes), held_out)
    used = sum(not one.problem for one in found)
    if used <= held_out:
        raise SystemExit(
            f"{report(found)}\n{used} objects are too few: {held_out} of them are held out"
        )
    options.folder.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    content = {"settings": settings, "files": [asdict(one) for one in found]}
    partial.write_text(json.dumps(content, indent=1), encoding="utf-8")
    partial.replace(path)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--leave-out", default="", help="regular expression for paths")
    parser.add_argument("--views", type=int, default=VIEWS, choices=(1, 2, 4, 8, 16))
    parser.add_argument("--folder", type=Path, default=CACHE / "real")
    parser.add_argument("--processes", type=int, default=cores())
    options = parser.parse_args()
    per_shard = HELD_OUT // options.views
    found = listed(options, per_shard)
    print(report(found))
    used = [one.path for one in found if not one.problem]
    groups = [used[first : first + per_shard] for first in range(0, len(used), per_shard)]
    tasks = [(options.folder, n, files, options.views) for n, files in enumerate(groups)]
    started = time.perf_counter()
    with multiprocessing.Pool(options.processes) as pool:
        for done, path in enumerate(pool.imap(write_shard, tasks), 1):
            rate = done * HELD_OUT / (time.perf_counter() - started)
            print(f"{path.name}: {done} of {len(tasks)}, {rate:.1f} samples/s", flush=True)


if __name__ == "__main__":
    main()
