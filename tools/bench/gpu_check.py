"""Check and measure the add-on on a machine with an NVIDIA GPU, in nine minutes at most.

    python tools/bench/gpu_check.py

`make gpu-check` runs this. Any Python with torch will do: besides torch, it needs transformers,
numpy, Pillow, PyMCubes, safetensors and PyYAML. Figures and a table go to out/bench/ after every
step; `--publish` puts them into docs/. `--device cpu --tiny` tries the steps themselves.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
DOCS = ROOT / "docs"
MARKS = ("<!-- make gpu-check: -->\n", "<!-- end -->\n")  # in docs/performance.md

NEEDED = {
    "torch": "torch",
    "transformers": "transformers",
    "numpy": "numpy",
    "Pillow": "PIL",
    "PyMCubes": "mcubes",
    "scipy": "scipy",  # PyMCubes requires it
    "safetensors": "safetensors",
    "PyYAML": "yaml",
}
"""Packages as pip knows them, and the modules that they bring."""

BUDGET = 540.0
"""Seconds that all steps may take together."""

RESERVE = 20.0
"""Seconds before the end of the budget after which no step begins."""


def main(arguments: list[str] | None = None) -> int:
    started = time.monotonic()
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--device", default="cuda", help="cuda, cuda:1, ... or cpu with --tiny")
    parser.add_argument("--tiny", action="store_true", help="small numbers, no goals")
    parser.add_argument("--budget", type=float, default=BUDGET, metavar="SECONDS")
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "bench")
    parser.add_argument("--publish", action="store_true", help="into docs/")
    options = parser.parse_args(arguments)
    if problem := missing() or unusable(options.device, options.tiny):
        print(problem, file=sys.stderr)
        return 2
    if options.publish and options.tiny:
        parser.error("--tiny figures are not worth publishing")
    use_checkout()
    from gpu_steps import STEPS, Setup

    setup = Setup(options.device, options.tiny)
    results: dict[str, Any] = {"machine": machine(options.device), "tiny": options.tiny}
    steps = {name: (lambda step=step: step(setup)) for name, step in STEPS.items()}
    options.out.mkdir(parents=True, exist_ok=True)
    run(steps, results, started + options.budget, lambda: write(results, options.out))
    text = report(results)
    print(text)
    print(f"See {os.path.relpath(options.out)}: gpu.md, gpu.json")
    found = results["steps"].values()
    if options.publish:
        if not all(step["status"] == "passed" for step in found):
            print("docs/ stay as they are: not all steps passed.", file=sys.stderr)
            return 1
        publish(results, text)
    return 0 if all(is_good(step) for step in found) else 1


def missing() -> str:
    """Return a sentence that names the packages that are not there; empty if all are."""
    absent = [name for name, module in NEEDED.items() if importlib.util.find_spec(module) is None]
    names = ", ".join(absent)
    return f"This Python lacks {names}; install them with pip, and try again." if absent else ""


def unusable(device: str, is_tiny: bool) -> str:
    """Return a sentence that says why the device cannot be measured; empty if it can."""
    import torch

    kind = device.partition(":")[0]
    if kind == "cpu":
        return "" if is_tiny else "On a CPU this takes too long: add --tiny, or use `make bench`."
    if kind != "cuda":
        return f"There is nothing to measure on {device}: choose cuda, or cpu with --tiny."
    if not torch.cuda.is_available():
        return (
            f"torch {torch.__version__} finds no GPU here: run this on a machine with one, or try"
            " the steps with --device cpu --tiny."
        )
    number = int(device.partition(":")[2] or 0)
    if number >= torch.cuda.device_count():
        return f"There is no {device}: torch finds {torch.cuda.device_count()} of them."
    torch.cuda.set_device(number)
    return ""


def use_checkout() -> None:
    """Let this checkout be the package `triposr`, whether it is installed or not."""
    sys.path[:0] = [str(HERE)]
    if "triposr" in sys.modules:
        return
    spec = importlib.util.spec_from_file_location(
        "triposr", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["triposr"] = module
    spec.loader.exec_module(module)


def machine(device: str) -> dict[str, Any]:
    """Describe the machine and the versions, on which the figures depend."""
    import torch
    import transformers

    found = {
        "cpu_cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": platform.platform(terse=True),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }
    if device.startswith("cuda"):
        properties = torch.cuda.get_device_properties(device)
        found["gpu"] = properties.name
        found["gpu_memory_gb"] = round(properties.total_memory / 1e9)
        found["capability"] = f"{properties.major}.{properties.minor}"
        found["cuda"] = torch.version.cuda
    return found


def run(
    steps: Mapping[str, Callable[[], dict[str, Any]]],
    results: dict[str, Any],
    deadline: float,
    save: Callable[[], None],
) -> None:
    """Take the steps one after the other until the time is up; save after each.

    Args:
        steps: The measurements by name.
        results: Gets `steps`: by name `status` (passed, failed, not applicable, no time, error),
            `seconds`, `why`, and `values`.
        deadline: When to end, as `time.monotonic()` counts. A step that is still running then ends
            the process with 1, after what there is has been saved.
        save: Writes `results`.
    """
    found = results["steps"] = {
        name: {"status": "no time", "why": "the time was up"} for name in steps
    }

    def give_up(name: str) -> None:
        found[name] = {"status": "error", "why": "it did not end before the time was up"}
        save()
        print(f"{name}: {found[name]['why']}", file=sys.stderr, flush=True)
        os._exit(1)

    for name, step in steps.items():
        if time.monotonic() > deadline - RESERVE:
            continue
        print(f"{name} ...", flush=True)
        watchdog = threading.Timer(max(0.0, deadline - time.monotonic()), give_up, [name])
        watchdog.daemon = True
        watchdog.start()
        started = time.monotonic()
        try:
            values = step()
        except Exception as error:  # the others may still tell something
            traceback.print_exc()
            found[name] = {"status": "error", "why": f"{type(error).__name__}: {error}"}
        else:
            found[name] = judged(values)
        finally:
            watchdog.cancel()
        found[name]["seconds"] = time.monotonic() - started
        save()
    save()


def judged(values: dict[str, Any]) -> dict[str, Any]:
    """Return a step's outcome from what it returned."""
    if "passed" not in values:
        return {"status": "not applicable", "why": values["why"]}
    figures = {name: value for name, value in values.items() if name != "passed"}
    return {"status": "passed" if values["passed"] else "failed", "values": figures}


def is_good(step: Mapping[str, Any]) -> bool:
    """Return whether a step found nothing wrong; one that had no time may still find something."""
    return step["status"] in ("passed", "not applicable")


def write(results: dict[str, Any], out: Path) -> None:
    """Write the figures and the table; each file whole."""
    for name, text in (
        ("gpu.json", json.dumps(results, indent=1) + "\n"),
        ("gpu.md", report(results)),
    ):
        partial = out / f"{name}.part"
        partial.write_text(text, encoding="utf-8")
        partial.replace(out / name)


def report(results: Mapping[str, Any]) -> str:
    """Return the results as Markdown."""
    about = results["machine"]
    card = (
        f"{about['gpu']}, {about['gpu_memory_gb']} GB, capability {about['capability']};"
        f" CUDA {about['cuda']}; "
        if "gpu" in about
        else "CPU only; "
    )
    lines = [
        f"{card}torch {about['torch']}, transformers {about['transformers']}, Python"
        f" {about['python']}, {about['cpu_cores']} CPU cores.",
        "",
        "| what | figure | goal | |",
        "|---|--:|--:|---|",
    ]
    for name, step in results["steps"].items():
        if "values" not in step:
            lines.append(f"| {name} | – | – | {step['status']}: {step['why']} |")
            continue
        rows = ROWS[name](step["values"])
        lines += [
            f"| {what} | {figure} | {goal} | {step['status'] if number == 0 else ''} |"
            for number, (what, figure, goal) in enumerate(rows)
        ]
    return "\n".join(lines) + "\n"


Rows = list[tuple[str, str, str]]


def _parity(v: Mapping[str, Any]) -> Rows:
    apart = [
        (f"largest difference of the {name}, fp32", f"{value:.1e}", "1e-4")
        for name, value in v["relative_difference"].items()
    ]
    return [
        *apart,
        ("vertices or faces more or less than published", str(v["stray_vertices_or_faces"]), "20"),
    ]


def _half(v: Mapping[str, Any]) -> Rows:
    return [
        (
            f"surface in {name} against fp32 at {v['resolution']}³: mean, 99 %, farthest",
            "{mean_cells:.3f}, {p99_cells:.2f}, {max_cells:.1f} cells".format(**v[name]),
            "mean 0.5",
        )
        for name in ("bf16", "fp16")
    ]


def _extraction(v: Mapping[str, Any]) -> Rows:
    at = f"scene code to mesh at {v['resolution']}³"
    return [
        (f"{at}, published, marching on the CPU", f"{v['published_seconds']:.3f} s", ""),
        (f"{at}, ours", f"{v['seconds']:.3f} s", ""),
        ("ratio", f"{v['ratio']:.1f}×", "4×"),
        ("ratio without marching cubes", f"{v['ratio_without_marching']:.1f}×", ""),
        ("memory, published and ours", _megabytes(v["published_peak_mb"], v["peak_mb"]), ""),
    ]


def _object(v: Mapping[str, Any]) -> Rows:
    at = f"picture to object at {v['resolution']}³"
    return [
        (f"{at}, warm ({v['precision']})", f"{v['seconds']:.3f} s", "0.15 s"),
        (f"{at}, first", f"{v['first_seconds']:.3f} s", ""),
        (f"{at}, published (fp32), marching on the CPU", f"{v['published_seconds']:.3f} s", ""),
        ("ratio", f"{v['ratio']:.1f}×", "4×"),
        (f"picture to scene code ({v['precision']})", f"{v['encode_seconds']:.3f} s", ""),
        ("picture to scene code (fp32)", f"{v['encode_fp32_seconds']:.3f} s", ""),
    ]


def _jobs(v: Mapping[str, Any]) -> Rows:
    return [
        (
            f"memory that {v['jobs']} jobs leave behind: GPU, process",
            _megabytes(v["growth_mb"], v["process_growth_mb"]),
            "16, 64 MB",
        )
    ]


def _memory(v: Mapping[str, Any]) -> Rows:
    rows = [
        (
            f"extraction with {row['cap_mb']} MB",
            row["result"],
            "",
        )
        for row in v["extraction"]
    ]
    network = v["network"]
    taken = f"{len(network['steps'])} steps down from fp32, to {network['device']}"
    return [*rows, (f"network with {network['cap_mb']} MB", taken, "cpu")]


def _megabytes(*values: float | None) -> str:
    cells = ["–" if value is None else f"{value:.0f}" for value in values]
    return ", ".join(cells) + " MB"


ROWS: dict[str, Callable[[Mapping[str, Any]], Rows]] = {
    "parity with the published code": _parity,
    "half precision": _half,
    "extraction against the published code": _extraction,
    "picture to object": _object,
    "jobs in a row": _jobs,
    "little memory": _memory,
}
"""The table rows of each step: what, figure, goal."""


def publish(results: Mapping[str, Any], text: str, docs: Path = DOCS) -> None:
    """Put the table and the figures into docs/."""
    (docs / "bench").mkdir(exist_ok=True)
    (docs / "bench" / "gpu.json").write_text(json.dumps(results, indent=1) + "\n")
    page = docs / "performance.md"
    before, _, rest = page.read_text(encoding="utf-8").partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    page.write_text(before + MARKS[0] + text + MARKS[1] + after, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
