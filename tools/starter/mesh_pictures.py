"""Pictures of meshes by ray casting: textures, lamps, shadows, gloss, light from all around."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mesh_files import display_referred
from mesh_objects import Placed
from views import Camera, Light, View, Window

SAMPLES = 2  # per pixel and axis
LIFT = 0.004  # model units between the surface and the start of a second ray
FAR = 0.3  # model units: what is farther away takes no light from a place
SOFT = 9  # samples across which the light from all around is smoothed


@dataclass(frozen=True)
class Gloss:
    """A highlight of the lamp.

    Attributes:
        strength: Scene-linear.
        exponent: The larger, the smaller the highlight (Blinn 1977).
    """

    strength: float
    exponent: float

    @classmethod
    def random(cls, rng: np.random.Generator) -> Gloss:
        """Return a highlight from satin to lacquer."""
        return cls(float(rng.uniform(0.1, 0.5)), float(rng.uniform(10, 60)))


def fitted_window(camera: Camera, points: NDArray[np.float64]) -> Window:
    """Return a square window of the camera's picture that just holds points (N, 3)."""
    seen = camera.project(points)[:, :2]
    low, high = seen.min(axis=0), seen.max(axis=0)
    side = float((high - low).max()) * 1.06
    left, top = (low + high) / 2 - side / 2
    return float(left), float(top), side


def render_mesh(
    placed: Placed,
    camera: Camera,
    light: Light,
    size: int,
    window: Window,
    rng: np.random.Generator,
    gloss: Gloss | None = None,
) -> View:
    """Render the `window` of a camera's picture of a mesh, `size` pixels square, antialiased.

    `rng` scatters the light from all around.
    """
    across = size * SAMPLES
    directions = _directions(camera, across, window)
    position, axes = camera.pose()
    origin = placed.to_mesh(position[None])
    insides = placed.thing.insides
    found = insides.scene.run(
        np.broadcast_to(origin, directions.shape).astype(np.float32),
        (directions @ placed.turn).astype(np.float32),
        output=True,
    )
    hit = found["primID"] >= 0
    faces, away = found["primID"][hit], directions[hit]
    # Distances along the rays are in the mesh's units.
    places = position + placed.scale * found["tfar"][hit, None].astype(np.float64) * away
    normals = found["Ng"][hit].astype(np.float64) @ placed.turn.T
    normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-300
    normals *= -np.sign((normals * away).sum(axis=1, keepdims=True))

    lamp = np.array(light.direction) @ np.stack((axes[0], axes[1], -axes[2]))
    lit = light.strength * (normals @ lamp).clip(0)
    if light.shadows:
        shadowed = _blocked(placed, places, normals, np.broadcast_to(lamp, places.shape), 10.0)
        lit = np.where(shadowed, 0.0, lit)
    around = normals + _unit(rng.normal(size=places.shape)) * 0.95
    free = np.zeros(across * across, np.float32)
    free[hit] = ~_blocked(placed, places, normals, around, FAR)
    soft = _smoothed(free, hit, across)[hit]
    ambient = light.ambient * (0.4 + 0.6 * soft) * (0.8 + 0.2 * normals[:, 2])
    uv = np.stack((found["u"][hit], found["v"][hit]), axis=1).astype(np.float32)
    shares = np.column_stack((1 - uv.sum(axis=1), uv))
    albedo, _ = placed.thing.mesh.color_at(faces, shares)
    radiance = np.zeros((across * across, 3))
    radiance[hit] = albedo * (lit + ambient)[:, None]
    if gloss is not None:
        half = _unit(lamp - away)
        shine = (normals * half).sum(axis=1).clip(0) ** gloss.exponent
        radiance[hit] += (gloss.strength * shine * (lit > 0))[:, None]
    return _averaged(radiance, hit, places, size)


def silhouette(placed: Placed, camera: Camera, size: int, window: Window) -> NDArray[np.bool_]:
    """Return the mask (size, size) of the mesh, asked at the centers of pixels."""
    directions = _directions(camera, size, window)
    origin = placed.to_mesh(camera.pose()[0][None])
    faces = placed.thing.insides.hit_faces(
        np.broadcast_to(origin, directions.shape), directions @ placed.turn
    )
    return (faces >= 0).reshape(size, size)


def _directions(camera: Camera, size: int, window: Window) -> NDArray[np.float64]:
    left, top, side = window
    rows, columns = np.mgrid[:size, :size].reshape(2, -1)
    return camera.directions(left + side * (columns + 0.5) / size, top + side * (rows + 0.5) / size)


def _blocked(
    placed: Placed,
    places: NDArray[np.float64],
    normals: NDArray[np.float64],
    directions: NDArray[np.float64],
    reach: float,
) -> NDArray[np.bool_]:
    """Return whether anything lies within `reach` from surface points in directions (N, 3)."""
    if not len(places):
        return np.zeros(0, bool)
    found = placed.thing.insides.scene.run(
        placed.to_mesh(places + LIFT * normals).astype(np.float32),
        (_unit(directions) @ placed.turn).astype(np.float32),
        output=True,
    )
    return (found["primID"] >= 0) & (found["tfar"] * placed.scale < reach)


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    return vectors / (np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-300)


def _smoothed(
    values: NDArray[np.float32], hit: NDArray[np.bool_], size: int
) -> NDArray[np.float32]:
    """Average values (size²,) over neighbors that hit the object."""
    kernel = (SOFT, SOFT)
    weights = cv2.blur(hit.astype(np.float32).reshape(size, size), kernel).ravel()
    return cv2.blur(values.reshape(size, size), kernel).ravel() / weights.clip(1e-6)


def _averaged(
    radiance: NDArray[np.float64],
    hit: NDArray[np.bool_],
    places: NDArray[np.float64],
    size: int,
) -> View:
    """Average the samples of each pixel in scene-linear light; the colors are straight."""
    blocks = (size, SAMPLES, size, SAMPLES)
    covered = hit.astype(np.float64).reshape(blocks).sum(axis=(1, 3))
    color = radiance.reshape(*blocks, 3).sum(axis=(1, 3)) / covered.clip(1)[..., None]
    rgba = np.zeros((size, size, 4), np.uint8)
    rgba[..., :3] = (255 * display_referred(color)).round()
    rgba[..., 3] = (255 * covered / SAMPLES**2).round()
    positions = np.full((len(hit), 3), np.nan, np.float32)
    positions[hit] = places
    return View(rgba, positions.reshape(*blocks, 3)[:, 0, :, 0].copy())
