"""Reads an exported file back, and checks that it is what its target needs."""

from __future__ import annotations

import importlib.util
import json
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from ...inference.errors import TripoSRError
from .colors import Colors

ALIGNMENT = 64
"""Bytes at whose multiples the files in a USDZ must begin, so that they can be mapped to memory."""

TRIANGLE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
"""A triangle in a binary STL file, after a header of 80 bytes and a count."""


@dataclass(frozen=True)
class Found:
    """What a file holds.

    Attributes:
        triangles, vertices: Their numbers; vertices as in the file, 0 where nobody asks.
        size: Bytes.
        textured: Number of materials whose base color is a texture; None if that is not known.
        open_edges: In an STL file, edges at which the surface ends.
        is_turned: Whether faces of an STL file show their backs, all or some of them.
    """

    triangles: int
    size: int
    vertices: int = 0
    textured: int | None = 0
    open_edges: int = 0
    is_turned: bool = False


def read_back(path: Path, colors: Colors) -> Found:
    """Read a file that was just written.

    Raises:
        TripoSRError: It is not there, or is not what its target needs.
    """
    if not path.is_file():
        raise _wrong(path, "there is no file")
    try:
        return READERS[path.suffix](path, colors)
    except (ValueError, KeyError, IndexError, struct.error, zipfile.BadZipFile) as error:
        raise _wrong(path, str(error)) from error


def _wrong(path: Path, reason: str) -> TripoSRError:
    return TripoSRError(
        "Blender's exporter has not written {file} as it should: {reason}",
        "Try another target, and report this",
        file=path.name,
        reason=reason,
    )


def _read_glb(path: Path, colors: Colors) -> Found:
    content = path.read_bytes()
    magic, version, length, json_length, kind = struct.unpack_from("<4sIII4s", content)
    if (magic, version, length, kind) != (b"glTF", 2, len(content), b"JSON"):
        raise ValueError("it is no GLB file")
    gltf = json.loads(content[20 : 20 + json_length])
    primitives = [part for mesh in gltf.get("meshes", []) for part in mesh["primitives"]]
    accessors = gltf["accessors"]
    triangles = sum(accessors[part["indices"]]["count"] // 3 for part in primitives)
    points = {part["attributes"]["POSITION"] for part in primitives}
    has_colors = any("COLOR_0" in part["attributes"] for part in primitives)
    kinds = {image.get("mimeType") for image in gltf.get("images", [])}
    if has_colors != (colors in ("vertex", "both")):
        raise ValueError("its vertex colors are wrong")
    if not kinds <= {"image/png", "image/jpeg"}:
        raise ValueError("its textures are wrong")
    if any("uri" in part for part in (*gltf.get("images", []), *gltf["buffers"])):
        raise ValueError("it refers to other files")
    vertices = sum(accessors[number]["count"] for number in points)
    materials = [each.get("pbrMetallicRoughness", {}) for each in gltf.get("materials", [])]
    textured = sum("baseColorTexture" in each for each in materials)
    return Found(triangles, len(content), vertices, textured)


def _read_usdz(path: Path, colors: Colors) -> Found:
    with zipfile.ZipFile(path) as archive, path.open("rb") as file:
        for entry in archive.infolist():
            if entry.compress_type != zipfile.ZIP_STORED:
                raise ValueError("it is compressed")
            file.seek(entry.header_offset + 26)
            name_length, extra_length = struct.unpack("<HH", file.read(4))
            if (entry.header_offset + 30 + name_length + extra_length) % ALIGNMENT:
                raise ValueError("its files are not aligned")
        endings = [Path(name).suffix for name in archive.namelist()]
    if endings[0] != ".usdc" or not set(endings[1:]) <= {".png", ".jpg", ".jpeg"}:
        raise ValueError("it holds files that Apple does not read")
    return _read_usd(path, colors)


def _read_usd(path: Path, colors: Colors) -> Found:
    if not _has_pxr():
        return Found(_shown_triangles(), path.stat().st_size, textured=None)
    from pxr import Usd, UsdGeom, UsdShade, UsdUtils

    stage = Usd.Stage.Open(str(path))
    if UsdGeom.GetStageUpAxis(stage) != UsdGeom.Tokens.y:
        raise ValueError("Y does not point up")
    if UsdGeom.GetStageMetersPerUnit(stage) != 1.0:
        raise ValueError("its unit is not the meter")
    corners = [
        np.array(UsdGeom.Mesh(prim).GetFaceVertexCountsAttr().Get())
        for prim in stage.Traverse()
        if prim.IsA(UsdGeom.Mesh)
    ]
    if path.suffix == ".usdz" and hasattr(UsdUtils, "ComplianceChecker"):
        checker = UsdUtils.ComplianceChecker(arkit=True)
        checker.CheckCompliance(str(path))
        if found := [*checker.GetErrors(), *checker.GetFailedChecks()]:
            raise ValueError(found[0])
    shaders = [UsdShade.Shader(prim) for prim in stage.Traverse() if prim.IsA(UsdShade.Shader)]
    inputs = [shader.GetInput("diffuseColor") for shader in shaders]
    textured = sum(bool(each) and each.HasConnectedSource() for each in inputs)
    triangles = int(sum((counts - 2).sum() for counts in corners))
    return Found(triangles, path.stat().st_size, textured=textured)


def _has_pxr() -> bool:
    """Whether Python finds Blender's own `pxr`; distributions may leave it out."""
    if hasattr(bpy.utils, "expose_bundled_modules") and bpy.app.module:  # neither is in 4.2
        bpy.utils.expose_bundled_modules()
    return importlib.util.find_spec("pxr") is not None


def _shown_triangles() -> int:
    """Number of triangles of the object that was exported."""
    data = bpy.context.object.data
    return len(data.loops) - 2 * len(data.polygons)


def _read_fbx(path: Path, colors: Colors) -> Found:
    from io_scene_fbx import parse_fbx

    root, _version = parse_fbx.parse(str(path))
    settings = {
        entry.props[0]: entry.props[4]
        for part in _parts(root, b"GlobalSettings", b"Properties70", b"P")
        if len((entry := part).props) > 4
    }
    if settings[b"UpAxis"] != 1 or settings[b"UnitScaleFactor"] != 1.0:
        raise ValueError("its axes or its unit are wrong")
    corners = next(_parts(root, b"Objects", b"Geometry", b"PolygonVertexIndex")).props[0]
    ends = int((np.array(corners) < 0).sum())  # the last corner of each face is negated
    contents = list(_parts(root, b"Objects", b"Video", b"Content"))
    links = [link.props for link in _parts(root, b"Connections", b"C")]
    textured = {link[2] for link in links if link[3:] == [b"DiffuseColor"]}
    if textured and not any(part.props and len(part.props[0]) for part in contents):
        raise ValueError("its textures are wrong")
    return Found(len(corners) - 2 * ends, path.stat().st_size, textured=len(textured))


def _parts(element: Any, name: bytes, *inner: bytes) -> Iterator[Any]:
    """The parts of an FBX file below an element that have these names."""
    for part in element.elems:
        if part is not None and part.id == name:
            if inner:
                yield from _parts(part, *inner)
            else:
                yield part


def _read_stl(path: Path, colors: Colors) -> Found:
    content = path.read_bytes()
    [count] = struct.unpack_from("<I", content, 80)
    if not count or len(content) != 84 + TRIANGLE.itemsize * count:  # as on a full disk
        raise ValueError("it is not whole")
    corners = np.frombuffer(content, TRIANGLE, count, 84)["corners"].reshape(-1, 3)
    # The same point has the same bytes; adding zero makes -0 and 0 the same.
    _, number = np.unique(corners + np.float32(0), axis=0, return_inverse=True)
    faces = number.reshape(-1, 3)
    edges = faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    edges = edges[edges[:, 0] != edges[:, 1]]  # of triangles that are a line
    forward = edges[:, 0] < edges[:, 1]
    _, edge = np.unique(np.sort(edges, axis=1), axis=0, return_inverse=True)
    edge = edge.reshape(-1)  # NumPy 2.0 returns another shape
    shared = np.bincount(edge)
    # Two neighbors run along their common edge in opposite directions.
    balance = np.bincount(edge, np.where(forward, 1, -1))
    open_edges = int((shared % 2 != 0).sum())
    is_uneven = bool(balance[shared % 2 == 0].any())
    is_turned = is_uneven or (not open_edges and _volume(corners.reshape(-1, 3, 3)) < 0)
    return Found(count, len(content), 0, None, open_edges, is_turned)


def _volume(triangles: NDArray[np.float32]) -> float:
    """Volume that triangles (T, 3, 3) enclose; negative if they show their backs."""
    first, second, third = np.moveaxis(triangles.astype(np.float64), 1, 0)
    return float(np.einsum("ni,ni->", first, np.cross(second, third)) / 6)


READERS = {
    ".glb": _read_glb,
    ".usdz": _read_usdz,
    ".usd": _read_usd,
    ".usdc": _read_usd,
    ".usda": _read_usd,
    ".fbx": _read_fbx,
    ".stl": _read_stl,
}
