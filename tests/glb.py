"""What a GLB file holds."""

import json
import struct
from pathlib import Path

import numpy as np


def gltf(path: Path) -> dict:
    content = path.read_bytes()
    [length] = struct.unpack_from("<I", content, 12)
    return json.loads(content[20 : 20 + length])


def size_of(document: dict) -> list[float]:
    """Extent of all points of a glTF document."""
    points = [
        document["accessors"][part["attributes"]["POSITION"]]
        for mesh in document["meshes"]
        for part in mesh["primitives"]
    ]
    low = np.min([each["min"] for each in points], axis=0)
    return list(np.round(np.max([each["max"] for each in points], axis=0) - low, 4))


def outwardness(path: Path) -> float:
    """Volume that the faces of a GLB file enclose; negative if they show their backs."""
    content, document = path.read_bytes(), gltf(path)
    start = 20 + int.from_bytes(content[12:16], "little") + 8
    volume = 0.0

    def values(number: int, kind: type, width: int) -> np.ndarray:
        accessor = document["accessors"][number]
        view = document["bufferViews"][accessor["bufferView"]]
        offset = start + view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
        return np.frombuffer(content, kind, accessor["count"] * width, offset)

    for part in document["meshes"][0]["primitives"]:
        points = values(part["attributes"]["POSITION"], np.float32, 3).reshape(-1, 3)
        kind = {5123: np.uint16, 5125: np.uint32}[
            document["accessors"][part["indices"]]["componentType"]
        ]
        corners = points[values(part["indices"], kind, 1)].reshape(-1, 3, 3)
        volume += np.einsum("ni,ni->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6
    return volume
