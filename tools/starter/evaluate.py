"""How good a starter model is: objects that it never saw, through the whole chain of the add-on.

Run by `make starter-eval`. The report, the figures of each object and a contact sheet go to
out/starter/.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
import multiprocessing
import os
from dataclasses import asdict, dataclass
from multiprocessing.pool import Pool
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

import raster
import sheet
import views
from dataset import cell_centers, cores, random_camera, random_light, surface_points
from families import FAMILIES
from objects import make_object
from solids import Solid
from triposr.inference import (
    EmptySurfaceError,
    MeshData,
    Options,
    SceneCode,
    TripoSRError,
    extract_mesh,
    load_model,
    prepare_image,
)
from triposr.inference.model.network import Model
from triposr.inference.weights import weights_file
from views import Camera, Light, Window

ROOT = Path(__file__).resolve().parents[2]

FIRST_SEED = 10_000_000
"""Training counts its seeds from 0 and never comes as far."""

PICTURE = 512  # pixels
RESOLUTION = 96  # lattice points per axis of the extracted mesh
THRESHOLD = Options().threshold
COMPARED_BOX = 0.87  # half the side of the box whose volumes are compared: the published radius
CELLS = 64  # per axis of that box
MASK = 128  # pixels, the side of compared silhouettes
SURFACE_POINTS = 2000
OVERSHOOT = 1.25  # the side of a compared picture over that of the solid's own window

UNSEEN = tuple((22.5 + 45 * k, (5, 35)[k % 2]) for k in range(8))
"""Azimuths and elevations in degrees; pictures are taken from azimuth 0."""

SHEET_COLUMNS = 6


@dataclass(frozen=True)
class Case:
    """One object, the picture that was taken of it, and what the model makes of that.

    Attributes:
        seed: What `make_object` makes the solid from, with its family.
        camera, light: Those of the picture.
        mesh: Without vertices where the density never crosses the threshold.
    """

    seed: int
    solid: Solid
    camera: Camera
    light: Light
    code: SceneCode
    mesh: MeshData


@dataclass(frozen=True)
class Figures:
    """How well one object was met. IoU is intersection over union, 0 (apart) to 1 (equal).

    Attributes:
        seed, family: What `make_object` makes the object from.
        empty: Whether there is no surface at all.
        volume: IoU of the volumes.
        input_view: IoU of the silhouettes, seen as in the picture.
        unseen_views: The same from all around, mean of eight views.
        color: Mean absolute error of the display-referred color at the true surface, 0...1.
        mirrored: IoU of the volumes with the result's left and right swapped.
        turned: The same with the result turned by 90, 180 and 270 degrees around Z.
    """

    seed: int
    family: str
    empty: bool
    volume: float
    input_view: float
    unseen_views: float
    color: float
    mirrored: float
    turned: tuple[float, float, float]

    @property
    def right_way_round(self) -> bool:
        """Whether there is a result, and no other orientation of it would fit better."""
        return not self.empty and self.volume >= max(self.mirrored, *self.turned)


def evaluate_object(model: Model, seed: int, family: str) -> Figures:
    """The figures of one object."""
    return measure(reconstruct(model, seed, family))


def measure(case: Case) -> Figures:
    """How well the result of a case meets its solid."""
    truth, result = volumes(case)
    masks = [silhouette_iou(case, camera) for camera in (case.camera, *unseen_cameras(case))]
    return Figures(
        seed=case.seed,
        family=case.solid.family,
        empty=not len(case.mesh.faces),
        volume=iou(truth, result),
        input_view=masks[0],
        unseen_views=float(np.mean(masks[1:])),
        color=color_error(case, np.random.default_rng((case.seed, 2))),
        mirrored=iou(truth, result[:, ::-1]),
        turned=tuple(iou(truth, np.rot90(result, quarters)) for quarters in (1, 2, 3)),
    )


def reconstruct(model: Model, seed: int, family: str) -> Case:
    """A clean picture of an object, through the add-on's chain."""
    solid, camera, light = scene(seed, family)
    code = encode(model, solid, camera, light)
    try:
        mesh = extract_mesh(code, RESOLUTION, THRESHOLD, device=str(model.device))
    except EmptySurfaceError:
        nothing = np.zeros((0, 3), np.float32)
        mesh = MeshData(nothing, nothing.astype(np.int32), nothing)
    return Case(seed, solid, camera, light, code, mesh)


def scene(seed: int, family: str) -> tuple[Solid, Camera, Light]:
    """An object, and how a picture is taken of it."""
    rng = np.random.default_rng((seed, 1))
    return make_object(seed, family), random_camera(rng), random_light(rng)


def encode(model: Model, solid: Solid, camera: Camera, light: Light) -> SceneCode:
    """What the model makes of a clean picture, prepared as the add-on does."""
    view = views.render(solid, camera, light, PICTURE, camera.window(solid))
    prepared = prepare_image(Image.fromarray(view.rgba), Options(background="alpha"))
    return model.encode(prepared.rgb)


def volumes(case: Case) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Where there is something: the truth and the result, (64, 64, 64) along x, y and z."""
    points = cell_centers(CELLS, COMPARED_BOX)
    truth = case.solid.distance(points) < 0
    result = np.zeros(len(points), bool)
    if len(case.mesh.faces):
        inside = (np.abs(points) <= case.code.radius).all(axis=1)
        result[inside] = case.code.density(points[inside]) > THRESHOLD
    shape = (CELLS, CELLS, CELLS)
    return truth.reshape(shape), result.reshape(shape)


def silhouette_iou(case: Case, camera: Camera) -> float:
    """IoU of the silhouettes of the truth and the result."""
    window = wide_window(camera, case.solid)
    truth = views.render(case.solid, camera, Light(), MASK, window).mask
    return iou(truth, raster.silhouette(case.mesh, camera, MASK, window))


def unseen_cameras(case: Case) -> list[Camera]:
    """Cameras all around the object, with the lens of the picture."""
    return [Camera(azimuth, elevation, case.camera.fov) for azimuth, elevation in UNSEEN]


def wide_window(camera: Camera, solid: Solid) -> Window:
    """The solid's window with a margin around it, so that what the result has too much counts."""
    left, top, side = camera.window(solid)
    margin = (OVERSHOOT - 1) / 2 * side
    return left - margin, top - margin, OVERSHOOT * side


def color_error(case: Case, rng: np.random.Generator) -> float:
    """Mean absolute difference of the display-referred colors at the true surface, 0...1."""
    points = surface_points(case.solid, rng, SURFACE_POINTS)
    result = case.code.color(points.clip(-case.code.radius, case.code.radius))
    return float(np.abs(result - case.solid.color(points)).mean())


def iou(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """Intersection over union of two masks; 0 where both are empty."""
    return float((one & other).sum() / max((one | other).sum(), 1))


def report(figures: list[Figures], weights: str) -> str:
    """Markdown: a table by family, and how the result fits if mirrored or turned.

    Args:
        figures: Of all objects.
        weights: SHA-256 of the weights that were measured.
    """
    families = {figure.family: [] for figure in figures}
    for figure in figures:
        families[figure.family].append(figure)
    seeds = [figure.seed for figure in figures]
    lines = [
        f"Weights {weights[:16]}, {len(figures)} objects of seeds {min(seeds)} to {max(seeds)}.",
        "IoU is intersection over union: 1 is perfect. The color error is the mean absolute",
        "difference in sRGB, 0 to 1, at the true surface.",
        "",
        "| family | objects | volume IoU | silhouette IoU, input view "
        "| silhouette IoU, unseen views | color error |",
        "|---|--:|--:|--:|--:|--:|",
        *(_row(family, members) for family, members in families.items()),
        _row("**all**", figures),
        "",
        "Is it the right way round? Volume IoU with the result mirrored or turned:",
        "",
        "| as it is | left and right swapped | turned by 90° | 180° | 270° |",
        "|--:|--:|--:|--:|--:|",
        _cells([(f.volume, f.mirrored, *f.turned) for f in figures]),
        "",
        f"As it is fits best for {sum(f.right_way_round for f in figures)} of {len(figures)}; "
        "round objects fit as well when they are turned.",
    ]
    if empty := sum(figure.empty for figure in figures):
        lines.append(f"No surface at all: {empty} of {len(figures)}.")
    return "\n".join(lines) + "\n"


def _row(name: str, figures: list[Figures]) -> str:
    values = [(f.volume, f.input_view, f.unseen_views, f.color) for f in figures]
    return f"| {name} | {len(figures)} {_cells(values)}"


def _cells(values: list[tuple[float, ...]]) -> str:
    return "| " + " | ".join(f"{mean:.3f}" for mean in np.mean(values, axis=0)) + " |"


@functools.cache
def worker_model(folder: Path) -> Model:
    """The model of this process, which has one core."""
    torch.set_num_threads(1)
    return load_model(folder, device="cpu")


def _evaluate(task: tuple[Path, int, str]) -> Figures:
    folder, seed, family = task
    return evaluate_object(worker_model(folder), seed, family)


def _draw(task: tuple[Path, Figures]) -> Image.Image:
    folder, figures = task
    case = reconstruct(worker_model(folder), figures.seed, figures.family)
    three_quarter = Camera(40.0, 20.0, case.camera.fov)
    looks = [
        (camera, light, wide_window(camera, case.solid))
        for camera, light in ((case.camera, case.light), (three_quarter, Light()))
    ]
    return sheet.block(case.solid, case.mesh, looks, f"{figures.family} {figures.volume:.2f}")


def contact_sheet(folder: Path, figures: list[Figures], pool: Pool) -> Image.Image:
    """The objects that were met best, middling and worst, by volume."""
    ranked = sorted(figures, key=lambda f: f.volume, reverse=True)
    count = min(SHEET_COLUMNS, len(ranked))
    middle = (len(ranked) - count) // 2
    rows = {
        "best": ranked[:count],
        "median": ranked[middle : middle + count],
        "worst": ranked[len(ranked) - count :],
    }
    return sheet.compose(
        {name: pool.map(_draw, [(folder, f) for f in row], 1) for name, row in rows.items()}
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=256)
    parser.add_argument("--model", type=Path, default=ROOT / "models" / "starter")
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "starter")
    parser.add_argument("--processes", type=int, default=cores())
    options = parser.parse_args()
    if options.objects < 1:
        parser.error("there must be an object to evaluate")
    options.out.mkdir(parents=True, exist_ok=True)
    try:
        load_model(options.model, device="cpu")
    except TripoSRError as error:
        raise SystemExit(str(error)) from error
    names = list(FAMILIES)
    tasks = [
        (options.model, FIRST_SEED + number, names[number % len(names)])
        for number in range(options.objects)
    ]
    figures: list[Figures] = []
    with multiprocessing.Pool(options.processes) as pool:
        for figure in pool.imap(_evaluate, tasks):
            figures.append(figure)
            print(f"\r{len(figures)} of {len(tasks)} objects", end="", flush=True)
        print("\n")
        contact_sheet(options.model, figures, pool).save(options.out / "sheet.png")
    text = report(figures, hashlib.sha256(weights_file(options.model).read_bytes()).hexdigest())
    (options.out / "report.md").write_text(text, encoding="utf-8")
    (options.out / "figures.json").write_text(json.dumps([asdict(f) for f in figures], indent=1))
    print(text)
    print(f"See {os.path.relpath(options.out)}: report.md, figures.json, sheet.png")


if __name__ == "__main__":
    main()
