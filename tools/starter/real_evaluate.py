"""Measure a model on a folder of meshes that it never saw, such as scans of real objects.

`make real-eval OBJECTS=folder` runs this; with MODEL=folder, it measures another model, such as the
published one. The report, the figures of each object and a contact sheet go to a folder of the
model's name in out/real/; `--publish` puts the report into the starter model's card.
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import evaluate
from dataset import cores, random_camera, random_light
from figures import Case, Figures, case_of, measure
from long_runs import REPORT, is_reported, resumed, worker_pool, write_report
from mesh_files import ENDINGS, UnusableMeshError, load_mesh
from mesh_objects import MeshObject, Placed, check_opaque
from mesh_pictures import fitted_window, render_mesh, silhouette
from shapes import NONE, POINTS, Likeness, likeness, mesh_points
from triposr.inference import InputError, TripoSRError
from triposr.inference.model.network import Model
from triposr.inference.model.weights import STARTER_FOLDER, weights_file
from views import Camera, Light, View, Window

ROOT = Path(__file__).resolve().parents[2]
CELLS = 128  # per axis of the box whose volumes are compared: finer than the thinnest sheet
TABLES = ("<!-- make real-eval: -->\n", "<!-- end of make real-eval -->\n")


@dataclass(frozen=True)
class MeshTruth:
    """A mesh as the truth of a case; see figures.Truth."""

    name: str
    placed: Placed

    @property
    def family(self) -> str:
        """The object's own name: each is of its own kind."""
        return self.name

    def occupied(self, points: NDArray[np.floating]) -> NDArray[np.bool_]:
        """See Truth."""
        return self.placed.occupied(points)

    def color(self, points: NDArray[np.floating]) -> NDArray[np.float32]:
        """See Truth."""
        return self.placed.distance_and_color(points)[1]

    def surface_points(self, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """See Truth."""
        return self.placed.surface_points(count, rng)

    def render(self, camera: Camera, light: Light, size: int, window: Window) -> View:
        """See Truth."""
        return render_mesh(self.placed, camera, light, size, window, np.random.default_rng(0))

    def silhouette(self, camera: Camera, size: int, window: Window) -> NDArray[np.bool_]:
        """See Truth."""
        return silhouette(self.placed, camera, size, window)

    def window(self, camera: Camera) -> Window:
        """See Truth."""
        return fitted_window(camera, self.placed.vertices)


@dataclass(frozen=True)
class RealFigures:
    """Figures of one object.

    Attributes:
        figures: Those of `figures.measure`, where the result lies.
        likeness: Chamfer distance and F-score after alignment.
    """

    figures: Figures
    likeness: Likeness


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("objects", type=Path, help="folder of GLB, glTF and OBJ files")
    parser.add_argument("--model", type=Path, default=STARTER_FOLDER)
    parser.add_argument("--out", type=Path, help="folder; out/real/ and the model's name")
    parser.add_argument("--processes", type=int, default=cores())
    parser.add_argument(
        "--resume",
        action="store_true",
        help="continue an interrupted measurement; measure nothing if the report is there",
    )
    parser.add_argument("--publish", action="store_true", help="into the starter model's card")
    options = parser.parse_args()
    model = options.model.resolve()
    if options.publish and model != STARTER_FOLDER.resolve():
        parser.error("--publish is for the starter model: the card is its own")
    out = options.out or ROOT / "out" / "real" / model.name
    paths = sorted(p for p in options.objects.rglob("*") if p.suffix.lower() in ENDINGS)
    if not paths:
        raise SystemExit(f"There are no GLB, glTF or OBJ files in {options.objects}")
    try:
        weights = sha256(weights_file(model).read_bytes()).hexdigest()[:16]
    except TripoSRError as error:
        raise SystemExit(str(error)) from error
    out.mkdir(parents=True, exist_ok=True)
    files = digest_of(options.objects)
    kept = out / f"{weights}-{files}.jsonl" if options.resume else None
    if options.resume and is_reported(out, heading(weights, files)):
        print(f"This was measured before; to measure it anew, delete {out / 'report.md'}\n")
    else:
        found, problems, picture = evaluate_all(
            model, options.objects, paths, options.processes, kept
        )
        for name, problem in problems.items():
            print(f"left out: {name}: {problem}")
        if not found:
            raise SystemExit("None of the files can be used")
        text = report(found, problems, weights, files)
        write_report(out, text, [asdict(one) for one in found], picture)
        if kept:
            kept.unlink()
    text = (out / REPORT).read_text(encoding="utf-8")
    print(text)
    print(f"See {os.path.relpath(out)}: report.md, figures.json, sheet.png")
    if options.publish:
        evaluate.publish(text, STARTER_FOLDER / "README.md", TABLES)


def digest_of(folder: Path) -> str:
    """Return a digest of the names and contents of all files, because textures count, too."""
    contents = [
        (path.relative_to(folder).as_posix(), sha256(path.read_bytes()).hexdigest())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]
    return sha256(json.dumps(contents).encode()).hexdigest()[:16]


def heading(weights: str, files: str) -> str:
    """Return what a report begins with."""
    return f"Weights {weights}, files {files}:"


def evaluate_all(
    model: Path, folder: Path, paths: list[Path], processes: int, kept: Path | None = None
) -> tuple[list[RealFigures], dict[str, str], Image.Image]:
    """Return the figures of all usable files, why others are left out, and the contact sheet.

    An object's name is its path below the `folder`. The figures of each object are `kept` as soon
    as they are there; see long_runs.resumed.
    """
    found: list[RealFigures] = []
    problems: dict[str, str] = {}
    names = {path.relative_to(folder).as_posix(): path for path in paths}
    tasks = [(model, path, name) for name, path in names.items()]
    # Torch has not computed anything yet, so the fork loses none of its threads.
    with worker_pool(processes) as pool:
        results = resumed(
            list(names),
            lambda numbers: map(_as_json, pool.map(_evaluate, [tasks[n] for n in numbers])),
            kept,
        )
        for name, result in zip(names, results, strict=True):
            if isinstance(result, str):
                problems[name] = result
            else:
                figures = evaluate.figures_from(result["figures"])
                found.append(RealFigures(figures, Likeness(**result["likeness"])))
            print(f"\r{len(found) + len(problems)} of {len(paths)} objects", end="", flush=True)
        print("\n")
        picture = Image.new("RGB", (1, 1))
        if found:
            picture = evaluate.rows_of(
                [one.figures for one in found],
                lambda row: list(pool.map(_draw, [(model, names[f.family], f) for f in row])),
            )
    return found, problems, picture


def _as_json(result: RealFigures | str) -> dict[str, Any] | str:
    return result if isinstance(result, str) else asdict(result)


def case_from(model: Model, path: Path, name: str) -> Case:
    """Reconstruct a mesh from a picture; its name chooses the turn, the camera and the light.

    Raises:
        UnusableMeshError: The file cannot be used.
    """
    seed = int.from_bytes(sha256(name.encode()).digest()[:6], "little")
    rng = np.random.default_rng(seed)
    mesh = load_mesh(path)
    check_opaque(mesh)
    placed = Placed.turned(MeshObject(mesh), float(rng.uniform(0, 360)))
    try:
        return case_of(model, seed, MeshTruth(name, placed), random_camera(rng), random_light(rng))
    except InputError as error:  # a sheet seen on its edge
        raise UnusableMeshError("nothing to see") from error


def measured(case: Case) -> RealFigures:
    """Measure a case."""
    if not len(case.mesh.faces):
        return RealFigures(measure(case, CELLS), NONE)
    truth = case.truth.surface_points(POINTS, np.random.default_rng(case.seed))
    result = mesh_points(case.mesh.vertices, case.mesh.faces, POINTS, case.seed)
    return RealFigures(measure(case, CELLS), likeness(truth, result))


def _evaluate(task: tuple[Path, Path, str]) -> RealFigures | str:
    model, path, name = task
    try:
        return measured(case_from(evaluate.worker_model(model), path, name))
    except UnusableMeshError as error:
        return str(error)


def _draw(task: tuple[Path, Path, Figures]) -> Image.Image:
    model, path, figures = task
    case = case_from(evaluate.worker_model(model), path, figures.family)
    return evaluate.drawn(case, f"{short(figures.family)} {figures.volume:.2f}")


def short(name: str) -> str:
    """Return the name of an object, which is its path below the folder, without the ending."""
    return name.rpartition(".")[0]


def report(found: list[RealFigures], problems: dict[str, str], weights: str, files: str) -> str:
    """Return a report in Markdown.

    Args:
        found: The figures of all objects.
        problems: Names of the files that were left out, and why.
        weights, files: Digests of the evaluated weights and of the files; see `digest_of`.
    """
    figures = [one.figures for one in found]
    values = {
        "volume IoU": [f.volume for f in figures],
        "silhouette IoU, input view": [f.input_view for f in figures],
        "silhouette IoU, unseen views": [f.unseen_views for f in figures],
        "color error": [f.color for f in figures],
        "F-score at 0.1": [one.likeness.f_score for one in found],
        "Chamfer distance": [one.likeness.chamfer for one in found],
    }
    ranked = sorted(found, key=lambda one: one.figures.volume)
    named = [f"{short(one.figures.family)} {one.figures.volume:.2f}" for one in ranked]
    left_out = [f"{name} ({problem})" for name, problem in problems.items()]
    lines = [
        f"{heading(weights, files)} {len(found)} objects.",
        "",
        "| | mean | median |",
        "|---|--:|--:|",
        *(f"| {name} | {np.mean(v):.3f} | {np.median(v):.3f} |" for name, v in values.items()),
        "",
        f"Best by volume IoU: {', '.join(named[:-6:-1])}.",
        f"Worst: {', '.join(named[:5])}.",
        f"No surface at all: {sum(f.empty for f in figures)} of {len(found)}.",
        f"Left out: {', '.join(left_out) or 'none'}.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
