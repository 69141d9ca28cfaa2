"""Tasks that extract an object's surface again or recompute its colors, without the network."""

from __future__ import annotations

import bpy
import numpy as np

from ..inference.engine import engine
from ..inference.message import Message
from ..inference.types import Machine, MeshData, SurfaceSettings, Tick
from ..scene.mesh import fill, recolor
from ..scene.source import note_surface
from ..scene.undo import push_undo_step
from .generate import summary_of
from .queue import Outcome, Task
from .stages import RECOLOR_STAGES, REFINE_STAGES
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


def coloring(blender_object: bpy.types.Object, this_machine: Machine, is_clicked: bool) -> Task:
    """Make the task that colors an object's vertices where they are; its result is the object.

    Raises:
        InputError: The mesh cannot be colored, or no longer lies where it was made.
    """
    before = Target.of(blender_object, is_clicked)
    mirrored = blender_object.triposr.mirrored

    def work(tick: Tick) -> np.ndarray:
        tick("color", 0.0)
        engine.import_torch(this_machine.torch_folder, this_machine.gpu_builds)
        before.check_fit()
        points = before.placement.unplace(before.points, mirrored)
        return engine.color(before.code, points, this_machine, tick)

    def deliver(colors: np.ndarray) -> Outcome:
        target = before.found_again()
        recolor(target.data, before.points, colors)
        if is_clicked:
            push_undo_step(Message("Recolor"))
        message = Message("{name}: {count:,} vertices colored", name=target.name, count=len(colors))
        return Outcome(message, target)

    return Task(blender_object.name, RECOLOR_STAGES, work, deliver)
