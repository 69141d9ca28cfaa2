"""Shell command that turns thousands of pictures into objects. No bpy."""

from __future__ import annotations

import argparse
import contextlib
import re
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from filelock import FileLock, Timeout
from tqdm import tqdm

from ..inference.errors import InputError, TripoSRError
from ..settings import OBJECT, checked, defaults_of
from ..shell import add_settings, check_faces, given
from .cluster import Resources, start_ray, stop_ray
from .index import Journal, compile_index, known_rows
from .passing import FATAL, KEPT
from .pictures import find_pictures
from .pipeline import process
from .places import absolute, below, public
from .rows import CODES, OBJECTS, PAGE, Row
from .run import SHARD_FROM, Run, chosen_model, matting_model_of
from .storage import Folder, ReadError, StorageError, WriteError

NAME = "python -m triposr.batch"

INTERRUPTED = 130
"""Exit code after Ctrl+C, as shells have it."""

STOPPED = "Interrupted. Run the same command again to go on."

EACH_SECONDS = 0.5, 30.0
"""How often the progress is shown: in a terminal, and in a file, where each time adds a line."""


def main(arguments: list[str]) -> int:
    """Turn pictures into objects.

    Returns:
        0 if all pictures are objects now, 1 if some failed or the run could not begin or go on, 2
        if the arguments are wrong, 130 after Ctrl+C.
    """
    try:
        options = _parser().parse_intermixed_args(arguments)
        folder = Folder(options.output)
        pictures = find_pictures(options.pictures, beside=folder.place)
        run = _run(options, len(pictures))
        resources = _resources(options, run)
        with _alone(folder):
            return _done(pictures, run.note(folder), resources, folder, options.retry_failed)
    except KeyboardInterrupt:  # while the pictures were looked for
        _say(STOPPED)
        return INTERRUPTED
    except SystemExit as stop:  # argparse has printed the reason
        return int(stop.code or 0)
    except (ReadError, WriteError) as error:
        _say(str(error))
        return 1
    except (ValueError, TripoSRError) as error:
        _say(str(error))
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=NAME,
        usage=f"{NAME} PICTURE [PICTURE ...] -o FOLDER [options]",
        description="Turn pictures into GLB files with an index and a contact sheet, on all cores "
        "or GPUs of this machine or of a Ray cluster. Run the same command again to go on after an "
        "interruption. The exit code is 0 if all pictures became objects, 1 if some failed, 2 if "
        "the arguments are wrong.",
    )
    parser.add_argument(
        "pictures",
        nargs="+",
        metavar="PICTURE",
        help="files, folders, patterns, or lists (.csv, .parquet); paths or URLs",
    )
    parser.add_argument("-o", "--output", required=True, help="a folder, by path or URL")
    parser.add_argument(
        "--retry-failed", action="store_true", help="try pictures again that failed in earlier runs"
    )
    parser.add_argument(
        "--no-scene-codes",
        action="store_true",
        help="do not keep the scene codes, a megabyte each, which Refine in Blender needs",
    )
    machine = parser.add_argument_group("machine")
    machine.add_argument("--model", default="", help="folder of the model; default: the best here")
    machine.add_argument(
        "--matting-folder", default="", help="folder of the matting models; default: rembg's"
    )
    machine.add_argument("--device", default="auto", help="auto, cpu, cuda, ...; default: auto")
    machine.add_argument(
        "--precision",
        default="auto",
        choices=("auto", "fp32", "bf16", "fp16"),
        help="of the network's numbers; default: auto, what suits the device",
    )
    machine.add_argument(
        "--address", default="", help="of a Ray cluster to join, or auto; default: this machine"
    )
    machine.add_argument("--cores", type=_number, default=0, help="of this machine; default: all")
    machine.add_argument(
        "--actors",
        type=_number,
        default=0,
        help="copies of the network; default: one for each GPU, or one for each core",
    )
    machine.add_argument(
        "--threads", type=_number, default=1, help="of each copy on a CPU; default: 1"
    )
    add_settings(parser.add_argument_group("settings"), OBJECT)
    return parser


def _number(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number from 1 on")
    return number


def _run(options: argparse.Namespace, count: int) -> Run:
    """The settings of the run.

    Raises:
        ValueError: An option would have no effect.
        TripoSRError: A setting is out of its range, or there is no such model.
    """
    values = given(OBJECT, options)
    check_faces(values)
    from ..inference.model.config import read_config

    if re.search(r":\d", options.device):
        raise ValueError(
            f"--device {options.device}: Ray gives each copy of the network a GPU of its own. Name"
            " the kind alone, such as cuda, and choose cards by CUDA_VISIBLE_DEVICES"
        )
    if options.device not in ("auto", "cpu") and not options.address:
        _check_device(options.device)
    model, weights = chosen_model(options.model, options.precision)
    run = Run(
        output=absolute(options.output),
        settings=checked(OBJECT, defaults_of(OBJECT) | values),
        model=model,
        weights=weights,
        matting_folder=options.matting_folder and absolute(options.matting_folder),
        device=options.device,
        precision=options.precision,
        threads=options.threads,
        keeps_codes=not options.no_scene_codes,
        is_sharded=count > SHARD_FROM,
    )
    return replace(
        run,
        image_size=read_config(run.model_folder).image_size,
        matting=matting_model_of(run.options),
    )


def _check_device(name: str) -> None:
    """Raise ValueError if this machine lacks a device: before Ray starts, which takes longer."""
    from ..inference.machine.devices import choose_device

    try:
        choose_device(name)
    except TripoSRError as error:
        raise ValueError(f"--device {name}: {error.message}. Use --device auto") from error


def _resources(options: argparse.Namespace, run: Run) -> Resources:
    return Resources(
        address=options.address,
        cores=options.cores,
        actors=options.actors,
        threads=options.threads,
        weights_bytes=run.weights_path.stat().st_size,
    )


@contextlib.contextmanager
def _alone(folder: Folder) -> Iterator[None]:
    """Keep a second run out of a folder of this machine.

    Raises:
        InputError: Another run writes to it.
        StorageError: It is no folder.
        WriteError: Nothing can be written to it.
    """
    if not folder.is_local:
        yield
        return
    path = Path(folder.place)
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path / ".lock", timeout=0)
        lock.acquire()
    except Timeout as error:
        raise InputError(
            "Another run is writing to {place}",
            "Wait until it is done, or choose another folder",
            place=folder.place,
        ) from error
    except OSError as error:
        if isinstance(error, FileExistsError | NotADirectoryError):
            raise StorageError(
                "{place} is a file, or lies below one", "Choose a folder", place=folder.place
            ) from error
        raise WriteError(
            "Nothing can be written to {place} ({error})",
            "Choose another folder",
            place=folder.place,
            error=error.strerror or str(error),
        ) from error
    try:
        yield
    finally:
        lock.release()


@dataclass
class _Count:
    """Numbers of pictures: that are objects, that failed, and how many of each in earlier runs."""

    objects: int = 0
    failures: int = 0
    kept: int = 0
    kept_failures: int = 0

    def add(self, is_done: bool, is_kept: bool = False) -> None:
        self.objects += is_done
        self.failures += not is_done
        self.kept += is_done and is_kept
        self.kept_failures += is_kept and not is_done


def _sentence(row: Row) -> str:
    """Why a picture failed; many errors name it."""
    name = "" if row.picture in row.error else f"{row.picture}: "
    return f"{name}{row.error}. {row.hint}."


def _done(
    pictures: list[str], run: Run, resources: Resources, folder: Folder, retry_failed: bool
) -> int:
    """Process the pictures, keep the index, and return the exit code."""
    known, failed = _earlier(pictures, folder, run, retry_failed)
    journal, count = Journal(folder), _Count()
    problem = ""
    model = f"the model in {run.model}" if run.model else "the starter model, which makes drafts"
    _say(f"{len(pictures):,} {'picture' if len(pictures) == 1 else 'pictures'}, with {model}")
    try:
        start_ray(resources)
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # Ray has set its own
        with _progress(len(pictures)) as progress:
            for number, kind, row in process(pictures, known, run, resources):
                if kind == FATAL:
                    problem = f"{row.error}. {row.hint}."
                    break
                if kind == KEPT:
                    count.add(number not in failed, is_kept=True)
                else:
                    journal.add(row)
                    count.add(row.is_done)
                    if not row.is_done:
                        progress.write(_sentence(row), file=sys.stderr)
                if count.failures:
                    progress.set_postfix(failed=count.failures, refresh=False)
                progress.update()
    except KeyboardInterrupt:
        problem = STOPPED
    except TripoSRError as error:  # of Ray, or of the output folder
        problem = str(error)
    except ConnectionError as error:
        problem = f"There is no Ray cluster at {resources.address}: {error}"
    finally:
        try:
            try:
                journal.write()  # first: stopping Ray takes seconds, in which one may be killed
            finally:
                stop_ray()
            compile_index(folder)
        except StorageError as error:
            problem = problem or str(error)
    if problem:
        _say(problem)
        return INTERRUPTED if problem == STOPPED else 1
    kept = f" ({count.kept:,} of earlier runs)" if count.kept else ""
    failures = f", {count.failures:,} failed" if count.failures else ""
    if count.kept_failures:
        failures += f" ({count.kept_failures:,} in earlier runs: --retry-failed tries them again)"
    noun = "object" if count.objects == 1 else "objects"
    sys.stdout.write(f"{count.objects:,} {noun}{kept}{failures}: {below(folder.place, PAGE)}\n")
    return 1 if count.failures else 0


def _earlier(
    pictures: list[str], folder: Folder, run: Run, retry_failed: bool
) -> tuple[list[str], set[int]]:
    """What earlier runs have finished.

    Returns:
        For each picture, the digest with which it need not be done again, or nothing; and the
        numbers of those that failed.
    """
    numbers = {public(picture): number for number, picture in enumerate(pictures)}
    known, failed = [""] * len(pictures), set[int]()
    there = set(folder.names(OBJECTS, deep=True))
    if run.keeps_codes:
        there.update(folder.names(CODES, deep=True))
    for row in known_rows(folder):
        if (number := numbers.get(row.picture)) is None:
            continue
        is_final = (row.settings, row.weights) == (run.digest, run.weights)
        if row.is_done:
            failed.discard(number)
            is_final &= row.file in there and (not run.keeps_codes or row.code in there)
        else:
            failed.add(number)
            is_final &= not retry_failed
        known[number] = row.digest if is_final else ""
    return known, failed


def _progress(total: int) -> tqdm:
    interval = EACH_SECONDS[0 if sys.stderr.isatty() else 1]
    return tqdm(
        total=total, unit="picture", mininterval=interval, maxinterval=interval, smoothing=0.1
    )


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
