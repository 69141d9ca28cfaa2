"""Edits a mesh with Blender's own tools: in this Blender, or in a second one beside it.

Imports nothing of the add-on, because the second Blender starts without it and runs only this file:

    blender --background --python mesh_edits.py -- FOLDER
"""

from __future__ import annotations

import json
import math
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
"""Name of one of `STEPS`, and its arguments besides the mesh."""

VOXELS = 128
"""Voxels along the longest side, if no size is given: about as fine as the network's detail."""

MOST_VOXELS = 1024
"""Most voxels along the longest side: more would not fit into a laptop's memory."""

LARGE = 1e4
"""Longest side, in object units, to which a mesh is scaled before Blender remeshes it."""

MERGED = 1e-5
"""Distance, relative to the longest side, within which vertices of both halves are merged."""

ISLAND_ANGLE = math.radians(66)
"""Angle between faces up to which they belong to one island of a UV map: Blender's own default."""


class CannotEditError(Exception):
    """One of Blender's tools refuses a mesh; the text is Blender's own reason, or empty."""


@dataclass
class Work:
    """A mesh that is edited.

    Attributes:
        mesh: Used by nothing else; a step may put another one in its place.
        found, arrays: What the steps found out.
    """

    mesh: bpy.types.Mesh
    found: dict[str, str] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)


def edit(
    work: Work,
    steps: list[Step],
    gone: np.ndarray,
    tick: Callable[[float], None] = lambda fraction: None,
) -> None:
    """Do the steps, in this order.

    Args:
        gone: (V,) bool, the vertices that are removed first.
        tick: Called with the fraction that is done, 0...1.

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
    """Reduce the mesh to a number of triangles, if it has more faces."""
    if len(work.mesh.polygons) <= faces:
        return
    with _as_bmesh(work.mesh) as edited:  # the budget is one of triangles
        bmesh.ops.triangulate(edited, faces=edited.faces)
    _modify(work, "DECIMATE", ratio=faces / len(work.mesh.polygons))


def _voxels(work: Work, size: float) -> None:
    """Replace the faces by those of a grid of voxels; 0 stands for the usual size."""
    with _large(work) as factor:
        _into_voxels(work, size * factor or LARGE / VOXELS)


def _quads(work: Work, faces: int) -> None:
    """Replace the faces by about that many quads, which follow the shape."""
    with _large(work):
        if _quadriflow(work.mesh, faces):
            _into_voxels(work, LARGE / VOXELS)  # QuadriFlow takes closed surfaces only
            if problem := _quadriflow(work.mesh, faces):
                raise CannotEditError(problem)


@contextmanager
def _large(work: Work) -> Iterator[float]:
    """Scale a mesh to `LARGE` for a while; gives the factor.

    Blender's remeshers have a smallest length: voxels have at least 0.0001 units, and QuadriFlow
    refuses shorter edges, which marching cubes produces.
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
    """Make about that many quads of a mesh; returns Blender's reason if it refuses, else ""."""
    with _in_a_scene(mesh) as (scene, target):
        seen = {"object": target, "active_object": target, "selected_objects": [target]}
        with bpy.context.temp_override(scene=scene, view_layer=scene.view_layers[0], **seen):
            try:
                done = bpy.ops.object.quadriflow_remesh(mode="FACES", target_faces=faces)
            except RuntimeError as error:  # its report, which begins with "Error: "
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
    """The half with the larger area."""
    count = len(mesh.polygons)
    areas, centers = np.empty(count, np.float32), np.empty((count, 3), np.float32)
    mesh.polygons.foreach_get("area", areas)
    mesh.polygons.foreach_get("center", centers.ravel())
    is_left = centers[:, 0] < 0
    return "left" if areas[is_left].sum() > areas[~is_left].sum() else "right"


def _unwrap(work: Work, name: str, margin: float) -> None:
    """Give a mesh a UV map of that name, which is the one that is shown, by Smart UV Project.

    Args:
        margin: Between islands, as a share of the map's side.
    """
    mesh = work.mesh
    if name in mesh.uv_layers:
        mesh.uv_layers.remove(mesh.uv_layers[name])
    layer = mesh.uv_layers.new(name=name)
    if layer is None:  # Blender allows eight
        raise CannotEditError("too many UV maps")
    layer.active = layer.active_render = True
    with _shown_whole(mesh), _in_a_scene(mesh) as (scene, target):
        # Otherwise Blender would leave out what is not in the Local View of the artist's viewport.
        seen = {"area": None, "region": None, "object": target, "active_object": target}
        seen |= {"selected_objects": [target], "edit_object": target}
        with bpy.context.temp_override(scene=scene, view_layer=scene.view_layers[0], **seen):
            bpy.ops.object.mode_set(mode="EDIT")
            try:
                bpy.ops.mesh.select_all(action="SELECT")
                bpy.ops.uv.smart_project(
                    angle_limit=ISLAND_ANGLE,
                    island_margin=margin,
                    margin_method="FRACTION",
                    area_weight=1.0,
                )
            finally:
                bpy.ops.object.mode_set(mode="OBJECT")


HIDDEN = (".hide_vert", ".hide_edge", ".hide_poly")
"""Attributes that say what is hidden in Edit Mode, where nothing hidden is edited."""


@contextmanager
def _shown_whole(mesh: bpy.types.Mesh) -> Iterator[None]:
    """Shows all faces in Edit Mode for a while."""
    kept = {}
    for name in HIDDEN:
        if attribute := mesh.attributes.get(name):
            kept[name] = attribute.domain, _read(attribute.data, "value", 1, bool)
            mesh.attributes.remove(attribute)
    yield
    for name, (domain, values) in kept.items():
        if name in mesh.attributes:
            mesh.attributes.remove(mesh.attributes[name])
        mesh.attributes.new(name, "BOOLEAN", domain).data.foreach_set("value", values.ravel())


def _corners(work: Work) -> None:
    """Read what a texture needs of each corner of each triangle: see inference/texture/corners.py.

    Blender interpolates normals and tangents between the same corners when it shows a normal map.
    """
    mesh = work.mesh.copy()
    try:
        if (_read(mesh.polygons, "loop_total", 1, np.int32) > 4).any():
            with _as_bmesh(mesh) as edited:  # tangents exist for triangles and quads only
                large = [face for face in edited.faces if len(face.verts) > 4]
                bmesh.ops.triangulate(edited, faces=large)
        mesh.calc_loop_triangles()
        name = next(layer.name for layer in mesh.uv_layers if layer.active_render)
        mesh.calc_tangents(uvmap=name)
        corners = _read(mesh.loop_triangles, "loops", 3, np.int32)
        vertices = _read(mesh.loop_triangles, "vertices", 3, np.int32)
        work.arrays["points"] = _positions(mesh)[vertices]
        # Looked up here: what was looked up before the tangents came is no longer valid.
        work.arrays["uv"] = _read(mesh.uv_layers[name].data, "uv", 2)[corners]
        work.arrays["normals"] = _read(mesh.corner_normals, "vector", 3)[corners]
        work.arrays["tangents"] = _read(mesh.loops, "tangent", 3)[corners]
        work.arrays["signs"] = _read(mesh.loops, "bitangent_sign", 1)[corners][:, 0, 0]
    finally:
        bpy.data.meshes.remove(mesh)


def _read(
    items: bpy.types.bpy_prop_collection, name: str, width: int, kind: type = np.float32
) -> np.ndarray:
    """Values (N, width) of one property of all items."""
    values = np.empty((len(items), width), kind)
    items.foreach_get(name, values.ravel())
    return values


STEPS = {
    "fill_holes": _fill_holes,
    "smooth": _smooth,
    "reduce": _reduce,
    "voxels": _voxels,
    "quads": _quads,
    "mirror": _mirror,
    "unwrap": _unwrap,
    "corners": _corners,
}


def _longest_side(mesh: bpy.types.Mesh) -> float:
    return float(max(np.ptp(axis) for axis in _positions(mesh).T))


def _positions(mesh: bpy.types.Mesh) -> np.ndarray:
    values = np.empty((len(mesh.vertices), 3), np.float32)
    mesh.attributes["position"].data.foreach_get("vector", values.ravel())
    return values


@contextmanager
def _as_bmesh(mesh: bpy.types.Mesh) -> Iterator[bmesh.types.BMesh]:
    """Gives a mesh as a BMesh to Blender's mesh operators, and writes their result back."""
    edited = bmesh.new()
    try:
        edited.from_mesh(mesh)
        yield edited
        edited.to_mesh(mesh)
    finally:
        edited.free()
    mesh.update()


def _modify(work: Work, kind: str, **settings: object) -> None:
    """Replace a mesh by the result of one of Blender's modifiers."""
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
    """Gives a new scene with a mesh as its only object, so that it does not matter what is hidden,
    excluded or disabled in the artist's scene.
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
    """Edit the mesh in `folder`: the program of the second Blender."""
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
        np.savez(folder / "arrays.npz", positions=_positions(work.mesh), **work.arrays)
        bpy.data.libraries.write(str(folder / "edited.blend"), {work.mesh}, fake_user=True)
    except CannotEditError as error:
        answer["problem"] = str(error)
    (folder / "answer.json").write_text(json.dumps(answer), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[-1]))
