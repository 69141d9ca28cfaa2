"""Tasks that extract an object's surface again or recompute its colors, without the network."""

from __future__ import annotations

from dataclasses import dataclass

import bpy
import numpy as np

from ..inference.engine import engine
from ..inference.message import Message
from ..inference.types import Machine, MeshData, SurfaceSettings, Tick
from ..scene.mesh import fill, normals, recolor, triangles
from ..scene.placement import Frame
from ..scene.source import note_surface
from ..scene.undo import push_undo_step
from .generate import summary_of
from .photo import Taken, no_photo, photo_of
from .queue import Outcome, Task
from .remarks import note_remarks, with_remarks
from .sources import check_idle
from .stages import PHOTO_STAGES, RECOLOR_STAGES, REFINE_STAGES
from .target import Target


def extraction(
    blender_object: bpy.types.Object,
    this_machine: Machine,
    is_clicked: bool,
    surface: SurfaceSettings,
) -> Task:
    """Make the task that extracts an object's surface again; its result is the object.

    Raises:
        InputError: The mesh cannot be replaced, or no longer lies where it was made.
    """
    before = Target.of(blender_object, is_clicked, needs_faces=False)

    def work(tick: Tick) -> MeshData:
        tick("extract", 0.0)
        engine.import_torch(this_machine.torch_folder, this_machine.gpu_builds)
        before.check_fit()
        return engine.extract(before.code, surface, this_machine, tick)

    def deliver(mesh: MeshData) -> Outcome:
        target = before.found_again()
        fill(target.data, mesh, before.placement)
        note_surface(target, surface)
        if is_clicked:
            push_undo_step(Message("Refine"))
        return Outcome(summary_of(target, mesh, target.triposr.is_draft), target)

    return Task(blender_object.name, REFINE_STAGES, work, deliver)


@dataclass(frozen=True)
class _Colored:
    """Colors (V, 3) of an object's vertices, and what came of the wish for a photo."""

    colors: np.ndarray
    taken: Taken


def coloring(
    context: bpy.types.Context,
    blender_object: bpy.types.Object,
    this_machine: Machine,
    is_clicked: bool,
    photo: bool = False,
    mirror_to_back: bool = False,
) -> Task:
    """Make the task that colors an object's vertices where they are; its result is the object.

    Args:
        photo, mirror_to_back: See RECOLOR in settings.py.

    Raises:
        InputError: The mesh cannot be colored, or no longer lies where it was made.
    """
    if photo:
        check_idle()
    before = Target.of(blender_object, is_clicked)
    data, frame = blender_object.data, Frame(before.placement, blender_object.triposr.mirrored)
    take = (
        photo_of(context, blender_object, before.placement) if photo else no_photo(mirror_to_back)
    )
    faces, outward = triangles(data), normals(data)

    def work(tick: Tick) -> _Colored:
        tick("color", 0.0)
        engine.import_torch(this_machine.torch_folder, this_machine.gpu_builds)
        before.check_fit()
        points, directions = frame.to_model(before.points, outward)
        colors = engine.color(before.code, points, this_machine, tick)
        taken = take(tick)
        if taken.photo is not None:
            # Imported on the worker, because the module imports OpenCV.
            from ..inference.texture.photo import project_photo

            colors = project_photo(
                taken.photo,
                frame.whole(before.points)[faces],
                points,
                directions,
                colors,
                mirror_to_back,
                lambda done: tick("photo", done),
            )
        return _Colored(colors, taken)

    def deliver(made: _Colored) -> Outcome:
        target = before.found_again()
        recolor(target.data, before.points, made.colors)
        made.taken.note(target)
        remarks = made.taken.remarks
        note_remarks(target, remarks)
        if is_clicked:
            push_undo_step(Message("Recolor"))
        count = len(made.colors)
        message = Message("{name}: {count:,} vertices colored", name=target.name, count=count)
        return Outcome(with_remarks(message, remarks), target, remarks)

    stages = PHOTO_STAGES if photo else RECOLOR_STAGES
    return Task(blender_object.name, stages, work, deliver)
