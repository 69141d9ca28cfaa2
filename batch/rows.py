"""A picture's row in the index of an output folder. No Ray, no torch, no bpy."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

FORMAT = 1
"""Version of the files that an output folder holds."""

RUN, LINES, TABLE, PAGE = "run.json", "index.jsonl", "index.parquet", "index.html"
"""Names in the output folder: what all rows have in common; the rows, twice; the contact sheet."""

OBJECTS, CODES, THUMBNAILS = "objects", "scene_codes", "thumbnails"
"""Subfolders of the output folder."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One picture: the object that it became, or why it became none.

    Paths of files are relative to the output folder, with forward slashes; empty if there is none.

    Attributes:
        picture: Absolute path or URL; see `storage.public`.
        digest: SHA-256 of the picture's file; empty if the file could not be read.
        settings: SHA-256 of the settings, as run.json has them.
        weights: SHA-256 of the model's weights.
        file: GLB of the object.
        code: Scene code, for `SceneCode.load`.
        thumbnail: JPEG of the cut-out beside the object.
        faces: Number of triangles.
        cut_off: Whether the model's box cuts the surface off.
        match: How well the object covers its subject in the picture, 0...1; 0 if not known.
        camera: Elevation, azimuth and field of view in degrees, distance, x and y of the center,
            width and height; see `inference.texture.camera.Camera`. Empty if not known.
        scale, base: See `scene.placement.Placement`.
        seconds: Duration of each stage: prepare, encode, extract, match, texture, write.
        device: Torch's name for the device that ran the network.
        attempts: How often the picture was begun; more than 1 if a worker was lost with it.
        error, hint: Why there is no object, and what to do; both empty if there is one.
    """

    picture: str
    digest: str = ""
    settings: str = ""
    weights: str = ""
    file: str = ""
    code: str = ""
    thumbnail: str = ""
    faces: int = 0
    cut_off: bool = False
    match: float = 0.0
    camera: tuple[float, ...] = ()
    scale: float = 1.0
    base: tuple[float, ...] = (0.0, 0.0, 0.0)
    seconds: dict[str, float] = dataclasses.field(default_factory=dict)
    device: str = ""
    attempts: int = 1
    error: str = ""
    hint: str = ""

    @property
    def is_done(self) -> bool:
        """Whether the picture became an object."""
        return not self.error

    def to_json(self) -> str:
        """Return the row as one line of JSON, without the line's end."""
        # Not asdict(), which copies: every row is written several times on its way.
        return json.dumps(vars(self), ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, line: str) -> Row:
        """Read what `to_json` wrote.

        Raises:
            ValueError: The line is no row, for instance because its end is missing.
        """
        values = json.loads(line)
        names = {field.name for field in dataclasses.fields(cls)}
        if not isinstance(values, dict) or not isinstance(values.get("picture"), str):
            raise ValueError("not a row")
        known: dict[str, Any] = {name: values[name] for name in values if name in names}
        for name in known.keys() & {"camera", "base"}:
            known[name] = tuple(_numbers(known[name], list))
        row = cls(**known)
        _numbers(row.seconds, dict)
        for name, default in _PLAIN.items():
            value = getattr(row, name)
            is_whole = type(value) is int and type(default) is float
            if type(value) is not type(default) and not is_whole:
                raise ValueError(f"{name} may not be {value!r}")
        return row


def _numbers(values: Any, kind: type) -> Any:
    """Return a list or dictionary of numbers; raises ValueError if it is something else."""
    numbers = values.values() if isinstance(values, dict) else values
    if not isinstance(values, kind) or not all(type(n) in (int, float) for n in numbers):
        raise ValueError(f"not numbers: {values!r}")
    return values


_PLAIN = {
    field.name: field.default
    for field in dataclasses.fields(Row)
    if isinstance(field.default, (str, int, float))
}
"""Attributes that are a text, a number or a switch, with their defaults."""
