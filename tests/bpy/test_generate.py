"""The operator inline, as scripts and background Blender call it."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def generate(bpy, picture: Path, **settings):
    assert bpy.ops.triposr.generate(filepath=str(picture), resolution=48, **settings) == {
        "FINISHED"
    }
    return bpy.context.object


def coordinates(blender_object) -> np.ndarray:
    """World coordinates (V, 3) of an object that is only moved."""
    flat = np.empty(3 * len(blender_object.data.vertices), np.float32)
    blender_object.data.vertices.foreach_get("co", flat)
    return flat.reshape(-1, 3) + np.array(blender_object.location, np.float32)


def colors(blender_object) -> np.ndarray:
    """Display-referred colors (V, 3)."""
    data = blender_object.data.color_attributes[0].data
    flat = np.empty(4 * len(data), np.float32)
    data.foreach_get("color_srgb", flat)
    return flat.reshape(-1, 4)[:, :3]


def failure(bpy, **settings) -> str:
    """Generate, which must fail and leave nothing behind; return the error's sentence."""
    before = {kind: len(getattr(bpy.data, kind)) for kind in ("objects", "meshes", "materials")}
    with pytest.raises(RuntimeError) as caught:
        bpy.ops.triposr.generate(**settings)
    assert {kind: len(getattr(bpy.data, kind)) for kind in before} == before
    sentence = str(caught.value).removeprefix("Error: ").strip()
    assert "\n" not in sentence
    return sentence


def test_object_is_named_selected_active_and_alone(bpy, picture: Path) -> None:
    bpy.ops.object.empty_add()
    new = generate(bpy, picture)
    assert new.name == "toy truck"
    assert new.data.name == "toy truck"
    assert bpy.context.view_layer.objects.active == new
    assert list(bpy.context.selected_objects) == [new]


def test_stands_on_the_floor_at_the_cursor(bpy, picture: Path) -> None:
    bpy.context.scene.cursor.location = (1, -2, 0.5)
    new = generate(bpy, picture, size=3.0)
    low, high = coordinates(new).min(axis=0), coordinates(new).max(axis=0)
    assert low[2] == pytest.approx(0.5, abs=1e-4)
    assert ((low + high) / 2)[:2] == pytest.approx((1, -2), abs=1e-4)
    assert (high - low).max() == pytest.approx(3.0, abs=1e-4)
    assert tuple(new.scale) == (1, 1, 1)


def test_faces_the_front_view_upright_and_not_mirrored(bpy, picture: Path) -> None:
    """In the front view, which looks along +Y, +X is on the right: as in the picture."""
    new = generate(bpy, picture)
    points, color = coordinates(new), colors(new)
    sides = np.ptp(points, axis=0)
    assert sides[0] == sides.max(), "the picture is wider than high"
    left, right = color[points[:, 0] < -0.2].mean(axis=0), color[points[:, 0] > 0.2].mean(axis=0)
    assert left[0] > left[2] + 0.1
    assert right[2] > right[0] + 0.1
    top = points[points[:, 2] > 0.9 * points[:, 2].max()]
    assert top[:, 0].mean() > 0.1, "the knob is at the top right"


def test_axes_of_an_asymmetric_mesh(bpy, addon) -> None:
    """Model +X, where the camera was, becomes -Y; +Y stays on the picture's right, +X; +Z is up."""
    types, mesh = addon("inference.types"), addon("scene.mesh")
    placed = addon("scene.placement").placed
    vertices = np.array([[0, 0, 0], [0.5, 0, 0], [0, 0.25, 0], [0, 0, 0.1]], np.float32)
    faces = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]], np.int32)
    data = types.MeshData(vertices, faces, np.zeros((4, 3), np.float32))
    new = mesh.add_object(bpy.context, data, "axes", placed(data, 1.0)[0], (0, 0, 0))
    origin, forward, right, up = coordinates(new)
    assert forward - origin == pytest.approx((0, -1, 0), abs=1e-6)
    assert right - origin == pytest.approx((0.5, 0, 0), abs=1e-6)
    assert up - origin == pytest.approx((0, 0, 0.2), abs=1e-6)
    new.data.update()
    middle = coordinates(new).mean(axis=0)
    assert len(new.data.polygons) == 4
    for face in new.data.polygons:
        outward = np.array(face.center) + new.location - middle
        assert np.dot(face.normal, outward) > 0


def test_colors_are_display_referred_and_read_back_equal(bpy, addon) -> None:
    types, mesh = addon("inference.types"), addon("scene.mesh")
    placed = addon("scene.placement").placed
    generator = np.random.default_rng(0)
    given = generator.random((300, 3), np.float32)
    faces = np.arange(300, dtype=np.int32).reshape(-1, 3)
    data = types.MeshData(generator.random((300, 3), np.float32), faces, given)
    new = mesh.add_object(bpy.context, data, "colors", placed(data, 1.0)[0], (0, 0, 0))
    [attribute] = new.data.color_attributes
    assert (attribute.domain, attribute.name) == ("POINT", "Color")
    assert new.data.color_attributes.active_color == attribute
    assert new.data.color_attributes.render_color_index == 0
    assert np.abs(colors(new) - given).max() <= 0.51 / 255
    # 50 % gray on the display is 21.4 % in scene linear light.
    attribute.data[0].color_srgb = (0.5, 0.5, 0.5, 1)
    assert attribute.data[0].color[0] == pytest.approx(0.214, abs=0.01)


def test_mesh_is_valid_smooth_and_closed(bpy, picture: Path) -> None:
    data = generate(bpy, picture).data
    assert not data.validate(verbose=True), "nothing had to be corrected"
    assert all(face.use_smooth for face in data.polygons)
    assert 2 * len(data.edges) == 3 * len(data.polygons), "every edge joins two faces"


def test_material_shows_the_colors(bpy, picture: Path) -> None:
    first, second = generate(bpy, picture), generate(bpy, picture)
    [material] = first.data.materials
    assert second.data.materials[0] == material, "one material serves all"
    principled = next(n for n in material.node_tree.nodes if n.type == "BSDF_PRINCIPLED")
    [link] = principled.inputs["Base Color"].links
    assert link.from_node.type == "VERTEX_COLOR"
    assert link.from_node.layer_name == first.data.color_attributes[0].name


def test_one_undo_step_removes_it_and_redo_brings_it_back(bpy, picture: Path) -> None:
    bpy.ops.object.empty_add()
    bpy.ops.ed.undo_push(message="before")
    generate(bpy, picture)
    bpy.ops.ed.undo()
    assert [o.type for o in bpy.data.objects] == ["EMPTY"]
    assert not bpy.data.meshes
    bpy.ops.ed.redo()
    assert "toy truck" in bpy.data.objects
    assert len(bpy.data.objects["toy truck"].data.color_attributes) == 1


def test_settings_come_from_the_scene_unless_given(bpy, picture: Path) -> None:
    settings = bpy.context.scene.triposr
    settings.resolution, settings.size = 32, 2.0
    bpy.ops.triposr.generate(filepath=str(picture))
    coarse = bpy.context.object
    assert max(coarse.dimensions) == pytest.approx(2.0, abs=1e-3)
    bpy.ops.triposr.generate(filepath=str(picture), resolution=64, size=0.5)
    fine = bpy.context.object
    assert max(fine.dimensions) == pytest.approx(0.5, abs=1e-3)
    assert len(fine.data.vertices) > 2 * len(coarse.data.vertices)
    assert settings.resolution == 32, "the scene's settings are not changed"


def test_threshold_and_foreground_ratio_reach_the_network(bpy, picture: Path) -> None:
    volumes = [
        np.prod(generate(bpy, picture, **settings).dimensions)
        for settings in ({}, {"threshold": 90.0}, {"foreground_ratio": 0.6})
    ]
    assert len({round(volume, 5) for volume in volumes}) == 3


def test_other_modes_are_left_alone(bpy, picture: Path) -> None:
    bpy.ops.mesh.primitive_cube_add()
    cube = bpy.context.object
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.triposr.generate(filepath=str(picture), resolution=32)
    assert bpy.context.object == cube
    assert bpy.context.mode == "EDIT_MESH"
    assert "toy truck" in bpy.context.scene.objects
    bpy.ops.object.mode_set(mode="OBJECT")


def test_exports_as_gltf_with_colors(bpy, picture: Path, tmp_path: Path) -> None:
    generate(bpy, picture)
    bpy.ops.export_scene.gltf(filepath=str(tmp_path / "toy.glb"))
    assert b"COLOR_0" in (tmp_path / "toy.glb").read_bytes()


@pytest.mark.parametrize("kind", ["file", "packed", "generated", "edited", "float"])
def test_image_datablocks(bpy, picture: Path, kind: str) -> None:
    """The picture may be any image of the .blend, whatever holds its pixels."""
    expected = generate(bpy, picture)
    image = bpy.data.images.load(str(picture))
    if kind == "packed":
        image.pack()
        picture.unlink()
    elif kind in ("generated", "float"):
        pixels = np.empty(256 * 256 * 4, np.float32)
        image.pixels.foreach_get(pixels)
        image = bpy.data.images.new("toy truck", 256, 256, alpha=True, float_buffer=kind == "float")
        rgba = pixels.reshape(-1, 4)
        if kind == "float":
            rgb = rgba[:, :3]
            rgba[:, :3] = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        image.pixels.foreach_set(rgba.ravel())
    elif kind == "edited":
        pixels = np.array(image.pixels[:], np.float32)
        image.pixels.foreach_set(pixels)
        Image.new("RGB", (8, 8)).save(picture)  # what is on disk no longer counts
        assert image.is_dirty
    bpy.context.scene.triposr.image = image
    assert bpy.ops.triposr.generate(resolution=48) == {"FINISHED"}
    new = bpy.context.object
    assert new.name.startswith("toy truck")
    assert len(new.data.vertices) == pytest.approx(len(expected.data.vertices), rel=0.01)
    assert np.abs(colors(new).mean(axis=0) - colors(expected).mean(axis=0)).max() < 0.01


def test_no_picture(bpy) -> None:
    assert "There is no picture" in failure(bpy)


def test_bad_pictures(bpy, tmp_path: Path, picture: Path) -> None:
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "half.png").write_bytes(picture.read_bytes()[:200])
    Image.new("RGBA", (64, 64), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    Image.new("RGB", (1, 1)).save(tmp_path / "dot.png")
    for name, sentence in {
        "empty.png": "not a picture",
        "half.png": "damaged or incomplete",
        "clear.png": "fully transparent",
        "dot.png": "1 × 1 pixels",
        "missing.png": "does not exist",
    }.items():
        assert sentence in failure(bpy, filepath=str(tmp_path / name))
    assert generate(bpy, picture), "the next one works"


def test_image_without_pixels(bpy) -> None:
    image = bpy.data.images.new("lost", 8, 8)
    image.source = "FILE"
    image.filepath = "//nowhere.png"
    bpy.context.scene.triposr.image = image
    assert "no pixels" in failure(bpy)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("resolution", 5),
        ("resolution", 5000),
        ("threshold", -1.0),
        ("foreground_ratio", 5.0),
        ("size", 0.0),
        ("size", float("nan")),
    ],
)
def test_settings_out_of_range_are_refused(bpy, picture, setting: str, value: float) -> None:
    assert "Choose a value from" in failure(bpy, filepath=str(picture), **{setting: value})


@pytest.mark.parametrize(
    ("file", "name"),
    [("Mr. Smith.png", "Mr. Smith"), ("plain", "plain"), ("花.PNG", "花"), ("a.b.png", "a.b")],
)
def test_names(bpy, picture: Path, tmp_path: Path, file: str, name: str) -> None:
    Image.open(picture).save(tmp_path / file, "PNG")
    assert generate(bpy, tmp_path / file).name == name


def test_names_of_other_files_and_copies(bpy, addon) -> None:
    assert addon("tasks.sources").title_of("caf\udce9.png") == "caf?"
    assert addon("tasks.sources").title_of("chair.png.001") == "chair"
    assert addon("tasks.sources").title_of("browser.jfif") == "browser"


@pytest.mark.parametrize("thing", [None, 5, b"bytes", bytearray(9), [1]], ids=repr)
def test_what_is_no_picture_by_its_type(bpy, addon, thing: object) -> None:
    with pytest.raises(TypeError, match=rf"not {type(thing).__name__}$"):
        addon("api").image_to_object(thing)


def test_ignored_alpha_is_ignored(bpy, addon, picture: Path) -> None:
    image = bpy.data.images.load(str(picture))
    image.alpha_mode = "NONE"
    seen = addon("scene.image").picture_of(image)()
    assert seen.getchannel("A").getextrema() == (255, 255)


def test_packed_phone_photo_stands_upright(bpy, addon, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (64, 32), (255, 0, 0)).save(tmp_path / "phone.jpg", exif=exif)
    image = bpy.data.images.load(str(tmp_path / "phone.jpg"))
    image.pack()
    content = addon("scene.image").picture_of(image)()
    assert content == (tmp_path / "phone.jpg").read_bytes()


def test_excluded_collections_are_avoided(bpy, picture: Path) -> None:
    collection = bpy.data.collections.new("hidden")
    bpy.context.scene.collection.children.link(collection)
    layer = bpy.context.view_layer.layer_collection.children["hidden"]
    bpy.context.view_layer.active_layer_collection = layer
    assert generate(bpy, picture).users_collection == (collection,)
    layer.exclude = True
    bpy.context.view_layer.active_layer_collection = layer
    assert generate(bpy, picture).users_collection == (bpy.context.scene.collection,)


def test_bad_model_folder(bpy, picture: Path, tmp_path: Path) -> None:
    import background

    preferences = bpy.context.preferences.addons[background.MODULE].preferences
    preferences.model_folder = str(tmp_path)
    (tmp_path / "model.ckpt").write_bytes(b"PK")
    assert "config.yaml" in failure(bpy, filepath=str(picture))
    (tmp_path / "model.ckpt").write_text("<html>")
    published = Path(__file__).parents[2] / "inference/model/published/config.yaml"
    (tmp_path / "config.yaml").write_bytes(published.read_bytes())
    assert "web page" in failure(bpy, filepath=str(picture))
    (tmp_path / "model.ckpt").unlink()
    assert generate(bpy, picture), "without weights, the starter model serves"


def test_density_that_never_crosses(bpy, picture: Path) -> None:
    sentence = failure(bpy, filepath=str(picture), resolution=32, threshold=10_000.0)
    assert "Lower the density threshold" in sentence


def test_model_in_the_model_folder_is_used(bpy, picture: Path) -> None:
    import background

    starter = generate(bpy, picture)
    preferences = bpy.context.preferences.addons[background.MODULE].preferences
    preferences.model_folder = str(Path(__file__).parent.parent / "data" / "tiny")
    assert len(generate(bpy, picture).data.vertices) != len(starter.data.vertices)


def drop(bpy, *pictures: Path) -> None:
    files = [{"name": picture.name} for picture in pictures]
    bpy.context.scene.triposr.resolution = 32
    bpy.ops.triposr.drop_image(directory=str(pictures[0].parent), files=files)


def test_a_dropped_picture_becomes_the_panels(bpy, picture: Path) -> None:
    drop(bpy, picture)
    assert bpy.context.object.name == "toy truck"
    assert bpy.context.scene.triposr.image.name == "toy truck.png"
    drop(bpy, picture)
    assert len(bpy.data.images) == 1, "one image serves both"


def test_one_bad_picture_does_not_stop_the_others(bpy, picture: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"no picture")
    Image.open(picture).save(tmp_path / "second.png")
    with pytest.raises(RuntimeError, match=r"bad\.png is not a picture"):
        drop(bpy, tmp_path / "bad.png", picture, tmp_path / "second.png")
    assert {"toy truck", "second"} <= {o.name for o in bpy.context.scene.objects}
    with pytest.raises(RuntimeError, match="not a picture"):
        drop(bpy, tmp_path / "bad.png")
    with pytest.raises(RuntimeError, match="does not exist") as caught:
        drop(bpy, tmp_path / "missing.png")
    assert "Traceback" not in str(caught.value)
    names = {image.name for image in bpy.data.images}
    assert names <= {"toy truck.png", "second.png"}, "what is no picture leaves no image behind"
