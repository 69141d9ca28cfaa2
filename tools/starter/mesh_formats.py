"""What is asked of a GLB, glTF or OBJ file before trimesh reads it.

trimesh replaces what it cannot read by a default, or leaves it out, without a word. Each file of
which it would make something else than the file says is refused here.
"""

from __future__ import annotations

import base64
import importlib.util
import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from trimesh.transformations import quaternion_matrix

ENDINGS = (".glb", ".gltf", ".obj")

DRACO = "KHR_draco_mesh_compression"
READABLE = {"KHR_materials_unlit", "KHR_materials_specular", "KHR_materials_ior"}
"""Extensions of glTF that change neither shapes nor base colors."""

FLOAT = 5126
WHOLE_TRIANGLES = (None, 4, 5)  # triangles and strips; points and lines are no surface
SURFACES = (None, 4, 5, 6)
SIZED = 0.1  # share of its size by which a skin may change a mesh's


class UnusableMeshError(Exception):
    """A file is no mesh to learn from; says why in a few words."""


# OBJ


@dataclass(frozen=True)
class ObjMaterial:
    """A material of an MTL file.

    Attributes:
        texture: File of its color texture, or None.
        opacity: 0 (clear) to 1.
    """

    texture: Path | None = None
    opacity: float = 1.0


def obj_materials(path: Path) -> dict[str, ObjMaterial]:
    """Read the materials of an OBJ file.

    Raises:
        UnusableMeshError: A material file or a texture is missing, or placed in an unusual way.
    """
    found: dict[str, ObjMaterial] = {}
    for value in _values(path, "mtllib"):
        names = [value] if (path.parent / value).is_file() else value.split()
        for name in names:
            library = path.parent / name.replace("\\", "/")
            if not library.is_file():
                raise UnusableMeshError("its material file is missing")
            found |= _mtl(library)
    return found


def _mtl(path: Path) -> dict[str, ObjMaterial]:
    found: dict[str, ObjMaterial] = {}
    name = ""
    for key, value in _lines(path):
        if key == "newmtl":
            name = value
            found[name] = ObjMaterial()
        elif key == "map_kd" and name in found:
            found[name] = ObjMaterial(_obj_texture(path.parent, value), found[name].opacity)
        elif key in ("d", "tr") and name in found:
            number = float(value.split()[-1])
            found[name] = ObjMaterial(found[name].texture, number if key == "d" else 1 - number)
    return found


def _obj_texture(folder: Path, value: str) -> Path:
    if value.startswith("-"):
        raise UnusableMeshError("a texture is scaled or placed in the material file")
    path = folder / value.replace("\\", "/")
    _check_image(path)
    return path


def _lines(path: Path) -> list[tuple[str, str]]:
    """Return keys, in lower case, and values of a file's lines."""
    text = path.read_text(encoding="utf-8", errors="replace")
    words = [line.strip().split(maxsplit=1) for line in text.splitlines()]
    return [(pair[0].lower(), pair[1].strip()) for pair in words if len(pair) == 2]


def _values(path: Path, key: str) -> list[str]:
    return [value for name, value in _lines(path) if name == key]


def _check_image(path: Path) -> None:
    if not path.is_file():
        raise UnusableMeshError("a texture is missing")
    try:
        with Image.open(path) as image:
            image.load()
    except (OSError, ValueError, SyntaxError) as error:  # Pillow raises all of them
        raise UnusableMeshError("a texture is damaged") from error


# glTF


@dataclass(frozen=True)
class Gltf:
    """A glTF file's description, with its folder and the binary part of a GLB."""

    content: dict[str, Any]
    folder: Path
    binary: bytes


def read_gltf(path: Path) -> Gltf:
    """Read the description of a GLB or glTF file; raises UnusableMeshError."""
    data = path.read_bytes()
    binary = b""
    if data[:4] == b"glTF":  # A header of 12 bytes, then chunks: length, type, content.
        (length,) = struct.unpack_from("<I", data, 12)
        binary = data[28 + length :]
        data = data[20 : 20 + length]
    content = json.loads(data)
    if not isinstance(content, dict):
        raise UnusableMeshError("no glTF")
    return Gltf(content, path.parent, binary)


def check_gltf(gltf: Gltf) -> None:
    """Check that trimesh reads a file's shapes and colors as it means them.

    Raises:
        UnusableMeshError: It does not, or something is missing.
    """
    content = gltf.content
    decodable = READABLE | ({DRACO} if importlib.util.find_spec("DracoPy") else set())
    if unknown := set(content.get("extensionsRequired", [])) - decodable:
        raise UnusableMeshError(f"needs {', '.join(sorted(unknown))}")
    for item in content.get("buffers", []):
        uri = item.get("uri", "data:")
        if not uri.startswith("data:") and not (gltf.folder / unquote(uri)).is_file():
            raise UnusableMeshError("its data file is missing")
    for item in content.get("images", []):
        uri = item.get("uri", "data:")
        if not uri.startswith("data:"):
            _check_image(gltf.folder / unquote(uri))
    if any("sparse" in accessor for accessor in content.get("accessors", [])):
        raise UnusableMeshError("sparse accessors")
    for material in content.get("materials", []):
        base = material.get("pbrMetallicRoughness", {}).get("baseColorTexture", {})
        if base.get("texCoord", 0) or "KHR_texture_transform" in base.get("extensions", {}):
            raise UnusableMeshError("a texture is placed in an unusual way")
    for mesh in content.get("meshes", []):
        for primitive in mesh.get("primitives", []):
            _check_primitive(content, primitive)
    for node in content.get("nodes", []):
        if "skin" in node:
            _check_skin(gltf, node)


def _check_primitive(content: dict[str, Any], primitive: dict[str, Any]) -> None:
    mode = primitive.get("mode")
    if mode in SURFACES and mode not in WHOLE_TRIANGLES:
        raise UnusableMeshError("fans of triangles")
    for name in ("POSITION", "TEXCOORD_0", "COLOR_0"):
        number = primitive.get("attributes", {}).get(name)
        if number is None:
            continue
        kind = content["accessors"][number]["componentType"]
        if kind != FLOAT and not (name == "COLOR_0" and kind == 5121):  # bytes are read right
            raise UnusableMeshError(f"{name} of an unusual type")


def _check_skin(gltf: Gltf, node: dict[str, Any]) -> None:
    """Check that a skin only bends its mesh.

    trimesh ignores skins, so it reads the shape as it was before it was posed, which is a shape to
    learn from as well. But some skins also bring a mesh to its size.
    """
    content = gltf.content
    skin = content["skins"][node["skin"]]
    world = _world_matrices(content)
    posed = np.stack([world[joint] for joint in skin["joints"]])
    if "inverseBindMatrices" in skin:
        posed = posed @ _matrices(gltf, skin["inverseBindMatrices"])[: len(posed)]
    sizes = np.linalg.norm(posed[:, :3, :3], axis=(1, 2))
    size = np.linalg.norm(world[content["nodes"].index(node)][:3, :3])
    if not np.abs(sizes - size).max() < SIZED * size:
        raise UnusableMeshError("a skin that changes its size")


def _matrices(gltf: Gltf, number: int) -> NDArray[np.float64]:
    """Read an accessor of 4 × 4 matrices (N, 4, 4), which are stored column by column."""
    accessor = gltf.content["accessors"][number]
    view = gltf.content["bufferViews"][accessor["bufferView"]]
    uri = gltf.content["buffers"][view["buffer"]].get("uri")
    if uri is None:
        data = gltf.binary
    elif uri.startswith("data:"):
        data = base64.b64decode(uri.partition(",")[2])
    else:
        data = (gltf.folder / unquote(uri)).read_bytes()
    start = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
    numbers = np.frombuffer(data, "<f4", 16 * accessor["count"], start)
    return numbers.reshape(-1, 4, 4).transpose(0, 2, 1).astype(np.float64)


def _world_matrices(content: dict[str, Any]) -> dict[int, NDArray[np.float64]]:
    nodes = content["nodes"]
    parents = {child: n for n, node in enumerate(nodes) for child in node.get("children", [])}
    local = [_local_matrix(node) for node in nodes]

    def world(number: int, depth: int = 0) -> NDArray[np.float64]:
        if depth > len(nodes):
            raise UnusableMeshError("nodes in a circle")
        parent = parents.get(number)
        return local[number] if parent is None else world(parent, depth + 1) @ local[number]

    return {number: world(number) for number in range(len(nodes))}


def _local_matrix(node: dict[str, Any]) -> NDArray[np.float64]:
    if "matrix" in node:
        return np.array(node["matrix"], np.float64).reshape(4, 4).T
    x, y, z, w = node.get("rotation", (0, 0, 0, 1))
    matrix = quaternion_matrix((w, x, y, z))
    matrix[:3, :3] *= np.array(node.get("scale", (1, 1, 1)))
    matrix[:3, 3] = node.get("translation", (0, 0, 0))
    return matrix
