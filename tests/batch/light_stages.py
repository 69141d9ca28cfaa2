"""Stages that need no network, for tests of what Ray does with them, and a command that has them.

Ray's workers import this module by its name.
"""

import os
import pickle
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from triposr.batch import command, stages
from triposr.batch.passing import DONE, KEPT, WORK, each, output
from triposr.batch.pipeline import Stages, process
from triposr.batch.rows import Row
from triposr.batch.run import Run
from triposr.batch.stages import Encoder
from triposr.batch.storage import Folder, read

PAUSE = 0.02
"""Seconds that each picture takes."""

BURST, SLOW = 20, 0.3
"""Pictures of a burst, and seconds that each takes in a stage that is slow."""


def bare_environment(home: Path, ray_folder: Path) -> dict[str, str]:
    """Environment in which Ray keeps to the tests' folders, and its workers find this module."""
    return {
        "HOME": str(home),
        "RAY_TMPDIR": str(ray_folder),
        "PYTHONPATH": str(Path(__file__).parent),
        "OMP_NUM_THREADS": "1",
        "OMP_WAIT_POLICY": "PASSIVE",
    }


def prepare_light(batch: dict[str, Any], run: Run) -> Iterator[dict[str, list[Any]]]:
    """Read the picture."""
    columns = (batch[name] for name in ("number", "picture", "attempt", "known"))
    for number, picture, attempt, known in zip(*columns, strict=True):
        content = read(str(picture))
        row = Row(
            picture=str(picture),
            digest=content.hex()[:64],
            settings=run.digest,
            weights=run.weights,
            attempts=int(attempt),
        )
        if known and known == row.digest:
            yield output(int(number), KEPT, row)
        else:
            yield output(int(number), WORK, row, content)


class LightEncoder:
    """Pass the rows on."""

    def __init__(self, run: Run, has_gpu: bool) -> None:
        pass

    def __call__(self, batch: dict[str, Any]) -> Iterator[dict[str, list[Any]]]:
        for number, kind, row, work in each(batch):
            yield {"number": [number], "kind": [kind], "row": [row.to_json()], "work": [work]}


def prepare_in_bursts(batch: dict[str, Any], run: Run) -> Iterator[dict[str, list[Any]]]:
    """Read BURST pictures quickly, the next BURST slowly, and so on."""
    for number in batch["number"]:
        time.sleep(0 if _is_in_burst(number) else SLOW)
    yield from prepare_light(batch, run)


def _is_in_burst(number: int) -> bool:
    return int(number) // BURST % 2 == 0


class CountedEncoder(LightEncoder):
    """Leaves a file for each worker that is made; these are busy during bursts only."""

    def __init__(self, run: Run, has_gpu: bool) -> None:
        Folder(run.output).write(f"workers/{uuid4()}", b"")

    def __call__(self, batch: dict[str, Any]) -> Iterator[dict[str, list[Any]]]:
        time.sleep(SLOW if _is_in_burst(batch["number"][0]) else 0)
        yield from super().__call__(batch)


class EndsWhileItLoads(Encoder):
    """Its worker ends while it loads the model, as one with too little memory does."""

    def __init__(self, run: Run, has_gpu: bool) -> None:
        stages._loaded = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        super().__init__(run, has_gpu)


def _end_if_told(work: bytes) -> None:
    """End this worker if the picture says so: always, or until the file that it names is there."""
    word, _, once = work.partition(b" ")
    if word == b"deadly" and not (once and os.path.exists(once)):
        if once:
            Path(os.fsdecode(once)).touch()
        os.kill(os.getpid(), signal.SIGKILL)


def finish_light(batch: dict[str, Any], run: Run) -> Iterator[dict[str, list[Any]]]:
    """Write a file; a picture that says so ends its worker."""
    for number, kind, row, work in each(batch):
        if kind != WORK:
            yield output(number, kind, row)
            continue
        time.sleep(PAUSE)
        _end_if_told(pickle.loads(work))
        stem, folder = Path(row.picture).stem, Folder(run.output)
        row = replace(row, file=f"objects/{stem}.glb", code=f"scene_codes/{stem}.safetensors")
        folder.write(row.code, b"code")
        folder.write(row.file, b"object")
        yield output(number, DONE, row)


LIGHT = Stages(prepare_light, LightEncoder, finish_light)
"""No stage imports torch."""

WITHOUT_MODEL = Stages(prepare_light, Encoder, finish_light)
"""The network is the real one."""

IN_BURSTS = Stages(prepare_in_bursts, CountedEncoder, finish_light)

LOADING_ENDS = Stages(prepare_light, EndsWhileItLoads, finish_light)

if __name__ == "__main__":
    # Imported by that name, the functions go to the workers by that name, too.
    from light_stages import LIGHT as STAGES

    command.process = partial(process, stages=STAGES)
    sys.exit(command.main(sys.argv[1:]))
