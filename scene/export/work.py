"""What the second Blender does: it makes the copy fit a target, writes it and reads it back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import bpy

from ...inference.errors import explain
from ...inference.message import Message, Value
from .colors import Colors, colors_shown_by
from .images import Images
from .page import write_page
from .read_back import Found, read_back
from .reduce import reduce_triangles, triangles_of, triangulate
from .targets import TARGETS, Target
from .uv_maps import keep_used_uv_maps
from .writers import write

REDUCTIONS = 6
"""Highest number of attempts to get below a limit."""


@dataclass
class Copy:
    """The object in the second Blender.

    Attributes:
        target: The only object of the scene.
        colors: What it shows.
        images: Its textures.
        remarks: What the artist should know about the result.
    """

    target: bpy.types.Object
    colors: Colors
    images: Images
    remarks: list[Message]


def main(folder: Path) -> None:
    """Export the mesh in `folder` as its `job.json` says, into `out`; answer in `answer.json`."""
    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    answer: dict[str, object]
    try:
        answer = _export(folder, job)
    except Exception as error:  # the boundary between the two Blenders
        explained = explain(error)
        answer = {"problem": [packed(explained.message), packed(explained.hint)]}
    (folder / "answer.json").write_text(json.dumps(answer), encoding="utf-8")


def _export(folder: Path, job: dict) -> dict[str, object]:
    def tick(fraction: float) -> None:
        (folder / "progress").write_text(str(fraction), encoding="utf-8")

    copy = _opened(folder, job)
    path = Path(job["out"]) / job["file"]
    if job["target"] == "page":
        found = _page(copy, path, job["name"], tick)
    else:
        tick(0.2)
        before = triangles_of(copy.target)
        target = TARGETS[job["target"]]
        found = _fitted(copy, path, target)
        _remark(copy, found, target, before)
    return {
        "triangles": found.triangles,
        "is_ready": not found.open_edges,
        "side": copy.images.side(),
        "colors": copy.colors,
        "remarks": [packed(remark) for remark in copy.remarks],
    }


def _opened(folder: Path, job: dict) -> Copy:
    """An empty scene with the object, in meters."""
    for thing in tuple(bpy.data.objects):
        bpy.data.objects.remove(thing)
    with bpy.data.libraries.load(str(folder / "mesh.blend")) as (there, here):
        here.meshes = there.meshes
    [data] = here.meshes
    target = bpy.data.objects.new(job["name"], data)
    scene = bpy.context.scene
    scene.collection.objects.link(target)
    scene.unit_settings.system, scene.unit_settings.scale_length = "METRIC", 1.0
    bpy.context.view_layer.objects.active = target
    target.select_set(True)
    remarks: list[Message] = []
    images = Images(data, job["images"], folder, Path(job["file"]).stem, remarks)
    colors = colors_shown_by(data.materials, data)  # without the pictures that are missing
    if TARGETS[job["target"]].is_for_phones:
        keep_used_uv_maps(data)
    if colors != "vertex":  # glTF multiplies vertex colors into the texture
        for attribute in tuple(data.color_attributes):
            data.color_attributes.remove(attribute)
    return Copy(target, colors, images, remarks)


def _fitted(copy: Copy, path: Path, target: Target) -> Found:
    """Write a file that keeps to the target's limits as far as that is possible."""
    if target.triangles:
        reduce_triangles(copy.target, target.triangles)
    elif target.vertices:  # a first guess: a closed surface has half as many vertices
        reduce_triangles(copy.target, 2 * target.vertices)
    if path.suffix == ".usdz":
        triangulate(copy.target)  # viewers split faces with many corners in their own ways
    copy.images.prepare(target)
    found = _written(copy, path, target)
    for _ in range(REDUCTIONS):
        if target.vertices and found.vertices > target.vertices:
            share = 0.98 * target.vertices / found.vertices
            reduce_triangles(copy.target, int(share * found.triangles))
        elif not (target.size and found.size > target.size and copy.images.shrink()):
            break
        found = _written(copy, path, target)
    return found


def _written(copy: Copy, path: Path, target: Target) -> Found:
    path.unlink(missing_ok=True)
    write(copy.target, path, copy.colors)
    return read_back(path, copy.colors)


def _remark(copy: Copy, found: Found, target: Target, before: int) -> None:
    # Splitting faces into triangles may drop a face without area.
    if found.triangles < before * 0.99:
        copy.remarks.append(Message("Reduced from {count:,} triangles", count=before))
    if target.vertices and found.vertices > target.vertices:
        copy.remarks.append(
            Message("It has {count:,} vertices, more than phones show well", count=found.vertices)
        )
    if target.triangles and found.triangles > target.triangles:
        copy.remarks.append(
            Message("It has {count:,} triangles, more than phones show well", count=found.triangles)
        )
    if target.size and found.size > target.size:
        copy.remarks.append(Message("It is larger than phones load well"))
    if found.open_edges:
        copy.remarks.append(
            Message("The mesh is open, so fill its holes with Clean Up or in Edit Mode")
        )


def _page(copy: Copy, folder: Path, title: str, tick: Callable[[float], None]) -> Found:
    """Write a page, with the files for both kinds of phones; return what the GLB holds."""
    folder.mkdir()
    before = triangles_of(copy.target)
    tick(0.1)
    _fitted(copy, folder / "model.usdz", TARGETS["iphone"])
    tick(0.4)
    found = _fitted(copy, folder / "model.glb", TARGETS["android"])
    _remark(copy, found, TARGETS["android"], before)
    tick(0.6)
    write_page(copy.target, folder, title)
    return found


def packed(text: str) -> list | str:
    """A message as JSON: its template and values."""
    if not isinstance(text, Message):
        return str(text)
    return [text.template, {name: _packed_value(value) for name, value in text.values.items()}]


def _packed_value(value: Value) -> object:
    return packed(value) if isinstance(value, Message) else value
