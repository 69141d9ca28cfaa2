"""A small picture of an object beside its cut-out, for the contact sheet. No Ray, no torch, no bpy."""

from __future__ import annotations

import io
import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 192
"""Side of each half, in pixels."""

GROUND = 58
"""Gray level behind cut-out and object, as behind Blender's own thumbnails."""

TURN, TILT = 30.0, 15.0
"""Degrees by which the object is turned, so that its side shows, and seen from above."""

SAMPLES = 4 * SIDE * SIDE
"""Points on the surface that are drawn: several for each pixel, so that there are no holes."""

QUALITY = 85


def small_cutout(cutout: Image.Image) -> NDArray[np.uint8]:
    """Return a cut-out of at most SIDE pixels a side, (H, W, 4) uint8."""
    small = cutout.convert("RGBa")  # premultiplied, or hidden colors would bleed into the edge
    small.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    return np.asarray(small.convert("RGBA"))


def thumbnail(
    cutout: NDArray[np.uint8],
    vertices: NDArray[np.float32],
    faces: NDArray[np.int32],
    colors: NDArray[np.float32],
) -> bytes:
    """Return the content of a JPEG, 2 SIDE wide and SIDE high: the cut-out, and the object.

    Args:
        cutout: From `small_cutout`.
        vertices, faces, colors: See `MeshData`.
    """
    sheet = Image.new("RGB", (2 * SIDE, SIDE), (GROUND,) * 3)
    picture = Image.fromarray(cutout)
    corner = (SIDE - picture.width) // 2, (SIDE - picture.height) // 2
    sheet.paste(picture, corner, picture)
    sheet.paste(Image.fromarray(_drawn(vertices, faces, colors)), (SIDE, 0))
    content = io.BytesIO()
    sheet.save(content, "JPEG", quality=QUALITY)
    return content.getvalue()


def _drawn(
    vertices: NDArray[np.float32], faces: NDArray[np.int32], colors: NDArray[np.float32]
) -> NDArray[np.uint8]:
    """Draw points of the surface, far ones first: (SIDE, SIDE, 3) uint8."""
    points, shades = _points(vertices, faces, colors)
    turn, tilt = math.radians(TURN), math.radians(TILT)
    x, y, z = points.T  # the subject faces +X, and z is up
    toward, right = math.cos(turn) * x - math.sin(turn) * y, math.sin(turn) * x + math.cos(turn) * y
    depth = math.cos(tilt) * toward + math.sin(tilt) * z
    up = math.cos(tilt) * z - math.sin(tilt) * toward
    middles = [(axis.min() + axis.max()) / 2 for axis in (right, up)]
    extent = max(np.ptp(right), np.ptp(up), 1e-9)
    scale = 0.9 * SIDE / extent
    column = np.clip((SIDE / 2 + scale * (right - middles[0])).astype(int), 0, SIDE - 1)
    row = np.clip((SIDE / 2 - scale * (up - middles[1])).astype(int), 0, SIDE - 1)
    order = np.argsort(depth)
    image = np.full((SIDE, SIDE, 3), GROUND, np.uint8)
    image[row[order], column[order]] = np.rint(255 * np.clip(shades[order], 0, 1))
    return image


def _points(
    vertices: NDArray[np.float32], faces: NDArray[np.int32], colors: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Points on the surface, evenly by area, and their colors, (SAMPLES, 3) each."""
    corners = vertices[faces]
    sides = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    areas = np.linalg.norm(np.cross(*sides), axis=1)
    rng = np.random.default_rng(0)
    total = np.cumsum(areas, dtype=np.float64)
    places = (np.arange(SAMPLES) + 0.5) / SAMPLES * total[-1]
    chosen = np.minimum(np.searchsorted(total, places), len(faces) - 1)
    weights = rng.dirichlet((1, 1, 1), SAMPLES).astype(np.float32)[..., None]
    return (corners[chosen] * weights).sum(axis=1), (colors[faces[chosen]] * weights).sum(axis=1)
