"""The camera of a picture: kept with its object, and set up so that it covers its subject."""

from pathlib import Path

import numpy as np
import pytest
from object_data import vertices
from PIL import Image, ImageOps


@pytest.fixture
def made(bpy, addon, tmp_path: Path):
    """Makes an object from a picture of a size, whose subject, a truck, lies at an offset."""

    def make(size: tuple[int, int] = (256, 256), offset: tuple[int, int] = (28, 60), **settings):
        image = Image.new("RGBA", size, (0, 0, 0, 0))
        left, top = offset
        image.paste((220, 30, 30, 255), (left, top + 40, left + 100, top + 130))
        image.paste((30, 60, 220, 255), (left + 100, top + 40, left + 200, top + 130))
        image.paste((30, 160, 60, 255), (left + 152, top, left + 200, top + 40))
        path = tmp_path / f"truck {size[0]}.png"
        image.save(path)
        settings = {"resolution": 64, "size": 2.0, **settings}
        return addon("api").image_to_object(path, **settings)

    return make


def seen(bpy, camera, points: np.ndarray) -> np.ndarray:
    """Where Blender's own camera shows points of the world, in pixels from the top left."""
    from bpy_extras.object_utils import world_to_camera_view
    from mathutils import Vector

    scene = bpy.context.scene
    bpy.context.view_layer.update()
    shown = [world_to_camera_view(scene, camera, Vector(point)) for point in points]
    width, height = scene.render.resolution_x, scene.render.resolution_y
    return np.array([(each.x * width, (1 - each.y) * height) for each in shown])


def in_world(addon, target, some=slice(None, None, 37)) -> np.ndarray:
    points = vertices(addon, target)[some].astype(np.float64)
    matrix = np.array(target.matrix_world)
    return points @ matrix[:3, :3].T + matrix[:3, 3]


def expected(addon, target, some=slice(None, None, 37)) -> np.ndarray:
    """Where the picture's camera has the same vertices."""
    _, placement = addon("scene.source").source_of(target)
    points = placement.unplace(vertices(addon, target)[some])
    return addon("scene.camera").camera_of(target).project(points)[0]


def alpha_of(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGBA"))[..., 3] > 127


@pytest.mark.parametrize(
    ("size", "offset"),
    [
        ((256, 256), (28, 60)),
        ((300, 500), (80, 300)),
        ((640, 360), (400, 10)),
        ((700, 231), (0, 50)),
    ],
    ids=["square", "portrait", "landscape", "cut off"],
)
def test_blenders_camera_sees_what_the_pictures_camera_saw(bpy, addon, made, size, offset) -> None:
    truck = made(size, offset)
    truck.location, truck.rotation_euler, truck.scale = (3, -2, 1), (0.3, 0.2, 1), (2.5,) * 3
    camera = addon("api").camera_from_picture(truck)
    scene = bpy.context.scene
    assert scene.camera == camera and camera.data.sensor_fit == "AUTO"
    assert (scene.render.resolution_x, scene.render.resolution_y) == size
    shown = seen(bpy, camera, in_world(addon, truck))
    assert np.abs(shown - expected(addon, truck)).max() < 0.5
    assert truck.triposr.match > 0.5


def test_the_render_covers_the_picture_as_the_match_says(bpy, addon, made, tmp_path) -> None:
    truck = made((400, 300), (150, 120), resolution=96)
    truck.rotation_euler.z = 0.7
    addon("api").camera_from_picture(truck)
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.samples, scene.cycles.use_denoising = 1, False
    scene.render.film_transparent = True
    scene.render.filepath = str(tmp_path / "render.png")
    scene.render.image_settings.file_format = "PNG"
    scene.render.image_settings.color_mode = "RGBA"
    bpy.ops.render.render(write_still=True)
    render, subject = alpha_of(tmp_path / "render.png"), alpha_of(tmp_path / "truck 400.png")
    overlap = (render & subject).sum() / (render | subject).sum()
    assert overlap == pytest.approx(truck.triposr.match, abs=0.02)
    assert overlap > 0.7


def test_the_picture_lies_behind_the_object(bpy, addon, made) -> None:
    truck = made()
    camera = addon("api").camera_from_picture(truck)
    [shown] = camera.data.background_images
    assert shown.image.name.startswith("truck 256") and camera.data.show_background_images
    assert (shown.display_depth, shown.frame_method) == ("BACK", "STRETCH")
    count = len(bpy.data.images)
    assert addon("api").camera_from_picture(truck) == camera
    assert len(camera.data.background_images) == 1 and len(bpy.data.images) == count


def test_the_camera_follows_the_object_when_asked_again(bpy, addon, made) -> None:
    truck = made()
    camera = addon("api").camera_from_picture(truck)
    other = camera.data.background_images.new()
    other.image = bpy.data.images.new("mine", 8, 8)
    truck.location, truck.parent = (5, 6, 7), None
    again = addon("api").camera_from_picture(truck)
    assert again == camera and len(camera.data.background_images) == 2
    shown = seen(bpy, camera, in_world(addon, truck))
    assert np.abs(shown - expected(addon, truck)).max() < 0.5


def test_a_camera_that_the_artist_has_tied_stays(bpy, addon, made) -> None:
    truck, from_picture = made(), addon("api").camera_from_picture
    before = from_picture(truck)
    for tie in ("lock", "constraint", "parent", "unlink", "duplicate"):
        if tie == "lock":
            before.lock_location[0] = True
        elif tie == "constraint":
            before.constraints.new("TRACK_TO")
        elif tie == "parent":
            before.parent = truck
        elif tie == "unlink":
            bpy.context.scene.collection.objects.unlink(before)
        else:
            bpy.ops.object.select_all(action="DESELECT")
            truck.select_set(True)
            bpy.ops.object.duplicate()
        matrix = before.matrix_basis.copy()
        after = from_picture(truck)
        assert after != before and bpy.context.scene.camera == after, tie
        assert before.matrix_basis == matrix
        before = after


def test_an_object_of_an_older_file_gets_its_camera_now(bpy, addon, made) -> None:
    truck = made()
    known, match = addon("scene.camera").camera_of(truck), truck.triposr.match
    assert known is not None and match > 0.5
    addon("scene.camera").note_camera(truck, None, 0.0)
    assert addon("scene.camera").camera_of(truck) is None
    assert bpy.ops.triposr.camera_from_picture() == {"FINISHED"}
    found = addon("scene.camera").camera_of(truck)
    assert truck.triposr.match == pytest.approx(match, abs=0.01)
    assert abs(found.azimuth - known.azimuth) < 3 and abs(found.elevation - known.elevation) < 3


def test_refining_and_editing_keep_the_camera(bpy, addon, made) -> None:
    truck = made()
    known, match = addon("scene.camera").camera_of(truck), truck.triposr.match
    bpy.ops.triposr.refine(resolution=48)
    bpy.ops.triposr.mirror(keep="left")
    assert addon("scene.camera").camera_of(truck) == known and truck.triposr.match == match
    camera = addon("api").camera_from_picture(truck)
    shown = seen(bpy, camera, in_world(addon, truck))
    assert np.abs(shown - expected(addon, truck)).max() < 0.5


def test_the_camera_is_saved_with_the_object(bpy, addon, made, tmp_path: Path) -> None:
    truck = made()
    known, name = addon("scene.camera").camera_of(truck), truck.name
    camera = addon("api").camera_from_picture(truck).name
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "saved.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "saved.blend"))
    truck = bpy.data.objects[name]
    assert addon("scene.camera").camera_of(truck) == known
    assert addon("api").camera_from_picture(truck) == bpy.data.objects[camera]


def test_odd_names_and_hidden_objects(bpy, addon, made) -> None:
    truck = made()
    truck.name = "Stuhl – 椅子 {name} %s " + "ä" * 20
    truck.hide_set(True)
    camera = addon("api").camera_from_picture(truck)
    assert camera.name.startswith("Stuhl – 椅子 {name}")


def test_a_turned_photo_is_shown_upright(bpy, addon, tmp_path: Path) -> None:
    picture = Image.new("RGB", (300, 200), (240, 240, 240))
    picture.paste((180, 30, 30), (60, 80, 260, 160))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    picture.save(tmp_path / "phone.jpg", exif=exif, quality=95)
    truck = addon("api").image_to_object(tmp_path / "phone.jpg", resolution=48)
    camera = addon("api").camera_from_picture(truck)
    render = bpy.context.scene.render
    assert (render.resolution_x, render.resolution_y) == (200, 300)
    [shown] = camera.data.background_images
    assert tuple(shown.image.size) == (200, 300) and shown.image.packed_file
    # Red lies where it is in the upright picture: the last row of pixels comes first.
    at = np.empty((300, 200, 4), np.float32)
    shown.image.pixels.foreach_get(at.ravel())
    upright = ImageOps.exif_transpose(Image.open(tmp_path / "phone.jpg")).convert("RGBA")
    assert np.abs(at[::-1] - np.asarray(upright) / 255).max() < 2 / 255
    count = len(bpy.data.images)
    addon("api").camera_from_picture(truck)
    assert len(bpy.data.images) == count


def test_a_large_turned_photo_is_shown_smaller(bpy, addon, tmp_path: Path) -> None:
    picture = Image.new("RGB", (6000, 3000), (240, 240, 240))
    picture.paste((180, 30, 30), (1500, 1000, 5000, 2000))
    exif = Image.Exif()
    exif[0x0112] = 8
    picture.save(tmp_path / "large.jpg", exif=exif)
    thing = addon("api").image_to_object(tmp_path / "large.jpg", resolution=48)
    camera = addon("api").camera_from_picture(thing)
    render = bpy.context.scene.render
    assert (render.resolution_x, render.resolution_y) == (3000, 6000)
    [shown] = camera.data.background_images
    assert tuple(shown.image.size) == (2048, 4096) and shown.frame_method == "STRETCH"


def test_what_has_no_camera_says_why(bpy, addon, made) -> None:
    from_picture = addon("api").camera_from_picture
    truck = made()
    cases = {
        "stretched": lambda: setattr(truck, "scale", (1, 1, 2)),
        "stretched, sheared or mirrored": lambda: setattr(truck, "scale", (-1, 1, 1)),
        "mirrored, so": lambda: setattr(truck, "scale", (0, 0, 0)),
    }
    for words, change in cases.items():
        change()
        with pytest.raises(addon("api").TripoSRError, match=words):
            from_picture(truck)
        assert not bpy.data.cameras and not truck.triposr.camera
    truck.scale = (3, 3, 3)
    from_picture(truck)
    bpy.ops.object.select_all(action="DESELECT")
    truck.select_set(True)
    bpy.context.view_layer.objects.active = truck
    bpy.ops.object.transform_apply(scale=True)
    with pytest.raises(addon("api").TripoSRError, match="no longer lies where it was made"):
        from_picture(truck)


def test_edit_mode_other_scenes_and_other_objects(bpy, addon, made) -> None:
    from_picture, error = addon("api").camera_from_picture, addon("api").TripoSRError
    truck = made()
    bpy.ops.object.mode_set(mode="EDIT")
    assert not bpy.ops.triposr.camera_from_picture.poll()
    with pytest.raises(error, match="is being edited"):
        from_picture(truck)
    bpy.ops.object.mode_set(mode="OBJECT")
    bpy.ops.mesh.primitive_cube_add()
    assert not bpy.ops.triposr.camera_from_picture.poll()
    with pytest.raises(error, match="was not made from a picture"):
        from_picture(bpy.context.object)
    other = bpy.data.scenes.new("Other")
    with (
        bpy.context.temp_override(scene=other, view_layer=other.view_layers[0]),
        pytest.raises(error, match="is not in the scene 'Other'"),
    ):
        from_picture(truck)
    truck.data.clear_geometry()
    with pytest.raises(error, match="has no faces"):
        from_picture(truck)


def test_a_picture_that_is_gone_or_another_one(bpy, addon, made, tmp_path: Path) -> None:
    truck = made()
    picture = tmp_path / "truck 256.png"
    bpy.context.view_layer.objects.active = truck
    Image.new("RGB", (256, 256), (9, 9, 9)).save(picture)
    task = addon("tasks.camera").camera_setup(bpy.context, truck, False)
    assert "the picture has changed" in task.do().message
    picture.unlink()
    with pytest.raises(addon("api").TripoSRError, match="no longer exists"):
        addon("api").camera_from_picture(truck)


def test_linked_objects_are_refused(bpy, addon, made, tmp_path: Path) -> None:
    truck = made()
    name = truck.name
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "library.blend"))
    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.ops.wm.link(directory=f"{tmp_path / 'library.blend'}/Object/", filename=name)
    linked = bpy.data.objects[name]
    with pytest.raises(addon("api").TripoSRError, match="belongs to a linked file"):
        addon("api").camera_from_picture(linked)


def test_a_whole_picture_has_no_camera_and_an_object_all_the_same(bpy, addon, tmp_path) -> None:
    Image.new("RGB", (64, 64), (200, 40, 40)).save(tmp_path / "red.png")
    thing = addon("api").image_to_object(
        tmp_path / "red.png", resolution=48, background="none", threshold=1.0
    )
    assert thing.triposr.match == 0 and addon("scene.camera").camera_of(thing) is None
    with pytest.raises(addon("api").TripoSRError, match="whole picture is the subject"):
        addon("api").camera_from_picture(thing)


def test_a_failing_search_costs_no_object(bpy, addon, made, monkeypatch) -> None:
    import importlib

    module = importlib.import_module(f"{addon('api').__package__}.inference.texture.camera_fit")

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(module, "fit_camera", fail)
    truck = made()
    assert truck.triposr.match == 0 and len(truck.data.polygons) > 100


def test_a_poor_match_is_said(bpy, addon, made) -> None:
    truck = made()
    truck.triposr.match = 0.3
    task = addon("tasks.camera").camera_setup(bpy.context, truck, False)
    outcome = task.do()
    assert "covers little of its subject" in outcome.message and outcome.result.type == "CAMERA"


def test_what_a_script_wrote_into_the_note_is_no_camera(bpy, addon, made) -> None:
    truck = made()
    truck.triposr.camera_distance = float("nan")
    assert addon("scene.camera").camera_of(truck) is None
    assert addon("api").camera_from_picture(truck).type == "CAMERA"


def test_one_undo_step_after_a_click(bpy, addon, made) -> None:
    truck = made()
    name = truck.name
    bpy.ops.ed.undo_push(message="before")
    task = addon("tasks.camera").camera_setup(bpy.context, truck, True)
    assert task.do().result == bpy.context.scene.camera
    bpy.ops.ed.undo()
    assert bpy.context.scene.camera is None and name in bpy.data.objects
    assert not bpy.context.scene.objects.get(f"{name} Camera")


def test_the_best_of_variants_stays(bpy, addon, made, tmp_path: Path) -> None:
    made()
    path = str(tmp_path / "truck 256.png")
    bpy.ops.triposr.variants(filepath=path, count=3, resolution=32)
    variants = [each for each in bpy.data.objects if each.triposr.variants]
    assert len(variants) == 3 and all(each.triposr.match > 0 for each in variants)
    best = addon("scene.source").best_variant(variants)
    assert best.triposr.match == max(each.triposr.match for each in variants)
    worst = min(variants, key=lambda each: each.triposr.match)
    bpy.context.view_layer.objects.active = worst
    assert bpy.ops.triposr.best_variant() == {"FINISHED"}
    assert bpy.context.object == best and not best.triposr.variants
    assert not [each for each in bpy.data.objects if each.triposr.variants]


def test_variants_whose_match_is_not_known(bpy, addon, made, tmp_path: Path) -> None:
    made()
    path = str(tmp_path / "truck 256.png")
    bpy.ops.triposr.variants(filepath=path, count=2, resolution=32)
    for each in bpy.data.objects:
        each.triposr.match = 0
    with pytest.raises(RuntimeError, match="is not known"):
        bpy.ops.triposr.best_variant()
    variants = [each for each in bpy.data.objects if each.triposr.variants]
    assert len(variants) == 2
    # Nothing is the best of what is known only in part.
    variants[0].triposr.match = 0.9
    assert addon("scene.source").best_variant(variants) is None
    variants[1].triposr.match = 0.8
    assert addon("scene.source").best_variant(variants) == variants[0]


class Layout:
    """What a panel draws: its labels with their icons, and nothing else."""

    def __init__(self) -> None:
        self.labels: list[tuple[str, str]] = []

    def label(self, text: str = "", icon: str = "NONE", **_: object) -> None:
        self.labels.append((text, icon))

    def row(self, **_: object) -> "Layout":
        return self

    box = column = row

    def operator(self, *_: object, **__: object) -> None:
        pass


@pytest.mark.parametrize(
    ("match", "icon"),
    [(0.3, "ERROR"), (0.5, "INFO"), (0.69, "INFO"), (0.7, "CHECKMARK"), (1.0, "CHECKMARK")],
)
def test_the_icon_says_whether_the_photo_can_be_projected(addon, match: float, icon: str) -> None:
    assert addon("panels.object")._icon_of(match) == icon


def test_an_unknown_match_of_a_variant_is_not_shown(
    bpy, addon, made, tmp_path: Path, monkeypatch
) -> None:
    made()
    path = str(tmp_path / "truck 256.png")
    bpy.ops.triposr.variants(filepath=path, count=2, resolution=32)
    panel, layout = addon("panels.object"), Layout()
    monkeypatch.setattr(panel, "draw_text", lambda to, text, icon: to.label(text, icon))
    panel._draw_variants(layout, bpy.context.object)
    assert "match" in layout.labels[0][0]
    for each in bpy.data.objects:
        each.triposr.match = 0
    layout = Layout()
    panel._draw_variants(layout, bpy.context.object)
    assert layout.labels == [("One of 2 variants, foreground 0.95", "MOD_ARRAY")]


def test_a_deleted_camera_is_not_saved(bpy, addon, made, tmp_path: Path) -> None:
    truck = made()
    name = truck.name
    kept = addon("api").camera_from_picture(truck).name
    path = str(tmp_path / "saved.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    assert truck.triposr.camera == bpy.data.objects[kept]
    bpy.data.scenes["Scene"].collection.children.link(bpy.data.collections.new("own"))
    for collection in truck.triposr.camera.users_collection:
        collection.objects.unlink(truck.triposr.camera)
    bpy.ops.wm.save_as_mainfile(filepath=path)
    assert truck.triposr.camera is None
    bpy.ops.wm.open_mainfile(filepath=path)
    assert kept not in bpy.data.objects and bpy.data.objects[name].triposr.camera is None
