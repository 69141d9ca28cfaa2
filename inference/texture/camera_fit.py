"""Finds the camera from which a mesh covers its subject in the picture. No torch, no bpy.

TripoSR takes no camera, so elevation, azimuth and distance are searched: first all over their
ranges, then downhill from the best. The subject's bounding box in the picture settles the focal
length and the offset, until a last search lets go of that. What is compared is the outline.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import NO_SUBJECT, InputError, importing
from ..types import PreparedImage, Tick, ignore_progress
from .camera import Camera, focal_of, fov_of, pose_of
from .outline import Outline, filled, running_sums, shared, simplified

with importing("scipy"):
    from scipy.optimize import minimize
with importing("opencv-python-headless"):
    import cv2

log = logging.getLogger(__name__)

ELEVATIONS, AZIMUTHS, FOVS = (-30.0, 60.0), (-45.0, 45.0), (10.0, 70.0)
"""Where the camera is sought, in degrees. TripoSR's own is near 0, 0 and 40."""

STEP = 15.0
"""Degrees between two angles of the first search."""

NEARNESS = (0.3, 0.7)
"""Distances of the first search, from the farthest (0) to the nearest (1)."""

BEST = 12
"""Angles of the first search at which it tries the second distance, too: the best at the first one.
"""

STARTS = 2
"""Cameras of the first search from which the second one starts."""

COARSE, MIDDLE, FINE, FINAL = 96, 160, 256, 320
"""Pixels along the longer side of the subject's surroundings, in the three searches and for the
match.
"""

MARGIN = 0.15
"""Width of the surroundings of the subject, relative to the longer side of its bounding box."""

LIMIT = 80.0
"""Degrees of elevation and azimuth, up or down, left or right, that no search reaches: they lie
beyond the ranges of the first one, but short of the poles.
"""

LIKELY, SPREADS = (0.0, 0.0, 0.5), (60.0, 45.0, math.sqrt(2))
"""Elevation and azimuth in degrees, and nearness, of the likeliest camera; and how far from it a
camera loses `PRIOR` by each of them.
"""

PRIOR = 0.003
"""Match that a camera loses at a spread from the likeliest one: where outlines cannot tell, as of a
vase, it stands in front.
"""

EVALUATIONS = 32, 110
"""Cameras that the second search tries from each of its starts, and the third one."""

AROUND = 10.0
"""Degrees around the start of the last search within which the outline is exact."""

OUTSIDE = 2.0
"""What a camera loses that is out of range: more than one that misses the subject."""

CELLS = 40, 80
"""Lattices on which the mesh is simplified for the first two searches, and for the last one and the
match. Of meshes of 300,000 to 700,000 faces, that changes the match by 0.0025 at most.
"""

GROWTHS = 1.0, 1.25, 1.6
"""How much larger a subject that the picture cuts off may be than what is seen of it."""

IS_SUBJECT = 0.5
"""Alpha from which a pixel belongs to the subject, and coverage from which it belongs to the
mesh.
"""


@dataclass(frozen=True)
class Fitted:
    """A camera, and how well the mesh covers the subject through it.

    Attributes:
        camera: In units of the original picture.
        match: Intersection over union, 0 (apart) to 1 (equal), of the mesh's silhouette and the
            matte, within the picture.
    """

    camera: Camera
    match: float


def fit_camera(
    vertices: NDArray[np.floating[Any]],
    faces: NDArray[np.integer[Any]],
    matte: NDArray[np.uint8],
    tick: Tick | None = None,
    size: tuple[int, int] | None = None,
) -> Fitted:
    """Find the camera from which a mesh covers its subject in the picture.

    Args:
        vertices, faces: (V, 3) in the model's frame, and (F, 3).
        matte: (H, W) uint8, 255 where the subject is.
        tick: Called with the stage `match`; raises to stop the search.
        size: Width and height of the original picture, if the matte has fewer pixels.

    Raises:
        InputError: The mesh has no faces or no area, or the matte shows no outline.
        DependencyError: SciPy or OpenCV cannot be imported.
    """
    started = time.perf_counter()
    tick = tick or ignore_progress
    tick("match", 0.0)
    if not len(faces):
        raise InputError("The mesh has no faces", "Generate it again")
    if not np.isfinite(vertices).all():
        raise InputError("Some vertices of the mesh lie nowhere", "Generate it again")
    search = _Search(vertices, faces, _Subject(matte), tick)
    found = search.polished(search.downhill(search.everywhere()))
    match = search.match(found)
    tick("match", 1.0)
    height, width = matte.shape
    camera = found.camera(width, height).resized(*(size or (width, height)))
    log.info("Matched the picture: %.3f, %.2f s", match, time.perf_counter() - started)
    return Fitted(camera, match)


def fit_prepared(
    vertices: NDArray[np.floating[Any]],
    faces: NDArray[np.integer[Any]],
    prepared: PreparedImage,
    tick: Tick | None = None,
) -> Fitted:
    """Find the camera of a picture that was prepared for the network; see `fit_camera`."""
    matte: NDArray[np.uint8] = np.asarray(prepared.cutout)[..., 3]
    return fit_camera(vertices, faces, matte, tick, prepared.size)


@dataclass(frozen=True)
class _View:
    """A camera on its way: angles in degrees, distance in model units, focal length and center in
    pixels of the matte.
    """

    elevation: float
    azimuth: float
    distance: float
    focal: float
    x: float
    y: float

    def camera(self, width: int, height: int) -> Camera:
        fov = fov_of(self.focal, width, height)
        center = (self.x, self.y)
        return Camera(self.elevation, self.azimuth, fov, self.distance, center, width, height)


@dataclass(frozen=True)
class _Sides:
    """Bounding box of the subject, in pixels, and which of its sides are known: not those at which
    the picture ends. `growth` is how much larger the whole subject is than the box shows it.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    low_known: NDArray[np.bool_]
    high_known: NDArray[np.bool_]
    growth: float = 1.0

    def placed(self, tangents: NDArray[np.float64]) -> tuple[float, float, float]:
        """Focal length and center (x, y) that put an outline (2, 2, E), in tangents from the axis,
        into this box.
        """
        along = tangents.reshape(2, -1)
        low, high = along.min(axis=1), along.max(axis=1)
        both = self.low_known & self.high_known
        if not both.any():
            both = ~both
        ratio = (self.high - self.low)[both] / np.maximum((high - low)[both], 1e-9)
        focal = self.growth * float(np.exp(np.log(ratio).mean()))
        at_low, at_high = self.low - focal * low, self.high - focal * high
        is_even = self.low_known == self.high_known
        one = np.where(self.low_known, at_low, at_high)
        x, y = np.where(is_even, (at_low + at_high) / 2, one).tolist()
        return focal, x, y


class _Subject:
    """The matte of a picture, and its subject's surroundings at any number of pixels.

    Raises:
        InputError: The matte has no subject, or no background.
    """

    def __init__(self, matte: NDArray[np.uint8]) -> None:
        self.matte = matte
        is_subject = matte >= 255 * IS_SUBJECT
        columns, rows = (np.flatnonzero(is_subject.any(axis=axis)) for axis in (0, 1))
        if not len(columns):
            raise InputError(NO_SUBJECT, "Choose another Background method or picture")
        if is_subject.all():
            raise InputError(
                "The whole picture is the subject, so there is no outline to match",
                "Choose another Background method and click Regenerate",
            )
        self.shape = np.array(matte.shape[::-1])
        low: NDArray[np.float64] = np.array((columns[0], rows[0]), np.float64)
        high: NDArray[np.float64] = np.array((columns[-1] + 1, rows[-1] + 1), np.float64)
        known = np.ones(2, bool)
        whole = _Sides(low, high, known, known)
        cut = _Sides(low, high, low > 0, high < self.shape)
        is_cut = not (cut.low_known.all() and cut.high_known.all())
        # A subject that the picture cuts off may end there in the mesh as well, or go on.
        self.sides = (whole, *(replace(cut, growth=by) for by in GROWTHS)) if is_cut else (whole,)
        self.low, self.high = low, high
        self.longest = float((high - low).max())

    def window(self, pixels: int, low: NDArray[np.float64], high: NDArray[np.float64]) -> _Window:
        """Sample a box of the picture, with that many pixels along its longer side."""
        first = np.floor(low).clip(0, self.shape - 1).astype(int)
        last = np.ceil(high).clip(first + 1, self.shape).astype(int)
        extent = last - first
        count = np.maximum(np.rint(extent * pixels / extent.max()), 1).astype(int)
        part = self.matte[first[1] : last[1], first[0] : last[0]]
        how = cv2.INTER_AREA if extent.max() >= pixels else cv2.INTER_LINEAR
        values = cv2.resize(part, (int(count[0]), int(count[1])), interpolation=how)
        return _Window(first.astype(float), count / extent, values / 255.0)

    def surroundings(self, pixels: int) -> _Window:
        margin = MARGIN * self.longest
        return self.window(pixels, self.low - margin, self.high + margin)


@dataclass(frozen=True)
class _Window:
    """Part of the matte: its top left corner, samples per pixel along x and y, and (h, w) alpha."""

    corner: NDArray[np.float64]
    scale: NDArray[np.float64]
    values: NDArray[np.float64]

    @cached_property
    def sums(self) -> NDArray[np.float64]:
        """See `running_sums`."""
        return running_sums(self.values)

    def ends(self, tangents: NDArray[np.float64], view: _View) -> NDArray[np.float64]:
        """Where an outline (2, 2, E), in tangents from the axis of a view, lies in it."""
        factor = (view.focal * self.scale)[:, None, None]
        return tangents * factor + (((view.x, view.y) - self.corner) * self.scale)[:, None, None]


def _seen(
    outline: Outline, elevation: float, azimuth: float, distance: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The outline (2, 2, E) in tangents from the axis, x right and y down at start and end, and its
    layers (E,).
    """
    position, axes = pose_of(elevation, azimuth, distance)
    edges, layers = outline.edges_from(position)
    if not len(layers):  # a flat mesh seen from its edge covers nothing, but still has a place
        edges = np.tile(np.arange(len(outline.vertices)), (2, 1))
        layers = np.zeros(len(outline.vertices))
    right, up, depth = outline.seen(edges, position, axes)
    return np.stack((right / depth, -up / depth)).reshape(2, 2, -1), layers


def _overlap(
    outline: Outline,
    tangents: NDArray[np.float64],
    layers: NDArray[np.float64],
    view: _View,
    window: _Window,
) -> float:
    """Intersection over union of the mesh and the matte in a window, 0...1."""
    ends = window.ends(tangents, view)
    covered, common = shared(ends, layers, window.sums, outline.layers)
    return common / max(covered + float(window.sums[:, -1].sum()) - common, 1e-9)


def _match(outline: Outline, subject: _Subject, view: _View) -> float:
    """Intersection over union of the mesh and the matte, both hard, wherever the picture shows
    either.
    """
    tangents, layers = _seen(outline, view.elevation, view.azimuth, view.distance)
    center = np.array((view.x, view.y))
    low = np.minimum(tangents.min(axis=(1, 2)) * view.focal + center - 1, subject.low)
    high = np.maximum(tangents.max(axis=(1, 2)) * view.focal + center + 1, subject.high)
    window = subject.window(FINAL, low, high)
    ends = window.ends(tangents, view)
    height, width = window.values.shape
    covered = filled(ends, layers, (height, width), outline.layers) >= IS_SUBJECT
    is_subject = window.values >= IS_SUBJECT
    return float((covered & is_subject).sum() / max((covered | is_subject).sum(), 1))


class _Search:
    """The three searches, for one mesh and one subject.

    Raises:
        InputError: No face of the mesh has an area.
    """

    def __init__(
        self,
        vertices: NDArray[np.floating[Any]],
        faces: NDArray[np.integer[Any]],
        subject: _Subject,
        tick: Tick,
    ) -> None:
        self.subject, self._tick, self._steps = subject, tick, 0
        extent = max(float(np.ptp(vertices.T.copy(), axis=1).max()), 1e-9)
        reach = 1.15 * float(np.sqrt(np.einsum("ij,ij->i", vertices, vertices).max()))
        width, height = subject.shape
        far, near = (
            extent * focal_of(fov, width, height) / subject.longest for fov in (FOVS[0], FOVS[1])
        )
        near = max(near, reach)
        self._far, self._near = max(far, 1.05 * near), near
        self._fine, fewer = _simplified(vertices, faces, CELLS[1])
        if not self._fine.has_area:
            raise InputError("The faces of the mesh have no area", "Generate it again")
        self._coarse, _ = _simplified(self._fine.vertices, fewer, CELLS[0])
        angles = (1 + np.ptp(ELEVATIONS) / STEP) * (1 + np.ptp(AZIMUTHS) / STEP)
        first = (angles + BEST * (len(NEARNESS) - 1)) * len(subject.sides)
        self._most = float(first + STARTS * EVALUATIONS[0] + EVALUATIONS[1])

    def _step(self) -> None:
        """Report one more camera that is tried."""
        self._steps += 1
        self._tick("match", min(self._steps / self._most, 0.99))

    def _distance(self, nearness: float) -> float:
        """Distance by how near it is, 0 (farthest) to 1 (nearest): perspective is even in it."""
        return 1 / (1 / self._far + nearness * (1 / self._near - 1 / self._far))

    def everywhere(self) -> list[tuple[NDArray[np.float64], _Sides]]:
        """Try angles and distances all over their ranges; the best ones are (elevation, azimuth,
        nearness).
        """
        window = self.subject.surroundings(COARSE)
        elevations, azimuths = (
            np.arange(low, high + STEP / 2, STEP) for low, high in (ELEVATIONS, AZIMUTHS)
        )
        best: dict[tuple[float, float], tuple[float, NDArray[np.float64], _Sides]] = {}
        angles = [(float(up), float(around)) for up, around in product(elevations, azimuths)]
        for nearness in NEARNESS:
            for pair in angles:
                at = np.array((*pair, nearness))
                tried = [(self._loss(at, sides, window), at, sides) for sides in self.subject.sides]
                known = [best[pair]] if pair in best else []
                best[pair] = min(known + tried, key=lambda one: one[0])
            angles = sorted(angles, key=lambda pair: best[pair][0])[:BEST]
        found = sorted(best.values(), key=lambda one: one[0])
        return [(at, sides) for _, at, sides in found[:STARTS]]

    def downhill(
        self, starts: list[tuple[NDArray[np.float64], _Sides]]
    ) -> tuple[NDArray[np.float64], _Sides]:
        """Improve angles and distance from each start, and return the best."""
        window = self.subject.surroundings(MIDDLE)
        found = []
        for start, sides in starts:
            loss = partial(self._loss, sides=sides, window=window)
            lost, at = _downhill(loss, start, np.array((STEP / 2, STEP / 2, 0.2)), EVALUATIONS[0])
            found.append((lost, at, sides))
        _, at, sides = min(found, key=lambda one: one[0])
        return at, sides

    def polished(self, start: tuple[NDArray[np.float64], _Sides]) -> _View:
        """Improve all six numbers of the camera, free of the bounding box."""
        at, sides = start
        window = self.subject.surroundings(FINE)
        base = self._placed(at, sides)
        start_at, _ = pose_of(base.elevation, base.azimuth, base.distance)
        outline = self._fine.near(start_at, AROUND)
        steps = np.array((3.0, 3.0, 0.1, 0.02, 0.01, 0.01))

        def loss(change: NDArray[np.float64]) -> float:
            self._step()
            if not _is_in_range(at + change[:3]):
                return OUTSIDE
            view = self._changed(base, at, change)
            tangents, layers = _seen(outline, view.elevation, view.azimuth, view.distance)
            overlap = _overlap(outline, tangents, layers, view, window)
            return 1 - overlap + _prior(at + change[:3])

        _, change = _downhill(loss, np.zeros(6), steps, EVALUATIONS[1])
        return self._changed(base, at, change)

    def _changed(self, base: _View, at: NDArray[np.float64], change: NDArray[np.float64]) -> _View:
        """Change a view by angles and nearness, the logarithm of its focal length, and the center
        relative to the subject's longer side.
        """
        elevation, azimuth, nearness = (at + change[:3]).tolist()
        distance = self._distance(nearness)
        # With the distance, the focal length changes, so that the subject keeps its size.
        focal = base.focal * distance / base.distance * math.exp(change[3])
        x, y = (base.x, base.y) + self.subject.longest * change[4:]
        return _View(elevation, azimuth, distance, focal, float(x), float(y))

    def match(self, view: _View) -> float:
        """How well the mesh covers the subject, 0...1."""
        return _match(self._fine, self.subject, view)

    def _placed(self, at: NDArray[np.float64], sides: _Sides) -> _View:
        """The view from angles and a nearness that puts the mesh onto the subject's box."""
        elevation, azimuth, nearness = at.tolist()
        distance = self._distance(nearness)
        tangents, _ = _seen(self._fine, elevation, azimuth, distance)
        return _View(elevation, azimuth, distance, *sides.placed(tangents))

    def _loss(self, at: NDArray[np.float64], sides: _Sides, window: _Window) -> float:
        """What angles and nearness lack to a full match."""
        self._step()
        if not _is_in_range(at):
            return OUTSIDE
        elevation, azimuth, nearness = at.tolist()
        distance = self._distance(nearness)
        tangents, layers = _seen(self._coarse, elevation, azimuth, distance)
        view = _View(elevation, azimuth, distance, *sides.placed(tangents))
        return 1 - _overlap(self._coarse, tangents, layers, view, window) + _prior(at)


def _is_in_range(at: NDArray[np.float64]) -> bool:
    """Whether a search may go there: a little beyond the ranges in which it begins."""
    elevation, azimuth, nearness = at
    return bool(abs(elevation) < LIMIT and abs(azimuth) < LIMIT and 0 <= nearness <= 1)


def _prior(at: NDArray[np.float64]) -> float:
    """The match that angles and nearness lose for being far from the likeliest ones."""
    return PRIOR * float((((at - LIKELY) / SPREADS) ** 2).sum())


def _simplified(
    vertices: NDArray[np.floating[Any]], faces: NDArray[np.integer[Any]], cells: int
) -> tuple[Outline, NDArray[np.integer[Any]]]:
    """The outline of a mesh on a lattice, and the faces there, unless that leaves nothing of it."""
    merged, fewer = simplified(vertices, faces, cells)
    outline = Outline(merged, fewer)
    return (outline, fewer) if outline.has_area else (Outline(vertices, faces), faces)


def _downhill(
    loss: Callable[[NDArray[np.float64]], float],
    start: NDArray[np.float64],
    steps: NDArray[np.float64],
    evaluations: int,
) -> tuple[float, NDArray[np.float64]]:
    """Return the least loss that the simplex method finds from a start, and where."""
    simplex = start + np.vstack((np.zeros(len(start)), np.diag(steps)))
    options = {"initial_simplex": simplex, "maxfev": evaluations, "xatol": 1e-3, "fatol": 1e-4}
    found = minimize(loss, start, method="Nelder-Mead", options=options)
    return float(found.fun), found.x
