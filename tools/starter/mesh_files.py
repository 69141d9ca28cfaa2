"""Meshes from files (GLB, glTF, OBJ) with their colors, X to the front and Z up, of unit size."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import trimesh
from numpy.typing import NDArray
from PIL import Image
from trimesh.visual.material import PBRMaterial

from mesh_formats import (
    ENDINGS,
    Obj,
    ObjMaterial,
    UnusableMeshError,
    check_gltf,
    check_obj,
    read_gltf,
)

__all__ = ["ENDINGS", "Mesh", "UnusableMeshError", "load_mesh"]

LARGEST_TEXTURE = 512  # pixels; the pictures of training have 128
PLAIN = 0.6  # scene-linear gray of parts without a material
LARGEST = 5_000_000  # faces: more would fill the memory

logging.getLogger("trimesh").setLevel(logging.ERROR)  # It warns of what is checked here.


@dataclass(frozen=True)
class Mesh:
    """Triangles with colors.

    Attributes:
        vertices: (V, 3) float64, X to the front, Z up, centered; the longest side is 1.
        faces: (F, 3) int64; each vertex belongs to one.
        colors: (F, 3, 3) float32, scene-linear color of each face's corners; where the face has a
            texture, they multiply it.
        opacity: (F,) float32, from 0 (clear) to 1; multiplies the texture's alpha.
        uv: (F, 3, 2) float32, places in the texture, v upward; repeats outside [0, 1].
        texture: (F,) int32, number of each face's texture; -1 for none.
        textures: (H, W, 4) uint8 each, display-referred sRGB with alpha.
    """

    vertices: NDArray[np.float64]
    faces: NDArray[np.int64]
    colors: NDArray[np.float32]
    opacity: NDArray[np.float32]
    uv: NDArray[np.float32]
    texture: NDArray[np.int32]
    textures: tuple[NDArray[np.uint8], ...]

    @property
    def corners(self) -> NDArray[np.float64]:
        """The faces' corners (F, 3, 3)."""
        return self.vertices[self.faces]

    def color_at(
        self, faces: NDArray[np.integer], shares: NDArray[np.floating]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Look up the surface's color.

        Args:
            faces: (N,) numbers of faces.
            shares: (N, 3) barycentric coordinates in them.

        Returns:
            Scene-linear colors (N, 3) in [0, 1], and alpha (N,).
        """
        weights = shares[..., None].astype(np.float32)
        colors = (self.colors[faces] * weights).sum(axis=1)
        uv = (self.uv[faces] * weights).sum(axis=1)
        alpha = self.opacity[faces].copy()
        for number, image in enumerate(self.textures):
            chosen = self.texture[faces] == number
            height, width = image.shape[:2]
            u, v = (uv[chosen] % 1.0).T
            columns = (u * width).astype(int).clip(0, width - 1)
            rows = ((1 - v) * height).astype(int).clip(0, height - 1)
            texels = image[rows, columns].astype(np.float32) / 255
            colors[chosen] *= scene_linear(texels[:, :3])
            alpha[chosen] *= texels[:, 3]
        return colors.clip(0, 1), alpha


def scene_linear(color: NDArray[np.floating]) -> NDArray[np.float32]:
    """Convert display-referred sRGB in [0, 1] to scene-linear (IEC 61966-2-1)."""
    return np.where(color <= 0.04045, color / 12.92, ((color + 0.055) / 1.055) ** 2.4).astype("f4")


def display_referred(color: NDArray[np.floating]) -> NDArray[np.float32]:
    """Convert scene-linear to display-referred sRGB, clipped to [0, 1]."""
    color = np.clip(color, 0, 1)
    return np.where(color <= 0.0031308, color * 12.92, 1.055 * color ** (1 / 2.4) - 0.055).astype(
        "f4"
    )


def face_areas(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return twice the areas (F,) of triangles with corners (F, 3, 3)."""
    return np.linalg.norm(
        np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1
    )


def load_mesh(path: Path) -> Mesh:
    """Read all triangles of a file.

    Raises:
        UnusableMeshError: The file cannot be read as it is meant, or has no surface.
    """
    try:
        obj = None
        if path.suffix.lower() == ".obj":
            obj = check_obj(path)
        else:
            check_gltf(read_gltf(path))
        loaded = trimesh.load(path, process=False)
        return unit_sized(_joined(_pieces(loaded), obj))
    except UnusableMeshError:
        raise
    except Exception as error:  # Each of the decoders raises errors of its own.
        raise UnusableMeshError(f"unreadable ({type(error).__name__})") from error


def unit_sized(mesh: Mesh) -> Mesh:
    """Drop vertices that no face uses, center the mesh, and scale its longest side to 1.

    Raises:
        UnusableMeshError: It has no surface.
    """
    used, faces = np.unique(mesh.faces, return_inverse=True)
    vertices = mesh.vertices[used]
    if not np.isfinite(vertices).all():
        raise UnusableMeshError("places that are no numbers")
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    longest = float((high - low).max())
    if not 1e-12 < longest < 1e12:
        raise UnusableMeshError("no surface")
    vertices = (vertices - (low + high) / 2) / longest
    faces = faces.reshape(mesh.faces.shape)
    if not face_areas(vertices[faces]).sum() > 1e-9:
        raise UnusableMeshError("no surface")
    return Mesh(*(vertices, faces, mesh.colors, mesh.opacity, mesh.uv, mesh.texture, mesh.textures))


def _pieces(loaded: Any) -> list[tuple[trimesh.Trimesh, NDArray[np.float64]]]:
    """Return the parts that trimesh has loaded, and their vertices where the scene has them.

    Copies of the parts, such as `Scene.dump` makes, would lose the colors of vertices.
    """
    if isinstance(loaded, trimesh.Trimesh):
        loaded = trimesh.Scene(loaded)
    pieces = []
    for node in loaded.graph.nodes_geometry:
        transform, name = loaded.graph[node]
        geometry = loaded.geometry[name]
        if isinstance(geometry, trimesh.Trimesh) and len(geometry.faces):
            pieces.append((geometry, trimesh.transform_points(geometry.vertices, transform)))
    if not pieces:
        raise UnusableMeshError("no triangles")
    if sum(len(piece.faces) for piece, _ in pieces) > LARGEST:
        raise UnusableMeshError(f"more than {LARGEST:,} faces")
    return pieces


def _joined(pieces: list[tuple[trimesh.Trimesh, NDArray[np.float64]]], obj: Obj | None) -> Mesh:
    vertices, faces, colors, opacities, uvs, texture = [], [], [], [], [], []
    textures: list[NDArray[np.uint8]] = []
    count = 0
    for piece, points in pieces:
        corners = np.asarray(piece.faces, np.int64)
        color, opacity, uv, image = _look(piece, obj)
        vertices.append(points)
        faces.append(corners + count)
        colors.append(color)
        opacities.append(np.full(len(corners), opacity, np.float32))
        uvs.append(uv)
        texture.append(np.full(len(corners), -1 if image is None else len(textures), np.int32))
        if image is not None:
            textures.append(image)
        count += len(piece.vertices)
    return Mesh(
        from_y_up(np.concatenate(vertices)),
        np.concatenate(faces),
        np.concatenate(colors),
        np.concatenate(opacities),
        np.concatenate(uvs),
        np.concatenate(texture),
        tuple(textures),
    )


def from_y_up(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert points (N, 3) from Y up and Z to the front to Z up and X to the front.

    The first is what glTF demands, and what OBJ files have by custom.
    """
    return np.ascontiguousarray(points[:, [2, 0, 1]])


def _look(
    piece: trimesh.Trimesh, obj: Obj | None
) -> tuple[NDArray[np.float32], float, NDArray[np.float32], NDArray[np.uint8] | None]:
    """Return colors (F, 3, 3), opacity, places in the texture (F, 3, 2) and the texture.

    `obj` is what an OBJ file says; None for glTF.
    """
    corners = np.asarray(piece.faces)
    visual = piece.visual
    colors = np.full((len(corners), 3, 3), PLAIN, np.float32)
    nowhere = np.zeros((len(corners), 3, 2), np.float32)
    if visual.kind in ("vertex", "face"):
        given = np.asarray(visual.vertex_colors)[:, :3].astype(np.float32) / 255
        # Colors of vertices are linear in glTF and, by custom, as displayed in OBJ.
        return (scene_linear(given) if obj else given)[corners], 1.0, nowhere, None
    if obj and obj.is_painted:
        raise UnusableMeshError("colors of vertices beside a material")
    material = getattr(visual, "material", None)
    if material is None:
        return colors, 1.0, nowhere, None
    if isinstance(material, PBRMaterial):
        opacity = _dress_as_gltf(piece, material, colors)
        image, is_solid = material.baseColorTexture, material.alphaMode in (None, "OPAQUE")
    else:
        materials = obj.materials if obj else {}
        if materials and material.name not in materials:
            raise UnusableMeshError("a material that is not read")
        known = materials.get(material.name, ObjMaterial())
        image, opacity, is_solid = material.image, known.opacity, False
        if known.texture is None:
            image = None  # trimesh may have put a gray one there.
        elif image is None:
            raise UnusableMeshError("a texture is not found by its name")
        if image is not None:
            colors[:] = 1.0  # Beside a texture, files carry Kd without meaning it.
        elif known.diffuse is not None:
            colors[:] = scene_linear(np.array(known.diffuse, np.float32))  # Kd is as displayed.
    if image is None:
        return colors, opacity, nowhere, None
    if visual.uv is None or len(visual.uv) != len(piece.vertices):
        raise UnusableMeshError("a texture without places")
    return colors, opacity, np.asarray(visual.uv, np.float32)[corners], _pixels(image, is_solid)


def _dress_as_gltf(
    piece: trimesh.Trimesh, material: PBRMaterial, colors: NDArray[np.float32]
) -> float:
    """Fill colors (F, 3, 3) with the factor and the vertices' colors; return the opacity."""
    factor = np.ones(4, np.float32)
    if material.baseColorFactor is not None:  # scene-linear, though trimesh keeps it as bytes
        factor = np.asarray(material.baseColorFactor, np.float32) / 255
    colors[:] = factor[:3]
    painted = piece.visual.vertex_attributes.get("color")
    if painted is not None and len(painted) == len(piece.vertices):
        is_whole = np.issubdtype(painted.dtype, np.integer)
        scale = np.iinfo(painted.dtype).max if is_whole else 1
        colors *= (np.asarray(painted[:, :3], np.float32) / scale)[np.asarray(piece.faces)]
    return 1.0 if material.alphaMode in (None, "OPAQUE") else float(factor[3])


def _pixels(image: Image.Image, is_solid: bool) -> NDArray[np.uint8]:
    pixels = np.array(image.convert("RGBA"))
    if is_solid:
        pixels[..., 3] = 255
    shrink = LARGEST_TEXTURE / max(pixels.shape[:2])
    if shrink < 1:
        size = [max(round(side * shrink), 1) for side in pixels.shape[1::-1]]
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return pixels
