"""What Blender's own tools do to a mesh: in this Blender, or in a second one beside it.

Imports nothing of the add-on, for the second Blender starts without it, and is given this file:

    blender --background --python mesh_edits.py -- FOLDER
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import bmesh
import bpy
import numpy as np
from mathutils import Matrix

Step = tuple[str, dict[str, object]]
"""The name of one of `STEPS` and what it is called with, besides the mesh."""

VOXELS = 128
"""Along the longest side, where no size is given: about what the network knows."""

MOST_VOXELS = 1024
"""Along the longest side: beyond, a laptop's memory ends."""

LARGE = 1e4
"""Longest side, in object units, of what Blender remeshes."""

MERGED = 1e-5
"""Distance at which vertices of both halves are the same, over the longest side."""


class CannotEditError(Exception):
    """Blender's own sentence why it does not do what it was asked for; may be empty."""


@dataclass
class Work:
    """A mesh that is edited.

    Attributes:
        mesh: That nothing else uses; a step may put another one in its place.
        found: What the steps found out.
    """

    mesh: bpy.types.Mesh
    found: dict[str, str] = field(default_factory=dict)


def edit(
    work: Work,
    steps: list[Step],
    gone: np.ndarray,
    tick: Callable[[float], None] = lambda fraction: None,
) -> None:
    """Do the steps, in this order.

    Args:
        gone: (V,) bool, the vertices that are removed first.
        tick: Called with the part that is done, 0...1.

    Raises:
        CannotEditError: One of Blender's tools refuses the mesh.
    """
    if gone.any():
        _remove(work.mesh, gone)
    for number, (name, settings) in enumerate(steps):
        tick(number / len(steps))
        STEPS[name](work, **settings)


def _remove(mesh: bpy.types.Mesh, gone: np.ndarray) -> None:
    with _as_bmesh(mesh) as edited:
        edited.verts.ensure_lookup_table()
        loose = [edited.verts[index] for index in np.flatnonzero(gone)]
        bmesh.ops.delete(edited, geom=loose, context="VERTS")


def _fill_holes(work: Work) -> None:
    """Close the holes with triangles."""
    edges = np.empty(len(work.mesh.loops), np.int32)
    work.mesh.loops.foreach_get("edge_index", edges)
    if not (np.bincount(edges) == 1).any():  # every edge has two faces
        return
    with _as_bmesh(work.mesh) as edited:
        before = len(edited.faces)
        rims = [edge for edge in edited.edges if edge.is_boundary]
        filled = bmesh.ops.holes_fill(edited, edges=rims, sides=0)["faces"]
        bmesh.ops.triangulate(edited, faces=filled)
        for face in edited.faces[before:]:
            face.smooth = True


def _smooth(work: Work, passes: int) -> None:
    """Smooth the surface and keep its volume."""
    _modify(work, "LAPLACIANSMOOTH", iterations=passes, lambda_factor=0.5)


def _reduce(work: Work, faces: int) -> None:
    """Reduce the mesh to so many triangles, if it has more faces."""
    if len(work.mesh.polygons) <= faces:
        return
    with _as_bmesh(work.mesh) as edited:  # the budget is one of triangles
        bmesh.ops.triangulate(edited, faces=edited.faces)
    _modify(work, "DECIMATE", ratio=faces / len(work.mesh.polygons))


def _voxels(work: Work, size: float) -> None:
    """Replace the faces by those of a grid of voxels; of the usual size if it is 0."""
    with _large(work) as factor:
        _into_voxels(work, size * factor or LARGE / VOXELS)


def _quads(work: Work, faces: int) -> None:
    """Replace the faces by about so many quads that follow the shape."""
    with _large(work):
        if _quadriflow(work.mesh, faces):
            _into_voxels(work, LARGE / VOXELS)  # it takes closed surfaces only
            if problem := _quadriflow(work.mesh, faces):
                raise CannotEditError(problem)


@contextmanager
def _large(work: Work) -> Iterator[float]:
    """Let Blender see a mesh `LARGE`; gives the factor.

    Its remeshers have lengths that they take for nothing: voxels are at least 0.0001 units, and
    QuadriFlow refuses edges that are shorter, which a lattice's surface has.
    """
    factor = LARGE / _longest_side(work.mesh)
    work.mesh.transform(Matrix.Scale(factor, 4))
    yield factor
    work.mesh.transform(Matrix.Scale(1 / factor, 4))
    work.mesh.shade_smooth()


def _into_voxels(work: Work, size: float) -> None:
    size = max(size, LARGE / MOST_VOXELS)
    _modify(work, "REMESH", mode="VOXEL", voxel_size=size, use_smooth_shade=True)


def _quadriflow(mesh: bpy.types.Mesh, faces: int) -> str:
    """Let Blender make about that many quads of a mesh; returns why it did not, if so."""
    with _in_a_scene(mesh) as (scene, target):
        seen = {"object": target, "active_object": target, "selected_objects": [target]}
        with bpy.context.temp_override(scene=scene, view_layer=scene.view_layers[0], **seen):
            try:
                done = bpy.ops.object.quadriflow_remesh(mode="FACES", target_faces=faces)
            except RuntimeError as error:  # what it reports, with "Error: " before it
                return str(error).partition(": ")[2].strip() or "QuadriFlow"
    return "" if done == {"FINISHED"} else "QuadriFlow"


def _mirror(work: Work, middle: float, keep: str) -> None:
    """Replace one half by the mirror image of the other, about the plane at `middle` along X."""
    work.mesh.transform(Matrix.Translation((-middle, 0, 0)))
    half = work.found["kept"] = _larger_half(work.mesh) if keep == "auto" else keep
    merged = MERGED * _longest_side(work.mesh)
    _modify(
        work,
        "MIRROR",
        use_axis=(True, False, False),
        use_bisect_axis=(True, False, False),
        use_bisect_flip_axis=(half == "left", False, False),
        bisect_threshold=merged,
        merge_threshold=merged,
        use_clip=True,
    )
    work.mesh.transform(Matrix.Translation((middle, 0, 0)))


def _larger_half(mesh: bpy.types.Mesh) -> str:
    """The half with more surface."""
    count = len(mesh.polygons)
    areas, centers = np.empty(count, np.float32), np.empty((count, 3), np.float32)
    mesh.polygons.foreach_get("area", areas)
    mesh.polygons.foreach_get("center", centers.ravel())
    is_left = centers[:, 0] < 0
    return "left" if areas[is_left].sum() > areas[~is_left].sum() else "right"


STEPS = {
    "fill_holes": _fill_holes,
    "smooth": _smooth,
    "reduce": _reduce,
    "voxels": _voxels,
    "quads": _quads,
    "mirror": _mirror,
}


def _longest_side(mesh: bpy.types.Mesh) -> float:
    return float(max(np.ptp(axis) for axis in _positions(mesh).T))


def _positions(mesh: bpy.types.Mesh) -> np.ndarray:
    values = np.empty((len(mesh.vertices), 3), np.float32)
    mesh.attributes["position"].data.foreach_get("vector", values.ravel())
    return values


@contextmanager
def _as_bmesh(mesh: bpy.types.Mesh) -> Iterator[bmesh.types.BMesh]:
    """What a mesh holds, for Blender's mesh operators; what becomes of it is put back."""
    edited = bmesh.new()
    try:
        edited.from_mesh(mesh)
        yield edited
        edited.to_mesh(mesh)
    finally:
        edited.free()
    mesh.update()


def _modify(work: Work, kind: str, **settings: object) -> None:
    """Put what one of Blender's modifiers makes of a mesh in its place."""
    with _in_a_scene(work.mesh) as (scene, target):
        modifier = target.modifiers.new("", kind)
        for name, value in settings.items():
            setattr(modifier, name, value)
        layer = scene.view_layers[0]
        layer.update()
        result = bpy.data.meshes.new_from_object(
            target.evaluated_get(layer.depsgraph),
            preserve_all_data_layers=True,
            depsgraph=layer.depsgraph,
        )
    bpy.data.meshes.remove(work.mesh)
    work.mesh = result


@contextmanager
def _in_a_scene(mesh: bpy.types.Mesh) -> Iterator[tuple[bpy.types.Scene, bpy.types.Object]]:
    """A mesh as the only object of a scene of its own: whatever is hidden, excluded or disabled in
    the artist's scene does not matter.
    """
    scene = bpy.data.scenes.new("TripoSR")
    target = bpy.data.objects.new("TripoSR", mesh)
    scene.collection.objects.link(target)
    scene.view_layers[0].objects.active = target
    try:
        yield scene, target
    finally:
        bpy.data.objects.remove(target)
        bpy.data.scenes.remove(scene)


def main(folder: Path) -> None:
    """Edit the mesh in `folder`, as a second Blender."""
    steps = json.loads((folder / "steps.json").read_text(encoding="utf-8"))
    with bpy.data.libraries.load(str(folder / "mesh.blend")) as (there, here):
        here.meshes = there.meshes
    [mesh] = here.meshes
    work = Work(mesh)

    def tick(fraction: float) -> None:
        (folder / "progress").write_text(str(fraction), encoding="utf-8")

    answer: dict[str, object] = {}
    try:
        edit(work, steps, np.load(folder / "gone.npy"), tick)
        answer["found"], answer["faces"] = work.found, len(work.mesh.polygons)
        np.save(folder / "positions.npy", _positions(work.mesh))
        bpy.data.libraries.write(str(folder / "edited.blend"), {work.mesh}, fake_user=True)
    except CannotEditError as error:
        answer["problem"] = str(error)
    (folder / "answer.json").write_text(json.dumps(answer), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[-1]))
