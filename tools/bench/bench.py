"""Measure the add-on's time and memory against the published code.

`make bench` runs this and measures both sides together. The table, the figures and a plot go to
out/bench/; `--publish` puts them into docs/.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib
import torch

matplotlib.use("Agg")
from matplotlib import pyplot

from full_size import full_size_model
from scenes import SCENES, scene
from triposr.inference.machine.devices import choose_dtype

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
DOCS = ROOT / "docs"
MARKS = ("<!-- make bench: -->\n", "<!-- end -->\n")  # in docs/performance.md

RESOLUTIONS = (128, 256, 512, 1024)
PUBLISHED_UP_TO = 256  # points per axis; 512 takes minutes, and more memory than many machines have
REPEATS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "bench")
    parser.add_argument("--resolutions", type=int, nargs="+", default=RESOLUTIONS)
    parser.add_argument("--scenes", nargs="+", default=list(SCENES), choices=list(SCENES))
    parser.add_argument("--no-network", action="store_true", help="leave out the full-size network")
    parser.add_argument("--publish", action="store_true", help="into docs/")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    results: dict[str, Any] = {"machine": machine(), "extraction": [], "network": []}
    for device in devices:
        results["extraction"] += extractions(options.scenes, options.resolutions, device)
        results.setdefault("threshold", {})[device] = measure(
            "threshold", scene=str(scene(options.scenes[0])), resolution=256, device=device
        )
        results.setdefault("stages", {})[device] = measure(
            "stages", scene=str(scene(options.scenes[0])), resolution=256, device=device
        )
        if not options.no_network:
            results["network"] += networks(device)
    results["blender"] = in_blender(options.out)
    name = "cuda" if len(devices) > 1 else "cpu"
    (options.out / f"{name}.json").write_text(json.dumps(results, indent=1) + "\n")
    text = report(results)
    (options.out / f"{name}.md").write_text(text, encoding="utf-8")
    plot(results, options.out / f"{name}.png")
    print(text)
    print(f"See {os.path.relpath(options.out)}: {name}.md, {name}.json, {name}.png")
    if options.publish:
        publish(results, text, name, options.out)


def machine() -> dict[str, Any]:
    """Describe the machine and the versions, on which the figures depend."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = names[0].partition(":")[2].strip() if names else cpu
    found = {
        "cpu": cpu,
        "capability": torch.backends.cpu.get_cpu_capability(),
        "cores": torch.get_num_threads(),
        "memory_gb": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }
    if torch.cuda.is_available():
        found["gpu"] = torch.cuda.get_device_name()
    return found


def measure(what: str, **arguments: Any) -> dict[str, Any]:
    """Run measure.py and return its result; raises RuntimeError with its output if it fails."""
    done = subprocess.run(
        [sys.executable, HERE / "measure.py", what, json.dumps(arguments)],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"{what} {arguments}:\n{done.stderr}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def extractions(names: list[str], resolutions: list[int], device: str) -> list[dict[str, Any]]:
    """Measure the published extraction and ours, each at all resolutions that it reaches."""
    rows = []
    for name in names:
        path = str(scene(name))
        for resolution in resolutions:
            slow = resolution > PUBLISHED_UP_TO
            for way, repeats in (("published", 0 if slow else 1), ("ours", REPEATS)):
                if repeats:
                    print(f"{device}: {name} at {resolution}³, {way}", flush=True)
                    values = measure(
                        "extract",
                        **{"scene": path, "way": way, "resolution": resolution},
                        **{"device": device, "repeats": repeats},
                    )
                    row = {"device": device, "scene": name, "way": way, "resolution": resolution}
                    rows.append(row | values)
    check_meshes(rows)
    return rows


def check_meshes(rows: list[dict[str, Any]]) -> None:
    """Raise RuntimeError unless the published extraction and ours find the same meshes."""
    for theirs, ours in pairs(rows):
        for what in ("vertices", "faces"):
            # A GPU multiplies matrices in another order: a lattice point or two may differ.
            if abs(theirs[what] - ours[what]) > (0 if ours["device"] == "cpu" else 20):
                raise RuntimeError(f"The meshes differ: {theirs} and {ours}")


def pairs(rows: list[dict[str, Any]]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Pair rows of the published extraction with ours of the same device, scene and resolution."""
    found = []
    for theirs in rows:
        if theirs["way"] == "published":
            alike = ("device", "scene", "resolution")
            found += [
                (theirs, row)
                for row in rows
                if row["way"] == "ours" and all(row[name] == theirs[name] for name in alike)
            ]
    return found


def networks(device: str) -> list[dict[str, Any]]:
    """Measure loading the full-size network and encoding a picture.

    The precisions are fp32 and, if it differs, the one that the add-on chooses.
    """
    folder = str(full_size_model())
    rows = []
    is_exact = choose_dtype("auto", torch.device(device)) == torch.float32
    for precision in ("fp32",) if is_exact else ("fp32", "auto"):
        print(f"{device}: full-size network, {precision}", flush=True)
        values = measure("load", folder=folder, device=device, precision=precision)
        rows.append({"device": device, "precision": precision} | values)
    return rows


def in_blender(out: Path) -> dict[str, Any]:
    """Measure the work inside Blender."""
    path = out / "blender.json"
    print("in Blender", flush=True)
    done = subprocess.run(
        [sys.executable, ROOT / "tools/background.py", HERE / "blender.py", path.resolve()],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"Blender could not be measured:\n{done.stderr}")
    result: dict[str, Any] = json.loads(path.read_text())
    path.unlink()
    return result


def report(results: dict[str, Any]) -> str:
    """Return the report in Markdown."""
    about = results["machine"]
    lines = [
        f"{about['cpu']}, {about['cores']} cores, {about['capability']}, {about['memory_gb']} GB"
        + (f"; {about['gpu']}" if "gpu" in about else "")
        + f"; torch {about['torch']}.",
        "",
        "| scene code to colored mesh | points per axis | vertices | published | ours | ratio "
        "| memory, published | ours |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    rows = results["extraction"]
    theirs_of = {id(ours): theirs for theirs, ours in pairs(rows)}
    for ours in (row for row in rows if row["way"] == "ours"):
        theirs = theirs_of.get(id(ours))
        cells = ["–", f"{ours['seconds']:.2f} s", "–", "–", f"{ours['peak_mb']:.0f} MB"]
        if theirs:
            cells[0] = f"{theirs['seconds']:.2f} s"
            cells[2] = f"{theirs['seconds'] / ours['seconds']:.0f}×"
            cells[3] = f"{theirs['peak_mb']:.0f} MB"
        name = f"{ours['scene']}, {ours['device']}"
        about_mesh = f"{ours['resolution']} | {ours['vertices']:,}"
        lines.append(f"| {name} | {about_mesh} | " + " | ".join(cells) + " |")
    for device, values in results["stages"].items():
        lines += _where_time_goes(values, device)
    lines += ["", "| what | figure |", "|---|--:|"]
    for device, values in results["threshold"].items():
        lines.append(
            f"| another threshold of a cached scene code, 256, {device} "
            f"| {values['seconds']:.2f} s |"
        )
    for row in results["network"]:
        name = f"{row['device']}, {row['precision']} ({row['dtype']})"
        lines += [
            f"| full-size network: load, {name} | {row['load_seconds']:.2f} s |",
            f"| picture to scene code, {name} | {row['encode_seconds']:.1f} s |",
            f"| memory of the process for both, over the weights' file, {name} "
            f"| {row['peak_mb'] / row['weights_mb']:.2f} |",
        ]
    blender = results["blender"]
    lines += [
        f"| {blender['vertices']:,} colored vertices into a mesh, Blender {blender['blender']} "
        f"| {1000 * blender['mesh_seconds']:.0f} ms |",
        *(
            f"| texture and normal map of {size}², 20,000 faces of a robot | {seconds:.1f} s |"
            for size, seconds in blender["texture_seconds"].items()
        ),
        f"| enabling the add-on | {1000 * blender['enable_seconds']:.0f} ms |",
    ]
    return "\n".join(lines) + "\n"


def _where_time_goes(values: dict[str, Any], device: str) -> list[str]:
    """Return table lines: the parts of an extraction, and the time of its multiplications alone."""
    return [
        "",
        f"| where the time goes at {values['resolution']}, {device} | seconds |",
        "|---|--:|",
        *(f"| {part} | {seconds:.3f} |" for part, seconds in values["seconds"].items()),
        f"| all | {values['total_seconds']:.3f} |",
        f"| the limit: multiplications alone, at {values['points']:,} points "
        f"| {values['limit_seconds']:.3f} |",
    ]


def plot(results: dict[str, Any], path: Path) -> None:
    """Plot time and memory against resolution for the first scene."""
    figure, axes = pyplot.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    rows = [
        row for row in results["extraction"] if row["scene"] == results["extraction"][0]["scene"]
    ]
    colors = {"published": "#888888", "ours": "#e87d0d"}
    styles = {"cpu": "o-", "cuda": "s--"}
    for axis, what, unit in zip(axes, ("seconds", "peak_mb"), ("seconds", "MB"), strict=True):
        for device in sorted({row["device"] for row in rows}):
            for way in ("published", "ours"):
                shown = [row for row in rows if (row["device"], row["way"]) == (device, way)]
                points = [row["resolution"] for row in shown], [row[what] for row in shown]
                label = f"{way}, {device}"
                axis.plot(*points, styles[device], color=colors[way], label=label)
        axis.set(xscale="log", yscale="log", xlabel="points per axis", ylabel=unit)
        ticks = sorted({row["resolution"] for row in rows})
        axis.set_xticks(ticks, [str(tick) for tick in ticks])
        axis.minorticks_off()
        axis.grid(alpha=0.3)
    axes[0].set_title("Scene code to mesh: time")
    axes[1].set_title("Memory on top")
    axes[0].legend()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def publish(results: dict[str, Any], text: str, name: str, out: Path) -> None:
    """Put the table, the figures and the plot into docs/."""
    (DOCS / "bench").mkdir(exist_ok=True)
    (DOCS / "bench" / f"{name}.json").write_text(json.dumps(results, indent=1) + "\n")
    (DOCS / "images" / f"bench-{name}.png").write_bytes((out / f"{name}.png").read_bytes())
    page = DOCS / "performance.md"
    before, _, rest = page.read_text(encoding="utf-8").partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    page.write_text(before + MARKS[0] + text + MARKS[1] + after, encoding="utf-8")


if __name__ == "__main__":
    main()
