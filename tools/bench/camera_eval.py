"""Measure how well the picture's camera is found, and what the photo looks like from there.

`make camera-eval` runs this; `--publish` puts the table into docs/performance.md. Each generated
object is rendered from a known camera in front of it; the camera is then found again, once with the
true mesh and once with the starter model's, and the photo is projected onto the true mesh and
looked at from the camera that was found. Until the end, what was measured is kept for --resume.

Pictures are taken from azimuth 0, where the starter model expects the camera, and where the search
prefers it; `--aside` therefore measures the angles alone, of pictures taken from the sides.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path

import cv2
import mcubes
import numpy as np
import torch
from numpy.typing import NDArray

from evaluate import FIRST_SEED
from families import FAMILIES
from figures import SolidTruth as Truth
from figures import case_of, scene
from long_runs import resumed
from triposr.inference import load_model
from triposr.inference.model.weights import STARTER_FOLDER, weights_file
from triposr.inference.texture.camera import Camera
from triposr.inference.texture.camera_fit import fit_camera
from triposr.inference.texture.photo import Photo, project_photo

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "performance.md"
MARKS = ("<!-- make camera-eval: -->\n", "<!-- end -->\n")  # in PAGE
SIZE = 512  # pixels, side of a picture
LATTICE = 128  # points per axis for the true mesh
BOX = 0.87
ASIDE = 40.0
"""Degrees of azimuth, left or right, up to which pictures from aside are taken."""

ROUND = 0.9
"""Likeness of an object's outline to itself, turned by 15°, from which on it counts as round."""


@dataclass(frozen=True)
class Found:
    """Figures of one object.

    Attributes:
        iou: Intersection over union of the true mesh's outline and the matte.
        elevation, azimuth: Errors in degrees.
        is_round: Whether its outline looks the same from 15° to the side.
        starter, starter_true: The same of the starter's mesh, through the camera that was found,
            and through the true one.
        psnr: Of the projected photo against the picture, inside the outline, in dB.
        seconds: Of the fit of the true mesh, and of the projection.
    """

    family: str
    iou: float
    elevation: float
    azimuth: float
    is_round: bool
    starter: float
    starter_true: float
    psnr: float
    seconds: tuple[float, float]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=200)
    parser.add_argument(
        "--out", type=Path, default=ROOT / "out" / "bench" / "camera", help="where it is kept"
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on after an interruption, with the same code"
    )
    parser.add_argument("--publish", action="store_true", help="into docs/")
    parser.add_argument("--aside", action="store_true", help="only angles, of pictures from aside")
    options = parser.parse_args(arguments)
    if options.aside:
        print("\n\n" + report_aside(options.objects))
        return
    weights = sha256(weights_file(STARTER_FOLDER).read_bytes()).hexdigest()[:16]
    options.out.mkdir(parents=True, exist_ok=True)
    kept = options.out / f"{weights}.jsonl"
    if not options.resume:
        kept.unlink(missing_ok=True)
    model = load_model(STARTER_FOLDER, "cpu")
    families = list(FAMILIES)
    tasks = [(FIRST_SEED + n, families[n % len(families)]) for n in range(options.objects)]
    found: list[Found] = []
    for values in resumed(
        [f"{family} {seed}" for seed, family in tasks],
        lambda numbers: (asdict(measured(model, *tasks[number])) for number in numbers),
        kept,
    ):
        found.append(Found(**values))
        print(f"\r{len(found)} of {len(tasks)}", end="", flush=True)
    text = report(found, weights)
    fit, projection = np.median([each.seconds for each in found], axis=0)
    print(f"\n\n{text}\nMedians, {torch.get_num_threads()} threads: ", end="")
    print(f"{fit:.2f} s to find the true mesh's camera, {projection:.2f} s to project its photo")
    if options.publish:
        before, _, rest = PAGE.read_text(encoding="utf-8").partition(MARKS[0])
        _, _, after = rest.partition(MARKS[1])
        PAGE.write_text(before + MARKS[0] + text + MARKS[1] + after, encoding="utf-8")
    kept.unlink()


def measured(model: object, seed: int, family: str) -> Found:
    """Measure one object."""
    solid, camera, light = scene(seed, family)
    view = Truth(solid).render(camera, light, SIZE, camera.window(solid))
    alpha = np.ascontiguousarray(view.rgba[..., 3])
    vertices, faces = true_mesh(solid)
    started = time.perf_counter()
    fitted = fit_camera(vertices, faces, alpha)
    fit_seconds = time.perf_counter() - started
    is_round = looks_the_same(vertices, faces, fitted.camera)
    starter = case_of(model, seed, Truth(solid), camera, light).mesh
    of_starter = fit_camera(starter.vertices, starter.faces, alpha) if len(starter.faces) else None
    left, top, part = camera.window(solid)
    known = Camera(
        camera.elevation,
        camera.azimuth,
        float(np.degrees(2 * np.arctan(part * np.tan(np.radians(camera.fov / 2))))),
        camera.distance,
        ((0.5 - left) / part * SIZE, (0.5 - top) / part * SIZE),
        SIZE,
        SIZE,
    )
    started = time.perf_counter()
    psnr = likeness(Photo(fitted.camera, view.rgba[..., :3], alpha), view, vertices, faces, solid)
    return Found(
        family,
        fitted.match,
        abs(fitted.camera.elevation - camera.elevation),
        abs(fitted.camera.azimuth - camera.azimuth),
        is_round,
        of_starter.match if of_starter else 0.0,
        iou(drawn(starter.vertices, starter.faces, known), alpha > 127) if of_starter else 0.0,
        psnr,
        (fit_seconds, time.perf_counter() - started),
    )


def angles_from_aside(seed: int, family: str) -> tuple[float, float, bool]:
    """Errors of elevation and azimuth in degrees, and whether the object is round; see `Found`."""
    solid, front, _ = scene(seed, family)
    camera = replace(front, azimuth=np.random.default_rng((seed, 2)).uniform(-ASIDE, ASIDE))
    mask = Truth(solid).silhouette(camera, SIZE, camera.window(solid))
    vertices, faces = true_mesh(solid)
    found = fit_camera(vertices, faces, mask.astype(np.uint8) * 255).camera
    off = abs(found.elevation - camera.elevation), abs(found.azimuth - camera.azimuth)
    return *off, looks_the_same(vertices, faces, found)


def looks_the_same(vertices: NDArray[np.float32], faces: NDArray[np.int32], camera: Camera) -> bool:
    """Whether a mesh has the same outline from 15° to the side."""
    aside = replace(camera, azimuth=camera.azimuth + 15)
    return iou(drawn(vertices, faces, camera), drawn(vertices, faces, aside)) >= ROUND


def true_mesh(solid: object) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """The surface of a solid, by marching cubes over its distances."""
    ticks = np.linspace(-BOX, BOX, LATTICE, dtype=np.float32)
    points = np.stack(np.meshgrid(ticks, ticks, ticks, indexing="ij"), axis=-1).reshape(-1, 3)
    values = -solid.distance(points).astype(np.float64).reshape((LATTICE,) * 3)
    vertices, faces = mcubes.marching_cubes(values, 0.0)
    return (vertices / (LATTICE - 1) * 2 - 1).astype(np.float32) * BOX, faces.astype(np.int32)


def drawn(
    vertices: NDArray[np.float32], faces: NDArray[np.int32], camera: Camera
) -> NDArray[np.bool_]:
    """The silhouette of a mesh through a camera."""
    at, _ = camera.project(vertices)
    mask = np.zeros((camera.height, camera.width), np.uint8)
    for triangle in np.rint((at[faces] - 0.5) * 16).astype(np.int32):
        cv2.fillConvexPoly(mask, triangle, 1, shift=4)
    return mask > 0


def iou(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """Intersection over union."""
    return float((one & other).sum() / max((one | other).sum(), 1))


def likeness(
    photo: Photo,
    view: object,
    vertices: NDArray[np.float32],
    faces: NDArray[np.int32],
    solid: object,
) -> float:
    """PSNR in dB of a projected photo, seen from its camera, against the photo itself."""
    mask = photo.matte > 127
    points = view.positions[mask]
    there = np.isfinite(points).all(axis=1)
    points = points[there].astype(np.float32)
    step = 2e-3
    normals = np.stack(
        [
            solid.distance(points + step * axis) - solid.distance(points - step * axis)
            for axis in np.eye(3, dtype=np.float32)
        ],
        axis=1,
    )
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    colors = solid.color(points).astype(np.float32)
    shown = project_photo(photo, vertices[faces], points, normals.astype(np.float32), colors)
    off = shown - photo.pixels[mask][there] / 255
    return float(-10 * np.log10(max(float((off**2).mean()), 1e-10)))


def report(found: list[Found], weights: str) -> str:
    """The figures as a table; `weights` is the digest of the starter's."""
    edged = [each for each in found if not each.is_round]
    worse = sum(each.starter < each.starter_true - 0.005 for each in found)
    outlines, photos = [each.iou for each in found], [each.psnr for each in found]
    found_mean, true_mean = (
        np.mean([getattr(each, name) for each in found]) for name in ("starter", "starter_true")
    )

    def share(name: str) -> str:
        return f"{100 * np.mean([getattr(each, name) <= 4 for each in edged]):.0f} %"

    rows = (
        ("outline of the true mesh, IoU, median", f"{np.median(outlines):.3f}", "0.97"),
        ("the worst tenth is below", f"{np.percentile(outlines, 10):.3f}", "–"),
        (f"elevation within 4°, of {len(edged)} that are not round", share("elevation"), "90 %"),
        ("azimuth within 4°, of these", share("azimuth"), "90 %"),
        ("starter's mesh, IoU, mean", f"{found_mean:.3f}", "that of the true camera"),
        ("the same through the true camera", f"{true_mean:.3f}", "–"),
        ("objects where the true camera is better by 0.005", f"{worse} of {len(found)}", "0"),
        ("photo on the true mesh, PSNR, median", f"{np.median(photos):.1f} dB", "28 dB"),
        ("the worst tenth is below", f"{np.percentile(photos, 10):.1f} dB", "–"),
    )
    lines = [
        f"Weights {weights}, {len(found)} generated objects.",
        "",
        "| what | figure | goal |",
        "|---|--:|--:|",
    ]
    return "\n".join((*lines, *(f"| {' | '.join(row)} |" for row in rows))) + "\n"


def report_aside(objects: int) -> str:
    """Measure the angles of pictures from aside, and say how many are near."""
    names, found = list(FAMILIES), []
    for number in range(objects):
        found.append(angles_from_aside(FIRST_SEED + number, names[number % len(names)]))
        print(f"\r{number + 1} of {objects}", end="", flush=True)
    elevations, azimuths, is_round = (np.array(each) for each in zip(*found, strict=True))
    near = [100 * float(np.mean(each[~is_round] <= 4)) for each in (elevations, azimuths)]
    return (
        f"From up to {ASIDE:.0f}° aside, of {(~is_round).sum()} of {objects} objects that are not "
        f"round: elevation within 4° {near[0]:.0f} %, azimuth {near[1]:.0f} %"
    )


if __name__ == "__main__":
    main()
