"""A copy of a mesh that Blender's tools edit: in this Blender, or in a second one beside it, which
leaves this one free.

`EditingBeside.edit` may be called on any thread; everything else belongs to the main thread.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import bpy
import numpy as np
from numpy.typing import NDArray

from ..inference.errors import InputError, TripoSRError
from . import mesh_edits
from .beside import run_beside, second_blender
from .mesh import positions
from .mesh_edits import CannotEditError, Step, Work
from .temporary import in_temporary_place


@dataclass(frozen=True)
class Edited:
    """Result of the edits of a mesh.

    Attributes:
        points: (V, 3) float32, the vertices.
        faces: Number of faces.
        found, arrays: What the edits found out; see scene/mesh_edits.py.
    """

    points: NDArray[np.float32]
    faces: int
    found: dict[str, str]
    arrays: dict[str, NDArray[np.generic]]


LEAST = 4
"""Triangles of the smallest closed surface: what is reduced to fewer encloses nothing."""


def check_left(edited: Edited, before: int) -> None:
    """Raise InputError if edits have left nothing of a mesh that had `before` faces."""
    if edited.faces < max(1, min(LEAST, before)):
        raise InputError("Nothing would be left of the mesh", "Ask for more faces")


class Editing(Protocol):
    """A copy of a mesh that can be edited."""

    def edit(
        self, steps: list[Step], gone: NDArray[np.bool_], tick: Callable[[float], None]
    ) -> Edited:
        """Do the steps; the arguments are those of `mesh_edits.edit`.

        Raises:
            InputError: Blender's tools refuse the mesh.
        """
        ...

    def mesh(self) -> bpy.types.Mesh:
        """The edited mesh, which `close` removes."""
        ...

    def close(self) -> None:
        """Remove the mesh and all files. Without this call, files are deleted with this object."""


class EditingHere:
    """Edits in this Blender, on the main thread: for scripts, which wait."""

    def __init__(self, data: bpy.types.Mesh) -> None:
        self._work = Work(_bare_copy(data))

    def edit(
        self, steps: list[Step], gone: NDArray[np.bool_], tick: Callable[[float], None]
    ) -> Edited:
        try:
            mesh_edits.edit(self._work, steps, gone, tick)
        except CannotEditError as error:
            raise _refused(str(error)) from error
        mesh = self._work.mesh
        work = self._work
        return Edited(positions(mesh), len(mesh.polygons), work.found, work.arrays)

    def mesh(self) -> bpy.types.Mesh:
        return self._work.mesh

    def close(self) -> None:
        bpy.data.meshes.remove(self._work.mesh)


class EditingBeside:
    """Edits in a second Blender: for clicks. The copy goes there and back as a .blend file."""

    def __init__(self, data: bpy.types.Mesh) -> None:
        self._command = second_blender()
        self._mesh: bpy.types.Mesh | None = None
        copy = _bare_copy(data)
        try:
            self._folder = in_temporary_place(partial(_written, copy))
        finally:
            bpy.data.meshes.remove(copy)

    def edit(
        self, steps: list[Step], gone: NDArray[np.bool_], tick: Callable[[float], None]
    ) -> Edited:
        """Do the steps, on any thread; stops the second Blender when `tick` raises."""
        self._path("steps.json").write_text(json.dumps(steps), encoding="utf-8")
        np.save(self._path("gone.npy"), gone)
        self._run(tick)
        answer = json.loads(self._path("answer.json").read_text(encoding="utf-8"))
        if "problem" in answer:
            raise _refused(answer["problem"])
        with np.load(self._path("arrays.npz")) as file:
            arrays = dict(file)
        return Edited(arrays.pop("positions"), answer["faces"], answer["found"], arrays)

    def _run(self, tick: Callable[[float], None]) -> None:
        folder = Path(self._folder.name)
        try:
            is_done = run_beside(self._command, mesh_edits.__file__, folder, tick)
        except OSError as error:
            raise TripoSRError(
                "Blender cannot be started a second time, to edit the mesh: {reason}",
                "Save your work and restart Blender",
                reason=str(error),
            ) from error
        if not is_done:
            raise TripoSRError(
                "The second Blender, which edits the mesh, has failed",
                "Try again with fewer faces; what it wrote is in Blender's console",
            )

    def mesh(self) -> bpy.types.Mesh:
        before = set(bpy.data.libraries)
        with bpy.data.libraries.load(str(self._path("edited.blend"))) as (there, here):
            here.meshes = there.meshes
        [self._mesh] = here.meshes
        # Otherwise Blender would save where the mesh came from.
        bpy.data.batch_remove(set(bpy.data.libraries) - before)
        return self._mesh

    def close(self) -> None:
        if self._mesh is not None:
            bpy.data.meshes.remove(self._mesh)
        self._folder.cleanup()

    def _path(self, name: str) -> Path:
        return Path(self._folder.name) / name


def _refused(reason: str) -> InputError:
    return InputError(
        "Blender cannot make quads of this mesh: {reason}",
        "Choose Voxel, or another number of faces",
        reason=reason,
    )


def _written(copy: bpy.types.Mesh, place: str) -> tempfile.TemporaryDirectory[str]:
    """A new folder in `place` that holds a mesh; raises OSError if nothing can be written there."""
    folder = tempfile.TemporaryDirectory(prefix="triposr_", dir=place, ignore_cleanup_errors=True)
    try:
        bpy.data.libraries.write(str(Path(folder.name) / "mesh.blend"), {copy}, fake_user=True)
    except RuntimeError as error:
        folder.cleanup()
        raise OSError(str(error)) from error
    return folder


def _bare_copy(data: bpy.types.Mesh) -> bpy.types.Mesh:
    """A copy of a mesh that refers to nothing else: materials would bring their pictures."""
    copy = data.copy()
    copy.animation_data_clear()
    for slot in range(len(copy.materials)):
        copy.materials[slot] = None
    # From Blender 5.0 on, properties that add-ons register are stored apart from custom ones.
    groups = [copy]
    if hasattr(copy, "bl_system_properties_get"):
        groups.append(copy.bl_system_properties_get() or {})
    for group in groups:
        for key in tuple(group.keys()):
            del group[key]
    copy.texture_mesh = None
    return copy
