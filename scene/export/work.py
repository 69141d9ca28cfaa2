"""What the second Blender does: it makes the copy fit a target, writes it and reads it back."""

from __future__ import annotations

import errno
import json
import re
import shutil
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import bpy

from ...inference.errors import explain
from ...inference.message import Message, Value
from .colors import (
    Colors,
    colors_shown_by,
    keep_shown_colors,
    leave_out_unused,
    shows_texture,
    used_materials,
)
from .images import Images
from .page import write_page
from .read_back import Found, read_back
from .reduce import reduce_triangles, triangles_of, triangulate
from .targets import TARGETS, Target
from .uv_maps import keep_used_uv_maps
from .writers import has_normal_map, write

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
        is_reduced: Whether it has fewer triangles, to keep to a limit.
    """

    target: bpy.types.Object
    colors: Colors
    images: Images
    remarks: list[Message]
    is_reduced: bool = False

    def reduce(self, limit: int) -> None:
        """Have at most about `limit` triangles."""
        self.is_reduced |= reduce_triangles(self.target, limit)


def main(folder: Path) -> None:
    """Export the mesh in `folder` as its `job.json` says, into `out`; answer in `answer.json`."""
    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    answer: dict[str, object]
    try:
        answer = _export(folder, job)
    except Exception as error:  # the boundary between the two Blenders
        answer = _problem(error, folder, Path(job["out"]))
    (folder / "answer.json").write_text(json.dumps(answer), encoding="utf-8")


def _export(folder: Path, job: dict) -> dict[str, object]:
    def tick(fraction: float) -> None:
        (folder / "progress").write_text(str(fraction), encoding="utf-8")

    copy = _opened(folder, job)
    path = Path(job["out"]) / job["file"]
    before = triangles_of(copy.target)
    if job["target"] == "page":
        found, limits = _page(copy, path, job["name"], tick)
    else:
        tick(0.2)
        target = TARGETS[job["target"]]
        found = _fitted(copy, path, target)
        limits = _limits(copy, found, target)
    if copy.is_reduced:
        copy.remarks.append(Message("Reduced from {count:,} triangles", count=before))
    copy.remarks.extend(limits)
    return {
        "triangles": found.triangles,
        "is_ready": not limits,
        "side": copy.images.side(),
        "colors": _arrived(copy, found),
        "remarks": [packed(remark) for remark in copy.remarks],
    }


def _opened(folder: Path, job: dict) -> Copy:
    """An empty scene with the object, in meters."""
    for thing in tuple(bpy.data.objects):
        bpy.data.objects.remove(thing)
    # Others come along if a material refers to their objects.
    with bpy.data.libraries.load(str(folder / "mesh.blend")) as (_, here):
        here.meshes = [job["mesh"]]
    [data] = here.meshes
    target = bpy.data.objects.new(job["name"], data)
    scene = bpy.context.scene
    scene.collection.objects.link(target)
    scene.unit_settings.system, scene.unit_settings.scale_length = "METRIC", 1.0
    bpy.context.view_layer.objects.active = target
    target.select_set(True)
    remarks: list[Message] = []
    if job["has_instances"]:
        remarks.append(
            Message("Its instances were left out: the geometry node Realize Instances keeps them")
        )
    leave_out_unused(data)
    images = Images(data, job["images"], folder, Path(job["file"]).stem, remarks)
    colors = colors_shown_by(data.materials, data)  # without the pictures that are missing
    if TARGETS[job["target"]].is_for_phones:
        maps = keep_used_uv_maps(data)
        if len(maps) > 1:
            remarks.append(
                Message("It uses {count} UV maps, but phones may show one only", count=len(maps))
            )
    keep_shown_colors(data)
    return Copy(target, colors, images, remarks)


def _fitted(copy: Copy, path: Path, target: Target) -> Found:
    """Write a file that keeps to the target's limits as far as that is possible."""
    if target.triangles:
        copy.reduce(target.triangles)
    elif target.vertices:  # a first guess: a closed surface has half as many vertices
        copy.reduce(2 * target.vertices)
    # Viewers split faces with many corners in their own ways, and tangents need triangles.
    if path.suffix == ".usdz" or (path.suffix == ".glb" and has_normal_map(copy.target)):
        triangulate(copy.target)
    copy.images.prepare(target)
    found = _written(copy, path, target)
    for _ in range(REDUCTIONS):
        if target.vertices and found.vertices > target.vertices:
            share = 0.98 * target.vertices / found.vertices
            copy.reduce(int(share * found.triangles))
        elif target.triangles and found.triangles > target.triangles:
            share = 0.98 * target.triangles / found.triangles
            copy.reduce(int(share * found.triangles))
        elif not (target.size and found.size > target.size and copy.images.shrink()):
            break
        found = _written(copy, path, target)
    return found


def _written(copy: Copy, path: Path, target: Target) -> Found:
    path.unlink(missing_ok=True)
    write(copy.target, path, copy.colors)
    return read_back(path, copy.colors)


def _limits(copy: Copy, found: Found, target: Target) -> list[Message]:
    """Why a file is not ready for its target, a sentence for each reason."""
    reasons = []
    if target.vertices and found.vertices > target.vertices:
        reasons.append(
            Message("It has {count:,} vertices, more than phones show well", count=found.vertices)
        )
    if target.triangles and found.triangles > target.triangles:
        reasons.append(
            Message("It has {count:,} triangles, more than phones show well", count=found.triangles)
        )
    if target.size and found.size > target.size:
        reasons.append(Message("It is larger than phones load well"))
    if target.side and copy.images.side() > target.side:
        reasons.append(
            Message("Its texture is {side:,}², more than phones show well", side=copy.images.side())
        )
    if found.open_edges:
        reasons.append(Message("The mesh is open, so fill its holes with Clean Up or in Edit Mode"))
    if found.is_turned:
        reasons.append(Message("Faces show their backs, so recalculate their normals in Edit Mode"))
    return reasons


def _arrived(copy: Copy, found: Found) -> Colors:
    """What the file shows; remarks on textures that the exporter did not take."""
    data = copy.target.data
    expected = [each for each in used_materials(data.materials, data) if shows_texture(each, data)]
    if found.textured is None or found.textured >= len(expected):
        return copy.colors
    copy.remarks.append(
        Message(
            "A texture did not come along: connect it straight to Base Color of a Principled BSDF"
        )
    )
    if found.textured:
        return copy.colors
    return "vertex" if copy.colors == "both" else "none"


def _page(
    copy: Copy, folder: Path, title: str, tick: Callable[[float], None]
) -> tuple[Found, list[Message]]:
    """Write a page, with the files for both kinds of phones.

    Returns:
        What the GLB file holds, and why one of the files is not ready.
    """
    folder.mkdir()
    limits = []
    for done, file, name in ((0.1, "model.usdz", "iphone"), (0.4, "model.glb", "android")):
        tick(done)
        found = _fitted(copy, folder / file, TARGETS[name])
        limits += [
            Message("{file}: {remark}", file=file, remark=reason)
            for reason in _limits(copy, found, TARGETS[name])
        ]
    tick(0.6)
    write_page(copy.target, folder, title)
    return found, limits


NO_WRITING = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EPERM, errno.EROFS)
"""Errors of a disk that the artist can do something about."""

FULL = 1 << 16
"""Free bytes of a disk below which exporters fail; those in C++ do not say why."""


def _problem(error: Exception, folder: Path, out: Path) -> dict[str, object]:
    """The answer that tells the artist's Blender of an error, with all that it may log."""
    explained = explain(error)
    number = errno.ENOSPC if _is_full(out) else _errno_of(error)
    return {
        "problem": [packed(explained.message), packed(explained.hint)],
        "traceback": "".join(traceback.format_exception(error)),
        "errno": number if number in NO_WRITING and not _is_full(folder) else 0,
        "is_temporary_full": _is_full(folder),
    }


def _is_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < FULL
    except OSError:  # the folder is gone, or its server does not answer
        return False


def _errno_of(error: BaseException | None) -> int:
    """Number of the system's error behind another one; 0 if there is none."""
    while error is not None:
        if isinstance(error, OSError) and error.errno:
            return error.errno
        # An operator's error only quotes the one that it was raised by.
        if said := re.findall(r"\[Errno (\d+)\]", str(error)):
            return int(said[-1])
        error = error.__cause__ or error.__context__
    return 0


def packed(text: str) -> list | str:
    """A message as JSON: its template and values."""
    if not isinstance(text, Message):
        return str(text)
    return [text.template, {name: _packed_value(value) for name, value in text.values.items()}]


def _packed_value(value: Value) -> object:
    return packed(value) if isinstance(value, Message) else value
