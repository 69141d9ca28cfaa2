"""Where new objects stand, how large they are, where they look."""

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
from object_data import span, vertices


def test_size_by_height(bpy, addon, picture: Path) -> None:
    bpy.ops.triposr.generate(filepath=str(picture), resolution=48, size=3.0, measure="height")
    at = vertices(addon, bpy.context.object)
    assert np.ptp(at[:, 2]) == pytest.approx(3.0, rel=1e-4)
    assert np.ptp(at[:, 0]) > 3.5  # the truck is wider than high
    assert at[:, 2].min() == pytest.approx(0, abs=1e-5)


def center_of_mass(at: np.ndarray, target) -> np.ndarray:
    """Of what an object's triangles enclose, from the tetrahedra between them and a far point."""
    corners = np.empty(3 * len(target.data.polygons), np.int32)
    target.data.loops.foreach_get("vertex_index", corners)
    tip = np.array((5.0, 5.0, 5.0))
    sides = at.astype(float)[corners].reshape(-1, 3, 3) - tip
    volumes = np.linalg.det(sides)
    return tip + (sides.sum(axis=1) / 4 * volumes[:, None]).sum(axis=0) / volumes.sum()


def test_origins(bpy, addon, picture: Path) -> None:
    for origin in ("center", "volume"):
        bpy.ops.triposr.generate(filepath=str(picture), resolution=48, origin=origin)
        at = vertices(addon, bpy.context.object)
        middle = (at.min(axis=0) + at.max(axis=0)) / 2
        if origin == "center":
            assert np.abs(middle).max() < 1e-5
        else:
            assert np.abs(middle).max() > 1e-3
            assert np.abs(center_of_mass(at, bpy.context.object)).max() < 1e-3
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


def test_places_that_are_no_numbers(bpy, picture: Path) -> None:
    for wrong in ({"rotation": math.nan}, {"location": (0, math.nan, 0)}):
        with pytest.raises(RuntimeError, match="finite numbers"):
            bpy.ops.triposr.generate(filepath=str(picture), **wrong)
    assert not bpy.data.objects


@pytest.mark.parametrize(("setting", "limit"), [("size", 0.0001), ("foreground_ratio", 0.3)])
def test_limits_are_within_the_limits(bpy, picture: Path, setting: str, limit: float) -> None:
    assert bpy.ops.triposr.generate(filepath=str(picture), resolution=32, **{setting: limit}) == {
        "FINISHED"
    }
    with pytest.raises(RuntimeError, match="Choose a value from"):
        bpy.ops.triposr.generate(filepath=str(picture), **{setting: 0.999 * limit})
