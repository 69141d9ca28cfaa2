"""The artist's workflow: several pictures, variants, placement, meshes one can use, presets."""

import itertools
import math
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageGrab


@pytest.fixture
def truck(bpy, picture: Path):
    """An object made from the picture."""
    bpy.ops.triposr.generate(filepath=str(picture), resolution=64, size=2.0)
    return bpy.context.object


def vertices(addon, target) -> np.ndarray:
    return addon("scene.mesh").positions(target.data)


def colors(target) -> np.ndarray:
    data = target.data.color_attributes["Color"].data
    values = np.empty(4 * len(data), np.float32)
    data.foreach_get("color_srgb", values)
    return values.reshape(-1, 4)[:, :3]


def span(bpy, target) -> tuple[float, float]:
    """From where to where an object reaches along X, in the world."""
    bpy.context.view_layer.update()
    along = [(target.matrix_world @ v.co).x for v in target.data.vertices]
    return min(along), max(along)


def assert_colors_agree(addon, target, at: np.ndarray, expected: np.ndarray) -> None:
    """Each of some vertices has about the color of the one that was nearest to it."""
    new = vertices(addon, target)
    some = slice(None, None, max(1, len(new) // 400))
    nearest = ((new[some, None] - at[None]) ** 2).sum(axis=-1).argmin(axis=1)
    assert np.abs(colors(target)[some] - expected[nearest]).mean() < 0.06


# Placement


def test_size_by_height(bpy, addon, picture: Path) -> None:
    bpy.ops.triposr.generate(filepath=str(picture), resolution=48, size=3.0, measure="height")
    at = vertices(addon, bpy.context.object)
    assert np.ptp(at[:, 2]) == pytest.approx(3.0, rel=1e-4)
    assert np.ptp(at[:, 0]) > 3.5  # the truck is wider than high
    assert at[:, 2].min() == pytest.approx(0, abs=1e-5)


def test_origins(bpy, addon, picture: Path) -> None:
    for origin in ("center", "volume"):
        bpy.ops.triposr.generate(filepath=str(picture), resolution=48, origin=origin)
        at = vertices(addon, bpy.context.object)
        middle = (at.min(axis=0) + at.max(axis=0)) / 2
        if origin == "center":
            assert np.abs(middle).max() < 1e-5
        else:
            assert 1e-4 < np.abs(middle).max() < 0.2
        assert bpy.context.object.triposr.origin == origin


def test_the_center_of_volume_is_that_of_mass(addon) -> None:
    types, placement = addon("inference.types"), addon("scene.placement")
    # A box with many vertices on one side: their mean is not its center.
    corners = np.array([(x, y, z) for x in (0, 2) for y in (0, 1) for z in (0, 1)], np.float32)
    faces = np.array(
        [
            *((0, 1, 3), (0, 3, 2), (4, 6, 7), (4, 7, 5), (0, 4, 5), (0, 5, 1)),
            *((2, 3, 7), (2, 7, 6), (0, 2, 6), (0, 6, 4), (1, 5, 7), (1, 7, 3)),
        ],
        np.int32,
    )
    [[a, b, c], *others] = faces.tolist()
    for _ in range(6):  # the first face is parted again and again
        corners = np.concatenate((corners, corners[[a, b, c]].mean(axis=0)[None]))
        new = len(corners) - 1
        others += [[a, b, new], [b, c, new]]
        b = new
    faces = np.array([[a, b, c], *others], np.int32)
    assert np.abs(corners.mean(axis=0) - (1, 0.5, 0.5)).max() > 0.2
    box = types.MeshData(corners + np.float32(5), faces, np.zeros_like(corners))
    assert placement.center_of_volume(box) == pytest.approx((6, 5.5, 5.5), abs=1e-5)


def test_facing(addon) -> None:
    from mathutils import Euler, Vector

    viewpoint = addon("scene.viewpoint")
    assert viewpoint.turn_of(Vector((0, -1, 0))) == 0
    for degrees in (30, 90, 179, -120):
        facing = Euler((0, 0, math.radians(degrees))).to_matrix() @ Vector((0, -1, 0))
        assert viewpoint.turn_of(facing) == pytest.approx(math.radians(degrees), abs=1e-5)

    class View:
        view_rotation = Euler((math.radians(90), 0, math.radians(90))).to_quaternion()

    assert viewpoint.turn_to_viewer(View) == pytest.approx(math.radians(90), abs=1e-5)
    View.view_rotation = Euler((0, 0, math.radians(45))).to_quaternion()  # from above
    assert viewpoint.turn_to_viewer(View) == pytest.approx(math.radians(45), abs=1e-5)


def test_a_given_rotation_turns_the_object(bpy, picture: Path) -> None:
    bpy.ops.triposr.generate(filepath=str(picture), resolution=32, rotation=1.0)
    assert bpy.context.object.rotation_euler[:] == pytest.approx((0, 0, 1.0))


def test_several_files_stand_in_a_row(bpy, picture: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.png").write_bytes(picture.read_bytes())
    (tmp_path / "bad.png").write_bytes(b"nothing")
    files = [{"name": name} for name in ("a.png", "bad.png", "b.png")]
    bpy.context.scene.triposr.resolution = 32
    bpy.context.scene.cursor.location = (1, 2, 3)
    with pytest.raises(RuntimeError, match=r"bad\.png is not a picture"):
        bpy.ops.triposr.drop_image(directory=str(tmp_path), files=files)
    first, second = bpy.data.objects["a"], bpy.data.objects["b"]
    assert first.location[:] == (1, 2, 3) and second.location.yz[:] == (2, 3)
    assert span(bpy, second)[0] > span(bpy, first)[1]
    bpy.ops.triposr.add_from_image(directory=str(tmp_path), files=files[::2])
    assert len(bpy.data.objects) == 4


def test_a_row_of_centers_of_volume_does_not_overlap(addon) -> None:
    placement = addon("scene.placement")
    row = placement.Row()
    spans = []
    for extent in (placement.Extent(1, 3, 0), placement.Extent(3, 1, 0), placement.Extent(2, 2, 0)):
        at = row.next(extent)
        spans.append((at - extent.left, at + extent.right))
    assert spans[0] == (-1, 3)
    assert all(left[1] < right[0] for left, right in itertools.pairwise(spans))


def test_what_is_dropped_on_a_surface_stands_on_it(bpy, addon, picture: Path) -> None:
    placement = addon("scene.placement")
    extent = placement.Extent(1, 1, 0.5)
    assert placement.Spot((1, 2, 3), is_surface=True).take(extent) == (1, 2, 3.5)
    assert placement.Spot((1, 2, 3)).take(extent) == (1, 2, 3)


def test_names_that_are_not_utf8(bpy, picture: Path, tmp_path: Path) -> None:
    import os

    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.png"))
    odd.write_bytes(picture.read_bytes())
    bpy.ops.triposr.generate(filepath=str(odd), resolution=32)
    assert bpy.context.object.name == "caf?"
    assert bpy.ops.triposr.regenerate() == {"FINISHED"}


def test_each_selected_empty_gets_its_mesh(bpy, picture: Path) -> None:
    image = bpy.data.images.load(str(picture))
    for x, turn in ((5, 0.0), (9, 0.5)):
        bpy.ops.object.empty_add(
            type="IMAGE", location=(x, 0, 0), rotation=(math.radians(90), 0, turn)
        )
        bpy.context.object.data = image
    for empty in bpy.data.objects:
        empty.select_set(True)
    bpy.context.scene.triposr.resolution = 32
    assert bpy.ops.triposr.generate_from_empty() == {"FINISHED"}
    meshes = sorted((o for o in bpy.data.objects if o.type == "MESH"), key=lambda o: o.location.x)
    assert [round(o.location.x) for o in meshes] == [5, 9]
    assert [o.rotation_euler.z for o in meshes] == pytest.approx([0.0, 0.5], abs=1e-5)


# Never start over


def test_an_object_knows_its_picture_and_settings(bpy, truck, picture: Path) -> None:
    import hashlib

    note = truck.triposr
    assert note.digest == hashlib.sha256(picture.read_bytes()).hexdigest()
    assert (note.filepath, note.image, note.size) == (str(picture), None, 2.0)
    image = bpy.data.images.load(str(picture))
    bpy.ops.triposr.generate(image=image.name, resolution=32, foreground_ratio=0.7)
    note = bpy.context.object.triposr
    assert (note.image, note.filepath) == (image, "")
    assert note.foreground_ratio == pytest.approx(0.7)


def test_regenerate_replaces_the_mesh_in_place(bpy, truck, picture: Path, capfd) -> None:
    truck.location, truck.scale = (1, 2, 3), (2, 2, 2)
    before, code = len(truck.data.vertices), truck["triposr_scene_code"]
    bpy.context.scene.triposr.resolution = 128
    bpy.context.scene.triposr.foreground_ratio = 0.6
    assert bpy.ops.triposr.regenerate() == {"FINISHED"}
    assert len(bpy.data.objects) == 1 and len(truck.data.vertices) > 1.5 * before
    assert truck.location[:] == (1, 2, 3) and truck.scale[:] == (2, 2, 2)
    assert truck["triposr_scene_code"] != code
    assert truck.triposr.foreground_ratio == pytest.approx(0.6)
    count = len(truck.data.vertices)
    assert bpy.ops.triposr.refine(resolution=64) == {"FINISHED"}
    assert len(truck.data.vertices) < count
    Image.open(picture).rotate(90).save(picture)
    bpy.ops.triposr.regenerate()
    assert "picture has changed" in capfd.readouterr().out
    picture.unlink()
    with pytest.raises(RuntimeError, match="picture of toy truck is not there any more"):
        bpy.ops.triposr.regenerate()


def test_a_variant_is_kept(bpy, picture: Path) -> None:
    bpy.context.scene.cursor.location = (1, 0, 0)
    assert bpy.ops.triposr.variants(
        filepath=str(picture), resolution=32, count=3, smallest=0.6, largest=0.9
    ) == {"FINISHED"}
    made = sorted(bpy.data.objects, key=lambda o: o.location.x)
    assert [o.name for o in made] == ["toy truck 0.60", "toy truck 0.75", "toy truck 0.90"]
    spans = [span(bpy, o) for o in made]
    assert all(left[1] < right[0] for left, right in itertools.pairwise(spans))
    codes = {o["triposr_scene_code"] for o in made}
    assert len(codes) == 3
    bpy.context.view_layer.objects.active = made[1]
    bpy.ops.mesh.primitive_cube_add()
    copy = made[1].copy()  # the artist's own, as Shift+D makes it
    bpy.context.collection.objects.link(copy)
    copy.name = "copy"
    bpy.context.view_layer.objects.active = made[1]
    assert bpy.ops.triposr.keep_variant() == {"FINISHED"}
    assert sorted(o.name for o in bpy.data.objects) == ["Cube", "copy", "toy truck"]
    assert not copy.triposr.variants
    kept = bpy.data.objects["toy truck"]
    assert kept.location[:] == (1, 0, 0)
    assert kept.triposr.foreground_ratio == pytest.approx(0.75)
    assert len(bpy.data.meshes) == 2
    bpy.context.view_layer.objects.active = kept
    assert not bpy.ops.triposr.keep_variant.poll()


@pytest.fixture
def pump(addon):
    """Let the refinements' runner work until it has nothing to do. Timers never fire here."""
    session = addon("session")

    def pump() -> None:
        deadline = time.monotonic() + 60
        while session.refinements.is_running():
            assert time.monotonic() < deadline
            session._pump()
            time.sleep(0.01)

    yield pump
    session._join_all()
    session.refinements.dismiss()


def test_the_surface_follows_the_sliders(bpy, addon, truck, pump) -> None:
    live, before = bpy.context.window_manager.triposr, vertices(addon, truck)
    assert (live.resolution, live.threshold) == (64, 25)
    assert live.tightness == pytest.approx(0)
    live.tightness = 0.5
    assert live.threshold == pytest.approx(25 * math.sqrt(5))
    assert truck.triposr.threshold == 25  # until the surface is there
    pump()
    thin = vertices(addon, truck)
    assert truck.triposr.threshold == pytest.approx(25 * math.sqrt(5))
    assert len(thin) != len(before)
    live.resolution = 128
    pump()
    assert truck.triposr.resolution == 128 and len(vertices(addon, truck)) > 3 * len(thin)


def test_while_a_slider_moves_a_coarse_surface_comes_first(bpy, addon, truck, pump) -> None:
    bpy.ops.triposr.refine(resolution=192)
    session, live = addon("session"), bpy.context.window_manager.triposr
    seen = set()
    for threshold in (30.0, 35.0, 40.0):
        live.threshold = threshold
        for _ in range(20):
            session._pump()
            seen.add(len(truck.data.vertices))
            time.sleep(0.01)
    pump()
    fine = len(truck.data.vertices)
    assert truck.triposr.threshold == 40
    assert min(seen) < fine / 2
    bpy.ops.triposr.refine(threshold=40.0)
    assert len(truck.data.vertices) == fine


def test_a_slider_without_a_surface_tells_and_keeps_the_mesh(bpy, addon, truck, pump) -> None:
    count, live = len(truck.data.vertices), bpy.context.window_manager.triposr
    live.threshold = 9999.0
    pump()
    assert len(truck.data.vertices) == count and truck.triposr.threshold == 25
    assert "no surface" in addon("session").refinements.state.error
    live.threshold = 30.0
    pump()
    assert not addon("session").refinements.state.error
    assert truck.triposr.threshold == 30


def coarse_is_shown(addon, target, count: int) -> None:
    """Pump until a surface is shown that is on its way only."""
    deadline = time.monotonic() + 60
    while len(target.data.vertices) == count:
        assert time.monotonic() < deadline
        addon("session")._pump()
        time.sleep(0.005)


@pytest.fixture
def fine(bpy, truck):
    """The object at a resolution at which a coarse surface comes first, with its undo step."""
    bpy.ops.triposr.refine(resolution=192)
    bpy.ops.ed.undo_push(message="fine")
    return truck


def test_an_undo_takes_back_what_is_on_its_way_only(bpy, addon, fine, pump) -> None:
    count = len(fine.data.vertices)
    fine.location.x = 3
    bpy.ops.ed.undo_push(message="moved")  # a step that leaves the mesh alone
    bpy.context.window_manager.triposr.threshold = 60.0
    coarse_is_shown(addon, fine, count)
    assert len(fine.data.vertices) < count / 2
    bpy.ops.ed.undo()
    fine = bpy.data.objects["toy truck"]
    assert fine.location.x == 0 and len(fine.data.vertices) == count
    assert not addon("session").refinements.is_running()
    assert bpy.context.window_manager.triposr.threshold == 25
    bpy.ops.ed.redo()
    fine = bpy.data.objects["toy truck"]
    assert fine.location.x == 3 and len(fine.data.vertices) == count


def test_two_objects_are_refined_one_after_the_other(bpy, addon, fine, pump) -> None:
    bpy.ops.object.duplicate()
    other = bpy.context.object
    live, count = bpy.context.window_manager.triposr, len(fine.data.vertices)
    bpy.context.view_layer.objects.active = fine
    live.threshold = 60.0
    bpy.context.view_layer.objects.active = other
    assert live.threshold == 25
    live.threshold = 90.0
    pump()
    assert (fine.triposr.threshold, other.triposr.threshold) == (60, 90)
    for target, threshold in ((fine, 60.0), (other, 90.0)):
        found = len(target.data.vertices)
        assert found != count
        bpy.context.view_layer.objects.active = target
        bpy.ops.triposr.refine(resolution=192, threshold=threshold)
        assert len(target.data.vertices) == found


def test_what_another_tool_did_meanwhile_stays(bpy, addon, fine, pump) -> None:
    bpy.context.window_manager.triposr.threshold = 60.0
    bpy.ops.triposr.remesh()
    count = len(fine.data.vertices)
    pump()
    assert len(fine.data.vertices) == count and fine.triposr.threshold == 25


def test_who_starts_to_edit_edits_what_is_shown(bpy, addon, fine, pump) -> None:
    bpy.context.window_manager.triposr.threshold = 60.0
    coarse_is_shown(addon, fine, len(fine.data.vertices))
    count = len(fine.data.vertices)
    bpy.ops.object.mode_set(mode="EDIT")
    pump()
    bpy.ops.object.mode_set(mode="OBJECT")
    assert len(fine.data.vertices) == count
    assert (fine.triposr.resolution, fine.triposr.threshold) == (96, 60)


def test_linked_duplicates_keep_their_surface(bpy, addon, fine, pump) -> None:
    count = len(fine.data.vertices)
    bpy.ops.object.duplicate(linked=True)
    bpy.context.window_manager.triposr.threshold = 60.0
    pump()
    assert bpy.context.object.triposr.threshold == 60
    assert len(bpy.context.object.data.vertices) != count
    assert len(fine.data.vertices) == count
    bpy.context.view_layer.objects.active = fine
    bpy.ops.object.duplicate(linked=True)
    for refine in (bpy.ops.triposr.refine, bpy.ops.triposr.regenerate):
        bpy.context.view_layer.objects.active = bpy.data.objects["toy truck.002"]
        refine()
        assert len(fine.data.vertices) == count


def test_undo_forgets_what_the_sliders_asked_for(bpy, addon, truck, pump) -> None:
    live = bpy.context.window_manager.triposr
    bpy.ops.ed.undo_push(message="made")
    live.threshold = 60.0
    pump()
    after = len(truck.data.vertices)
    live.threshold = 90.0
    bpy.ops.ed.undo()
    assert not addon("session").refinements.is_running()
    truck = bpy.data.objects["toy truck"]
    assert truck.triposr.threshold == 25 and live.threshold == 25
    bpy.ops.ed.redo()
    truck = bpy.data.objects["toy truck"]
    assert truck.triposr.threshold == 60 and len(truck.data.vertices) == after


def test_a_deleted_object_ends_its_refinement(bpy, addon, truck, pump) -> None:
    bpy.context.window_manager.triposr.threshold = 60.0
    bpy.data.objects.remove(truck)
    pump()
    assert not addon("session").refinements.state.error
    assert bpy.context.window_manager.triposr.threshold == 25  # nothing is active


# A mesh one can use


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
    monkeypatch.setattr(addon("operators.remesh"), "_quadriflow", lambda faces: False)
    with pytest.raises(RuntimeError, match="cannot make quads"):
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
    module = addon("operators.remesh")
    monkeypatch.setattr(module, "_into_voxels", lambda context, size: truck.data.clear_geometry())
    with pytest.raises(RuntimeError, match="Nothing would be left"):
        bpy.ops.triposr.remesh()
    assert np.array_equal(vertices(addon, truck), before)


def test_the_api_names_what_it_cannot_work_on(bpy, addon) -> None:
    api = addon("api")
    bpy.ops.mesh.primitive_cube_add()
    for wrong, name in ((bpy.context.object, "Cube"), (None, "None"), ("vase", "vase")):
        with pytest.raises(RuntimeError, match=f"{name} was not made from a picture"):
            api.refine(wrong)


def test_places_that_are_no_numbers(bpy, picture: Path) -> None:
    for wrong in ({"rotation": math.nan}, {"location": (0, math.nan, 0)}):
        with pytest.raises(RuntimeError, match="finite numbers"):
            bpy.ops.triposr.generate(filepath=str(picture), **wrong)
    assert not bpy.data.objects


# Pictures from everywhere


def test_a_picture_is_pasted(bpy, picture: Path, monkeypatch) -> None:
    monkeypatch.setattr(ImageGrab, "grabclipboard", lambda: Image.open(picture))
    assert bpy.ops.triposr.paste_image() == {"FINISHED"}
    pasted = bpy.context.scene.triposr.image
    assert pasted.name == "Pasted Picture" and pasted.packed_file is not None
    bpy.ops.triposr.generate(filepath=str(picture), resolution=48)
    expected = len(bpy.context.object.data.vertices)
    bpy.ops.triposr.generate(resolution=48)
    assert bpy.context.object.name == "Pasted Picture"
    assert abs(len(bpy.context.object.data.vertices) - expected) < 0.02 * expected


def test_a_copied_file_is_pasted(bpy, addon, picture: Path, monkeypatch) -> None:
    paths_in = addon("operators.paste").paths_in
    assert paths_in(f"{picture.as_uri()}\n") == [picture]  # its space is %20 there
    assert paths_in(f'"{picture}"') == [picture]
    assert paths_in("") == []
    monkeypatch.setattr(ImageGrab, "grabclipboard", lambda: [str(picture)])
    bpy.ops.triposr.paste_image()
    assert bpy.context.scene.triposr.image.filepath == str(picture)


def test_an_empty_clipboard_is_told(bpy, monkeypatch) -> None:
    def raising(error: Exception):
        def grab() -> None:
            raise error

        return grab

    grabs = {
        "no picture on the clipboard": (lambda: None, lambda: ["nowhere"], raising(OSError())),
        "xclip or wl-clipboard": (raising(NotImplementedError()),),
    }
    for said, ways in grabs.items():
        for grab in ways:
            monkeypatch.setattr(ImageGrab, "grabclipboard", grab)
            with pytest.raises(RuntimeError, match=said):
                bpy.ops.triposr.paste_image()
    assert bpy.context.scene.triposr.image is None


def test_the_render_result_is_taken_as_it_is_seen(bpy, addon) -> None:
    scene = bpy.context.scene
    scene.render.engine, scene.cycles.samples = "CYCLES", 1
    scene.render.resolution_x = scene.render.resolution_y = 64
    scene.render.film_transparent = True
    scene.render.image_settings.file_format = "OPEN_EXR"
    bpy.ops.mesh.primitive_cube_add(size=2)
    material = bpy.data.materials.new("Glow")
    material.use_nodes = True
    material.node_tree.nodes.clear()
    glow = material.node_tree.nodes.new("ShaderNodeEmission")
    glow.inputs["Color"].default_value = (0.5, 0.05, 0.05, 1)
    end = material.node_tree.nodes.new("ShaderNodeOutputMaterial")
    material.node_tree.links.new(glow.outputs[0], end.inputs[0])
    bpy.context.object.data.materials.append(material)
    bpy.ops.object.camera_add(location=(0, -6, 0), rotation=(math.radians(90), 0, 0))
    scene.camera = bpy.context.object
    scene.view_settings.view_transform = "Standard"
    bpy.ops.render.render()
    read = addon("scene.image").picture_of

    def center(exposure: float) -> np.ndarray:
        import io

        scene.view_settings.exposure = exposure
        picture = Image.open(io.BytesIO(read(bpy.data.images["Render Result"])()))
        assert picture.mode == "RGBA" and picture.getpixel((0, 0))[3] == 0
        return np.array(picture.getpixel((32, 32))[:3])

    assert np.abs(center(0.0) - (188, 63, 63)).max() <= 2  # sRGB of 0.5 and 0.05
    assert np.abs(center(-1.0) - (137, 44, 44)).max() <= 2  # of half of that
    assert scene.render.image_settings.file_format == "OPEN_EXR"
    scene.triposr.image = bpy.data.images["Render Result"]
    scene.triposr.resolution = 32
    assert bpy.ops.triposr.generate() == {"FINISHED"}
    assert bpy.context.object.name == "Render Result"


# Presets


def test_presets_come_with_the_addon(bpy, addon) -> None:
    settings = bpy.context.scene.triposr
    [folder] = bpy.utils.preset_paths("triposr")
    names = {path.stem for path in Path(folder).glob("*.py")}
    assert names == {"Draft", "Standard", "Detailed", "3D_Print"}
    seen = {}
    for name in ("3D_Print", "Draft", "Detailed", "Standard"):
        bpy.ops.script.execute_preset(
            filepath=f"{folder}/{name}.py", menu_idname="TRIPOSR_PT_presets"
        )
        seen[name] = settings.resolution, settings.keep_largest, settings.closed
    standard = addon("inference.types").Options()
    assert seen["Standard"] == (standard.resolution, standard.keep_largest, standard.closed)
    assert seen["Draft"][0] < seen["Standard"][0] < seen["Detailed"][0]
    assert seen["3D_Print"][1:] == (True, True)


def test_an_own_preset_is_saved_used_and_removed(bpy) -> None:
    settings = bpy.context.scene.triposr
    settings.resolution, settings.origin = 77, "center"
    assert bpy.ops.triposr.add_preset(name="Mine") == {"FINISHED"}
    settings.resolution, settings.origin = 256, "base"
    path = bpy.utils.preset_find("Mine", "triposr")
    bpy.ops.script.execute_preset(filepath=path, menu_idname="TRIPOSR_PT_presets")
    assert (settings.resolution, settings.origin) == (77, "center")
    bpy.ops.triposr.add_preset(name="Mine", remove_name=True)
    assert not Path(path).exists()
