"""Pictures of meshes by a z-buffer, aligned with the pictures of solids by `views.render`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from primitives import jit
from triposr.inference import MeshData
from views import WHOLE, Camera, Light, View, Window, to_display, to_linear


def render(mesh: MeshData, camera: Camera, light: Light, size: int, window: Window = WHOLE) -> View:
    """Render the `window` of a camera's picture of `mesh`, `size` pixels square.

    The surface is lit as matte, with smooth normals, without shadows. An empty mesh gives an empty
    picture.
    """
    hit, weights = _visible(mesh, camera, size, window)
    seen = hit >= 0
    triangles = mesh.faces[hit[seen]]  # (pixels, 3)
    shares = weights[seen][:, :, None]
    at, normals, colors = (
        (values[triangles] * shares).sum(axis=1)
        for values in (mesh.vertices, _normals(mesh), mesh.colors)
    )
    normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-12
    _, axes = camera.pose()
    lamp = np.array(light.direction) @ np.stack((axes[0], axes[1], -axes[2]))
    brightness = light.strength * (normals @ lamp).clip(0)
    brightness += light.ambient * (0.8 + 0.2 * normals[:, 2])

    rgba = np.zeros((size, size, 4), np.uint8)
    rgba[seen, :3] = _lit(colors.astype(np.float64), brightness)
    rgba[seen, 3] = 255
    positions = np.full((size, size, 3), np.nan, np.float32)
    positions[seen] = at
    return View(rgba, positions)


def silhouette(
    mesh: MeshData, camera: Camera, size: int, window: Window = WHOLE
) -> NDArray[np.bool_]:
    """Return the mask (size, size) of the mesh in the picture that `render` would make."""
    return _visible(mesh, camera, size, window)[0] >= 0


def _normals(mesh: MeshData) -> NDArray[np.float64]:
    """Return outward normals (V, 3) of the vertices, of any length."""
    a, b, c = (mesh.vertices[mesh.faces[:, corner]].astype(np.float64) for corner in range(3))
    weighted = np.cross(b - a, c - a)
    normals = np.zeros((len(mesh.vertices), 3))
    for corner in range(3):
        np.add.at(normals, mesh.faces[:, corner], weighted)
    return normals


def _visible(
    mesh: MeshData, camera: Camera, size: int, window: Window
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Find the nearest face at each pixel (size, size), -1 where none is, and its corners' shares.

    No part of the model's box is behind a camera, so triangles need no clipping.
    """
    left, top, side = window
    seen = camera.project(mesh.vertices)
    seen[:, :2] = (seen[:, :2] - (left, top)) * (size / side)
    return _z_buffer(seen, mesh.faces, size)


@jit
def _z_buffer(corners, faces, size):
    hit = np.full((size, size), -1, np.int32)
    shares = np.zeros((size, size, 3))
    closest = np.zeros((size, size))  # 1 / depth, which is linear in the picture
    for number in range(len(faces)):
        ax, ay, a_depth = corners[faces[number, 0]]
        bx, by, b_depth = corners[faces[number, 1]]
        cx, cy, c_depth = corners[faces[number, 2]]
        area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
        if abs(area) < 1e-12:
            continue
        # Each pixel is sampled at its center, half a pixel from its column and row.
        first_row = int(max(np.ceil(min(ay, by, cy) - 0.5), 0))
        last_row = int(min(np.floor(max(ay, by, cy) - 0.5), size - 1))
        first_column = int(max(np.ceil(min(ax, bx, cx) - 0.5), 0))
        last_column = int(min(np.floor(max(ax, bx, cx) - 0.5), size - 1))
        for row in range(first_row, last_row + 1):
            y = row + 0.5
            for column in range(first_column, last_column + 1):
                x = column + 0.5
                u = ((bx - x) * (cy - y) - (cx - x) * (by - y)) / area
                v = ((cx - x) * (ay - y) - (ax - x) * (cy - y)) / area
                w = 1.0 - u - v
                # Rounding must not open seams between neighboring faces.
                if min(u, v, w) < -1e-9:
                    continue
                u, v, w = u / a_depth, v / b_depth, w / c_depth
                near = u + v + w
                if near > closest[row, column]:
                    closest[row, column] = near
                    hit[row, column] = number
                    shares[row, column, 0] = u / near
                    shares[row, column, 1] = v / near
                    shares[row, column, 2] = w / near
    return hit, shares


@jit
def _lit(colors, brightness):
    """Light display-referred colors (N, 3) with scene-linear brightness (N,): (N, 3) uint8."""
    result = np.empty(colors.shape, np.uint8)
    for i in range(len(colors)):
        for j in range(3):
            value = to_linear(colors[i, j]) * brightness[i]
            result[i, j] = np.uint8(255.0 * to_display(value) + 0.5)
    return result
