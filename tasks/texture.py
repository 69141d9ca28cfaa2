"""Task that gives an object a UV map, textures from its scene code, and a material."""

from __future__ import annotations

from dataclasses import dataclass

import bpy
import numpy as np

from ..inference.engine import engine
from ..inference.message import Message
from ..inference.texture.corners import Corners
from ..inference.texture.pictures import TextureOptions, Textures
from ..inference.types import Machine, Tick
from ..preferences import preferences
from ..scene.edited import Edited, Editing, EditingBeside, EditingHere, check_left
from ..scene.mesh import recolor, replace
from ..scene.mesh_edits import Step
from ..scene.placement import Frame
from ..scene.source import surface_of
from ..scene.texture import (
    UV_MAP,
    share_without_place,
    show_material,
    textured_material,
    uv_map_of,
)
from ..scene.undo import push_undo_step
from ..scene.viewports import show_textures
from .photo import Taken, no_photo, photo_of
from .queue import Outcome, Task
from .remarks import note_remarks, with_remarks
from .sources import check_idle
from .stages import TEXTURE_STAGES
from .target import Target

MARGIN = 8
"""Texels between two islands: enough for three smaller levels of a mipmap."""

LOST = 0.001
"""Share of a surface that may have no place in its UV map without a remark."""

OVERLAPPING = 0.02
"""Share of a UV map that may overlap without a remark: two islands often touch."""

NEAR = 0.9
"""Share of the texels below which a remark says that the true surface was not found."""


@dataclass(frozen=True)
class _Made:
    """Textures of a mesh, which `editing` holds if it was unwrapped.

    Attributes:
        taken: What came of the wish for a photo.
        colors: (V, 3) of the vertices of a mesh that was unwrapped.
    """

    editing: Editing
    edited: Edited
    textures: Textures
    taken: Taken
    colors: np.ndarray | None


def texturing(
    context: bpy.types.Context,
    blender_object: bpy.types.Object,
    this_machine: Machine,
    is_clicked: bool,
    faces: int,
    size: str,
    normal_map: bool,
    photo: bool,
    mirror_to_back: bool,
) -> Task:
    """Make the task that textures an object; its result is the object.

    Args:
        blender_object: Made from a picture.
        is_clicked: Whether the artist goes on working; then a second Blender unwraps the mesh.
        faces, size, normal_map, photo, mirror_to_back: See TEXTURE in settings.py.

    Raises:
        InputError: The mesh cannot be edited, or no longer lies where it was made.
    """
    if photo:
        check_idle()
    before = Target.of(blender_object, is_clicked)
    data, note = blender_object.data, blender_object.triposr
    frame, threshold = Frame(before.placement, note.mirrored), surface_of(blender_object).threshold
    options = TextureOptions(int(size), normal_map, mirror_to_back)
    take = (
        photo_of(context, blender_object, before.placement) if photo else no_photo(mirror_to_back)
    )
    before_faces = len(data.polygons)
    steps, without_place = _steps(data, faces, options.size)
    is_unwrapped = any(name == "unwrap" for name, _ in steps)
    editing = (EditingBeside if is_clicked else EditingHere)(data)

    def work(tick: Tick) -> _Made:
        try:
            tick("edit", 0.0)
            engine.import_torch(this_machine.torch_folder, this_machine.gpu_builds)
            before.check_fit()
            gone = np.zeros(len(before.points), bool)
            edited = editing.edit(steps, gone, lambda fraction: tick("edit", fraction))
            check_left(edited, before_faces)
            taken = take(tick)
            corners = Corners(**edited.arrays)
            textures = engine.texture(
                before.code, threshold, corners, frame, options, taken.photo, this_machine, tick
            )
            colors = None
            if is_unwrapped:
                points = before.placement.unplace(edited.points, frame.mirrored)
                # Ticks without progress: the bar has passed this stage, but one can cancel.
                colors = engine.color(
                    before.code, points, this_machine, lambda stage, fraction: tick("save", 1.0)
                )
        except BaseException:
            editing.close()
            raise
        return _Made(editing, edited, textures, taken, colors)

    def deliver(made: _Made) -> Outcome:
        try:
            target = before.found_again()
            with textured_material(target, made.textures) as material:
                if made.colors is not None:
                    replace(target.data, made.editing.mesh())
                    recolor(target.data, made.edited.points, made.colors)
                    target.data.triposr.texture_size = options.size
                show_material(target, material)
        finally:
            made.editing.close()
        made.taken.note(target)
        remarks = _remarks(made, without_place)
        note_remarks(target, remarks)
        if is_clicked:
            if preferences(bpy.context).show_colors:
                show_textures(target)
            push_undo_step(Message("Texture"))
        summary = Message(
            "{name}: {count:,} faces, {size}² texture",
            name=target.name,
            count=len(target.data.polygons),
            size=options.size,
        )
        return Outcome(with_remarks(summary, remarks), target, remarks)

    return Task(blender_object.name, TEXTURE_STAGES, work, deliver)


def _steps(data: bpy.types.Mesh, faces: int, size: int) -> tuple[list[Step], float]:
    """What to do with a mesh before it is textured.

    The artist's UV map is kept, and so is the mesh that it belongs to. The add-on's own is made
    anew if it does not suit the mesh or the size.

    Returns:
        The steps, and the share of the surface that the UV map, if it is kept, has no place for.
    """
    uv_map = uv_map_of(data)
    without_place = share_without_place(data) if uv_map else 0.0
    too_many = bool(faces) and len(data.polygons) > faces
    if uv_map not in ("", UV_MAP):
        return [("corners", {})], without_place
    is_made_for = 0 < data.triposr.texture_size <= size
    if uv_map == UV_MAP and is_made_for and not too_many and without_place < LOST:
        return [("corners", {})], 0.0
    steps: list[Step] = [("reduce", {"faces": faces})] if too_many else []
    unwrap: Step = ("unwrap", {"name": UV_MAP, "margin": MARGIN / size})
    return [*steps, unwrap, ("corners", {})], 0.0


def _remarks(made: _Made, without_place: float) -> tuple[str, ...]:
    """Remarks on what the textures do not show as it was asked for."""
    remarks = []
    if without_place > LOST:
        remarks.append(
            Message(
                "{percent:.1f}\N{NO-BREAK SPACE}% of the surface has no place in the UV map",
                percent=100 * without_place,
            )
        )
    if made.textures.overlap > OVERLAPPING:
        remarks.append(
            Message(
                "{percent}\N{NO-BREAK SPACE}% of the UV map overlaps, where the parts show the "
                "same colors",
                percent=round(100 * min(made.textures.overlap, 1.0)),
            )
        )
    if made.textures.found < NEAR:
        remarks.append(
            Message(
                "{percent}\N{NO-BREAK SPACE}% of the mesh lies far from the surface that the "
                "network knows, and takes the colors around it",
                percent=round(100 * (1 - made.textures.found)),
            )
        )
    return (*remarks, *made.taken.remarks)
