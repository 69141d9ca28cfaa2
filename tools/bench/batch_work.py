"""What the batch benchmark measures, in a process of its own.

    python tools/bench/batch_work.py loop|loops|batch|scheduling JSON

Each prints a line `started` when it is ready for pictures, and `row` for each picture.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any


def say(line: str) -> None:
    """Tell the benchmark how far this process is."""
    print(line, flush=True)


def loops(cores: list[int], **about: Any) -> int:
    """A plain loop on each of some cores, which share the pictures."""
    import os
    import subprocess

    children = []
    for part, core in enumerate(cores):
        values = {**about, "threads": 1, "part": [part, len(cores)]}
        command = [sys.executable, __file__, "loop", json.dumps(values)]
        children.append(subprocess.Popen(command))
        os.sched_setaffinity(children[-1].pid, {core})
    return max(child.wait() for child in children)


def loop(
    pictures: str,
    output: str,
    resolution: int,
    threads: int,
    warm_up: bool = False,
    part: tuple[int, int] = (0, 1),
) -> int:
    """The plain loop: one picture after the other, every stage on all cores. The last line has the
    processor's seconds in each stage.

    Args:
        pictures, output: Folders.
        resolution: Lattice points per axis.
        threads: CPU threads.
        warm_up: Whether to do once before what belongs to no picture.
        part: First picture, and step from picture to picture.
    """
    import hashlib
    import time
    from collections import Counter
    from pathlib import Path

    import numpy as np
    import torch

    from triposr.batch.glb import colored_glb
    from triposr.batch.storage import Folder
    from triposr.batch.thumbnail import small_cutout, thumbnail
    from triposr.inference import Options, extract_mesh, load_model, prepare_image
    from triposr.inference.model.weights import STARTER_FOLDER
    from triposr.inference.texture.camera_fit import fit_camera
    from triposr.scene.placement import placed

    torch.set_num_threads(threads)
    options, folder = Options(resolution=resolution), Folder(output)
    model = load_model(STARTER_FOLDER, "cpu")
    paths = sorted(Path(pictures).iterdir())[part[0] :: part[1]]
    if warm_up:  # what is imported and computed once belongs to no picture
        prepared = prepare_image(paths[0], options)
        extract_mesh(model.encode(prepared.rgb), 32, options.threshold, device="cpu")
    spent: Counter[str] = Counter()
    since = time.process_time()

    def lap(stage: str) -> None:
        nonlocal since
        now = time.process_time()
        spent[stage] += now - since
        since = now

    say("started")
    for path in paths:
        content = path.read_bytes()
        hashlib.sha256(content)
        prepared = prepare_image(content, options)
        matte, cutout = np.asarray(prepared.cutout)[..., 3], small_cutout(prepared.cutout)
        lap("prepare")
        code = model.encode(prepared.rgb)
        lap("encode")
        mesh = extract_mesh(
            code, options.resolution, options.threshold, device="cpu", closed=options.closed
        )
        lap("extract")
        fit_camera(mesh.vertices, mesh.faces, matte, size=prepared.size)
        lap("match")
        placement, _ = placed(mesh, 1.0, "longest", "base")
        points = placement.place(mesh.vertices)
        sheet = thumbnail(cutout, mesh.vertices, mesh.faces, mesh.colors)
        glb = colored_glb(points, mesh.faces, mesh.colors, path.stem)
        folder.write(f"scene_codes/{path.stem}.safetensors", code.to_bytes(half=True))
        folder.write(f"thumbnails/{path.stem}.jpg", sheet)
        folder.write(f"objects/{path.stem}.glb", glb)
        lap("write")
        say("row")
    say(json.dumps(spent))
    return 0


def batch(arguments: list[str]) -> int:
    """The command itself, with its own arguments."""
    from triposr.batch import command

    start_ray, process = command.start_ray, command.process

    def started(*values: Any) -> None:
        start_ray(*values)
        say("started")

    def rows(*values: Any) -> Iterator[Any]:
        for row in process(*values):
            yield row  # the command writes it first
            say("row")

    command.start_ray, command.process = started, rows
    return command.main(arguments)


def scheduling(rows: int, cores: int, output: str, every: int) -> int:
    """Send rows through stages that do nothing; `row` is printed for each `every` of them."""
    from triposr.batch.cluster import Resources, start_ray, stop_ray
    from triposr.batch.pipeline import Stages, process
    from triposr.batch.run import Run

    run = Run(output=output, settings={}, model="", weights="0" * 64, device="cpu")
    pictures = [f"/pictures/{number:08}.png" for number in range(rows)]
    resources = Resources(cores=cores, actors=cores)
    stages = Stages(prepare=take, encoder=Passing, finish=done)
    start_ray(resources)
    say("started")
    seen = bytearray(rows)
    for count, (number, _, row) in enumerate(
        process(pictures, [""] * rows, run, resources, stages), 1
    ):
        assert row.picture == pictures[number] and not row.error, row
        seen[number] += 1
        if count % every == 0:
            say("row")
    stop_ray()
    assert seen == b"\1" * rows
    return 0


def take(batch: Mapping[str, Any], run: Any) -> Iterator[dict[str, list[Any]]]:
    """A first stage that reads no picture; its rows are as long as real ones."""
    from triposr.batch.passing import packed

    yield from packed(_each_taken(batch, run))


def _each_taken(batch: Mapping[str, Any], run: Any) -> Iterator[dict[str, list[Any]]]:
    from triposr.batch.passing import WORK, output
    from triposr.batch.rows import Row

    columns = (batch[name] for name in ("number", "picture", "attempt", "known"))
    for number, picture, attempt, _ in zip(*columns, strict=True):
        row = Row(
            picture=str(picture),
            digest="0" * 64,
            settings=run.digest,
            weights=run.weights,
            camera=(12.345678901234,) * 8,
            base=(0.12345678901234,) * 3,
            seconds=dict.fromkeys(("prepare", "encode", "extract", "match", "write"), 0.1234),
            device="cpu",
            attempts=int(attempt),
        )
        yield output(int(number), WORK, row, b"")


class Passing:
    """A second stage without a network."""

    def __init__(self, run: Any, has_gpu: bool) -> None:
        pass

    def __call__(self, batch: Mapping[str, Any]) -> Iterator[dict[str, list[Any]]]:
        return _passed(batch, "work")


def done(batch: Mapping[str, Any], run: Any) -> Iterator[dict[str, list[Any]]]:
    """A third stage that writes nothing."""
    return _passed(batch, "done")


def _passed(batch: Mapping[str, Any], kind: str) -> Iterator[dict[str, list[Any]]]:
    from triposr.batch.passing import each, output, packed

    return packed(output(number, kind, row, b"") for number, _, row, _ in each(batch))


if __name__ == "__main__":
    work: dict[str, Callable[..., int]] = {
        "loop": loop,
        "loops": loops,
        "batch": batch,
        "scheduling": scheduling,
    }
    sys.exit(work[sys.argv[1]](**json.loads(sys.argv[2])))
