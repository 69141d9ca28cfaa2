"""An object keeps its scene code, which gives other surfaces and colors without the network."""

from pathlib import Path

import numpy as np
import pytest
from object_data import colors, vertices


@pytest.fixture
def truck(bpy, truck):
    """The object, after the model that made it is gone."""
    bpy.ops.triposr.unload_model()
    return truck


def test_refine_replaces_the_surface_in_place(bpy, addon, truck) -> None:
    truck.location, truck.scale = (1, 2, 3), (1, 1, 2)
    data, before = truck.data, vertices(addon, truck)
    assert bpy.ops.triposr.refine(resolution=128) == {"FINISHED"}
    assert truck.data is data and truck.location[:] == (1, 2, 3)
    after = vertices(addon, truck)
    assert len(after) > 3 * len(before)
    # It is the same object, finer: it lies where it lay, within a cell of the coarse lattice.
    cell = 2.0 / 64 * 1.5
    assert np.abs(after.min(axis=0) - before.min(axis=0)).max() < cell
    assert np.abs(after.max(axis=0) - before.max(axis=0)).max() < cell
    assert len(truck.data.materials) == 1 and len(colors(truck)) == len(after)
    assert not addon("tasks.session").engine.is_loaded()
    assert (truck.triposr.resolution, truck.triposr.picture) == (128, "toy truck")


def test_what_is_not_said_stays_as_it_was(bpy, addon, truck) -> None:
    bpy.ops.triposr.refine(threshold=60.0)
    thin = vertices(addon, truck)
    assert truck.triposr.resolution == 64 and truck.triposr.threshold == 60
    bpy.ops.triposr.refine(resolution=96)
    assert truck.triposr.threshold == 60
    bpy.ops.triposr.refine(resolution=64, threshold=25.0)
    assert len(vertices(addon, truck)) != len(thin)


def test_refine_and_generate_are_undone_one_by_one(bpy, addon, truck) -> None:
    bpy.ops.ed.undo_push(message="before")
    count = len(truck.data.vertices)
    bpy.ops.triposr.refine(resolution=96)
    bpy.ops.ed.undo_push(message="Refine")
    bpy.ops.ed.undo()
    truck = bpy.data.objects["toy truck"]
    assert len(truck.data.vertices) == count and truck.triposr.resolution == 64
    bpy.ops.ed.redo()
    assert bpy.data.objects["toy truck"].triposr.resolution == 96


def test_survives_saving_duplicating_and_appending(bpy, addon, truck, tmp_path: Path) -> None:
    bpy.ops.object.duplicate()
    path = tmp_path / "truck.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    assert path.stat().st_size < 6_000_000
    bpy.ops.wm.open_mainfile(filepath=str(path))
    for name in ("toy truck", "toy truck.001"):
        bpy.context.view_layer.objects.active = bpy.data.objects[name]
        assert bpy.ops.triposr.refine(resolution=80) == {"FINISHED"}
    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.ops.wm.append(directory=f"{path}/Object/", filename="toy truck")
    bpy.context.view_layer.objects.active = bpy.data.objects["toy truck"]
    assert bpy.ops.triposr.refine(resolution=80) == {"FINISHED"}


def test_recolor_is_exact_on_a_remeshed_object(bpy, addon, truck) -> None:
    expected = colors(truck)
    at = vertices(addon, truck)
    truck.data.color_attributes.remove(truck.data.color_attributes["Color"])
    bpy.ops.triposr.recolor()
    assert np.abs(colors(truck) - expected).max() < 3 / 255
    remesh = truck.modifiers.new("Remesh", "REMESH")
    remesh.voxel_size = 0.05
    bpy.ops.object.modifier_apply(modifier="Remesh")
    assert bpy.ops.triposr.recolor() == {"FINISHED"}
    new = vertices(addon, truck)
    nearest = ((new[::50, None] - at[None]) ** 2).sum(axis=-1).argmin(axis=1)
    apart = np.abs(colors(truck)[::50] - expected[nearest]).mean()
    assert apart < 0.05


def test_clean_up_keeps_the_colors(bpy, addon, truck) -> None:
    bpy.ops.triposr.clean_up(floaters=1.0)
    before = colors(truck)
    at = vertices(addon, truck)
    bpy.ops.mesh.primitive_ico_sphere_add(radius=0.05, location=(0, 0, 4), subdivisions=1)
    bpy.context.view_layer.objects.active = truck
    truck.select_set(True)
    bpy.ops.object.join()
    assert len(truck.data.vertices) == len(at) + 12
    assert bpy.ops.triposr.clean_up(floaters=0.05) == {"FINISHED"}
    assert len(truck.data.vertices) == len(at)
    assert bpy.ops.triposr.clean_up(smooth=3, faces=1500) == {"FINISHED"}
    assert 1300 < len(truck.data.polygons) <= 1500
    new = vertices(addon, truck)
    nearest = ((new[:, None] - at[None, ::3]) ** 2).sum(axis=-1).argmin(axis=1) * 3
    assert np.abs(colors(truck) - before[nearest]).mean() < 0.06
    assert np.abs(np.ptp(new, axis=0) - np.ptp(at, axis=0)).max() < 0.15


def test_only_the_largest_part_stays(bpy, addon, truck) -> None:
    bpy.ops.triposr.clean_up(floaters=1.0)
    count = len(truck.data.vertices)
    bpy.ops.object.duplicate()
    bpy.ops.transform.translate(value=(5, 0, 0))
    for name in ("toy truck", "toy truck.001"):
        bpy.data.objects[name].select_set(True)
    bpy.ops.object.join()
    assert bpy.ops.triposr.clean_up(floaters=1.0) == {"FINISHED"}
    assert len(bpy.context.object.data.vertices) == count


def test_other_objects_cannot_be_refined(bpy, addon, truck) -> None:
    bpy.ops.mesh.primitive_cube_add()
    assert not bpy.ops.triposr.refine.poll()
    assert not bpy.ops.triposr.recolor.poll()


def test_damaged_sources_and_settings_are_reported(bpy, addon, truck) -> None:
    count = len(truck.data.vertices)
    with pytest.raises(RuntimeError, match="Resolution is 5000"):
        bpy.ops.triposr.refine(resolution=5000)
    with pytest.raises(RuntimeError, match="no surface"):
        bpy.ops.triposr.refine(threshold=9999.0)
    truck["triposr_scene_code"] = b"nothing"
    with pytest.raises(RuntimeError, match="damaged"):
        bpy.ops.triposr.refine(resolution=32)
    assert len(truck.data.vertices) == count


def test_a_mesh_that_no_longer_lies_where_it_was_made_is_reported(bpy, addon, truck) -> None:
    before = colors(truck)
    truck.scale = (3, 3, 3)
    assert bpy.ops.triposr.recolor() == {"FINISHED"}  # the scale is the object's: all is well
    bpy.ops.object.transform_apply(scale=True)
    for operator in (bpy.ops.triposr.recolor, bpy.ops.triposr.refine):
        with pytest.raises(RuntimeError, match="no longer lies where it was made"):
            operator()
    assert np.abs(colors(truck) - before).max() < 3 / 255
    with pytest.raises(RuntimeError, match="no longer lies where it was made"):
        bpy.ops.triposr.clean_up(smooth=1)


def test_shape_keys_are_not_garbled(bpy, addon, truck) -> None:
    truck.shape_key_add(name="Basis")
    count = len(truck.data.vertices)
    for operator in (bpy.ops.triposr.refine, bpy.ops.triposr.clean_up):
        with pytest.raises(RuntimeError, match="shape keys"):
            operator()
    assert len(truck.data.vertices) == count and not truck.modifiers


def test_linked_duplicates_keep_what_they_have(bpy, addon, truck) -> None:
    bpy.ops.object.duplicate(linked=True)
    count = len(truck.data.vertices)
    assert bpy.ops.triposr.clean_up(faces=1000) == {"FINISHED"}
    assert len(truck.data.vertices) == count
    assert len(bpy.context.object.data.polygons) <= 1000


def test_an_empty_without_pixels_is_reported(bpy) -> None:
    bpy.ops.object.empty_add(type="IMAGE")
    bpy.context.object.data = bpy.data.images.new("nothing", 0, 0)
    with pytest.raises(RuntimeError, match="only 1 × 1 pixels"):
        bpy.ops.triposr.generate_from_empty()


def test_api(bpy, addon, picture: Path) -> None:
    api = addon("api")
    truck = api.image_to_object(picture, resolution=48)
    other = api.image_to_object(bpy.data.images.load(str(picture)), resolution=48)
    assert len(truck.data.vertices) == len(other.data.vertices)
    assert bpy.context.scene.triposr.image is None
    assert api.refine(truck, resolution=96) is truck
    assert len(truck.data.vertices) > 3 * len(other.data.vertices)
    assert api.recolor(other) is other


def test_an_empty_that_shows_a_picture_gives_its_place(bpy, picture: Path) -> None:
    assert not bpy.ops.triposr.generate_from_empty.poll()
    bpy.ops.object.empty_add(type="IMAGE", location=(3, 4, 5))
    assert not bpy.ops.triposr.generate_from_empty.poll()
    bpy.context.object.data = bpy.data.images.load(str(picture))
    bpy.context.scene.triposr.resolution = 32
    assert bpy.ops.triposr.generate_from_empty() == {"FINISHED"}
    assert bpy.context.object.location[:] == (3, 4, 5)
    assert bpy.context.object.type == "MESH"


def test_an_image_by_name_and_a_place(bpy, picture: Path) -> None:
    image = bpy.data.images.load(str(picture))
    bpy.ops.triposr.generate(image=image.name, location=(1, 2, 3), resolution=32)
    assert bpy.context.object.location[:] == (1, 2, 3)
    with pytest.raises(RuntimeError, match="no image 'nowhere'"):
        bpy.ops.triposr.generate(image="nowhere")
    assert bpy.ops.triposr.add_from_image(filepath=str(picture)) == {"FINISHED"}
