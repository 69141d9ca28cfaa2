"""An object is rebuilt from its stored origin; one of several variants is kept."""

import itertools
from pathlib import Path

import pytest
from object_data import span
from PIL import Image


def test_an_object_knows_its_picture_and_settings(bpy, truck, picture: Path) -> None:
    import hashlib

    note = truck.triposr
    assert note.digest == hashlib.sha256(picture.read_bytes()).hexdigest()
    assert (note.image, note.size) == (None, 2.0)
    assert truck.data.triposr.picture.filepath == str(picture)
    image = bpy.data.images.load(str(picture))
    bpy.ops.triposr.generate(image=image.name, resolution=32, foreground_ratio=0.7)
    note = bpy.context.object.triposr
    assert note.image == image and bpy.context.object.data.triposr.picture is None
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
    with pytest.raises(RuntimeError, match="picture of toy truck no longer exists"):
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
def variants(bpy, picture: Path):
    """Three variants, from left to right, and the place of the first one."""
    bpy.context.scene.cursor.location = (1, 0, 0)
    bpy.ops.triposr.variants(filepath=str(picture), resolution=32, count=3)
    return sorted(bpy.data.objects, key=lambda o: o.location.x)


def test_a_parented_and_renamed_variant_is_kept(bpy, variants) -> None:
    bpy.ops.object.empty_add(location=(5, 6, 7), rotation=(0, 0, 1), scale=(2, 2, 2))
    kept, empty = variants[1], bpy.context.object
    empty.scale = (2, 1, 3)
    kept.parent, kept.name = empty, "my truck"
    kept.rotation_euler.z = 0.5
    bpy.context.view_layer.objects.active = kept
    assert bpy.ops.triposr.keep_variant() == {"FINISHED"}
    bpy.context.view_layer.update()
    assert kept.matrix_world.translation[:] == pytest.approx((1, 0, 0), abs=1e-5)
    assert (kept.name, kept.rotation_euler.z) == ("my truck", 0.5)


def test_a_long_name_is_shortened_again(bpy, picture: Path) -> None:
    long = picture.rename(picture.with_name("v" * 80 + ".png"))
    bpy.ops.triposr.variants(filepath=str(long), resolution=24, count=2)
    bpy.ops.triposr.keep_variant()
    [kept] = bpy.data.objects
    assert kept.name == "v" * 63


def test_a_variant_that_is_regenerated_stays_in_its_comparison(bpy, addon, variants) -> None:
    bpy.context.view_layer.objects.active = variants[1]
    assert bpy.ops.triposr.regenerate() == {"FINISHED"}
    assert len(addon("scene.source").variants_of(variants[1], bpy.context.scene)) == 3
    assert bpy.ops.triposr.keep_variant() == {"FINISHED"}
    assert len(bpy.data.objects) == 1
    assert variants[1].location[:] == (1, 0, 0)


@pytest.mark.parametrize("count", [1, 12])
def test_a_wrong_number_of_variants_is_reported(bpy, picture: Path, count: int) -> None:
    with pytest.raises(RuntimeError, match=f"Count is {count}"):
        bpy.ops.triposr.variants(filepath=str(picture), count=count)
