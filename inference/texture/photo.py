"""The photo on the surface: what its camera sees takes the photo's colors. No torch, no bpy."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import importing
from .camera import Camera, fov_of
from .texels import covered

with importing("opencv-python-headless"):
    import cv2

FULL_ANGLE, NO_ANGLE = math.radians(55), math.radians(75)
"""Angles between surface and view up to which the photo counts fully, and beyond which it does not
count at all: there, a pixel covers a long strip of the surface."""

DEPTH_SIDE = 1024
"""Pixels along the longer side of the depth buffer."""

HIDDEN = 0.03
"""Distance, in model units, that a point may lie behind what the camera sees first; also the jump
in depth that counts as an edge. A fiftieth of an object."""

SLOPE = 8.0
"""Jump in depth between the neighbors of a pixel, in pixels, that a surface without an edge may
have: up to an angle of 75°, beyond which the photo does not count anyway."""

ERODED, FADED = 0.004, 0.016
"""Distances from outlines and edges, relative to the subject's longer side, up to which the photo
does not count, and from which on it counts fully: mattes are not exact, and edges show what is
behind."""

UNLIKE = 4
"""How many times `HIDDEN` the back of an object may differ from the mirrored front."""

LEVELS = 32
"""Cells per axis of the lattice on which the differences between photo and field are smoothed."""


@dataclass(frozen=True, eq=False)
class Photo:
    """A photo with its camera.

    Attributes:
        camera: In the model's frame; of any number of pixels.
        pixels: (H, W, 3) uint8, display-referred sRGB.
        matte: (H, W) uint8; 255 is the subject.
    """

    camera: Camera
    pixels: NDArray[np.uint8]
    matte: NDArray[np.uint8]


def project_photo(
    photo: Photo,
    triangles: NDArray[np.float32],
    points: NDArray[np.float32],
    normals: NDArray[np.float32],
    colors: NDArray[np.float32],
    mirror_to_back: bool = False,
    progress: Callable[[float], None] = lambda done: None,
) -> NDArray[np.float32]:
    """Replace colors by those of a photo where its camera sees the surface.

    Elsewhere, the colors are shifted by what the photo differs from them nearby, so that no seam
    shows.

    Args:
        photo: The photo and its camera.
        triangles: (T, 3, 3) float32, the mesh, which hides what is behind it.
        points, normals: (N, 3) float32 on the surface; the normals are unit vectors.
        colors: (N, 3) float32 in 0...1, display-referred: those of the scene code.
        mirror_to_back: Whether points that the camera does not see take the colors of the photo
            mirrored to the back.
        progress: Called with the fraction of the work done, 0...1; raises to stop.

    Returns:
        (N, 3) float32 in 0...1.
    """
    photo = _cropped(photo)
    camera, (height, width) = photo.camera, photo.matte.shape
    if not photo.matte.any():
        return colors
    scale = min(1.0, DEPTH_SIDE / max(width, height))
    depth = depth_map(
        triangles,
        camera.resized(max(1, round(width * scale)), max(1, round(height * scale))),
        lambda done: progress(0.5 * done),
    )
    clear = _clearance(photo, depth)
    at, far = camera.project(points)
    weight = _facing(camera, points, normals) * _sampled(clear, at, cv2.INTER_LINEAR)

    def first_at(at: NDArray[np.float64]) -> NDArray[np.float32]:
        size = np.array(depth.shape[::-1]) / (width, height)
        return _sampled(depth, at * size, cv2.INTER_NEAREST)

    weight *= far < first_at(at) + HIDDEN
    progress(0.7)
    seen = _sampled(photo.pixels, at, cv2.INTER_LINEAR) / np.float32(255)
    result = colors + _level(points, seen - colors, weight, lambda n: progress(0.7 + 0.2 * n))
    if mirror_to_back:
        back, behind = _mirrored(camera, points, normals)
        at, far = camera.project(back)
        share = _facing(camera, back, behind) * _sampled(clear, at, cv2.INTER_LINEAR)
        # Not the inside of a hollow front, whose mirror image is behind the back.
        share *= far < first_at(at) + UNLIKE * HIDDEN
        other = _sampled(photo.pixels, at, cv2.INTER_LINEAR) / np.float32(255)
        result += share[:, None] * (other - result)
    result += weight[:, None] * (seen - result)
    progress(1.0)
    return np.asarray(result.clip(0, 1), np.float32)


def depth_map(
    triangles: NDArray[np.float32],
    camera: Camera,
    progress: Callable[[float], None] = lambda done: None,
) -> NDArray[np.float32]:
    """Draw the depth (height, width) float32 of the first surface in each pixel of a camera.

    It is infinite where there is none, or only triangles that reach behind the camera.
    """
    at, far = camera.project(triangles.reshape(-1, 3))
    corners, near = at.reshape(-1, 3, 2) - 0.5, 1 / np.maximum(far.reshape(-1, 3), 1e-9)
    is_ahead = (far.reshape(-1, 3) > 0).all(axis=1)
    outside = (corners.max(axis=1) < 0) | (corners.min(axis=1) > (camera.width, camera.height))
    keep = is_ahead & ~outside.any(axis=1)
    corners, near = corners[keep], near[keep]
    # Seen through a pinhole, the inverse of the depth is linear across a triangle.
    inverse = np.zeros(camera.height * camera.width, np.float32)
    for triangle, column, row, weights, done in covered(corners, (camera.width, camera.height)):
        flat = row * camera.width + column
        value = (weights * near[triangle]).sum(axis=1).astype(np.float32)
        order = np.argsort(value, kind="stable")  # the last value that is written stays
        flat, value = flat[order], value[order]
        is_nearer = value > inverse[flat]
        inverse[flat[is_nearer]] = value[is_nearer]
        progress(float(done))
    with np.errstate(divide="ignore"):
        return (1 / inverse).reshape(camera.height, camera.width)


def _cropped(photo: Photo) -> Photo:
    """The part of a photo with the subject, so that its size in the picture does not matter."""
    height, width = photo.matte.shape
    camera = photo.camera.resized(width, height)
    rows, columns = (np.flatnonzero((photo.matte > 127).any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return Photo(camera, photo.pixels, np.zeros_like(photo.matte))
    here = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    matte = np.ascontiguousarray(photo.matte[here])
    height, width = matte.shape
    x, y = camera.center
    part = Camera(
        camera.elevation,
        camera.azimuth,
        fov_of(camera.focal, width, height),
        camera.distance,
        (x - columns[0], y - rows[0]),
        width,
        height,
    )
    return Photo(part, np.ascontiguousarray(photo.pixels[here]), matte)


def _clearance(photo: Photo, depth: NDArray[np.float32]) -> NDArray[np.float32]:
    """How much each pixel of a photo counts, 0...1: less toward outlines and edges in the depth."""
    height, width = photo.matte.shape
    background = np.float32(1e6)
    filled = np.minimum(depth, background)
    around = np.ones((3, 3), np.uint8)
    jump = cv2.dilate(filled, around) - cv2.erode(filled, around)
    pixel = filled / (photo.camera.focal * depth.shape[0] / height)
    allowed = np.maximum(HIDDEN, SLOPE * pixel)
    is_sound = ((jump < allowed) & (filled < background)).astype(np.uint8)
    is_sound = cv2.resize(is_sound, (width, height), interpolation=cv2.INTER_NEAREST)
    is_sound &= photo.matte > 127
    # A frame, for the picture's border is an outline, too.
    framed = cv2.copyMakeBorder(is_sound, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    distance = cv2.distanceTransform(framed, cv2.DIST_L2, 5)[1:-1, 1:-1]
    longer = max(width, height)
    return _smoothstep((distance - ERODED * longer) / ((FADED - ERODED) * longer))


def _facing(
    camera: Camera, points: NDArray[np.float32], normals: NDArray[np.float32]
) -> NDArray[np.float32]:
    """How much points on a surface face the camera, (N,) in 0...1."""
    away = camera.position.astype(np.float32) - points
    away /= np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-9)
    cosine = np.einsum("ij,ij->i", away, normals)
    low, high = math.cos(NO_ANGLE), math.cos(FULL_ANGLE)
    return _smoothstep((cosine - low) / (high - low))


def _smoothstep(values: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    values = values.clip(0, 1)
    return np.asarray(values * values * (3 - 2 * values), np.float32)


def _sampled(image: NDArray[Any], at: NDArray[np.float64], how: int) -> NDArray[np.float32]:
    """Values (N,) or (N, C) of an image at pixels (N, 2); those of its border beyond it."""
    # OpenCV takes at most 32,767 places a row.
    count, row = len(at), 16384
    places = np.zeros((-(-count // row) * row, 2), np.float32)
    places[:count] = (at - 0.5).clip(-2, max(image.shape[:2]) + 2)
    shaped = places.reshape(-1, row, 2)
    found = cv2.remap(image, shaped, None, how, borderMode=cv2.BORDER_REPLICATE)
    return found.reshape(len(places), *image.shape[2:])[:count].astype(np.float32)


def _mirrored(
    camera: Camera, points: NDArray[np.float32], normals: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Points and normals mirrored at the upright plane across the view, through the model's middle:
    those on the back come to the front.
    """
    forward = camera.axes[2] * (1, 1, 0)
    forward = (forward / max(np.linalg.norm(forward), 1e-9)).astype(np.float32)
    middle = (points @ forward).min() / 2 + (points @ forward).max() / 2
    return (
        points - 2 * ((points @ forward) - middle)[:, None] * forward,
        normals - 2 * (normals @ forward)[:, None] * forward,
    )


def _level(
    points: NDArray[np.float32],
    difference: NDArray[np.float32],
    weight: NDArray[np.float32],
    progress: Callable[[float], None],
) -> NDArray[np.float32]:
    """Smooth differences (N, 3), known as far as `weight` (N,) says, and carry them on to the rest.

    They are averaged on a lattice over ever wider neighborhoods; each point takes the narrowest one
    that holds enough of them.
    """
    with importing("scipy"):
        from scipy.ndimage import gaussian_filter, map_coordinates

    low, high = points.min(axis=0), points.max(axis=0)
    places = ((points - low) / max(float((high - low).max()), 1e-9) * (LEVELS - 1)).T
    cells = np.rint(places).astype(np.int64)
    flat = (cells[0] * LEVELS + cells[1]) * LEVELS + cells[2]
    sums = np.stack(
        [
            np.bincount(flat, values, LEVELS**3).reshape((LEVELS,) * 3)
            for values in (*(difference * weight[:, None]).T, weight)
        ]
    )
    total = sums[3].sum()
    if total <= 0:
        return np.zeros_like(difference)
    mean = sums[:3].sum(axis=(1, 2, 3)) / total
    level = np.broadcast_to(mean[:, None, None, None], (3, *(LEVELS,) * 3)).copy()
    full = np.percentile(sums[3][sums[3] > 0], 50)
    for number, sigma in enumerate((8.0, 4.0, 2.0, 1.0), 1):
        smooth = [gaussian_filter(part, sigma, mode="constant", truncate=3) for part in sums]
        share = 1 - np.exp(-smooth[3] * sigma**2 / (0.2 * full))
        level += share * (np.stack(smooth[:3]) / np.maximum(smooth[3], 1e-12) - level)
        progress(number / 4)
    return np.stack(
        [map_coordinates(part, places, order=1, mode="nearest") for part in level], axis=1
    ).astype(np.float32)
