"""A GLB file becomes arrays, by the half of Blender's glTF importer that needs no bpy.

Reading runs on a worker. Blender's own operator would take the main thread three times as long as
it takes to build the mesh from these arrays, and leave a material for each file.
"""

from __future__ import annotations

import logging
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..inference.errors import InputError, importing
from .placement import from_gltf_frame

log = logging.getLogger(__name__)

MAX_BYTES = 2 << 30
"""Most bytes of a file that is read."""

MAX_COUNT = 50_000_000
"""Most vertices or corners, so that a few bytes cannot ask for all memory."""

MAX_COORDINATE = 1e7
"""Farthest vertex in object units: ten times the largest object."""

DAMAGES = (
    *(OSError, ValueError, LookupError, TypeError, AttributeError, AssertionError),
    *(ArithmeticError, MemoryError, RuntimeError, struct.error),
)
"""Errors that the importer raises for a damaged file; its own error is a RuntimeError."""


@dataclass(frozen=True, eq=False)
class Skin:
    """Textures of a mesh, with its UV map.

    Attributes:
        uv: (F, 3, 2) float32, for each corner of each face; v upward, as Blender has it.
        color: Content of a PNG or JPEG file.
        normals: The same for a normal map, or None.
        side: Longer side of the color texture, in pixels.
    """

    uv: NDArray[np.float32]
    color: bytes
    normals: bytes | None
    side: int


@dataclass(frozen=True, eq=False)
class Glb:
    """Content of a file.

    Attributes:
        vertices: (V, 3) float32, in Blender's frame.
        faces: (F, 3) int32.
        colors: (V, 3) float32 in [0, 1], display-referred.
        skin: Its textures; None if the vertices have the colors.
    """

    vertices: NDArray[np.float32]
    faces: NDArray[np.int32]
    colors: NDArray[np.float32]
    skin: Skin | None


class Reader(NamedTuple):
    """Parts of Blender's importer: one reads a document, one its arrays."""

    document: Any
    binary: Any


def blenders_reader() -> Reader:
    """Import what reads GLB files; call this on the main thread, because it imports bpy.

    Raises:
        DependencyError: This Blender has no glTF importer.
    """
    with importing("io_scene_gltf2"):
        from io_scene_gltf2.io.imp.gltf2_io_binary import BinaryData
        from io_scene_gltf2.io.imp.gltf2_io_gltf import glTFImporter

        return Reader(glTFImporter, BinaryData)


def read_glb(path: Path, reader: Reader) -> Glb:
    """Read a file with one mesh, which stands as it is. No bpy: this runs on the worker.

    Vertices that a file repeats along the seams of its UV map become one again.

    Raises:
        InputError: The file is missing or damaged, or holds something else.
    """
    try:
        return _read(path, reader)
    except DAMAGES as error:
        log.warning("%s cannot be read", path.name, exc_info=error)
        raise InputError(
            "{name} is missing or damaged", "Run the batch again", name=path.name
        ) from error


def _read(path: Path, reader: Reader) -> Glb:
    # Imported here, because it imports Pillow, and enabling the add-on must not need Pillow.
    from ..inference.picture.color import linear_to_srgb

    if not path.is_file():  # a pipe would be waited for
        raise ValueError("there is no file")
    if path.stat().st_size > MAX_BYTES:
        raise ValueError("it is too large")
    file = reader.document(str(path), {"import_user_extensions": []})
    file.read()
    _check(file.data)
    [mesh] = file.data.meshes
    [part] = mesh.primitives
    if part.mode not in (None, 4):
        raise ValueError("it does not consist of triangles")

    def values(number: int) -> NDArray[Any]:
        return np.asarray(reader.binary.decode_accessor(file, number))

    vertices = from_gltf_frame(values(part.attributes["POSITION"]).astype(np.float32))
    if not len(vertices) or not (np.abs(vertices) <= MAX_COORDINATE).all():  # false for NaN
        raise ValueError("it has no vertices, or some that lie nowhere")
    count = len(vertices)
    corners = np.arange(count) if part.indices is None else values(part.indices).ravel()
    faces = corners.reshape(-1, 3).astype(np.int64)
    if faces.min() < 0 or faces.max() >= count:
        raise ValueError("its faces have vertices that are not there")
    colors = None
    if "COLOR_0" in part.attributes:
        colors = _of_length(linear_to_srgb(values(part.attributes["COLOR_0"])[:, :3]), count)
    material = file.data.materials[part.material] if part.material is not None else None
    surface = None if material is None else material.pbr_metallic_roughness
    shown = None if surface is None else surface.base_color_texture
    if shown is None:
        if colors is None:
            raise ValueError("it has no colors")
        return Glb(vertices, _whole(faces)[0], colors, None)
    uv = _of_length(values(part.attributes[f"TEXCOORD_{shown.tex_coord or 0}"]), count)
    normals = None
    if material.normal_texture is not None:
        normals = _image(file, reader, material.normal_texture.index)
    return _skinned(vertices, faces, colors, uv, _image(file, reader, shown.index), normals)


def _check(document: Any) -> None:
    """Refuse what no batch writes, and what would lead the reader out of the file."""
    if document.extensions_required:
        raise ValueError("it is compressed")
    if any(part.uri for part in (*document.buffers, *(document.images or ()))):
        raise ValueError("it refers to other files")
    if any(not 0 <= each.count <= MAX_COUNT for each in document.accessors):
        raise ValueError("it is too large")
    for view in document.buffer_views:
        places = view.byte_offset or 0, view.byte_length, view.byte_stride or 4
        if min(places) < 0:
            raise ValueError("it refers to what lies before its beginning")
    for node in document.nodes or ():
        if any((node.matrix, node.translation, node.rotation, node.scale)):
            identity = np.eye(4).ravel().tolist()
            if node.translation or node.rotation or node.scale or list(node.matrix) != identity:
                raise ValueError("its mesh is moved, turned or scaled")


def _of_length(values: NDArray[Any], count: int) -> NDArray[np.float32]:
    if len(values) != count or not np.isfinite(values).all():
        raise ValueError("its colors or its UV map do not fit its vertices")
    return values.astype(np.float32)


def _whole(faces: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """The faces with three different vertices, and which of all they are."""
    a, b, c = faces.T
    is_whole = (a != b) & (b != c) & (c != a)
    if not is_whole.any():
        raise ValueError("it has no faces")
    return faces[is_whole].astype(np.int32), is_whole


def _image(file: Any, reader: Reader, texture: int) -> bytes:
    return bytes(reader.binary.get_image_data(file, file.data.textures[texture].source))


def _skinned(
    vertices: NDArray[np.float32],
    faces: NDArray[np.int64],
    colors: NDArray[np.float32] | None,
    uv: NDArray[np.float32],
    color: bytes,
    normals: bytes | None,
) -> Glb:
    """A mesh with textures; vertices without colors take that of the texture where they lie."""
    from ..inference.picture.decode import open_picture

    picture = np.asarray(open_picture(color))
    if normals is not None:
        open_picture(normals)  # Blender must find a picture in it
    if colors is None:
        # glTF's v runs downward, as rows do; beyond its ends, the texture is repeated.
        size = np.array(picture.shape[1::-1])
        inside = np.where((uv < 0) | (uv > 1), uv % 1, uv)
        x, y = np.minimum((inside * size).astype(np.int64), size - 1).T
        colors = picture[y, x, :3].astype(np.float32) / 255
    _, first, same = np.unique(vertices, axis=0, return_index=True, return_inverse=True)
    merged, is_whole = _whole(same.reshape(-1)[faces])
    upward = np.stack((uv[:, 0], 1 - uv[:, 1]), axis=1)
    skin = Skin(upward[faces[is_whole]], color, normals, max(picture.shape[:2]))
    return Glb(vertices[first], merged, colors[first], skin)
