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
from ..scene.edited import Edited, Editing, EditingBeside, EditingHere
from ..scene.mesh import recolor, replace
from ..scene.mesh_edits import Step
from ..scene.placement import Frame
from ..scene.texture import UV_MAP, show_textures, uv_map_of
from ..scene.undo import push_undo_step
from ..scene.viewports import show_textures as show_textures_in
from .photo import Taken, no_photo, photo_of
from .queue import Outcome, Task
from .stages import TEXTURE_STAGES
from .target import Target

OVERLAPPING = 0.02
"""Share of a UV map that may overlap before the artist is told: two islands often touch."""


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
    before = Target.of(blender_object, is_clicked)
    data, note = blender_object.data, blender_object.triposr
    frame, threshold = Frame(before.placement, note.mirrored), note.threshold
    options = TextureOptions(int(size), normal_map, mirror_to_back)
    take = photo_of(context, blender_object, before.placement) if photo else no_photo
    steps = _steps(data, faces, options.size)
    is_unwrapped = any(name == "unwrap" for name, _ in steps)
    editing = (EditingBeside if is_clicked else EditingHere)(data)

    def work(tick: Tick) -> _Made:
        try:
            tick("edit", 0.0)
            engine.import_torch(this_machine.torch_folder, this_machine.gpu_builds)
            before.check_fit()
            gone = np.zeros(len(before.points), bool)
            edited = editing.edit(steps, gone, lambda fraction: tick("edit", fraction))
            taken = take(tick)
            corners = Corners(**edited.arrays)
            textures = engine.texture(
                before.code, threshold, corners, frame, options, taken.photo, this_machine, tick
            )
            colors = None
            if is_unwrapped:
                points = before.placement.unplace(edited.points, frame.mirrored)
                colors = engine.color(before.code, points, this_machine)
        except BaseException:
            editing.close()
            raise
        return _Made(editing, edited, textures, taken, colors)

    def deliver(made: _Made) -> Outcome:
        try:
            target = before.found_again()
            if made.colors is not None:
                replace(target.data, made.editing.mesh())
        finally:
            made.editing.close()
        if made.colors is not None:
            recolor(target.data, made.edited.points, made.colors)
        show_textures(target, made.textures)
        made.taken.note(target)
        if is_clicked:
            if preferences(bpy.context).show_colors:
                show_textures_in(bpy.context)
            push_undo_step(Message("Texture"))
        return Outcome(_summary(target, made, options.size), target)

    return Task(blender_object.name, TEXTURE_STAGES, work, deliver)


def _steps(data: bpy.types.Mesh, faces: int, size: int) -> list[Step]:
    """What to do with a mesh before it is textured.

    The artist's UV map is kept, and so is the mesh that it belongs to. The add-on's own is made
    anew if the mesh has to be reduced.
    """
    uv_map = uv_map_of(data)
    too_many = bool(faces) and len(data.polygons) > faces
    if uv_map not in ("", UV_MAP) or (uv_map == UV_MAP and not too_many):
        return [("corners", {})]
    steps: list[Step] = [("reduce", {"faces": faces})] if too_many else []
    margin = MARGIN / size
    return [*steps, ("unwrap", {"name": UV_MAP, "margin": margin}), ("corners", {})]


MARGIN = 8
"""Texels between two islands: enough for two smaller levels of a mipmap."""


def _summary(target: bpy.types.Object, made: _Made, size: int) -> Message:
    message = Message(
        "{name}: {count:,} faces, {size}² texture",
        name=target.name,
        count=len(target.data.polygons),
        size=size,
    )
    if made.textures.overlap > OVERLAPPING:
        message = Message(
            "{summary}; {percent}\N{NO-BREAK SPACE}% of the UV map overlaps, where the parts show "
            "the same colors",
            summary=message,
            percent=round(100 * min(made.textures.overlap, 1.0)),
        )
    return made.taken.added_to(message)
