"""Meshes from files (GLB, glTF, OBJ) with their colors, X to the front and Z up."""

from __future__ import annotations

import importlib.util
import json
import logging
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import trimesh
from numpy.typing import NDArray
from trimesh.visual.material import PBRMaterial

ENDINGS = (".glb", ".gltf", ".obj")
LARGEST_TEXTURE = 512  # pixels; the pictures of training have 128
PLAIN = 0.6  # scene-linear gray of parts without a color
READABLE = {"KHR_mesh_quantization", "KHR_materials_unlit", "KHR_materials_specular"}
"""Extensions of glTF without which a file's shape and colors are still read right."""

logging.getLogger("trimesh").setLevel(logging.ERROR)  # It warns of what is checked here.


class UnusableMeshError(Exception):
    """A file is no mesh to learn from; says why in a few words."""


@dataclass(frozen=True)
class Mesh:
    """Triangles with colors.

    Attributes:
        vertices: (V, 3) float64, X to the front, Z up, of any size and in any place.
        faces: (F, 3) int64.
        colors: (F, 3, 3) float32, scene-linear color of each face's corners; where the face has a
            texture, they multiply it.
        uv: (F, 3, 2) float32, places in the texture, v upward; repeats outside [0, 1].
        texture: (F,) int32, number of each face's texture; -1 for none.
        textures: (H, W, 4) uint8 each, display-referred sRGB with alpha.
    """

    vertices: NDArray[np.float64]
    faces: NDArray[np.int64]
    colors: NDArray[np.float32]
    uv: NDArray[np.float32]
    texture: NDArray[np.int32]
    textures: tuple[NDArray[np.uint8], ...]

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
        alpha = np.ones(len(faces), np.float32)
        for number, image in enumerate(self.textures):
            chosen = self.texture[faces] == number
            height, width = image.shape[:2]
            u, v = (uv[chosen] % 1.0).T
            columns = (u * width).astype(int).clip(0, width - 1)
            rows = ((1 - v) * height).astype(int).clip(0, height - 1)
            texels = image[rows, columns].astype(np.float32) / 255
            colors[chosen] *= scene_linear(texels[:, :3])
            alpha[chosen] = texels[:, 3]
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


def load_mesh(path: Path) -> Mesh:
    """Read all triangles of a file.

    Raises:
        UnusableMeshError: The file cannot be read as it is meant, or has no triangles.
    """
    try:
        check_whole(path)
        loaded = trimesh.load(path, process=False, maintain_order=True)
    except UnusableMeshError:
        raise
    except Exception as error:  # Each of trimesh's decoders raises errors of its own.
        raise UnusableMeshError(f"unreadable ({type(error).__name__})") from error
    pieces = loaded.dump() if isinstance(loaded, trimesh.Scene) else [loaded]
    pieces = [p for p in pieces if isinstance(p, trimesh.Trimesh) and len(p.faces)]
    if not pieces:
        raise UnusableMeshError("no triangles")
    return _joined(pieces, is_gltf=path.suffix.lower() != ".obj")


def check_whole(path: Path) -> None:
    """Check that nothing a file needs is missing, which trimesh would replace without a word.

    Raises:
        UnusableMeshError: A texture, a buffer or the means to decode the file is missing.
    """
    if path.suffix.lower() == ".obj":
        needed = _named_by_obj(path)
    else:
        content = _gltf_json(path)
        decodable = READABLE | (
            {"KHR_draco_mesh_compression"} if importlib.util.find_spec("DracoPy") else set()
        )
        if unknown := set(content.get("extensionsRequired", [])) - decodable:
            raise UnusableMeshError(f"needs {', '.join(sorted(unknown))}")
        if "KHR_texture_transform" in json.dumps(content.get("materials", [])):
            raise UnusableMeshError("needs KHR_texture_transform")
        addresses = [
            item["uri"]
            for kind in ("images", "buffers")
            for item in content.get(kind, [])
            if "uri" in item
        ]
        needed = [a for a in addresses if not a.startswith("data:")]
    for name in needed:
        if not (path.parent / name).is_file():
            raise UnusableMeshError("a texture or another file that it names is missing")


def _gltf_json(path: Path) -> dict[str, Any]:
    data = path.read_bytes()
    if data[:4] == b"glTF":  # Header of 12 bytes, then the first chunk: length, type, JSON.
        (length,) = struct.unpack_from("<I", data, 12)
        data = data[20 : 20 + length]
    content = json.loads(data)
    if not isinstance(content, dict):
        raise UnusableMeshError("no glTF")
    return content


def _named_by_obj(path: Path) -> list[str]:
    """Return the names of the material files and of the textures in them."""
    libraries = _values(path, "mtllib")
    textures = [
        value.split()[-1] if value.startswith("-") else value
        for library in libraries
        if (path.parent / library).is_file()
        for value in _values(path.parent / library, "map_Kd")
    ]
    return [name.replace("\\", "/") for name in (*libraries, *textures)]


def _values(path: Path, key: str) -> list[str]:
    text = path.read_text(encoding="utf-8", errors="replace")
    found = [line.strip().split(maxsplit=1) for line in text.splitlines()]
    return [words[1] for words in found if len(words) == 2 and words[0] == key]


def _joined(pieces: list[trimesh.Trimesh], is_gltf: bool) -> Mesh:
    vertices, faces, colors, uvs, texture = [], [], [], [], []
    textures: list[NDArray[np.uint8]] = []
    count = 0
    for piece in pieces:
        corners = np.asarray(piece.faces, np.int64)
        color, uv, image = _look(piece, is_gltf)
        vertices.append(np.asarray(piece.vertices, np.float64))
        faces.append(corners + count)
        colors.append(color)
        uvs.append(uv)
        texture.append(np.full(len(corners), -1 if image is None else len(textures), np.int32))
        if image is not None:
            textures.append(image)
        count += len(piece.vertices)
    points = np.concatenate(vertices)
    if not np.isfinite(points).all():
        raise UnusableMeshError("places that are no numbers")
    # Both formats have Y up and Z to the front.
    return Mesh(
        np.ascontiguousarray(points[:, [2, 0, 1]]),
        np.concatenate(faces),
        np.concatenate(colors),
        np.concatenate(uvs),
        np.concatenate(texture),
        tuple(textures),
    )


def _look(
    piece: trimesh.Trimesh, is_gltf: bool
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.uint8] | None]:
    """Return the colors (F, 3, 3), the places in the texture (F, 3, 2) and the texture."""
    corners = np.asarray(piece.faces)
    visual = piece.visual
    colors = np.full((len(corners), 3, 3), PLAIN, np.float32)
    uv = np.zeros((len(corners), 3, 2), np.float32)
    if visual.kind in ("vertex", "face"):
        given = np.asarray(visual.vertex_colors)[:, :3].astype(np.float32) / 255
        # Colors of vertices are linear in glTF and, by custom, as displayed in OBJ.
        linear = given if is_gltf else scene_linear(given)
        return linear[corners], uv, None
    material = getattr(visual, "material", None)
    if material is None:
        return colors, uv, None
    image = None
    if isinstance(material, PBRMaterial):
        image = material.baseColorTexture
        if material.baseColorFactor is not None:  # scene-linear, though trimesh keeps it as bytes
            colors[:] = np.asarray(material.baseColorFactor[:3], np.float32) / 255
        elif image is not None:
            colors[:] = 1.0
        painted = visual.vertex_attributes.get("color")
        if painted is not None and len(painted) == len(piece.vertices):
            scale = 255 if np.issubdtype(painted.dtype, np.integer) else 1
            colors *= (np.asarray(painted[:, :3], np.float32) / scale)[corners]
    else:
        image = material.image
        # Kd is as displayed; beside a texture, files of OBJ carry it without meaning it.
        diffuse = np.asarray(material.diffuse[:3], np.float32) / 255
        colors[:] = 1.0 if image is not None else scene_linear(diffuse)
    if image is None or visual.uv is None or len(visual.uv) != len(piece.vertices):
        return colors, uv, None
    uv = np.asarray(visual.uv, np.float32)[corners]
    pixels = np.array(image.convert("RGBA"))
    shrink = LARGEST_TEXTURE / max(pixels.shape)
    if shrink < 1:
        size = [max(round(side * shrink), 1) for side in pixels.shape[1::-1]]
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return colors, uv, pixels
