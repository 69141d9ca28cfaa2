"""Measure how well the picture's camera is found, and what the photo looks like from there.

`make camera-eval` runs this. Each generated object is rendered from a known camera; the camera is
then found again, once with the true mesh and once with the starter model's, and the photo is
projected onto the true mesh and looked at from the camera that was found.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass, replace
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
from triposr.inference import load_model
from triposr.inference.model.weights import STARTER_FOLDER
from triposr.inference.texture.camera import Camera
from triposr.inference.texture.camera_fit import fit_camera
from triposr.inference.texture.photo import Photo, project_photo

ROOT = Path(__file__).resolve().parents[2]
SIZE = 512  # pixels, side of a picture
LATTICE = 128  # points per axis for the true mesh
BOX = 0.87
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=200)
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "bench" / "camera.json")
    options = parser.parse_args()
    model = load_model(STARTER_FOLDER, "cpu")
    names, found = list(FAMILIES), []
    for number in range(options.objects):
        found.append(measured(model, FIRST_SEED + number, names[number % len(names)]))
        print(f"\r{number + 1} of {options.objects}", end="", flush=True)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps([vars(each) for each in found], indent=1))
    print("\n\n" + report(found))


def measured(model: object, seed: int, family: str) -> Found:
    """Measure one object."""
    solid, camera, light = scene(seed, family)
    view = Truth(solid).render(camera, light, SIZE, camera.window(solid))
    alpha = np.ascontiguousarray(view.rgba[..., 3])
    vertices, faces = true_mesh(solid)
    started = time.perf_counter()
    fitted = fit_camera(vertices, faces, alpha)
    fit_seconds = time.perf_counter() - started
    aside = replace(fitted.camera, azimuth=fitted.camera.azimuth + 15)
    front, side = (drawn(vertices, faces, each) for each in (fitted.camera, aside))
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
        iou(front, side) >= ROUND,
        of_starter.match if of_starter else 0.0,
        iou(drawn(starter.vertices, starter.faces, known), alpha > 127) if of_starter else 0.0,
        psnr,
        (fit_seconds, time.perf_counter() - started),
    )


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


def report(found: list[Found]) -> str:
    """The figures as a table."""
    edged = [each for each in found if not each.is_round]
    below = [each for each in found if each.starter < each.starter_true - 0.005]

    def share(name: str) -> float:
        return 100 * float(np.mean([getattr(each, name) <= 4 for each in edged]))

    rows = (
        ("outline of the true mesh, IoU, median", f"{np.median([f.iou for f in found]):.3f}"),
        ("the worst tenth is below", f"{np.percentile([f.iou for f in found], 10):.3f}"),
        (f"elevation within 4°, of {len(edged)} that are not round", f"{share('elevation'):.0f} %"),
        ("azimuth within 4°, of these", f"{share('azimuth'):.0f} %"),
        ("starter's mesh, IoU, mean", f"{np.mean([f.starter for f in found]):.3f}"),
        ("the same through the true camera", f"{np.mean([f.starter_true for f in found]):.3f}"),
        ("objects where the true camera is better", f"{len(below)} of {len(found)}"),
        ("photo on the true mesh, PSNR, median", f"{np.median([f.psnr for f in found]):.1f} dB"),
        ("the worst tenth is below", f"{np.percentile([f.psnr for f in found], 10):.1f} dB"),
        ("seconds for the fit, median", f"{np.median([f.seconds[0] for f in found]):.2f}"),
    )
    lines = [f"{torch.get_num_threads()} cores, {len(found)} objects.", "", "| what | figure |"]
    return "\n".join((*lines, "|---|--:|", *(f"| {what} | {figure} |" for what, figure in rows)))


if __name__ == "__main__":
    main()
