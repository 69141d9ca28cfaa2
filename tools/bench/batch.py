"""Measure the batch command: its overhead, its scaling, and what it survives.

`make bench-batch` runs this on a quiet machine with two cores or more. The table and the figures go
to out/bench/, after every measurement; `--publish` puts them into docs/.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
MARKS = ("<!-- make bench-batch: -->\n", "<!-- end -->\n")  # in docs/performance.md

MILLION, GPUS = 1_000_000, 8

GPU_SECONDS = 0.15
"""Of the network for one picture: what `make gpu-check` allows it and the extraction together on a
data-center card. Nobody has measured it."""

CORES_BESIDE = 12
"""CPU cores for each GPU in the smaller ones of the machines with eight that are for rent."""

CORES = 2
"""Of those that this process may use: the goals are set for two."""


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "bench")
    parser.add_argument("--only", default=",".join(WAYS), help=f"of {', '.join(WAYS)}")
    parser.add_argument("--pictures", type=int, default=200, help="to compare speeds with")
    parser.add_argument("--rows", type=int, default=100_000, help="for scheduling alone")
    parser.add_argument("--faulty", type=int, default=500, help="pictures of runs with kills")
    parser.add_argument("--every", type=float, default=20.0, help="seconds between killed workers")
    parser.add_argument("--kills", type=int, default=10, help="of the command itself")
    parser.add_argument("--longest", type=float, default=90.0, help="seconds until each of these")
    parser.add_argument("--resolution", type=int, default=128, help="lattice points per axis")
    parser.add_argument("--coarse", type=int, default=64, help="the same, for runs with kills")
    parser.add_argument("--fine", type=int, default=256, help="the same, for one picture's costs")
    parser.add_argument("--together", type=int, default=4, help="pictures in one forward pass")
    parser.add_argument("--publish", action="store_true", help="into docs/")
    options = parser.parse_args(arguments)
    chosen = options.only.split(",")
    if unknown := set(chosen) - WAYS.keys():
        parser.error(f"--only knows {', '.join(WAYS)}, not {', '.join(sorted(unknown))}")
    from batch_measurements import Setup
    from bench import machine

    options.out.mkdir(parents=True, exist_ok=True)
    file = options.out / "batch.json"
    results = json.loads(file.read_text()) if file.exists() else {}
    results |= {"machine": machine()}
    if options.publish and (missing := WAYS.keys() - chosen - results.keys()):
        parser.error(f"--publish needs all measurements: {', '.join(sorted(missing))}, too")
    with tempfile.TemporaryDirectory(prefix="triposr-batch-") as scratch:
        cores = tuple(sorted(os.sched_getaffinity(0))[:CORES])
        setup = Setup(Path(scratch), cores, options.resolution)
        for name in chosen:
            print(f"{name} ...", flush=True)
            results[name] = WAYS[name](setup, options)
            results[name].setdefault("resolution", options.resolution)
            file.write_text(json.dumps(results, indent=1) + "\n")
    text = report(results)
    (options.out / "batch.md").write_text(text, encoding="utf-8")
    print(text)
    print(f"See {os.path.relpath(options.out)}: batch.md, batch.json")
    if options.publish:
        publish(results, text)
    return 0


def _measured(name: str, *wanted: str) -> Callable[[Any, argparse.Namespace], dict[str, Any]]:
    def measured(setup: Any, options: argparse.Namespace) -> dict[str, Any]:
        import batch_measurements

        measurement = getattr(batch_measurements, name)
        return dict(measurement(setup, *(getattr(options, each) for each in wanted)))

    return measured


WAYS = {
    "picture": _measured("picture", "fine"),
    "forward": _measured("forward", "together"),
    "overhead": _measured("overhead", "pictures"),
    "scaling": _measured("scaling", "pictures"),
    "limit": _measured("limit", "pictures"),
    "scheduling": _measured("scheduling", "rows"),
    "workers": _measured("workers", "faulty", "every", "coarse"),
    "driver": _measured("driver", "faulty", "kills", "longest", "coarse"),
}
"""The measurements, and which arguments they take."""


def report(results: dict[str, Any]) -> str:
    """Return the measurements that there are as Markdown."""
    about = results["machine"]
    lines = [
        f"{about['cpu']}, {about['cores']} cores, {about['memory_gb']} GB; torch {about['torch']}; "
        "the starter model.",
        "",
        "| what | figure | goal |",
        "|---|--:|--:|",
    ]
    for name, rows in ROWS.items():
        if name in results:
            lines += [f"| {' | '.join(row)} |" for row in rows(results[name])]
    if "picture" in results:
        lines += _on_paper(results["picture"])
    return "\n".join(lines) + "\n"


def _picture(v: dict[str, Any]) -> list[tuple[str, str, str]]:
    seconds, sizes = v["cpu_seconds"], v["bytes"]
    stages = ", ".join(f"{stage} {spent:.2f}" for stage, spent in seconds.items())
    files = ", ".join(f"{name.replace('_', ' ')} {size / 1e3:,.0f}" for name, size in sizes.items())
    return [
        (
            f"a picture at {v['resolution']}³ on one core: {stages}",
            f"{sum(seconds.values()):.2f} s",
            "",
        ),
        (f"its files, in kB: {files}", f"{sum(sizes.values()) / 1e6:.1f} MB", ""),
    ]


def _forward(v: dict[str, Any]) -> list[tuple[str, str, str]]:
    names = {"starter": "the starter model's network", "full": "a network of the published size"}
    return [
        (
            f"{names[name]}, a picture on one core: alone; of {v['together']} in one forward pass",
            "; ".join(f"{each:.2g} s" for each in v["seconds"][name].values()),
            "",
        )
        for name in names
    ]


def _on_paper(v: dict[str, Any]) -> list[str]:
    """What a million pictures cost on eight GPUs, which nobody has measured."""
    cores = sum(seconds for stage, seconds in v["cpu_seconds"].items() if stage != "encode")
    rate = GPUS / GPU_SECONDS
    written = sum(size for name, size in v["bytes"].items() if name != "picture")
    seconds = MILLION / rate
    rows = (
        (f"the network, if it takes {GPU_SECONDS} s", f"{seconds / 3600:.1f} hours"),
        (
            f"everything else on CPU cores, {cores:.1f} s",
            f"{MILLION * cores / 3600:,.0f} core hours",
        ),
        ("CPU cores for each GPU, so that it never waits", f"{cores / GPU_SECONDS:.0f}"),
        (
            f"their hours with {CORES_BESIDE} cores for each GPU",
            f"{MILLION * cores / 3600 / GPUS / CORES_BESIDE:.1f}",
        ),
        (
            f"requests to the object storage, {v['requests']:.1f}",
            f"{rate * v['requests']:,.0f} a second",
        ),
        (
            f"bytes to the object storage, {written / 1e6:.1f} MB",
            f"{MILLION * written / 1e12:.1f} TB, {rate * written / 1e6:,.0f} MB a second",
        ),
    )
    head = [
        "",
        f"| on paper: a million pictures at {v['resolution']}³ on {GPUS} GPUs | |",
        "|---|--:|",
    ]
    return [*head, *(f"| {what} | {figure} |" for what, figure in rows)]


def _overhead(v: dict[str, Any]) -> list[tuple[str, str, str]]:
    def speed(side: str, way: str) -> str:
        return f"{v[side][way]:.2f} a second"

    about = f"{v['pictures']} pictures at {v['resolution']}³"
    return [
        (f"{about}, plain loop", speed("loop", "started"), ""),
        ("the same in a batch, an actor on each core", speed("batch", "started"), ""),
        ("overhead, from when Ray runs", f"{100 * v['overhead_started']:.1f} %", "≤ 10 %"),
        ("overhead, from the first object on", f"{100 * v['overhead_steady']:.1f} %", ""),
        ("overhead of the whole command", f"{100 * v['overhead_whole']:.1f} %", ""),
    ]


def _scaling(v: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [
        ("one actor on one core", f"{v['one']['started']:.2f} a second", ""),
        (
            f"two actors with a core each: {v['pictures']} pictures",
            f"{v['ratio_started']:.2f}×",
            "≥ 1.8×",
        ),
        ("the same, the start not counted", f"{v['further']['ratio']:.2f}×", ""),
    ]


def _limit(v: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [("two plain loops with a core each, against one: the limit", f"{v['ratio']:.2f}×", "")]


def _scheduling(v: dict[str, Any]) -> list[tuple[str, str, str]]:
    memory = [
        (
            f"memory after {int(one['rows']):,} rows: the command; Ray's processes together",
            f"{one['driver_mb']:.0f} MB; {one['ray_mb']:.0f} MB",
            "flat" if one is v["memory"][-1] else "",
        )
        for one in v["memory"]
    ]
    rate = f"{v['rows_per_second']:,.0f} rows a second"
    return [(f"scheduling alone, {v['rows']:,} rows", rate, "≥ 1,000"), *memory]


def _workers(v: dict[str, Any]) -> list[tuple[str, str, str]]:
    what = (
        f"{v['pictures']} pictures at {v['resolution']}³, {v['killed']} workers killed, "
        f"every {v['every_seconds']:g} s"
    )
    return [(what, "all there, none twice", "the same")]


def _driver(v: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [
        (
            f"{v['pictures']} pictures at {v['resolution']}³, "
            f"the command killed {v['killed']} times",
            "all there, none twice",
            "the same",
        ),
        ("pictures that these kills made it do again", str(v["done_twice"]), ""),
    ]


ROWS = {
    "picture": _picture,
    "forward": _forward,
    "overhead": _overhead,
    "scaling": _scaling,
    "limit": _limit,
    "scheduling": _scheduling,
    "workers": _workers,
    "driver": _driver,
}
"""The lines of the table, by measurement."""


def publish(results: dict[str, Any], text: str) -> None:
    """Put the table and the figures into docs/."""
    (DOCS / "bench").mkdir(exist_ok=True)
    (DOCS / "bench" / "batch.json").write_text(json.dumps(results, indent=1) + "\n")
    page = DOCS / "performance.md"
    before, _, rest = page.read_text(encoding="utf-8").partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    page.write_text(before + MARKS[0] + text + MARKS[1] + after, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
