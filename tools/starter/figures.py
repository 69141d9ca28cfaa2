"""Figures of how well the model reconstructs one object, through the add-on's whole pipeline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import raster
import views
from dataset import cell_centers, random_camera, random_light, surface_points
from objects import make_object
from solids import Solid
from triposr.inference import (
    EmptySurfaceError,
    MeshData,
    Options,
    SceneCode,
    extract_mesh,
    prepare_image,
)
from triposr.inference.model.network import Model
from triposr.inference.surface.field import Field
from views import Camera, Light, View, Window

PICTURE = 512  # pixels
RESOLUTION = 96  # lattice points per axis of the extracted mesh
THRESHOLD = Options().threshold
COMPARED_BOX = 0.87  # half the side of the box whose volumes are compared: the published radius
CELLS = 64  # per axis of that box
MASK = 192  # pixels, the side of compared silhouettes
SURFACE_POINTS = 2000

UNSEEN = tuple((22.5 + 45 * k, (5, 35)[k % 2]) for k in range(8))
"""Azimuths and elevations of unseen views in degrees; pictures are taken from azimuth 0."""


class Truth(Protocol):
    """An object as it truly is, in the model's frame and units."""

    @property
    def family(self) -> str:
        """The objects it belongs to."""

    def occupied(self, points: NDArray[np.floating]) -> NDArray[np.bool_]:
        """Return whether points (N, 3) are inside (N,)."""

    def color(self, points: NDArray[np.floating]) -> NDArray[np.float32]:
        """Return the nearest unlit display-referred colors (N, 3) at points (N, 3); 0...1."""

    def surface_points(self, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Sample points (count, 3) of the surface."""

    def render(self, camera: Camera, light: Light, size: int, window: Window) -> View:
        """Render the `window` of a camera's picture, `size` pixels square."""

    def silhouette(self, camera: Camera, size: int, window: Window) -> NDArray[np.bool_]:
        """Return the mask (size, size) of the object, asked at the centers of pixels."""

    def window(self, camera: Camera) -> Window:
        """Return the window of the camera's picture that holds the object and little else."""


@dataclass(frozen=True)
class SolidTruth:
    """A generated object."""

    solid: Solid

    @property
    def family(self) -> str:
        """The solid's family."""
        return self.solid.family

    def occupied(self, points: NDArray[np.floating]) -> NDArray[np.bool_]:
        """See Truth."""
        return self.solid.distance(points) < 0

    def color(self, points: NDArray[np.floating]) -> NDArray[np.float32]:
        """See Truth."""
        return self.solid.color(points)

    def surface_points(self, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """See Truth."""
        return surface_points(self.solid, rng, count)

    def render(self, camera: Camera, light: Light, size: int, window: Window) -> View:
        """See Truth."""
        return views.render(self.solid, camera, light, size, window)

    def silhouette(self, camera: Camera, size: int, window: Window) -> NDArray[np.bool_]:
        """See Truth."""
        return views.render(self.solid, camera, Light(), size, window).mask

    def window(self, camera: Camera) -> Window:
        """See Truth."""
        return camera.window(self.solid)


@dataclass(frozen=True)
class Case:
    """One object, the camera and light of its picture, and the mesh that the model makes of it.

    Attributes:
        seed: The seed from which the object was made.
        truth: The object.
        camera, light: The camera and light of the picture.
        mesh: The result; without vertices if the density never crosses the threshold.
    """

    seed: int
    truth: Truth
    camera: Camera
    light: Light
    field: Field
    mesh: MeshData


@dataclass(frozen=True)
class Figures:
    """Figures of one reconstruction. IoU is intersection over union, 0 (apart) to 1 (equal).

    Attributes:
        seed, family: What the object was made from, and the kind it is of.
        empty: Whether there is no surface at all.
        cut_off: Whether the surface reaches the end of the model's box.
        volume: IoU of the volumes.
        input_view: IoU of the silhouettes, seen as in the picture.
        unseen_views: Mean IoU of the silhouettes in eight views from all around.
        color: Mean absolute error of the display-referred color that the model gives to points of
            the true surface, wherever its own surface is, against the unlit truth; 0...1.
        mirrored: IoU of the volumes with the result mirrored along x, y and z.
        turned: The same with the result turned by 90, 180 and 270 degrees around Z.
    """

    seed: int
    family: str
    empty: bool
    cut_off: bool
    volume: float
    input_view: float
    unseen_views: float
    color: float
    mirrored: tuple[float, float, float]
    turned: tuple[float, float, float]

    @property
    def right_way_round(self) -> bool:
        """Whether the result fits at all, and none of the six other orientations fits better."""
        return 0 < self.volume >= max(*self.mirrored, *self.turned)


def evaluate_object(model: Model, seed: int, family: str) -> Figures:
    """Return the figures of one object."""
    return measure(reconstruct(model, seed, family))


def reconstruct(model: Model, seed: int, family: str) -> Case:
    """Reconstruct a generated object from a clean picture through the add-on's pipeline."""
    solid, camera, light = scene(seed, family)
    return case_of(model, seed, SolidTruth(solid), camera, light)


def case_of(model: Model, seed: int, truth: Truth, camera: Camera, light: Light) -> Case:
    """Reconstruct an object from a clean picture through the add-on's pipeline."""
    code = encode(model, truth, camera, light)
    try:
        mesh = extract_mesh(code, RESOLUTION, THRESHOLD, device=str(model.device))
    except EmptySurfaceError:
        nothing = np.zeros((0, 3), np.float32)
        mesh = MeshData(nothing, nothing.astype(np.int32), nothing)
    return Case(seed, truth, camera, light, Field(code), mesh)


def scene(seed: int, family: str) -> tuple[Solid, Camera, Light]:
    """Return an object and the camera and light of its picture."""
    rng = np.random.default_rng((seed, 1))
    return make_object(seed, family), random_camera(rng), random_light(rng)


def encode(model: Model, truth: Truth, camera: Camera, light: Light) -> SceneCode:
    """Return the scene code of a clean picture, prepared as the add-on does."""
    view = truth.render(camera, light, PICTURE, truth.window(camera))
    prepared = prepare_image(Image.fromarray(view.rgba), Options(background="alpha"))
    return model.encode(prepared.rgb)


def measure(case: Case, cells: int = CELLS) -> Figures:
    """Measure how well the result of a case matches its object, on `cells` per axis."""
    truth, result = volumes(case, cells)
    masks = [silhouette_iou(case, camera) for camera in (case.camera, *unseen_cameras(case))]
    return Figures(
        seed=case.seed,
        family=case.truth.family,
        empty=not len(case.mesh.faces),
        cut_off=case.mesh.cut_off,
        volume=iou(truth, result),
        input_view=masks[0],
        unseen_views=float(np.mean(masks[1:])),
        color=color_error(case, np.random.default_rng((case.seed, 2))),
        mirrored=tuple(iou(truth, np.flip(result, axis)) for axis in range(3)),
        turned=tuple(iou(truth, np.rot90(result, quarters)) for quarters in (1, 2, 3)),
    )


def volumes(case: Case, cells: int = CELLS) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the occupied cells of the truth and of the result, along x, y and z."""
    points = cell_centers(cells, COMPARED_BOX)
    truth = case.truth.occupied(points)
    result = np.zeros(len(points), bool)
    if len(case.mesh.faces):
        inside = (np.abs(points) <= case.field.radius).all(axis=1)
        result[inside] = case.field.density(points[inside]) > THRESHOLD
    shape = (cells, cells, cells)
    return truth.reshape(shape), result.reshape(shape)


def silhouette_iou(case: Case, camera: Camera) -> float:
    """Return the IoU of the silhouettes of the truth and the result."""
    window = box_window(camera, case.field.radius)
    truth = case.truth.silhouette(camera, MASK, window)
    return iou(truth, raster.silhouette(case.mesh, camera, MASK, window))


def unseen_cameras(case: Case) -> list[Camera]:
    """Return cameras all around the object, with the picture's field of view."""
    return [Camera(azimuth, elevation, case.camera.fov) for azimuth, elevation in UNSEEN]


def box_window(camera: Camera, radius: float) -> Window:
    """Return a window on the whole box, which shows all of a result that is too large."""
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * radius
    seen = camera.project(corners)[:, :2]
    low, high = seen.min(axis=0), seen.max(axis=0)
    side = float((high - low).max())
    left, top = (low + high) / 2 - side / 2
    return float(left), float(top), side


def color_error(case: Case, rng: np.random.Generator) -> float:
    """Return the mean absolute error of display-referred colors at the true surface, 0...1."""
    points = case.truth.surface_points(SURFACE_POINTS, rng)
    result = case.field.color(points.clip(-case.field.radius, case.field.radius))
    return float(np.abs(result - case.truth.color(points)).mean())


def iou(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """Return the intersection over union of two masks; 0 if both are empty."""
    return float((one & other).sum() / max((one | other).sum(), 1))
