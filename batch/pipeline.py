"""Data flow of a run through Ray Data: pictures in, rows out. No bpy.

    pictures ──prepare──▶ network's input ──Encoder──▶ scene code ──finish──▶ files and a row
               any core                     actors                  any core

Ray moves the data, limits how much of it waits, and starts workers anew that were lost. Pictures
that were lost with a worker come again in a later round.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ..inference.errors import TripoSRError
from .cluster import Resources, losses, reason_of
from .finishing import finish
from .passing import AGAIN, DONE, MOST_ROUNDS, ROUNDS, each
from .places import public
from .rows import Row
from .run import Run
from .stages import Encoder, prepare
from .storage import StorageError, digest

if TYPE_CHECKING:
    import ray.data

log = logging.getLogger(__name__)

BLOCKS, LARGEST_BLOCK = 200, 256
"""Pictures are handed out in so many blocks, of at most so many pictures: larger blocks cost less
scheduling; smaller ones divide more evenly, and less is lost with a worker."""

SMALLER = 1, 16, LARGEST_BLOCK
"""Divisor of the blocks' size in each round."""

LOST = 8
"""Number of blocks of which one at least must come back, else it is not the pictures' fault."""

ONCE: dict[str, Any] = {"max_retries": 0}
"""Ray's option of a task that is lost with its worker: rounds repeat it. Ray itself would go on
forever with a picture that ends every worker."""

ONCE_BY_ANY: dict[str, Any] = {"max_restarts": -1, "max_task_retries": 0}
"""Ray's options of an actor that starts anew when it was lost, without what it was doing."""

MEMORY = 3.0
"""Memory of a worker that runs the network, divided by the size of the weights; besides TORCH."""

TORCH = 700 << 20
"""Bytes that torch and the rest take in each worker."""


@dataclass(frozen=True)
class Stages:
    """The stages; a benchmark may exchange them."""

    prepare: Callable[..., Iterator[dict[str, list[Any]]]] = prepare
    encoder: type = Encoder
    finish: Callable[..., Iterator[dict[str, list[Any]]]] = finish


def process(
    pictures: Sequence[str],
    known: Sequence[str],
    run: Run,
    resources: Resources,
    stages: Stages | None = None,
) -> Iterator[tuple[int, str, Row]]:
    """Process pictures, and yield (index of the picture, kind, row) as they become final.

    Args:
        pictures: Paths and URLs.
        known: For each, the digest with which an earlier run has finished it; or nothing.
        run: Settings.
        resources: What Ray may use; Ray must be running.
        stages: What to do; None for the real stages.

    Raises:
        TripoSRError: Ray cannot go on.
    """
    stages = stages or Stages()
    waiting = list(range(len(pictures)))
    for attempt in range(1, MOST_ROUNDS + 1):
        found = bytearray(len(pictures))
        # A picture that takes its worker with it takes ever fewer others, and at last none.
        size = min(max(len(waiting) // BLOCKS, 1), LARGEST_BLOCK)
        size = size // SMALLER[min(attempt, len(SMALLER)) - 1] or 1
        blocks = [
            pa.table(
                {
                    "number": part,
                    "picture": [pictures[number] for number in part],
                    "known": [known[number] for number in part],
                    "attempt": [attempt] * len(part),
                }
            )
            for part in (waiting[at : at + size] for at in range(0, len(waiting), size))
        ]
        came = 0
        for number, kind, row in _results(blocks, run, resources, stages):
            came += 1
            if not found[number] and kind != AGAIN:
                found[number] = True
                yield number, kind, row
        if not came and len(blocks) > LOST:
            raise TripoSRError(
                "Every worker of Ray ended before it was done with a picture ({reason})",
                "Look into Ray's logs: is the package on each machine, and memory for the model",
                reason=losses.reason,
            )
        waiting = [number for number in waiting if not found[number]]
        if not waiting:
            return
        if attempt >= ROUNDS and not any(found):
            break
        log.warning("%d pictures come again after round %d", len(waiting), attempt)
    for number in waiting:
        yield number, DONE, _lost(pictures[number], run, attempt)


def _lost(picture: str, run: Run, attempts: int) -> Row:
    """The row of a picture that its workers ended with."""
    try:
        known = digest(picture)
    except StorageError:  # it may be another picture next time
        known = ""
    return Row(
        picture=public(picture),
        digest=known,
        settings=run.digest,
        weights=run.weights,
        attempts=attempts,
        error=f"The worker ended in the last of {attempts} attempts ({losses.reason})",
        hint="Look into Ray's logs: is the package on each machine, and enough memory",
    )


def _results(
    blocks: list[pa.Table], run: Run, resources: Resources, stages: Stages
) -> Iterator[tuple[int, str, Row]]:
    """Results of a round's pictures.

    Raises:
        TripoSRError: Ray cannot go on, for instance because its head has ended.
    """
    import ray

    batches = _flow(blocks, run, resources, stages).iter_batches(
        batch_size=None, batch_format="numpy", prefetch_batches=0
    )
    try:
        for batch in batches:
            yield from ((number, kind, row) for number, kind, row, _ in each(batch))
    except ray.exceptions.RayError as error:
        raise TripoSRError(
            "Ray cannot go on: {error}",
            "Look into Ray's logs, then run the same command again",
            error=reason_of(error),
        ) from error


def _flow(
    blocks: list[pa.Table], run: Run, resources: Resources, stages: Stages
) -> ray.data.Dataset:
    """The data flow, which starts when it is read from."""
    import ray
    from ray.data import ActorPoolStrategy

    machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    on_gpu, most, memory = workers(machines, run, resources)
    if on_gpu and not any(machine.get("GPU") for machine in machines):
        log.warning("The cluster has no GPU yet; waiting for one")
    actors = ActorPoolStrategy(min_size=1, max_size=most, initial_size=1)
    return (
        ray.data.from_arrow(blocks)
        .map_batches(partial(stages.prepare, run=run), num_cpus=1, **ONCE)
        .map_batches(
            stages.encoder,
            fn_constructor_args=(run, on_gpu),
            compute=actors,
            num_cpus=0,
            num_gpus=int(on_gpu),
            memory=memory,
            **ONCE_BY_ANY,
        )
        .map_batches(partial(stages.finish, run=run), num_cpus=1, **ONCE)
    )


def workers(
    machines: Sequence[Mapping[str, float]], run: Run, resources: Resources
) -> tuple[bool, int, int]:
    """Choose the workers that run the network.

    Args:
        machines: What Ray knows of each: CPU, GPU, memory in bytes.
        run: Settings.
        resources: What was asked for.

    Returns:
        Whether each has a GPU, how many there may be, and the memory of each, in bytes.
    """
    cores, gpus = (sum(machine.get(kind, 0) for machine in machines) for kind in ("CPU", "GPU"))
    # Asked for by name, a GPU may come later: in a cloud, Ray starts machines that are waited for.
    to_come = resources.address and run.device in ("cuda", "xpu")
    on_gpu = run.device != "cpu" and bool(gpus or to_come)
    # Without GPUs, network and surface share the cores: one computes while the other waits.
    most = resources.actors or int(gpus if on_gpu else cores // resources.threads) or 1
    # A machine with too little for one worker tries all the same: Ray would wait forever.
    able = [machine for machine in machines if machine.get("GPU") or not (on_gpu and gpus)]
    largest = max(machine.get("memory", 0) for machine in able)
    return on_gpu, most, int(min(MEMORY * resources.weights_bytes + TORCH, largest))
