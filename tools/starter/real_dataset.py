"""Training data from meshes: many views of each object of a folder, in the form of `dataset`.

    python tools/starter/real_dataset.py FOLDER... --leave-out 'door|window'

Each shard holds all views of its objects. The first shard is held out from training, with all
objects of about the same shapes, so that training and its figures share no object. What an
interrupted call has done is not done again.
"""

from __future__ import annotations

import argparse
import json
import os
import re
from collections import Counter
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from batches import HELD_OUT
from dataset import (
    CACHE,
    NEAR,
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
    scattered,
    shard_file,
    write_missing,
)
from long_runs import resumed, worker_pool
from mesh_files import ENDINGS, Mesh, UnusableMeshError, face_areas, load_mesh
from mesh_objects import MeshObject, Placed, check_opaque, varied
from mesh_pictures import Gloss, fitted_window, render_mesh

FACES = (60, 150_000)
THINNEST, MIDDLE = 0.08, 0.2  # least shares of the longest side
GLOSSY = 0.35  # share of the pictures in which the object shines
VIEWS = 4
SHAPE = 7  # numbers that tell a shape
ALIKE = 0.01  # relative difference up to which they tell the same shape


@dataclass(frozen=True)
class Found:
    """A file that was looked at.

    Attributes:
        folder: Number of its folder among those that were passed.
        path: Its path below that folder.
        problem: Why it is left out; empty if it is used.
        digest: SHA-256 of the file; empty if it is not used.
        shape: See `shape_of`; empty if it is not used.
    """

    folder: int
    path: str
    problem: str
    digest: str = ""
    shape: tuple[float, ...] = ()


def files_in(folders: list[Path]) -> list[tuple[int, str]]:
    """Return all meshes in folders: the number of the folder, and the path below it.

    Raises:
        SystemExit: There is no such folder.
    """
    for folder in folders:
        if not folder.is_dir():
            raise SystemExit(f"There is no folder {folder}")
    return [
        (number, path.relative_to(folder).as_posix())
        for number, folder in enumerate(folders)
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in ENDINGS
    ]


def find(
    folders: list[Path], leave_out: str, processes: int, kept: Path | None = None
) -> list[Found]:
    """Look at all meshes in folders; those to use come in an order that only the files decide.

    `leave_out` is a regular expression for paths below the folders. What was seen of each file is
    `kept`; see long_runs.resumed.
    """
    files = files_in(folders)
    named = [file for file in files if leave_out and re.search(leave_out, file[1], re.I)]
    rest = sorted(set(files) - set(named))
    found = []
    with worker_pool(processes) as pool:
        tasks = [(folders[number], number, path) for number, path in rest]
        seen = resumed(
            [f"{number}/{path}" for number, path in rest],
            lambda numbers: map(asdict, pool.map(look_at, [tasks[n] for n in numbers])),
            kept,
        )
        for done, values in enumerate(seen, 1):
            found.append(found_from(values))
            print(f"\rlooked at {done} of {len(rest)} files", end="", flush=True)
    print()
    found.sort(key=lambda one: one.digest)
    return [*found, *(Found(number, path, "left out by name") for number, path in named)]


def found_from(values: dict[str, Any]) -> Found:
    """Make a finding of its values, in which JSON has put a list for the tuple."""
    return Found(**values | {"shape": tuple(values["shape"])})


def look_at(task: tuple[Path, int, str]) -> Found:
    """Check whether a file is usable."""
    folder, number, name = task
    path = folder / name
    try:
        mesh = load_mesh(path)
        suits(mesh)
    except UnusableMeshError as error:
        return Found(number, name, str(error))
    return Found(number, name, "", sha256(path.read_bytes()).hexdigest(), shape_of(mesh))


def shape_of(mesh: Mesh) -> tuple[float, ...]:
    """Return sides, area and moments of a mesh: much the same for another copy of the object.

    The moments are the mean distances of the surface from the center, along each axis.
    """
    corners = mesh.corners
    areas = face_areas(corners)
    moments = (np.abs(corners.mean(axis=1)) * areas[:, None]).sum(axis=0) / areas.sum()
    values = (*np.ptp(mesh.vertices, axis=0), areas.sum() / 2, *moments)
    return tuple(round(float(value), 5) for value in values)


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
    check_opaque(mesh)


def held_out_whole(found: list[Found], count: int) -> list[Found]:
    """Leave out what has the shape of one of the first `count` objects, which are held out."""
    used = [one for one in found if not one.problem]
    shapes = np.array([one.shape for one in used[:count]]).reshape(-1, SHAPE)
    alike = {
        one
        for one in used[count:]
        if np.isclose(shapes, one.shape, rtol=ALIKE, atol=ALIKE).all(axis=1).any()
    }
    return [
        replace(one, problem="the shape of a held-out object") if one in alike else one
        for one in found
    ]


def report(found: list[Found]) -> str:
    """Return a table in Markdown of what is used and what is left out, and why."""
    counts = Counter(one.problem or "**used**" for one in found)
    rows = [f"| {problem} | {count} |" for problem, count in counts.most_common()]
    return "\n".join(["| files | |", "|---|--:|", *rows]) + "\n"


def checksums(found: list[Found], folders: list[Path]) -> str:
    """Return a list of the used files in their order, as sha256sum makes it.

    Paths are relative to the innermost folder that has all `folders` in it. A file of which no
    sample could be made is still listed.
    """
    whole = [folder.resolve() for folder in folders]
    root = os.path.commonpath([folder.parent for folder in whole])
    used = [(one.digest, whole[one.folder] / one.path) for one in found if not one.problem]
    return "".join(f"{digest}  {path.relative_to(root).as_posix()}\n" for digest, path in used)


def make_samples(path: Path, views: int) -> list[Sample]:
    """Make the samples of an object; the file's content seeds what is random.

    Raises:
        UnusableMeshError: A sample cannot be made.
    """
    rng = np.random.default_rng(int(sha256(path.read_bytes()).hexdigest()[:16], 16))
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
    points = scattered(placed.surface_points(NEAR, rng), rng)
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


def write_shard(task: tuple[Path, int, list[Path], int]) -> Path:
    """Write all views of the files of a shard."""
    path, number, files, views = task
    samples: list[Sample] = []
    for file in files:
        try:
            samples += make_samples(file, views)
        except UnusableMeshError as error:
            print(f"left out: {file}: {error}", flush=True)
    if samples and number == 0:
        # What is held out is counted in samples: an object of the next shard must not slide in.
        samples = [samples[n % len(samples)] for n in range(HELD_OUT)]
    if samples:
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
        found = [found_from(one) for one in kept["files"]]
        known = {(one.folder, one.path) for one in found}
        if new := set(files_in(options.folders)) - known:
            print(f"{len(new)} files have come since; they are not used")
        return found
    options.folder.mkdir(parents=True, exist_ok=True)
    digest = sha256(json.dumps(settings).encode()).hexdigest()
    looked = options.folder / f"looked-{digest[:16]}.jsonl"
    found = held_out_whole(
        find(options.folders, options.leave_out, options.processes, looked), held_out
    )
    used = sum(not one.problem for one in found)
    if used <= held_out:
        looked.unlink()  # Other files may come.
        raise SystemExit(
            f"{report(found)}\n{used} objects are too few: {held_out} of them are held out"
        )
    partial = path.with_suffix(".part")
    content = {"settings": settings, "files": [asdict(one) for one in found]}
    partial.write_text(json.dumps(content, indent=1), encoding="utf-8")
    partial.replace(path)
    looked.unlink()
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
    # By this, `sha256sum --check` finds the same files elsewhere.
    (options.folder / "used.sha256").write_text(
        checksums(found, options.folders), encoding="utf-8", newline="\n"
    )
    used = [options.folders[one.folder] / one.path for one in found if not one.problem]
    groups = [used[first : first + per_shard] for first in range(0, len(used), per_shard)]
    tasks = [
        (shard_file(options.folder, number), number, files, options.views)
        for number, files in enumerate(groups)
    ]
    write_missing(write_shard, tasks, HELD_OUT, options.processes)


if __name__ == "__main__":
    main()
