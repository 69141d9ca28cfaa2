"""Tasks that edit a mesh with Blender's own tools and recompute its exact colors."""

from __future__ import annotations

from dataclasses import dataclass

import bpy
import numpy as np

from ..inference.engine import engine
from ..inference.message import Message
from ..inference.types import Machine, Tick
from ..scene.edited import Edited, Editing, EditingBeside, EditingHere, check_left
from ..scene.mesh import recolor, replace
from ..scene.mesh_edits import Step
from ..scene.parts import edges_of, small_parts
from ..scene.source import source_of
from ..scene.undo import push_undo_step
from .queue import Outcome, Task
from .remarks import note_remarks
from .stages import EDIT_STAGES
from .target import Target


def clean_up(
    blender_object: bpy.types.Object,
    this_machine: Machine,
    is_clicked: bool,
    floaters: float,
    holes: bool,
    smooth: int,
    faces: int,
) -> Task:
    """Make the task that removes loose parts, fills holes, smooths and reduces faces.

    Takes the arguments of `_edit` and the settings of CLEAN_UP.
    """
    steps: list[Step] = []
    if holes:
        steps.append(("fill_holes", {}))
    if smooth:
        steps.append(("smooth", {"passes": smooth}))
    if faces:
        steps.append(("reduce", {"faces": faces}))
    return _edit(blender_object, this_machine, is_clicked, Message("Clean Up"), steps, floaters)


def remesh(
    blender_object: bpy.types.Object,
    this_machine: Machine,
    is_clicked: bool,
    kind: str,
    voxel_size: float,
    faces: int,
) -> Task:
    """Make the task that replaces the faces with even ones.

    Takes the arguments of `_edit` and the settings of REMESH.
    """
    step: Step = ("voxels", {"size": voxel_size})
    if kind == "quads":
        step = ("quads", {"faces": faces})
    return _edit(blender_object, this_machine, is_clicked, Message("Remesh"), [step])


def mirror(
    blender_object: bpy.types.Object, this_machine: Machine, is_clicked: bool, keep: str
) -> Task:
    """Make the task that replaces one half with the mirror image of the other.

    Takes the arguments of `_edit` and the settings of MIRROR.
    """
    _, placement = source_of(blender_object)
    step: Step = ("mirror", {"middle": placement.middle, "keep": keep})
    return _edit(blender_object, this_machine, is_clicked, Message("Mirror"), [step])


@dataclass(frozen=True)
class _Made:
    """Edited mesh, still held by its `editing`."""

    editing: Editing
    edited: Edited
    mirrored: str
    colors: np.ndarray


def _edit(
    blender_object: bpy.types.Object,
    this_machine: Machine,
    is_clicked: bool,
    undo_step: Message,
    steps: list[Step],
    least: float = 0.0,
) -> Task:
    """Make the task that edits an object's mesh; its result is the object.

    Args:
        blender_object: Made from a picture.
        is_clicked: Whether the artist goes on working; then a second Blender does the work.
        steps: See scene/mesh_edits.py.
        least: Remove parts with less than this share of the largest part's vertices first.

    Raises:
        InputError: The mesh cannot be edited, or no longer lies where it was made.
    """
    before = Target.of(blender_object, is_clicked)
    mirrored = blender_object.triposr.mirrored
    before_faces = len(blender_object.data.polygons)
    edges = edges_of(blender_object.data) if least else None
    editing = (EditingBeside if is_clicked else EditingHere)(blender_object.data)

    def work(tick: Tick) -> _Made:
        try:
            tick("edit", 0.0)
            engine.import_torch(this_machine.torch_folder, this_machine.gpu_builds)
            gone = np.zeros(len(before.points), bool)
            if edges is not None:
                gone = small_parts(edges, len(gone), least)
            before.check_fit(~gone)
            edited = editing.edit(steps, gone, lambda fraction: tick("edit", fraction))
            check_left(edited, before_faces)
            # If the mesh is mirrored again, both halves still show the half that was kept first.
            half = edited.found.get("kept", "none") if mirrored == "none" else mirrored
            points = before.placement.unplace(edited.points, half)
            colors = engine.color(before.code, points, this_machine, tick)
        except BaseException:
            editing.close()
            raise
        return _Made(editing, edited, half, colors)

    def deliver(made: _Made) -> Outcome:
        try:
            target = before.found_again()
            replace(target.data, made.editing.mesh())
        finally:
            made.editing.close()
        recolor(target.data, made.edited.points, made.colors)
        target.triposr.mirrored = made.mirrored
        note_remarks(target, ())
        if is_clicked:
            push_undo_step(undo_step)
        message = Message("{name}: {count:,} faces", name=target.name, count=made.edited.faces)
        return Outcome(message, target)

    return Task(blender_object.name, EDIT_STAGES, work, deliver)
