"""A small picture of an object beside its cut-out, for the contact sheet. No Ray, no bpy."""

from __future__ import annotations

import io
import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 192
"""Side of each half, in pixels."""

FILLED = 0.9
"""Share of its half that the longer side of cut-out or object fills."""

GROUND = 58
"""Gray level behind cut-out and object, as behind Blender's own thumbnails."""

TURN, TILT = 30.0, 15.0
"""Degrees by which the object is turned, so that its side shows, and seen from above."""

SAMPLES = 8 * SIDE * SIDE
"""Points on the surface that are drawn: several for each pixel, so that there are no holes."""

SHADE = 0.6
"""Brightness at a grazing angle: with nothing but the picture's own light, shapes look flat."""

QUALITY = 85


def small_cutout(cutout: Image.Image) -> NDArray[np.uint8]:
    """Return the subject alone, at most SIDE pixels a side, (H, W, 4) uint8."""
    cutout = cutout.crop(cutout.getchannel("A").getbbox())
    small = cutout.convert("RGBa")  # premultiplied, or hidden colors would bleed into the edge
    side = round(FILLED * SIDE)
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
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
    turn, tilt = math.radians(TURN), math.radians(TILT)
    # The subject faces +X, and z is up. Rows: to the right, upward, toward the viewer.
    view = np.array(
        [
            [math.sin(turn), math.cos(turn), 0],
            [-math.sin(tilt) * math.cos(turn), math.sin(tilt) * math.sin(turn), math.cos(tilt)],
            [math.cos(tilt) * math.cos(turn), -math.cos(tilt) * math.sin(turn), math.sin(tilt)],
        ],
        np.float32,
    )
    points, shades = _points(vertices @ view.T, faces, colors)
    low, high = points.min(axis=0), points.max(axis=0)
    scale = FILLED * SIDE / max(high[0] - low[0], high[1] - low[1], 1e-9)
    places = SIDE / 2 + scale * (points - (low + high) / 2) * np.array((1, -1, 1), np.float32)
    column, row = places[:, 0].astype(int), places[:, 1].astype(int)
    order = np.argsort(places[:, 2])
    image = np.full((SIDE, SIDE, 3), GROUND, np.uint8)
    image[row[order], column[order]] = np.rint(255 * np.clip(shades[order], 0, 1))
    return image


def _points(
    vertices: NDArray[np.float32], faces: NDArray[np.int32], colors: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Points on the side of the surface that faces the viewer, along the last axis, evenly by area,
    and their shaded colors: (SAMPLES, 3) each.
    """
    corners = vertices[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    areas = np.linalg.norm(normals, axis=1)
    facing = normals[:, 2] / np.maximum(areas, 1e-20)
    total = np.cumsum(np.where(facing > 0, areas, 0), dtype=np.float64)
    places = (np.arange(SAMPLES) + 0.5) / SAMPLES * total[-1]
    chosen = np.minimum(np.searchsorted(total, places), len(faces) - 1)
    weights = np.random.default_rng(0).dirichlet((1, 1, 1), SAMPLES).astype(np.float32)[..., None]
    shade = SHADE + (1 - SHADE) * facing[chosen, None]
    points = (corners[chosen] * weights).sum(axis=1)
    return points, (colors[faces[chosen]] * weights).sum(axis=1) * shade
