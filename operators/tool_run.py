"""A mesh's way through Blender's own tools: colors come anew, exactly."""

from __future__ import annotations

from dataclasses import dataclass

import bpy
import numpy as np

from ..inference.errors import InputError
from ..inference.message import Message
from ..inference.types import Tick
from ..preferences import preferences, threads, torch_folder
from ..runner import Run, push_undo_step
from ..scene.edited import Edited, Editing, EditingBeside, EditingHere
from ..scene.fit import fit_check
from ..scene.mesh import check_editable, check_not_empty, recolor, replace
from ..scene.mesh_edits import Step
from ..scene.parts import edges_of, small_parts
from ..scene.source import source_of
from ..session import EDIT_STAGES, engine
from .edits_mesh import Target


@dataclass(frozen=True)
class _Made:
    """What the tools have made: the mesh is where it was edited."""

    editing: Editing
    edited: Edited
    mirrored: str
    colors: np.ndarray


def tool_run(
    context: bpy.types.Context,
    undo_step: Message,
    steps: list[Step],
    is_clicked: bool,
    least: float = 0.0,
) -> Run:
    """The run that edits the active object's mesh.

    Args:
        steps: See scene/mesh_edits.py.
        is_clicked: Whether Blender is used meanwhile: a second one does it then.
        least: Parts with less than this part of the largest one's vertices are removed first.

    Raises:
        InputError: The mesh cannot be edited, or no longer lies where it was made.
    """
    target = context.object
    check_editable(target.data)
    check_not_empty(target.data)
    code, placement = source_of(target)
    check_fit = fit_check(target, code, placement)
    before, mirrored = Target.of(target), target.triposr.mirrored
    edges = edges_of(target.data) if least else None
    device, folder = preferences(context).device, torch_folder(context)
    count = threads(context, is_clicked)
    editing = EditingBeside(target.data) if is_clicked else EditingHere(target.data)

    def work(tick: Tick) -> _Made:
        try:
            tick("edit", 0.0)
            engine.import_torch(folder)
            gone = np.zeros(len(before.points), bool)
            if edges is not None:
                gone = small_parts(edges, len(gone), least)
            check_fit(~gone)
            edited = editing.edit(steps, gone, lambda fraction: tick("edit", fraction))
            if not edited.faces:
                raise InputError("Nothing would be left of the mesh", "Ask for more faces")
            # Mirrored once more, both halves still have the colors of the one kept first.
            half = edited.found.get("kept", "none") if mirrored == "none" else mirrored
            points = placement.unplace(edited.points, half)
            colors = engine.color(code, points, device, tick, count, folder)
        except BaseException:
            editing.close()
            raise
        return _Made(editing, edited, half, colors)

    def deliver(made: _Made) -> Message:
        try:
            target = before.found_again()
            replace(target.data, made.editing.mesh())
        finally:
            made.editing.close()
        recolor(target.data, made.edited.points, made.colors)
        target.triposr.mirrored = made.mirrored
        if is_clicked:
            push_undo_step(undo_step)
        return Message("{name}: {count:,} faces", name=target.name, count=made.edited.faces)

    return Run(target.name, EDIT_STAGES, work, deliver)
