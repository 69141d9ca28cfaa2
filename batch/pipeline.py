"""Data flow of a run through Ray Data: pictures in, rows out. No bpy.

    pictures ──prepare──▶ network's input ──Encoder──▶ scene code ──finish──▶ files and a row
               any core                     actors                  any core

Ray moves the data, limits how much of it waits, and starts workers anew that were lost. Pictures
that were lost with a worker come again in a later round.
"""

from __future__ import annotations

import hashlib
import logging
import os
import socket
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ..inference.errors import TripoSRError
from .rows import Row
from .run import Run
from .stages import AGAIN, DONE, ROUNDS, Encoder, each, finish, prepare
from .storage import StorageError, public, read

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

BLOCK_BYTES = 64 << 20
"""Bytes at which a worker hands on what it has of a block."""

ONCE: dict[str, Any] = {"max_retries": 0}
"""Ray's option of a task that is lost with its worker: rounds repeat it. Ray itself would go on
forever with a picture that ends every worker."""

ONCE_BY_ANY: dict[str, Any] = {"max_restarts": -1, "max_task_retries": 0}
"""Ray's options of an actor that starts anew when it was lost, without what it was doing."""

MEMORY = 3.0
"""Memory of a worker that runs the network, divided by the size of the weights; besides TORCH."""

STARTS = 2
"""How often Ray is started: it gives up after 30 seconds, in which a busy machine may not do it."""

REACH_SECONDS = 10.0
"""How long a cluster may take to answer."""

TORCH = 700 << 20
"""Bytes that torch and the rest take in each worker."""


@dataclass(frozen=True)
class Resources:
    """Limits of what the workers may use.

    Attributes:
        address: Address of a cluster; empty for this machine.
        cores: Of this machine; 0 for all.
        actors: Workers that run the network; 0 for one on each GPU, else one for each `threads`
            cores, as far as memory allows.
        threads: CPU threads of each of them.
        weights_bytes: Size of the weights.
    """

    address: str = ""
    cores: int = 0
    actors: int = 0
    threads: int = 1
    weights_bytes: int = 0


@dataclass(frozen=True)
class Stages:
    """The stages; a benchmark may exchange them."""

    prepare: Callable[..., Iterator[dict[str, list[Any]]]] = prepare
    encoder: type = Encoder
    finish: Callable[..., Iterator[dict[str, list[Any]]]] = finish


def start_ray(resources: Resources) -> None:
    """Start Ray on this machine, or join a cluster.

    Raises:
        ConnectionError: There is no cluster at the address.
        TripoSRError: Ray does not start on this machine.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing leaves the machine
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # it would write between our lines
    if not resources.address:
        # On every system, despite its name: Ray keeps to 127.0.0.1, so that nobody else reaches it.
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    import ray
    from ray.data import DataContext
    from ray.util.annotations import RayDeprecationWarning

    # Of the options above, which have no other names yet.
    warnings.filterwarnings("ignore", "`ray_remote_args` is deprecated", RayDeprecationWarning)
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if resources.address:
        _reach(resources.address)
        try:
            ray.init(address=resources.address, **quiet)
        except Exception as error:  # Ray raises all kinds: versions, tokens
            raise TripoSRError(
                "The Ray cluster at {address} cannot be joined ({error})",
                "Use the same versions of Ray and Python on all machines, and its token",
                address=resources.address,
                error=_first_line(error),
            ) from error
    else:
        _start_here(resources.cores, quiet)
    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.target_max_block_size = BLOCK_BYTES
    context.memory_usage_poll_interval_s = None  # it takes milliseconds in every task
    # A block whose worker is lost does not end the run; its pictures come again.
    context.max_errored_blocks = -1
    context.log_internal_stack_trace = False
    _keep_quiet()


def _keep_quiet() -> None:
    """Leave Ray Data's errors to its log: it would print the traceback of every lost block."""
    logger = logging.getLogger("ray.data")
    logger.setLevel(logging.ERROR)
    for handler in logger.handlers:
        if handler.name == "console":
            handler.setLevel(logging.CRITICAL)


def _start_here(cores: int, quiet: dict[str, Any]) -> None:
    """Start Ray on this machine.

    Raises:
        TripoSRError: It does not start.
    """
    import ray

    for attempt in range(1, STARTS + 1):
        try:
            ray.init(
                address="local",  # whatever RAY_ADDRESS says
                num_cpus=cores or None,
                include_dashboard=False,
                **quiet,
            )
            return
        except Exception as error:  # Ray raises bare ones
            ray.shutdown()
            if attempt == STARTS:
                raise TripoSRError(
                    "Ray does not start on this machine ({error})",
                    "Close other programs, make sure that the disk is not full, then try again",
                    error=_first_line(error),
                ) from error
            log.warning("Ray did not start: %s", error)


def _reach(address: str) -> None:
    """Raise ConnectionError if nobody answers at an address: Ray would try for minutes."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if port.isdecimal():
        try:
            socket.create_connection((host.strip("[]"), int(port)), REACH_SECONDS).close()
        except (OSError, OverflowError) as error:
            raise ConnectionError(
                error.strerror if isinstance(error, OSError) else error
            ) from error


def stop_ray() -> None:
    """End what `start_ray` began: on this machine, all of Ray's processes."""
    import ray

    ray.shutdown()


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
    for attempt in range(1, ROUNDS + 1):
        found = bytearray(len(pictures))
        # A picture that takes its worker with it takes ever fewer others, and at last none.
        size = min(max(len(waiting) // BLOCKS, 1), LARGEST_BLOCK) // SMALLER[attempt - 1] or 1
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
                "Every worker of Ray ended before it was done with a picture",
                "Look into Ray's logs: is the package on each machine, and memory for the model",
            )
        waiting = [number for number in waiting if not found[number]]
        if not waiting:
            return
        log.warning("%d pictures were lost with their workers in round %d", len(waiting), attempt)
    for number in waiting:
        yield number, DONE, _lost(pictures[number], run)


def _lost(picture: str, run: Run) -> Row:
    """The row of a picture that ended every worker."""
    try:
        digest = hashlib.sha256(read(picture)).hexdigest()
    except StorageError:  # it may be another picture next time
        digest = ""
    return Row(
        picture=public(picture),
        digest=digest,
        settings=run.digest,
        weights=run.weights,
        attempts=ROUNDS,
        error=f"The worker ended {ROUNDS} times while it had this picture",
        hint="Look into Ray's logs: most often, there was not enough memory",
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
            error=_first_line(error),
        ) from error


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".")


def _flow(
    blocks: list[pa.Table], run: Run, resources: Resources, stages: Stages
) -> ray.data.Dataset:
    """The data flow, which starts when it is read from."""
    import ray
    from ray.data import ActorPoolStrategy

    machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    on_gpu, most, memory = workers(machines, run, resources)
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
    on_gpu = run.device != "cpu" and bool(gpus or (resources.address and run.device != "auto"))
    # Without GPUs, network and surface share the cores: one computes while the other waits.
    most = resources.actors or int(gpus if on_gpu else cores // resources.threads) or 1
    # A machine with too little for one worker tries all the same: Ray would wait forever.
    able = [machine for machine in machines if machine.get("GPU") or not (on_gpu and gpus)]
    largest = max(machine.get("memory", 0) for machine in able)
    return on_gpu, most, int(min(MEMORY * resources.weights_bytes + TORCH, largest))
