"""The measurements of the batch benchmark; each returns its figures."""

from __future__ import annotations

import json
import math
import random
import shutil
import sys
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pyarrow import parquet

from batch_pictures import OBJECTS, pictures
from processes import Watched, descendants, end, memory, take_turns, title, watched

WORK = Path(__file__).resolve().parent / "batch_work.py"

FORWARD = WORK.with_name("batch_forward.py")

REPEATS = 3
"""How often a forward pass is measured; the fastest counts."""

FEWER = 4
"""Divisor of the number of pictures of short runs, and of plain loops that are compared."""

TURN = 10.0
"""Most seconds for which one of the compared processes runs alone: long against a switch, and short
against the minutes in which a machine's other load changes."""

MARKS = (0.1, 0.5, 1.0)
"""Shares of the rows at which memory is measured: 10,000, 50,000 and 100,000 of 100,000."""

MB = 1e6

READS = 2
"""Requests with which PyArrow reads a picture from S3: for its size, and for its content."""

PART = 10 << 20
"""Bytes from which PyArrow uploads a file in parts of this size."""


@dataclass(frozen=True)
class Setup:
    """What all measurements need.

    Attributes:
        scratch: Folder for pictures and results, which is deleted afterward.
        cores: Numbers of the cores to use.
        resolution: Lattice points per axis.
    """

    scratch: Path
    cores: tuple[int, ...]
    resolution: int

    def pictures(self, count: int) -> Path:
        """Return a folder with so many pictures."""
        folder = self.scratch / f"pictures-{count}"
        if not folder.exists():
            pictures(folder, count)
        return folder

    def output(self, name: str) -> Path:
        """Return an output folder that does not exist."""
        folder = self.scratch / name
        shutil.rmtree(folder, ignore_errors=True)
        return folder

    def command(self, source: Path, output: Path, cores: int) -> list[str]:
        """The batch command, with an actor for each core."""
        arguments = [str(source), "-o", str(output), "--device", "cpu"]
        arguments += ["--resolution", str(self.resolution)]
        arguments += ["--cores", str(cores), "--actors", str(cores)]
        return work("batch", arguments=arguments)


def work(what: str, **arguments: Any) -> list[str]:
    """The command line of one process of the benchmark."""
    return [sys.executable, str(WORK), what, json.dumps(arguments)]


def overhead(setup: Setup, count: int) -> dict[str, Any]:
    """Compare the batch command, an actor on each core, with a plain loop on the same cores."""
    source, cores = setup.pictures(count), len(setup.cores)
    looped, batched = setup.output("looped"), setup.output("batched")
    about = {"pictures": str(source), "output": str(looped), "resolution": setup.resolution}
    commands = {
        "loop": work("loop", **about, threads=cores),
        "batch": setup.command(source, batched, cores),
    }
    sides = _side_by_side(
        setup, commands, dict.fromkeys(commands, setup.cores), dict.fromkeys(commands, TURN)
    )
    check(batched, count)
    found = {name: _rates(side, count) for name, side in sides.items()}
    return {
        "pictures": count,
        "cores": cores,
        **found,
        **{
            f"overhead_{name}": found["loop"][name] / found["batch"][name] - 1
            for name in found["loop"]
        },
    }


def scaling(setup: Setup, count: int) -> dict[str, Any]:
    """Compare an actor on one core with an actor on each of two cores.

    Each is measured with all and with some of the pictures: `further` compares what the additional
    ones cost, without the start of a run.

    Raises:
        RuntimeError: There is one core only, or there are too few pictures.
    """
    if len(setup.cores) < 2 or count < 2 * FEWER:
        raise RuntimeError(f"Scaling needs two cores and {2 * FEWER} pictures")
    some = count // FEWER
    runs = {"one": (1, count), "two": (2, count), "one_some": (1, some), "two_some": (2, some)}
    cores = {name: setup.cores[:number] for name, (number, _) in runs.items()}
    counts = {name: number for name, (_, number) in runs.items()}
    outputs = {name: setup.output(name) for name in counts}
    commands = {
        name: setup.command(setup.pictures(counts[name]), outputs[name], len(cores[name]))
        for name in counts
    }
    # In proportion to the work.
    turns = {name: TURN * counts[name] / count / len(cores[name]) for name in counts}
    sides = _side_by_side(setup, commands, cores, turns)
    for name, output in outputs.items():
        check(output, counts[name])
    found = {name: _rates(sides[name], counts[name]) for name in counts}
    seconds = {name: counts[name] / found[name]["started"] for name in counts}
    further = {
        name: (count - some) / (seconds[name] - seconds[f"{name}_some"]) for name in ("one", "two")
    }
    return {
        "pictures": count,
        "some": some,
        **found,
        **{f"ratio_{name}": found["two"][name] / found["one"][name] for name in found["one"]},
        "further": {**further, "ratio": further["two"] / further["one"]},
    }


def limit(setup: Setup, count: int) -> dict[str, Any]:
    """Compare a plain loop on one core with one on each of two cores: what the machine allows. On
    many, two cores share caches, memory and a power budget.
    """
    count //= FEWER
    about = {"pictures": str(setup.pictures(count)), "resolution": setup.resolution}
    cores = {"one": setup.cores[:1], "two": setup.cores[:2]}
    commands = {
        name: work("loops", **about, output=str(setup.output(name)), cores=those)
        for name, those in cores.items()
    }
    turns = {name: TURN / len(those) for name, those in cores.items()}
    sides = _side_by_side(setup, commands, cores, turns)
    found = {name: _rates(side, count)["started"] for name, side in sides.items()}
    return {"pictures": count, **found, "ratio": found["two"] / found["one"]}


def _side_by_side(
    setup: Setup,
    commands: dict[str, list[str]],
    cores: dict[str, tuple[int, ...]],
    turns: dict[str, float],
) -> dict[str, Watched]:
    sides: dict[str, Watched] = {}
    with ExitStack() as stack:
        for name, command in commands.items():
            log = setup.scratch / f"{name}.log"
            sides[name] = stack.enter_context(watched(command, cores[name], log))
            sides[name].wait_for("started")  # Ray gives up if its start takes too long
            sides[name].pause()
        take_turns({side: turns[name] for name, side in sides.items()})
        for side in sides.values():
            side.end()
    return sides


def _rates(side: Watched, count: int) -> dict[str, float]:
    """Pictures per second: of the whole process; from when it was ready for pictures (the loop with
    its model loaded, Ray without workers yet); and from the first picture on.
    """
    rows = [seconds for seconds, line in side.events if line == "row"]
    if len(rows) != count:
        raise RuntimeError(f"{len(rows)} rows for {count} pictures")
    return {
        "whole": count / side.end(),
        "started": count / (rows[-1] - side.at("started")),
        "steady": (count - 1) / (rows[-1] - rows[0]),
    }


def picture(setup: Setup, resolution: int) -> dict[str, Any]:
    """Measure what a picture costs: the processor's seconds in each stage, and bytes of files.

    What else the machine does slows a core, too, if less than it delays a process.
    """
    source, output = setup.pictures(OBJECTS), setup.output("picture")
    about = {"pictures": str(source), "output": str(output), "resolution": resolution}
    command = work("loop", **about, threads=1, warm_up=True)
    with watched(command, setup.cores[:1], setup.scratch / "picture.log") as side:
        side.end()
    spent = json.loads(side.events[-1][1])
    return {
        "pictures": OBJECTS,
        "resolution": resolution,
        "cpu_seconds": {stage: seconds / OBJECTS for stage, seconds in spent.items()},
        "bytes": {
            "picture": _bytes(source) / OBJECTS,
            **{folder.name: _bytes(folder) / OBJECTS for folder in sorted(output.iterdir())},
        },
        "requests": READS + sum(map(_requests, output.glob("*/*"))) / OBJECTS,
    }


def forward(setup: Setup, together: int) -> dict[str, Any]:
    """Compare a forward pass of several pictures with one of each."""
    command = [sys.executable, str(FORWARD), str(together), str(REPEATS)]
    with watched(command, setup.cores[:1], setup.scratch / "forward.log") as side:
        side.end()
    return {"together": together, "seconds": json.loads(side.events[-1][1])}


def _requests(file: Path) -> int:
    """How many requests it takes PyArrow to write such a file to S3."""
    parts = math.ceil(file.stat().st_size / PART)
    return 1 if parts == 1 else parts + 2  # between the beginning and the end of the upload


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def scheduling(setup: Setup, rows: int) -> dict[str, Any]:
    """Send rows through stages that do nothing, and watch the memory."""
    every = max(rows // 200, 1)
    looks: list[dict[str, float]] = []

    def look(seconds: float, line: str) -> None:
        if line == "row":
            count = every * (len(looks) + 1)
            looks.append({"rows": count, "seconds": seconds, **_memory(side.pid)})

    arguments = {"rows": rows, "cores": len(setup.cores), "every": every}
    command = work("scheduling", **arguments, output=str(setup.output("scheduling")))
    with watched(command, setup.cores, setup.scratch / "scheduling.log", look) as side:
        side.end()
        started = side.at("started")
    first, *_, last = marked = [
        min(looks, key=lambda one, mark=mark: abs(one["rows"] - mark * rows)) for mark in MARKS
    ]
    later = [one for one in looks if one["rows"] >= first["rows"]]
    return {
        "rows": rows,
        "rows_per_second": last["rows"] / (last["seconds"] - started),
        "rows_per_second_later": (last["rows"] - first["rows"])
        / (last["seconds"] - first["seconds"]),
        "memory": marked,
        "most_later": {name: max(one[name] for one in later) for name in ("driver_mb", "ray_mb")},
    }


def _memory(driver: int) -> dict[str, float]:
    """Memory of the driver itself, and of all that Ray has started, shared pages once."""
    others = [process for process in descendants(driver) if process != driver]
    return {
        "driver_mb": memory(driver)["own"] / MB,
        "ray_mb": sum(memory(process)["share"] for process in others) / MB,
    }


def workers(setup: Setup, count: int, every: float, resolution: int) -> dict[str, Any]:
    """Kill a random worker of Ray every so many seconds."""
    setup = replace(setup, resolution=resolution)
    source, output = setup.pictures(count), setup.output("workers")
    killed: list[str] = []
    command = setup.command(source, output, len(setup.cores))
    with watched(command, setup.cores, setup.scratch / "workers.log") as side:
        while not side.wait(every):
            alive = {
                process: title(process)
                for process in descendants(side.pid)
                if is_worker(title(process))
            }
            if alive:
                victim = random.choice(list(alive))
                end(victim)
                killed.append(alive[victim])
        side.end()
    rows = check(output, count)
    return {
        "pictures": count,
        "resolution": resolution,
        "every_seconds": every,
        "killed": len(killed),
        "titles": dict(Counter(killed)),
        "tried_again": sum(row["attempts"] > 1 for row in rows),
    }


def is_worker(line: str) -> bool:
    """Whether the title of a process is a worker's; with one of its agents, Ray itself ends."""
    return line.startswith("ray::") and not line.endswith("Agent")


def driver(setup: Setup, count: int, times: int, longest: float, resolution: int) -> dict[str, Any]:
    """Kill the command at random moments, and start it again each time, at once.

    Args:
        setup: See Setup.
        count: Number of pictures.
        times: How often it is killed.
        longest: Seconds after which it is killed at the latest.
        resolution: Lattice points per axis.
    """
    setup = replace(setup, resolution=resolution)
    source, output = setup.pictures(count), setup.output("driver")
    command = setup.command(source, output, len(setup.cores))
    moments, written, twice = [], {}, 0
    orphans: list[int] = []
    for number in range(times + 1):
        with watched(command, setup.cores, setup.scratch / "driver.log") as side:
            if number < times:
                moment = random.uniform(0, longest)
                if side.wait(moment):
                    raise RuntimeError(
                        f"All pictures were done before the command was killed {times} times: "
                        "choose more pictures"
                    )
                orphans += descendants(side.pid)[1:]
                side.kill()
                moments.append(round(moment, 1))
            else:
                side.end()
        now = {path.name: path.stat().st_mtime_ns for path in output.glob("objects/*.glb")}
        twice += sum(now[name] != written[name] for name in written)
        written = now
    check(output, count)
    for orphan in orphans:  # Ray's own; its agents notice after a minute only
        if "ray" in title(orphan):
            end(orphan)
    return {
        "pictures": count,
        "resolution": resolution,
        "killed": times,
        "moments": moments,
        "done_twice": twice,
        "partial_files": len(list(output.rglob(".partial-*"))),
    }


def check(output: Path, count: int) -> list[dict[str, Any]]:
    """Return the rows of an index.

    Raises:
        RuntimeError: A picture is missing, is there twice, or became no object.
    """
    rows = parquet.read_table(output / "index.parquet").to_pylist()
    lines = [json.loads(line) for line in (output / "index.jsonl").read_text().splitlines()]
    names = Counter(row["picture"] for row in rows)
    problems = [row["error"] for row in rows if row["error"]]
    problems += [f"{name} is there {times} times" for name, times in names.items() if times > 1]
    problems += [
        f"{row['file']} is missing" for row in rows if not (output / row["file"]).is_file()
    ]
    if len(rows) != count or [line["picture"] for line in lines] != [*names]:
        problems.append(f"{len(rows)} rows and {len(lines)} lines for {count} pictures")
    if problems:
        raise RuntimeError(f"{output.name}: " + "; ".join(problems[:10]))
    return rows
