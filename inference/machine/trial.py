"""Trial of an unpacked build of torch in another process, where it can do no harm. No torch here.

The other process is a Blender in background, in whose environment libraries load as in the
artist's. It starts without the add-on, runs this file, and imports torch as the add-on does.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

log = logging.getLogger(__name__)

TIME_LIMIT = 600.0
"""Seconds after which a trial is given up: virus scanners read all of a new build's libraries."""

GLANCE = 0.2
"""Seconds between two looks at the other process."""

PATIENCE = 5.0
"""Seconds to wait for a process that was killed."""

KEPT = 100_000
"""Bytes that are read of what the other process has printed."""

ANSWER = "TRIPOSR-TRIAL "
"""Begins the line with the answer, among all that Blender prints."""


@dataclass(frozen=True)
class Trial:
    """What a build can do.

    Attributes:
        version: Its version of torch.
        cuda: Its version of CUDA; empty for a build without.
        cards: Names of the cards that it computes on.
        problem: Why it uses no card, an English sentence; empty if it uses one.
    """

    version: str
    cuda: str
    cards: tuple[str, ...]
    problem: str


def try_build(folder: Path, command: Sequence[str], tick: Any, limit: float = TIME_LIMIT) -> Trial:
    """Import a build in another process and compute with it.

    Args:
        folder: The unpacked build.
        command: Command to which the name of a script is added; its process is killed when `tick`
            raises, or after `limit` seconds.
        tick: Called with the stage `try`.
        limit: Seconds.

    Raises:
        DependencyError: The build does not work, or the process cannot be started.
    """
    from ..errors import DependencyError  # not above: this file also runs as a script

    arguments = json.dumps({"folder": str(folder), "path": sys.path, "limit": limit})
    # A file, not a pipe: a process that the other one has started may keep a pipe open for ever.
    output = tempfile.TemporaryFile()  # noqa: SIM115, closed below
    try:
        process = subprocess.Popen(
            [*command, __file__, "--", arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={name: value for name, value in os.environ.items() if name[:6] != "PYTHON"},
            # No console window pops up on Windows.
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except OSError as error:
        output.close()
        raise DependencyError(
            "Blender cannot be started a second time, to try the GPU build: {reason}",
            "Save your work, restart Blender and try again",
            reason=str(error),
        ) from error
    with output:
        has_ended = _watch(process, tick, time.monotonic() + limit)
        lines = _last_lines(output)
    answers = [line.removeprefix(ANSWER) for line in lines if line.startswith(ANSWER)]
    if answers:  # whatever happens to the process while it ends
        answer = json.loads(answers[-1])
        if "error" in answer:
            log.error("The trial has failed:\n%s", "\n".join(lines))
            raise _failure(answer["error"])
        return Trial(answer["version"], answer["cuda"], tuple(answer["cards"]), answer["problem"])
    if not has_ended:
        raise DependencyError(
            "The GPU build did not answer within {minutes:.0f} minutes",
            "Restart the computer and try again; what worked before still works",
            minutes=limit / 60,
        )
    log.error("The trial has ended with %s:\n%s", process.returncode, "\n".join(lines))
    raise _does_not_work(_last_error(lines) or f"exit code {process.returncode}")


def _failure(error: dict[str, Any]) -> Exception:
    """Return the error to raise for one that occurred in the other process; see `main`."""
    from ..errors import explain_windows_code

    if error["windows_code"] is not None:
        return explain_windows_code("torch", error["windows_code"], "gpu build")
    # A message of ours names the card; the text of any other error says more than a guess.
    is_ours = error["kind"] == "DeviceError"
    return _does_not_work(error["message"] if is_ours else f"{error['kind']}: {error['text']}")


def _does_not_work(reason: str) -> Exception:
    from ..errors import DependencyError

    return DependencyError(
        "The GPU build does not work on this machine: {reason}",
        "Report it with Copy Report in the preferences; what worked before still works",
        reason=reason,
    )


def _watch(process: subprocess.Popen[bytes], tick: Any, deadline: float) -> bool:
    """Wait for a process, and kill it if it takes too long; return whether it ended by itself."""
    try:
        while time.monotonic() < deadline:
            tick("try", 0.0)
            with suppress(subprocess.TimeoutExpired):
                process.wait(GLANCE)
                return True
        return False
    finally:
        process.kill()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:  # in a driver that does not answer
            log.warning("The process %d of the trial does not end", process.pid)


def _last_lines(output: IO[bytes]) -> list[str]:
    """Return the last lines of what a process has printed."""
    output.seek(max(0, output.seek(0, os.SEEK_END) - KEPT))
    return output.read().decode("utf-8", "replace").splitlines()


def _last_error(lines: Sequence[str]) -> str:
    """Return the line that a traceback ends with, else the last line."""
    printed = [line.strip() for line in lines if line.strip() and not line.startswith(ANSWER)]
    for start in range(len(printed) - 1, -1, -1):
        if printed[start].startswith("Traceback"):
            ends = (line for line in printed[start:] if line.partition(":")[0].endswith("Error"))
            return next(ends, printed[-1])
    return printed[-1] if printed else ""


def main(arguments: dict[str, Any]) -> None:
    """Try the build: the program of the other process.

    Its answer holds what `Trial` does. If anything fails, it holds `error` instead, before the
    error is raised: `kind` and `text` of what was raised, `windows_code` (see
    `errors.windows_code`; or null), and the English `message` and `hint` for the artist.
    """
    sys.path[:] = arguments["path"]
    package = _load_package(Path(__file__).resolve().parents[2])
    errors = importlib.import_module(f"{package}.inference.errors")
    try:
        answer = _use(Path(arguments["folder"]), package)
    except (Exception, SystemExit) as error:
        shown: Any = error
        if not isinstance(error, errors.TripoSRError):
            shown = errors.explain_import("torch", error, "gpu build")
        _answer(
            error={
                "kind": type(error).__name__,
                "text": str(error),
                "windows_code": errors.windows_code(error),
                "message": str(shown.message),
                "hint": str(shown.hint),
            }
        )
        raise
    _answer(**answer)


def _use(folder: Path, package: str) -> dict[str, Any]:
    """Import the build's torch and compute, on the CPU and on each card; return the answer."""
    own_torch = importlib.import_module(f"{package}.inference.machine.own_torch")
    own_torch.use_torch_from(folder)
    import torch

    assert bool((torch.ones(64, 64) @ torch.ones(64, 64) == 64).all())
    errors = importlib.import_module(f"{package}.inference.errors")
    devices = importlib.import_module(f"{package}.inference.machine.devices")
    found = [device for device in devices.list_devices() if device.name.startswith("cuda")]
    cards = [card for card in found if not card.problem]
    for card in cards:
        try:
            _convolve(card.name)
        except RuntimeError as error:
            if devices.is_out_of_memory(error):  # another program may have it all just now
                continue
            raise errors.DeviceError(
                "{card} does not work with this build of torch: {error}",
                "Update the graphics driver, restart the computer and try again",
                card=card.label,
                error=str(error),
            ) from error
    return {
        "version": str(torch.__version__),
        "cuda": torch.version.cuda or "",
        "cards": [str(card.label) for card in cards],
        "problem": next((str(card.problem) for card in found if card.problem), ""),
    }


def _convolve(device: str) -> None:
    """Convolve on a device; raises RuntimeError if its library is damaged or does not fit.

    torch loads cuDNN for the first convolution, which would be in the artist's first picture.
    """
    import torch

    image, kernel = torch.ones(1, 1, 8, 8, device=device), torch.ones(1, 1, 3, 3, device=device)
    if not bool((torch.nn.functional.conv2d(image, kernel) == 9).all()):
        raise RuntimeError(f"{device} convolves wrongly")


def _answer(**answer: Any) -> None:
    sys.stdout.write(f"{ANSWER}{json.dumps(answer)}\n")
    sys.stdout.flush()


def _load_package(root: Path) -> str:
    """Import the add-on's folder under a name of its own; return the name."""
    name = "triposr_trial"
    spec = importlib.util.spec_from_file_location(
        name, root / "__init__.py", submodule_search_locations=[str(root)]
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return name


def _end_after(seconds: float) -> None:
    """End this process after some time: the Blender that started it may have been killed."""
    timer = threading.Timer(seconds, os._exit, (1,))
    timer.daemon = True
    timer.start()


if __name__ == "__main__":
    arguments = json.loads(sys.argv[-1])
    _end_after(arguments["limit"])
    main(arguments)
    # Not through Blender's own end, in which libraries of torch may crash.
    sys.stdout.flush()
    os._exit(0)
