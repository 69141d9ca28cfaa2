"""Edits of a mesh: it is remeshed, closed, mirrored or reduced with exact colors, or unchanged."""

import sys
from pathlib import Path

import numpy as np
import pytest
from object_data import assert_colors_agree, colors, vertices


@pytest.mark.parametrize("kind", ["voxel", "quads"])
def test_remesh_keeps_shape_and_colors(bpy, addon, truck, kind: str) -> None:
    bpy.ops.triposr.clean_up(floaters=1.0)
    at, expected = vertices(addon, truck), colors(truck)
    assert bpy.ops.triposr.remesh(kind=kind, faces=3000) == {"FINISHED"}
    new = vertices(addon, truck)
    assert np.abs(np.ptp(new, axis=0) - np.ptp(at, axis=0)).max() < 0.1
    sides = {len(polygon.vertices) for polygon in truck.data.polygons}
    assert 4 in sides
    assert kind == "voxel" or 1500 < len(truck.data.polygons) < 6000
    assert_colors_agree(addon, truck, at, expected)
    assert all(polygon.use_smooth for polygon in truck.data.polygons)


def test_open_and_torn_meshes_become_quads(bpy, addon, truck) -> None:
    """QuadriFlow takes closed, manifold meshes only."""
    import bmesh

    torn = bmesh.new()
    torn.from_mesh(truck.data)
    torn.faces.ensure_lookup_table()
    bmesh.ops.delete(torn, geom=list(torn.faces)[:400:4], context="FACES_ONLY")
    torn.to_mesh(truck.data)
    torn.free()
    assert bpy.ops.triposr.remesh(kind="quads", faces=2000) == {"FINISHED"}
    assert 1000 < len(truck.data.polygons) < 4000


def test_holes_are_filled(bpy, addon, picture: Path) -> None:
    import bmesh

    bpy.ops.triposr.generate(filepath=str(picture), resolution=64)
    truck = bpy.context.object
    bpy.ops.triposr.clean_up(floaters=1.0)
    edited = bmesh.new()
    edited.from_mesh(truck.data)
    edited.verts.ensure_lookup_table()
    bmesh.ops.delete(edited, geom=edited.verts[100:104], context="VERTS")
    edited.to_mesh(truck.data)

    def rims() -> int:
        edited.clear()
        edited.from_mesh(truck.data)
        return sum(edge.is_boundary for edge in edited.edges)

    assert rims() > 0
    bpy.ops.triposr.clean_up(holes=False)
    assert rims() > 0
    bpy.ops.triposr.clean_up()
    assert rims() == 0
    edited.free()


@pytest.mark.parametrize("keep", ["left", "right", "auto"])
def test_mirror(bpy, addon, truck, keep: str) -> None:
    at, expected = vertices(addon, truck), colors(truck)
    assert bpy.ops.triposr.mirror(keep=keep) == {"FINISHED"}
    half = truck.triposr.mirrored
    # The knob, and with it most of the surface, is on the picture's right, which is +X.
    assert half == (keep if keep != "auto" else "right")
    new, got = vertices(addon, truck), colors(truck)
    middle = -truck.triposr.base[0] * truck.triposr.scale
    new[:, 0] -= middle
    sign = 1 if half == "right" else -1
    assert new[:, 0].max() == pytest.approx(-new[:, 0].min(), abs=1e-4)
    assert new[:, 0].max() == pytest.approx((sign * (at[:, 0] - middle)).max(), abs=0.02)
    # The picture's left half is red and its right one blue: the kept one's colors are on both.
    for side in (-1, 1):
        mean = got[side * new[:, 0] > 0.3].mean(axis=0)
        assert (mean[2] > mean[0]) == (half == "right")
    bpy.ops.triposr.recolor()
    assert np.abs(colors(truck) - got).max() < 2 / 255
    # Once more, the other way: what both halves show stays what the first one was.
    bpy.ops.triposr.mirror(keep="left" if half == "right" else "right")
    assert np.abs(np.sort(colors(truck), axis=0) - np.sort(got, axis=0)).mean() < 0.01
    bpy.ops.triposr.refine()
    assert truck.triposr.mirrored == "none"
    assert_colors_agree(addon, truck, at, expected)


def test_the_budget_of_faces_is_kept_by_quads_too(bpy, truck) -> None:
    bpy.ops.triposr.remesh()
    bpy.ops.triposr.clean_up(faces=4000)
    assert 3500 < len(truck.data.polygons) <= 4000


@pytest.mark.parametrize("size", [0.002, 500.0])
def test_objects_of_any_size(bpy, addon, picture: Path, size: float) -> None:
    bpy.ops.triposr.generate(filepath=str(picture), resolution=64, size=size)
    target = bpy.context.object
    span = np.ptp(vertices(addon, target), axis=0)
    count = len(target.data.vertices)
    bpy.ops.triposr.mirror(keep="right")
    assert 0.7 * count < len(target.data.vertices) < 1.3 * count
    bpy.ops.triposr.remesh()
    assert len(target.data.vertices) > 5000
    bpy.ops.triposr.remesh(kind="quads", faces=1000)
    assert 500 < len(target.data.polygons) < 2000
    assert np.abs(np.ptp(vertices(addon, target), axis=0)[1:] / span[1:] - 1).max() < 0.2


@pytest.mark.parametrize("is_shared", [False, True])
def test_an_edit_that_fails_changes_nothing(bpy, addon, truck, monkeypatch, is_shared) -> None:
    bpy.ops.object.shade_flat()
    if is_shared:
        bpy.ops.object.duplicate(linked=True)
    target = bpy.context.object
    data, at, colored = target.data, vertices(addon, target), colors(target)
    monkeypatch.setattr(addon("scene.mesh_edits"), "_quadriflow", lambda mesh, faces: "It is torn")
    with pytest.raises(RuntimeError, match="cannot make quads of this mesh: It is torn"):
        bpy.ops.triposr.remesh(kind="quads")
    assert target.data == data and len(bpy.data.meshes) == 1
    assert np.array_equal(vertices(addon, target), at)
    assert np.array_equal(colors(target), colored)
    assert not any(polygon.use_smooth for polygon in target.data.polygons)
    assert not target.modifiers


@pytest.mark.parametrize(
    ("operator", "values"),
    [
        ("clean_up", {"floaters": 2.0}),
        ("clean_up", {"smooth": 100_000}),
        ("clean_up", {"faces": -1}),
        ("remesh", {"voxel_size": -1.0}),
        ("remesh", {"kind": "quads", "faces": 3}),
    ],
)
def test_values_out_of_range_change_nothing(bpy, addon, truck, operator: str, values) -> None:
    before = vertices(addon, truck)
    with pytest.raises(RuntimeError, match="Choose a value from"):
        getattr(bpy.ops.triposr, operator)(**values)
    assert np.array_equal(vertices(addon, truck), before)


def test_an_emptied_mesh_comes_back(bpy, truck) -> None:
    count = len(truck.data.vertices)
    for bring_back in (bpy.ops.triposr.refine, bpy.ops.triposr.regenerate):
        truck.data.clear_geometry()
        for operator in (bpy.ops.triposr.clean_up, bpy.ops.triposr.recolor):
            with pytest.raises(RuntimeError, match="has no faces"):
                operator()
        bpy.context.scene.triposr.resolution = 64
        bring_back()
        assert abs(len(truck.data.vertices) - count) < 0.2 * count


def test_an_edit_that_would_leave_nothing_is_refused(bpy, addon, truck, monkeypatch) -> None:
    before = vertices(addon, truck)
    module = addon("scene.mesh_edits")
    monkeypatch.setattr(module, "_into_voxels", lambda work, size: work.mesh.clear_geometry())
    with pytest.raises(RuntimeError, match="Nothing would be left"):
        bpy.ops.triposr.remesh()
    assert np.array_equal(vertices(addon, truck), before)


def test_the_api_names_what_it_cannot_work_on(bpy, addon) -> None:
    api = addon("api")
    bpy.ops.mesh.primitive_cube_add()
    with pytest.raises(api.TripoSRError, match="Cube was not made from a picture"):
        api.refine(bpy.context.object)


def test_a_missing_scipy_is_reported_by_name(bpy, truck, monkeypatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "scipy"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "scipy", None)
    monkeypatch.setitem(sys.modules, "scipy.sparse", None)
    before = len(truck.data.polygons)
    with pytest.raises(RuntimeError, match="package scipy cannot be imported"):
        bpy.ops.triposr.clean_up(faces=100)
    assert len(truck.data.polygons) == before
