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
from ..settings import AFTER_FACES, AFTER_TEXTURE, OBJECT, checked, defaults_of
from ..shell import add_settings, given
from .index import Journal, compile_index, known_rows
from .pictures import find_pictures
from .pipeline import Resources, process, start_ray, stop_ray
from .rows import PAGE, Row
from .run import SHARD_FROM, Run, chosen_model
from .stages import FATAL, KEPT
from .storage import Folder, StorageError, absolute, below

NAME = "python -m triposr.batch"

INTERRUPTED = 130
"""Exit code after Ctrl+C, as shells have it."""

STOPPED = "Interrupted. Run the same command again to go on."

EACH_SECONDS = 0.5, 30.0
"""How often the progress is shown: in a terminal, and in a file, where each time adds a line."""


def main(arguments: list[str]) -> int:
    """Turn pictures into objects.

    Returns:
        0 if all pictures are objects now, 1 if some failed or the run could not go on, 2 if the
        arguments are wrong, 130 after Ctrl+C.
    """
    try:
        options = _parser().parse_intermixed_args(arguments)
        folder = Folder(options.output)
        pictures = find_pictures(options.pictures, beside=folder.place)
        run = _run(options, len(pictures))
        with _alone(folder):
            run = run.note(folder)
            resources = _resources(options, run)
            return _done(pictures, run, resources, folder, options.retry_failed)
    except KeyboardInterrupt:  # while the pictures were looked for
        _say(STOPPED)
        return INTERRUPTED
    except SystemExit as stop:  # argparse has printed the reason
        return int(stop.code or 0)
    except (ValueError, TripoSRError) as error:
        _say(str(error))
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=NAME,
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
    machine.add_argument("--matting-folder", default="", help="folder of the matting models")
    machine.add_argument("--device", default="auto", help="auto, cpu, cuda, ...; default: auto")
    machine.add_argument("--precision", default="auto", choices=("auto", "fp32", "bf16", "fp16"))
    machine.add_argument("--address", default="", help="of a Ray cluster to join, or auto")
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
    if AFTER_FACES.name in values and values.get(AFTER_TEXTURE.name, "none") == "none":
        raise ValueError(
            f"{AFTER_FACES.flag} is for objects with a texture: add {AFTER_TEXTURE.flag} 2048"
        )
    from ..inference.model.config import read_config

    if re.search(r":\d", options.device):
        raise ValueError(
            f"--device {options.device}: Ray gives each copy of the network a GPU of its own. Name"
            " the kind alone, such as cuda, and choose cards by CUDA_VISIBLE_DEVICES"
        )
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
    run = replace(run, image_size=read_config(run.model_folder).image_size)
    _ = run.options  # raises for values that do not go together
    return run


def _resources(options: argparse.Namespace, run: Run) -> Resources:
    from ..inference.model.weights import weights_file

    return Resources(
        address=options.address,
        cores=options.cores,
        actors=options.actors,
        threads=options.threads,
        weights_bytes=weights_file(run.model_folder).stat().st_size,
    )


@contextlib.contextmanager
def _alone(folder: Folder) -> Iterator[None]:
    """Keep a second run out of a folder of this machine.

    Raises:
        InputError: Another run writes to it.
    """
    if not folder.is_local:
        yield
        return
    path = Path(folder.place)
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path / ".lock")
        lock.acquire(timeout=0)
    except Timeout as error:
        raise InputError(
            "Another run is writing to {place}",
            "Wait until it is done, or choose another folder",
            place=folder.place,
        ) from error
    except OSError as error:
        raise StorageError(
            "Nothing can be written to {place} ({error})",
            "Choose another folder",
            place=folder.place,
            error=error.strerror or str(error),
        ) from error
    with lock:
        lock.release()  # acquired twice: `with` holds it
        yield


@dataclass
class _Count:
    """Numbers of pictures."""

    objects: int = 0
    failures: int = 0
    kept: int = 0

    def add(self, row: Row) -> None:
        if row.is_done:
            self.objects += 1
        else:
            self.failures += 1


def _done(
    pictures: list[str], run: Run, resources: Resources, folder: Folder, retry_failed: bool
) -> int:
    """Process the pictures, keep the index, and return the exit code."""
    earlier = {row.picture: row for row in known_rows(folder)}
    known = _digests(pictures, earlier, folder, run, retry_failed)
    journal, count = Journal(folder), _Count()
    problem = ""
    try:
        start_ray(resources)
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # Ray has set its own
        with _progress(len(pictures)) as progress:
            for number, kind, row in process(pictures, known, run, resources):
                if kind == FATAL:
                    problem = f"{row.error}. {row.hint}."
                    break
                if kind == KEPT:
                    row = earlier[pictures[number]]
                    count.kept += 1
                else:
                    journal.add(row)
                count.add(row)
                if not row.is_done and kind != KEPT:
                    progress.write(f"{row.picture}: {row.error}. {row.hint}.", file=sys.stderr)
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
            journal.write()  # first: stopping Ray takes seconds, in which one may be killed
            stop_ray()
            compile_index(folder)
        except StorageError as error:
            problem = problem or str(error)
        finally:
            stop_ray()
    if problem:
        _say(problem)
        return INTERRUPTED if problem == STOPPED else 1
    kept = f" ({count.kept:,} of earlier runs)" if count.kept else ""
    failures = f", {count.failures:,} failed" if count.failures else ""
    noun = "object" if count.objects == 1 else "objects"
    sys.stdout.write(f"{count.objects:,} {noun}{kept}{failures}: {below(folder.place, PAGE)}\n")
    return 1 if count.failures else 0


def _digests(
    pictures: list[str], earlier: dict[str, Row], folder: Folder, run: Run, retry_failed: bool
) -> list[str]:
    """For each picture, its digest if it need not be done again as long as it is the same."""
    there = set(folder.names("objects", deep=True)) if earlier else set()
    if earlier and run.keeps_codes:
        there.update(folder.names("scene_codes", deep=True))

    def is_final(row: Row) -> bool:
        if (row.settings, row.weights) != (run.digest, run.weights):
            return False
        if not row.is_done:
            return not retry_failed
        return row.file in there and (not run.keeps_codes or row.code in there)

    rows = (earlier.get(picture) for picture in pictures)
    return [row.digest if row is not None and is_final(row) else "" for row in rows]


def _progress(total: int) -> tqdm:
    interval = EACH_SECONDS[0 if sys.stderr.isatty() else 1]
    return tqdm(
        total=total, unit="picture", mininterval=interval, maxinterval=interval, smoothing=0.1
    )


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
