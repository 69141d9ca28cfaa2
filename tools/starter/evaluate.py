"""Evaluate a starter model on objects that it never saw.

`make starter-eval` runs this. The report, the figures of each object and a contact sheet go to
out/starter/; `--publish` puts them into the model's card and into docs/.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import os
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

import sheet
from dataset import cores
from families import FAMILIES
from figures import Case, Figures, evaluate_object, reconstruct
from long_runs import REPORT, is_reported, resumed, worker_pool, write_report
from triposr.inference import TripoSRError, load_model
from triposr.inference.model.network import Model
from triposr.inference.model.weights import STARTER_FOLDER, weights_file
from views import Camera, Light, Window

ROOT = Path(__file__).resolve().parents[2]
PUBLISHED_SHEET = ROOT / "docs" / "images" / "starter.png"
TABLES = ("<!-- make starter-eval: -->\n", "<!-- end -->\n")  # marks around the report in the card

FIRST_SEED = 10_000_000
"""First seed of the evaluation; training counts its seeds from 0 and never gets this far."""

OBJECTS = 256
OVERSHOOT = 1.25  # side of a picture on the sheet divided by that of the solid's own window
SHEET_COLUMNS = 6
ALIKE = 0.02  # difference of two IoUs that says nothing


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=OBJECTS)
    parser.add_argument("--model", type=Path, default=STARTER_FOLDER)
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "starter")
    parser.add_argument("--processes", type=int, default=cores())
    parser.add_argument("--publish", action="store_true", help="into the card of the model")
    parser.add_argument(
        "--resume",
        action="store_true",
        help="continue an interrupted measurement; measure nothing if the report is there",
    )
    options = parser.parse_args()
    if options.objects < 1:
        parser.error("there must be an object to evaluate")
    out = options.out
    try:
        weights = hashlib.sha256(weights_file(options.model).read_bytes()).hexdigest()[:16]
        out.mkdir(parents=True, exist_ok=True)
        if options.resume and is_reported(out, heading(weights, options.objects)):
            print(f"This was measured before; to measure it anew, delete {out / 'report.md'}\n")
        else:
            kept = out / f"{weights}.jsonl" if options.resume else None
            figures, picture = evaluate(options.model, options.objects, options.processes, kept)
            write_report(out, report(figures, weights), [asdict(f) for f in figures], picture)
            if kept:
                kept.unlink()
    except TripoSRError as error:
        raise SystemExit(str(error)) from error
    text = (out / REPORT).read_text(encoding="utf-8")
    print(text)
    print(f"See {os.path.relpath(out)}: report.md, figures.json, sheet.png")
    if options.publish:
        publish(text, options.model / "README.md", TABLES)
        # Few colors are enough, and take a third of the bytes.
        few = Image.open(out / "sheet.png").quantize(128, dither=Image.Dither.NONE)
        few.save(PUBLISHED_SHEET, optimize=True)


def heading(weights: str, objects: int) -> str:
    """Return what a report begins with."""
    last = FIRST_SEED + objects - 1
    return f"Weights {weights}, {objects} objects of seeds {FIRST_SEED} to {last}."


def evaluate(
    folder: Path, objects: int, processes: int, kept: Path | None = None
) -> tuple[list[Figures], Image.Image]:
    """Return the figures of `objects` objects, of all families in turn, and the contact sheet.

    The figures of each object are `kept` as soon as they are there; see long_runs.resumed.
    """
    names = list(FAMILIES)
    tasks = [(folder, FIRST_SEED + number, names[number % len(names)]) for number in range(objects)]
    figures: list[Figures] = []
    # Torch has not computed anything yet, so the fork loses none of its threads.
    with worker_pool(processes) as pool:
        results = resumed(
            [f"{family} {seed}" for _, seed, family in tasks],
            lambda numbers: map(asdict, pool.map(_evaluate, [tasks[n] for n in numbers])),
            kept,
        )
        for values in results:
            figures.append(figures_from(values))
            print(f"\r{len(figures)} of {len(tasks)} objects", end="", flush=True)
        print("\n")
        return figures, contact_sheet(folder, figures, pool)


def figures_from(values: dict[str, Any]) -> Figures:
    """Make figures of their values, in which JSON has put lists for tuples."""
    return Figures(**{n: tuple(v) if isinstance(v, list) else v for n, v in values.items()})


@functools.cache
def worker_model(folder: Path) -> Model:
    """Load the model of this process, which uses one core."""
    torch.set_num_threads(1)
    return load_model(folder, device="cpu", precision="fp32")


def _evaluate(task: tuple[Path, int, str]) -> Figures:
    folder, seed, family = task
    return evaluate_object(worker_model(folder), seed, family)


def report(figures: list[Figures], weights: str) -> str:
    """Return a report in Markdown: a table by family, and the fit of mirrored and turned results.

    Args:
        figures: The figures of all objects.
        weights: Digest of the evaluated weights.
    """
    families = {figure.family: [] for figure in figures}
    for figure in figures:
        families[figure.family].append(figure)
    gaps = [
        max(*figure.mirrored, *figure.turned) - figure.volume
        for figure in figures
        if figure.volume and not figure.right_way_round
    ]
    alike = sum(gap <= ALIKE for gap in gaps)
    lines = [
        heading(weights, len(figures)),
        "IoU is intersection over union: 1 is perfect. The color error is the mean absolute",
        "difference in sRGB, 0 to 1, at the true surface.",
        "",
        "| family | objects | volume IoU | silhouette IoU, input view "
        "| silhouette IoU, unseen views | color error |",
        "|---|--:|--:|--:|--:|--:|",
        *(_row(family, members) for family, members in families.items()),
        _row("**all**", figures),
        "",
        "Is it the right way round? Volume IoU with the result mirrored, or turned upright:",
        "",
        "| as it is | front and back swapped | left and right | top and bottom "
        "| turned by 90° | 180° | 270° |",
        "|--:|--:|--:|--:|--:|--:|--:|",
        _cells([(f.volume, *f.mirrored, *f.turned) for f in figures]),
        "",
        f"As it is fits best for {sum(f.right_way_round for f in figures)} of {len(figures)}. For"
        f" {alike} others, another way is better by at most {ALIKE}, and for {len(gaps) - alike} by"
        " more.",
    ]
    for what, count in (
        ("No surface at all", sum(figure.empty for figure in figures)),
        ("Cut off by the end of the model's box", sum(figure.cut_off for figure in figures)),
    ):
        lines.append(f"{what}: {count} of {len(figures)}.")
    return "\n".join(lines) + "\n"


def _row(name: str, figures: list[Figures]) -> str:
    values = [(f.volume, f.input_view, f.unseen_views, f.color) for f in figures]
    return f"| {name} | {len(figures)} {_cells(values)}"


def _cells(values: list[tuple[float, ...]]) -> str:
    return "| " + " | ".join(f"{mean:.3f}" for mean in np.mean(values, axis=0)) + " |"


def contact_sheet(folder: Path, figures: list[Figures], pool: Executor) -> Image.Image:
    """Return a contact sheet of the best, median and worst objects by volume."""
    return rows_of(figures, lambda row: list(pool.map(_draw, [(folder, f) for f in row])))


def rows_of(
    figures: list[Figures], draw: Callable[[list[Figures]], list[Image.Image]]
) -> Image.Image:
    """Compose the best, median and worst objects by volume, each row drawn by `draw`."""
    ranked = sorted(figures, key=lambda f: f.volume, reverse=True)
    count = min(SHEET_COLUMNS, len(ranked))
    middle = (len(ranked) - count) // 2
    rows = {
        "best": ranked[:count],
        "median": ranked[middle : middle + count],
        "worst": ranked[len(ranked) - count :],
    }
    return sheet.compose({name: draw(row) for name, row in rows.items()})


def _draw(task: tuple[Path, Figures]) -> Image.Image:
    folder, figures = task
    case = reconstruct(worker_model(folder), figures.seed, figures.family)
    return drawn(case, f"{figures.family} {figures.volume:.2f}")


def drawn(case: Case, caption: str) -> Image.Image:
    """Draw a case as the picture shows it, and from three quarters."""
    three_quarter = Camera(40.0, 20.0, case.camera.fov)
    looks = [
        (camera, light, wide_window(case.truth.window(camera)))
        for camera, light in ((case.camera, case.light), (three_quarter, Light()))
    ]
    return sheet.block(case.truth, case.mesh, looks, caption)


def wide_window(window: Window) -> Window:
    """Return an object's window with a margin, because the result may be larger."""
    left, top, side = window
    margin = (OVERSHOOT - 1) / 2 * side
    return left - margin, top - margin, OVERSHOOT * side


def publish(text: str, card: Path, marks: tuple[str, str]) -> None:
    """Put a report into the card, between its marks."""
    before, _, rest = card.read_text(encoding="utf-8").partition(marks[0])
    _, _, after = rest.partition(marks[1])
    card.write_text(before + marks[0] + text + marks[1] + after, encoding="utf-8")


if __name__ == "__main__":
    main()
