"""Ray on this machine, or a cluster of it. No bpy."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import socket
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..inference.errors import TripoSRError

log = logging.getLogger(__name__)

STARTS = 2
"""How often Ray is started: it gives up after 30 seconds, in which a busy machine may not do it."""

REACH_SECONDS = 10.0
"""How long a cluster may take to answer."""

NO_DOWNSCALING = -1.0
"""Threshold below the utilization of any pool of workers, which is 0 or more."""

BLOCK_BYTES = 64 << 20
"""Bytes at which a worker hands on what it has of a block."""


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


def start_ray(resources: Resources) -> None:
    """Start Ray on this machine, or join a cluster.

    Raises:
        ConnectionError: There is no cluster at the address.
        TripoSRError: Ray does not start on this machine, or the cluster cannot be joined.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing leaves the machine
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # it would write between our lines
    os.environ.setdefault("RAY_IGNORE_UNHANDLED_ERRORS", "1")  # of its own actors, with tracebacks
    # Ray makes a token when it starts here, and asks for it in clusters that are started later; to
    # one that is joined by its address, it would not show it.
    if resources.address and _has_token():
        os.environ.setdefault("RAY_AUTH_MODE", "token")
    # Ray reads it when it is imported. Despite its name, and on every system, it then keeps to
    # 127.0.0.1, where no other machine reaches it.
    with _variable("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "" if resources.address else "0"):
        _start(resources)
    from ray.data import DataContext

    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.target_max_block_size = BLOCK_BYTES
    context.memory_usage_poll_interval_s = None  # it takes milliseconds in every task
    # A block whose worker is lost does not end the run; its pictures come again.
    context.max_errored_blocks = -1
    context.log_internal_stack_trace = False
    # Ray would end workers that wait, and soon start others: loading the model costs as much as
    # several pictures.
    context.autoscaling_config.actor_pool_util_downscaling_threshold = NO_DOWNSCALING
    _keep_quiet()


@contextlib.contextmanager
def _variable(name: str, value: str) -> Iterator[None]:
    """Set a variable of the environment, unless the value is empty; afterward, it is as before."""
    before = os.environ.get(name)
    if value:
        os.environ[name] = value
    try:
        yield
    finally:
        if before is not None:
            os.environ[name] = before
        elif value:
            del os.environ[name]


def _start(resources: Resources) -> None:
    from ray.util.annotations import RayDeprecationWarning

    # Of max_retries and max_restarts, which have no other names yet.
    warnings.filterwarnings("ignore", "`ray_remote_args` is deprecated", RayDeprecationWarning)
    if resources.address:
        _reach(resources.address)
        _join(resources.address)
    else:
        _start_here(resources.cores)


def _join(address: str) -> None:
    """Join a cluster.

    Raises:
        TripoSRError: It cannot be joined.
    """
    import ray

    try:
        _init(address=address)
    except Exception as error:  # Ray raises all kinds: versions, tokens
        ray.shutdown()
        # "Failed to connect" says nothing, and its cause all.
        cause = error.__cause__ if isinstance(error.__cause__, Exception) else error
        if "InvalidAuthToken" in str(cause):
            raise TripoSRError(
                "The Ray cluster at {address} asks for a token that this machine does not have",
                "Copy ~/.ray/auth_token from the machine where the cluster was started",
                address=address,
            ) from error
        raise TripoSRError(
            "The Ray cluster at {address} cannot be joined ({error})",
            "Run the command on a machine of the cluster, with the same versions of Ray and Python",
            address=address,
            error=reason_of(cause),
        ) from error


def _has_token() -> bool:
    """Whether Ray finds a token on this machine."""
    if os.environ.get("RAY_AUTH_TOKEN") or os.environ.get("RAY_AUTH_TOKEN_PATH"):
        return True
    # Not Path.expanduser, which raises an error for a user without a home.
    return os.path.isfile(os.path.expanduser("~/.ray/auth_token"))


def _start_here(cores: int) -> None:
    """Start Ray on this machine.

    Raises:
        TripoSRError: It does not start.
    """
    import ray

    for attempt in range(1, STARTS + 1):
        try:
            # Whatever RAY_ADDRESS says.
            _init(address="local", num_cpus=cores or None, include_dashboard=False)
            return
        except Exception as error:  # Ray raises bare ones
            ray.shutdown()
            if attempt == STARTS:
                raise TripoSRError(
                    "Ray does not start on this machine ({error})",
                    "Close other programs, make sure that the disk is not full, then try again",
                    error=reason_of(error),
                ) from error
            log.warning("Ray did not start: %s", error)


def _init(**options: Any) -> None:
    """Begin with Ray, without the line on its log level that it begins with, whatever that is."""
    import ray

    sys.stderr.flush()
    real = os.dup(2)
    try:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        ray.init(log_to_driver=False, logging_level=logging.ERROR, **options)
    finally:
        sys.stderr.flush()
        os.dup2(real, 2)
        os.close(real)


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


def _keep_quiet() -> None:
    """Leave Ray Data's errors to its log: it would print the traceback of every lost block."""
    logger = logging.getLogger("ray.data")
    logger.setLevel(logging.ERROR)
    for handler in logger.handlers:
        if handler.name == "console":
            handler.setLevel(logging.CRITICAL)
    logger.addHandler(losses)


class Losses(logging.Handler):
    """What Ray Data reports of lost blocks, which it passes to nobody else.

    Attributes:
        reason: Why the last one was lost; empty if none was.
    """

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.reason = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Remember an error."""
        if record.exc_info and isinstance(record.exc_info[1], Exception):
            self.reason = reason_of(record.exc_info[1])


losses = Losses()
"""Of this process."""


def stop_ray() -> None:
    """End what `start_ray` began: on this machine, all of Ray's processes."""
    import ray

    ray.shutdown()


def reason_of(error: Exception) -> str:
    """Return what an error of Ray says, in one sentence: of an error in a worker, the last line of
    its traceback; of others, the first sentence.
    """
    lines = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).strip().splitlines() or [""]
    if any(line.startswith("Traceback") or "ray::" in line for line in lines):
        return lines[-1].strip().rstrip(".")
    return lines[0].partition(". ")[0].strip().rstrip(".")
