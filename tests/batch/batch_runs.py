"""What the tests give to a run, and what they look for after it."""

import json
import os
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from triposr.batch.rows import LINES, Row

TINY = Path(__file__).parents[1] / "data" / "tiny"
RESOLUTION = 16


def draw(path: Path, height: int = 60, color: tuple[int, int, int] = (255, 0, 0)) -> Path:
    """Draw a rectangle without a background."""
    picture = Image.new("RGBA", (96, 96), (0, 255, 0, 0))
    ImageDraw.Draw(picture).rectangle((20, 10, 69, 9 + height), fill=(*color, 255))
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, "PNG")
    return path


def arguments(*pictures: object, output: Path | str) -> list[str]:
    """Of a run of the small model."""
    settings = ("--model", TINY, "--device", "cpu", "--resolution", RESOLUTION)
    return [str(each) for each in (*pictures, "-o", output, *settings)]


def rows_in(output: Path) -> dict[str, Row]:
    """The rows of an index, by the pictures' names; none twice."""
    lines = (output / LINES).read_text(encoding="utf-8").split("\n")
    rows = [Row.from_json(line) for line in lines if line]
    assert len({row.picture for row in rows}) == len(rows)
    return {Path(row.picture).name: row for row in rows}


def partial_files(output: Path) -> list[Path]:
    return list(output.rglob(".partial-*"))


def processes_with(mark: str) -> list[int]:
    """The processes whose environment holds a text, whatever they call themselves."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdecimal() and mark.encode() in (entry / "environ").read_bytes():
                found.append(int(entry.name))
        except OSError:  # it has ended
            continue
    return [pid for pid in found if pid != os.getpid() and not _is_zombie(pid)]


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def primitive_of(content: bytes) -> tuple[dict, dict[str, np.ndarray], list[bytes]]:
    """What a GLB file with one primitive holds.

    Returns:
        The document; the attributes and the faces by name, as numbers in the file; the images.
    """
    [length] = struct.unpack_from("<I", content, 12)
    document, start = json.loads(content[20 : 20 + length]), 28 + length

    def view(number: int) -> bytes:
        place = document["bufferViews"][number]
        offset = start + place.get("byteOffset", 0)
        return content[offset : offset + place["byteLength"]]

    def values(number: int) -> np.ndarray:
        accessor = document["accessors"][number]
        kind = {5121: "u1", 5123: "<u2", 5125: "<u4", 5126: "<f4"}[accessor["componentType"]]
        width = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}[accessor["type"]]
        numbers = np.frombuffer(view(accessor["bufferView"]), kind, accessor["count"] * width)
        return numbers.reshape(accessor["count"], width)

    [mesh] = document["meshes"]
    [part] = mesh["primitives"]
    found = {name: values(number) for name, number in part["attributes"].items()}
    found["faces"] = values(part["indices"]).reshape(-1, 3).astype(np.int64)
    return document, found, [view(image["bufferView"]) for image in document.get("images", ())]


class FakeRay:
    """Ray's own start and end: what they were called with, and what goes wrong in turn."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *errors: Exception) -> None:
        self.starts: list[dict[str, object]] = []
        self.ends = 0
        self._errors = list(errors)
        monkeypatch.setattr("ray.init", self._init)
        monkeypatch.setattr("ray.shutdown", self._shutdown)
        monkeypatch.delenv("RAY_AUTH_MODE", raising=False)

    def _init(self, **options: object) -> None:
        self.starts.append(options)
        if self._errors:
            raise self._errors.pop(0)

    def _shutdown(self) -> None:
        self.ends += 1
