"""What is asked of a GLB, glTF or OBJ file before trimesh reads it.

trimesh replaces what it cannot read by a default, or leaves it out, without a word. Each file of
which it would make something else than the file says is refused here.
"""

from __future__ import annotations

import base64
import importlib.util
import json
import struct
from dataclasses import dataclass, replace
from io import BytesIO
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
FAN = 6  # mode of a primitive
GLASS = 0.1  # transmission from which a material counts as transparent
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
        diffuse: Display-referred color, red, green and blue in [0, 1]; None if it has none.
    """

    texture: Path | None = None
    opacity: float = 1.0
    diffuse: tuple[float, ...] | None = None


@dataclass(frozen=True)
class Obj:
    """What an OBJ file says of its looks.

    Attributes:
        materials: The materials of its library.
        is_painted: Whether its vertices have colors.
    """

    materials: dict[str, ObjMaterial]
    is_painted: bool


def check_obj(path: Path) -> Obj:
    """Check that trimesh reads an OBJ file's colors as it means them, and return its looks.

    Raises:
        UnusableMeshError: It does not, or something is missing.
    """
    text = path.read_text(encoding="utf-8", errors="replace")
    lines = _lines(text)
    libraries = [value for key, value in lines if key == "mtllib"]
    # trimesh takes what follows the first such word, in a comment, too, for one file's name.
    if len(libraries) > 1 or text.count("mtllib") != len(libraries):
        raise UnusableMeshError("more than one material file")
    materials: dict[str, ObjMaterial] = {}
    for name in libraries:
        library = path.parent / name.replace("\\", "/")
        if not library.is_file():
            raise UnusableMeshError("its material file is missing")
        materials = _mtl(library)
    if {value for key, value in lines if key == "usemtl"} - materials.keys():
        raise UnusableMeshError("a material is missing")
    painted = [
        [float(number) for number in numbers[3:6]]
        for numbers in (value.split() for key, value in lines if key == "v")
        if len(numbers) >= 6
    ]
    if any(max(color) > 1 or min(color) < 0 for color in painted):
        raise UnusableMeshError("colors of vertices beyond 0 to 1")
    return Obj(materials, bool(painted))


def _mtl(path: Path) -> dict[str, ObjMaterial]:
    found: dict[str, ObjMaterial] = {}
    masks: dict[str, Path] = {}
    name = ""
    for key, value in _lines(path.read_text(encoding="utf-8", errors="replace")):
        if key == "newmtl":
            name = value
            found[name] = ObjMaterial()
        elif name not in found:
            continue
        elif key == "map_kd":
            found[name] = replace(found[name], texture=_obj_texture(path.parent, value))
        elif key == "map_d":
            masks[name] = path.parent / value.replace("\\", "/")
        elif key in ("d", "tr"):
            number = float(value.split("#")[0].split()[-1])
            found[name] = replace(found[name], opacity=number if key == "d" else 1 - number)
        elif key == "kd":
            color = tuple(float(number) for number in value.split("#")[0].split())
            if len(color) not in (1, 3):
                raise UnusableMeshError("a color of an unusual kind")
            found[name] = replace(found[name], diffuse=color if len(color) == 3 else color * 3)
    if any(mask != found[name].texture for name, mask in masks.items()):
        raise UnusableMeshError("a mask that is not that of its texture")
    return found


def _obj_texture(folder: Path, value: str) -> Path:
    if value.startswith("-"):
        raise UnusableMeshError("a texture is scaled or placed in the material file")
    path = folder / value.replace("\\", "/")
    _check_image(path)
    return path


def _lines(text: str) -> list[tuple[str, str]]:
    """Return keys, in lower case, and values of a text's lines."""
    words = [line.strip().split(maxsplit=1) for line in text.splitlines()]
    return [(pair[0].lower(), pair[1].strip()) for pair in words if len(pair) == 2]


def _check_image(source: Path | BytesIO) -> None:
    if isinstance(source, Path) and not source.is_file():
        raise UnusableMeshError("a texture is missing")
    try:
        with Image.open(source) as image:
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
    if any("sparse" in accessor for accessor in content.get("accessors", [])):
        raise UnusableMeshError("sparse accessors")
    for material in content.get("materials", []):
        _check_material(gltf, material)
    for mesh in content.get("meshes", []):
        for primitive in mesh.get("primitives", []):
            _check_primitive(content, primitive)
    for node in content.get("nodes", []):
        if "skin" in node:
            _check_skin(gltf, node)


def _check_material(gltf: Gltf, material: dict[str, Any]) -> None:
    extensions = material.get("extensions", {})
    if extensions.get("KHR_materials_transmission", {}).get("transmissionFactor", 0) > GLASS:
        raise UnusableMeshError("transparent")
    colored = (
        material.get("pbrMetallicRoughness", {}).get("baseColorTexture"),
        extensions.get("KHR_materials_pbrSpecularGlossiness", {}).get("diffuseTexture"),
    )
    for use in filter(None, colored):
        if use.get("texCoord", 0) or "KHR_texture_transform" in use.get("extensions", {}):
            raise UnusableMeshError("a texture is placed in an unusual way")
        texture = gltf.content["textures"][use["index"]]
        sources = [one.get("source") for one in (texture, *texture.get("extensions", {}).values())]
        if not any(source is not None for source in sources):
            raise UnusableMeshError("a texture of an unusual kind")
        for source in sources:
            if source is not None:
                _check_gltf_image(gltf, gltf.content["images"][source])


def _check_gltf_image(gltf: Gltf, image: dict[str, Any]) -> None:
    if image.get("mimeType") == "image/ktx2":
        raise UnusableMeshError("a texture of an unusual kind")
    uri = image.get("uri")
    if uri is None:
        _check_image(BytesIO(_view(gltf, image["bufferView"])))
    elif uri.startswith("data:"):
        _check_image(BytesIO(_decoded(uri)))
    else:
        _check_image(gltf.folder / unquote(uri))


def _check_primitive(content: dict[str, Any], primitive: dict[str, Any]) -> None:
    if primitive.get("mode") == FAN:
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
    data = _view(gltf, accessor["bufferView"])
    numbers = np.frombuffer(data, "<f4", 16 * accessor["count"], accessor.get("byteOffset", 0))
    return numbers.reshape(-1, 4, 4).transpose(0, 2, 1).astype(np.float64)


def _view(gltf: Gltf, number: int) -> bytes:
    """Read a part of a buffer."""
    view = gltf.content["bufferViews"][number]
    uri = gltf.content["buffers"][view["buffer"]].get("uri")
    if uri is None:
        data = gltf.binary
    elif uri.startswith("data:"):
        data = _decoded(uri)
    else:
        data = (gltf.folder / unquote(uri)).read_bytes()
    start = view.get("byteOffset", 0)
    return data[start : start + view["byteLength"]]


def _decoded(uri: str) -> bytes:
    """Decode a data URI."""
    return base64.b64decode(uri.partition(",")[2])


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
