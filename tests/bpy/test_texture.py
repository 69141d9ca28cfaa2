"""Texture: an object gets a UV map, images and a material that look like its scene code."""

import time
from pathlib import Path

import numpy as np
import pytest
from object_data import colors, vertices


@pytest.fixture
def api(addon):
    return addon("api")


def images(target) -> dict[str, object]:
    """The images that an object's material shows, by what they are linked to."""
    found = {}
    [material] = target.data.materials
    for node in material.node_tree.nodes:
        if node.type == "TEX_IMAGE":
            [link] = node.outputs["Color"].links
            found[link.to_node.type] = node.image
    return found


def pixels(image) -> np.ndarray:
    """The pixels (H, W, 4) of an image, the lowest row first, as V points."""
    values = np.empty(len(image.pixels), np.float32)
    image.pixels.foreach_get(values)
    return values.reshape(image.size[1], image.size[0], 4)


def shown_at_vertices(target) -> np.ndarray:
    """What the color texture shows at each vertex: the mean (V, 3) over its corners."""
    data, image = target.data, pixels(images(target)["BSDF_PRINCIPLED"])
    size = len(image)
    uv = np.empty((len(data.loops), 2), np.float32)
    data.uv_layers[0].data.foreach_get("uv", uv.ravel())
    corner = np.empty(len(data.loops), np.int32)
    data.loops.foreach_get("vertex_index", corner)
    column, row = (uv * size).astype(int).clip(0, size - 1).T
    total = np.zeros((len(data.vertices), 3))
    np.add.at(total, corner, image[row, column, :3])
    return total / np.bincount(corner, minlength=len(total))[:, None]


def test_an_object_gets_a_texture(bpy, addon, api, truck) -> None:
    before = np.ptp(vertices(addon, truck), axis=0)
    assert api.texture(truck, faces=3000, size=512, photo=False) == truck
    assert len(truck.data.polygons) == 3000
    assert np.abs(np.ptp(vertices(addon, truck), axis=0) - before).max() < 0.02
    [layer] = truck.data.uv_layers
    assert layer.active_render
    found = images(truck)
    assert set(found) == {"BSDF_PRINCIPLED", "NORMAL_MAP"}
    color, bent = found["BSDF_PRINCIPLED"], found["NORMAL_MAP"]
    assert (*color.size, *bent.size) == (512,) * 4
    assert color.packed_file and bent.packed_file
    assert (color.colorspace_settings.name, bent.colorspace_settings.name) == ("sRGB", "Non-Color")
    # The vertices still have their colors, and the texture shows the same ones there.
    assert np.abs(shown_at_vertices(truck) - colors(truck)).mean() < 0.02
    assert 0.5 < pixels(bent)[..., 2].mean() <= 1


def test_a_uv_map_of_the_artist_is_kept(bpy, addon, api, truck) -> None:
    """So is the mesh that it belongs to, whatever made it: here, quads."""
    api.remesh(truck, kind="quads", faces=1000)
    data = truck.data
    layer = data.uv_layers.new(name="Mine")
    side = int(np.ceil(np.sqrt(len(data.polygons))))
    for face in data.polygons:
        x, y = divmod(face.index, side)
        for number, loop in enumerate(face.loop_indices):
            corner = np.array(((0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9)))[number % 4]
            layer.data[loop].uv = (np.array((x, y)) + corner) / side
    mine = [tuple(item.uv) for item in layer.data]
    places, faces = vertices(addon, truck), len(data.polygons)
    api.texture(truck, faces=100, size=1024, photo=False)
    assert [layer.name for layer in truck.data.uv_layers] == ["Mine"]
    assert [tuple(item.uv) for item in truck.data.uv_layers[0].data] == mine
    assert len(truck.data.polygons) == faces
    assert (vertices(addon, truck) == places).all()
    assert np.abs(shown_at_vertices(truck) - colors(truck)).mean() < 0.03


def test_again_with_another_size(bpy, api, truck) -> None:
    """The UV map and what the artist has set in the material stay; old images go."""
    api.texture(truck, faces=2000, size=512, photo=False)
    [material] = truck.data.materials
    principled = next(n for n in material.node_tree.nodes if n.type == "BSDF_PRINCIPLED")
    principled.inputs["Roughness"].default_value = 0.25
    mine = [tuple(item.uv) for item in truck.data.uv_layers[0].data]
    api.texture(truck, faces=2000, size=1024, normal_map=False, photo=False)
    assert list(truck.data.materials) == [material]
    assert principled.inputs["Roughness"].default_value == pytest.approx(0.25)
    assert not principled.inputs["Normal"].links
    assert [tuple(item.uv) for item in truck.data.uv_layers[0].data] == mine
    textures = [image for image in bpy.data.images if image.triposr.texture != "none"]
    assert [tuple(image.size) for image in textures] == [(1024, 1024)]
    api.texture(truck, faces=500, size=512, photo=False)
    assert len(truck.data.polygons) == 500
    assert list(truck.data.materials) == [material]
    assert principled.inputs["Normal"].links


def test_the_mesh_stays_on_request(bpy, addon, api, truck) -> None:
    places = vertices(addon, truck)
    api.texture(truck, faces=0, size=512, photo=False)
    assert (vertices(addon, truck) == places).all()


@pytest.mark.parametrize("call", ["refine", "regenerate", "remesh"])
def test_a_new_surface_shows_its_vertex_colors(bpy, addon, api, truck, call: str) -> None:
    """It has no UV map: a texture would show one color all over."""
    api.texture(truck, faces=2000, size=512, photo=False)
    getattr(api, call)(truck)
    assert not truck.data.uv_layers
    [material] = truck.data.materials
    assert addon("scene.material").color_shown_by(material) == "Color"


def test_a_duplicate_keeps_its_texture(bpy, api, truck) -> None:
    """The two share a material until one of them gets another texture."""
    api.texture(truck, faces=2000, size=512, photo=False)
    other = truck.copy()
    other.data = truck.data.copy()
    bpy.context.scene.collection.objects.link(other)
    before = images(other)["BSDF_PRINCIPLED"]
    api.texture(truck, faces=1000, size=1024, photo=False)
    assert images(other)["BSDF_PRINCIPLED"] == before
    assert tuple(before.size) == (512, 512)
    assert tuple(images(truck)["BSDF_PRINCIPLED"].size) == (1024, 1024)


def test_materials_of_the_artist_stay(bpy, api, truck) -> None:
    glass = bpy.data.materials.new("Glass")
    truck.data.materials.append(glass)
    api.texture(truck, faces=2000, size=512, photo=False)
    assert truck.data.materials[1] == glass
    assert truck.data.materials[0].name == f"{truck.name} Texture"


def test_a_mirrored_object_is_textured_on_both_halves(bpy, api, truck) -> None:
    api.mirror(truck, keep="right")
    api.texture(truck, faces=3000, size=1024, photo=False)
    assert np.abs(shown_at_vertices(truck) - colors(truck)).mean() < 0.03


def test_the_photo_is_sharper_than_the_field(bpy, addon, api, tmp_path: Path) -> None:
    """A fine checkerboard, of which the network knows nothing, appears on the front only."""
    from PIL import Image

    fine = np.indices((512, 512)).sum(axis=0) // 8 % 2
    picture = np.zeros((512, 512, 4), np.uint8)
    picture[..., :3] = np.where(fine[..., None], (200, 60, 40), (120, 20, 10))
    y, x = np.indices((512, 512)) - 256
    picture[..., 3] = np.where(x**2 + y**2 < 190**2, 255, 0)
    path = tmp_path / "ball.png"
    Image.fromarray(picture).save(path)
    ball = api.image_to_object(path, resolution=64)
    assert ball.triposr.match > addon("tasks.photo").GOOD
    plain = api.recolor(ball, photo=False) and colors(ball)
    api.recolor(ball, photo=True)
    changed = np.abs(colors(ball) - plain).max(axis=1)
    facing = vertices(addon, ball)[:, 1]
    assert changed[facing < np.percentile(facing, 10)].mean() > 0.05
    assert np.std(colors(ball)[facing < np.percentile(facing, 10)]) > np.std(
        colors(ball)[facing > np.percentile(facing, 90)]
    )
    api.texture(ball, faces=0, size=1024, photo=True)
    front = shown_at_vertices(ball)[facing < np.percentile(facing, 10)]
    assert np.abs(front - colors(ball)[facing < np.percentile(facing, 10)]).mean() < 0.1


def test_a_poor_match_is_not_projected(bpy, addon, api, truck) -> None:
    truck.triposr.match = 0.3
    task = addon("tasks.texture").texturing(
        bpy.context, truck, api._machine(), False, 2000, "512", False, True, False
    )
    message = str(task.do().message)
    assert "the photo was left out" in message
    assert "30" in message


def test_a_picture_that_is_gone_is_no_reason_to_fail(bpy, addon, api, truck, picture) -> None:
    picture.unlink()
    task = addon("tasks.texture").texturing(
        bpy.context, truck, api._machine(), False, 2000, "512", False, True, False
    )
    assert "no longer exists" in str(task.do().message)
    assert images(truck)


def test_overlapping_parts_are_mentioned(bpy, addon, api, truck) -> None:
    layer = truck.data.uv_layers.new(name="Mine")
    for number, item in enumerate(layer.data):
        item.uv = ((0, 0), (0.05, 0), (0, 0.05))[number % 3]
    task = addon("tasks.texture").texturing(
        bpy.context, truck, api._machine(), False, 2000, "512", False, False, False
    )
    assert "overlaps" in str(task.do().message)


def test_a_uv_map_without_area_is_refused(bpy, addon, api, truck) -> None:
    truck.data.uv_layers.new(name="Mine")
    for item in truck.data.uv_layers[0].data:
        item.uv = (0.5, 0.5)
    before = colors(truck)
    with pytest.raises(addon("inference.errors").InputError, match="UV map"):
        api.texture(truck, size=512, photo=False)
    assert (colors(truck) == before).all()
    assert not any(image.triposr.texture != "none" for image in bpy.data.images)


@pytest.mark.parametrize("size", [100, "large", None, True])
def test_a_size_that_does_not_exist(addon, api, truck, size: object) -> None:
    with pytest.raises(addon("inference.errors").InputError, match="512, 1024, 2048, 4096"):
        api.texture(truck, size=size)


def test_textures_are_saved_with_the_file(bpy, api, truck, tmp_path: Path) -> None:
    api.texture(truck, faces=2000, size=512, photo=False)
    before, name = pixels(images(truck)["BSDF_PRINCIPLED"]), truck.name
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "truck.blend"))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=False)
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "truck.blend"))
    assert (pixels(images(bpy.data.objects[name])["BSDF_PRINCIPLED"]) == before).all()


def test_other_uv_maps_stay(bpy, api, truck) -> None:
    api.texture(truck, faces=2000, size=512, photo=False)
    truck.data.uv_layers.new(name="Lightmap")
    api.texture(truck, faces=500, size=512, photo=False)
    assert {layer.name for layer in truck.data.uv_layers} == {"TripoSR", "Lightmap"}
    [shown] = [layer.name for layer in truck.data.uv_layers if layer.active_render]
    assert shown == "TripoSR"


def test_a_mesh_with_other_materials_only(bpy, api, truck) -> None:
    """They stay in their slots; the faces show the texture."""
    wood, glass = (bpy.data.materials.new(name) for name in ("Wood", "Glass"))
    truck.data.materials.clear()
    for material in (wood, glass):
        truck.data.materials.append(material)
    api.texture(truck, faces=2000, size=512, photo=False)
    assert list(truck.data.materials)[:2] == [wood, glass]
    assert {face.material_index for face in truck.data.polygons} == {2}
    assert truck.data.materials[2].triposr.is_texture


def test_a_material_that_is_linked_to_the_object(bpy, addon, api, truck) -> None:
    [slot] = truck.material_slots
    material = slot.material
    slot.link = "OBJECT"
    slot.material = material
    api.texture(truck, faces=2000, size=512, photo=False)
    assert truck.material_slots[0].link == "OBJECT"
    assert truck.material_slots[0].material.triposr.is_texture
    assert addon("scene.texture").is_textured(truck)


def test_nodes_of_the_artist_stay_between(bpy, api, truck) -> None:
    api.texture(truck, faces=2000, size=512, photo=False)
    tree = truck.material_slots[0].material.node_tree
    principled = next(node for node in tree.nodes if node.type == "BSDF_PRINCIPLED")
    [link] = principled.inputs["Base Color"].links
    picture, tint = link.from_node, tree.nodes.new("ShaderNodeHueSaturation")
    tree.links.new(picture.outputs["Color"], tint.inputs["Color"])
    tree.links.new(tint.outputs["Color"], principled.inputs["Base Color"])
    api.texture(truck, faces=2000, size=1024, photo=False)
    assert principled.inputs["Base Color"].links[0].from_node == tint
    assert tint.inputs["Color"].links[0].from_node == picture
    assert tuple(picture.image.size) == (1024, 1024)
    textures = [image for image in bpy.data.images if image.triposr.texture != "none"]
    assert sorted(image.triposr.texture for image in textures) == ["color", "normal"]


def collapse(layer, loops: int) -> None:
    """Take the place of some faces in a UV map."""
    for item in layer.data[:loops]:
        item.uv = (0.5, 0.5)


def test_new_faces_are_unwrapped_again(bpy, addon, api, truck) -> None:
    """Extruded sides, for instance, have no place in the map."""
    api.texture(truck, faces=2000, size=512, photo=False)
    collapse(truck.data.uv_layers[0], 300)
    without_place = addon("scene.texture").share_without_place
    assert without_place(truck.data) > 0.01
    api.texture(truck, faces=2000, size=512, photo=False)
    assert without_place(truck.data) < 0.001


def test_faces_without_a_place_in_a_map_of_the_artist(bpy, addon, api, truck) -> None:
    api.texture(truck, faces=2000, size=512, photo=False)
    truck.data.uv_layers[0].name = "Mine"
    collapse(truck.data.uv_layers[0], 300)
    task = addon("tasks.texture").texturing(
        bpy.context, truck, api._machine(), False, 2000, "512", False, False, False
    )
    assert "has no place in the UV map" in str(task.do().message)


def test_a_smaller_size_needs_wider_margins(bpy, api, truck) -> None:
    def places() -> list[tuple[float, ...]]:
        return [tuple(item.uv) for item in truck.data.uv_layers[0].data]

    api.texture(truck, faces=2000, size=1024, photo=False)
    before = places()
    api.texture(truck, faces=2000, size=512, photo=False)
    assert places() != before
    before = places()
    api.texture(truck, faces=2000, size=1024, photo=False)
    assert places() == before


def test_hidden_faces_are_textured_and_stay_hidden(bpy, api, truck) -> None:
    for face in truck.data.polygons[:5000]:
        face.hide = True
    api.texture(truck, faces=0, size=512, photo=False)
    assert sum(face.hide for face in truck.data.polygons) == 5000
    assert np.abs(shown_at_vertices(truck) - colors(truck)).mean() < 0.02


def test_large_faces_are_textured(bpy, addon, api, truck) -> None:
    """Tangents exist for triangles and quads only; the mesh itself keeps its faces."""
    import bmesh

    edited = bmesh.new()
    edited.from_mesh(truck.data)
    bmesh.ops.dissolve_limit(
        edited,
        angle_limit=0.2,
        verts=edited.verts,
        edges=edited.edges,
        use_dissolve_boundaries=False,
    )
    edited.to_mesh(truck.data)
    edited.free()
    assert max(len(face.vertices) for face in truck.data.polygons) > 4
    faces = len(truck.data.polygons)
    api.texture(truck, faces=0, size=512, photo=False)
    assert len(truck.data.polygons) == faces
    assert set(images(truck)) == {"BSDF_PRINCIPLED", "NORMAL_MAP"}


def test_a_mirrored_object_takes_the_photo_up_to_its_middle(bpy, addon, api, tmp_path) -> None:
    from PIL import Image

    y, x = np.indices((512, 512)) - 256
    picture = np.zeros((512, 512, 4), np.uint8)
    picture[..., :3] = (60, 160, 70)
    picture[..., 3] = np.where(x**2 + y**2 < 190**2, 255, 0)
    path = tmp_path / "ball.png"
    Image.fromarray(picture).save(path)
    ball = api.image_to_object(path, resolution=64)
    api.mirror(ball, keep="left")
    api.recolor(ball, photo=True)
    at, middle = vertices(addon, ball), addon("scene.source").source_of(ball)[1].middle
    is_front = at[:, 1] < np.percentile(at[:, 1], 5)
    near = is_front & (np.abs(at[:, 0] - middle) < 0.03)
    off = np.abs(colors(ball) - np.divide((60, 160, 70), 255)).max(axis=1)
    assert near.sum() > 10
    assert np.median(off[near]) < 0.03


def test_nothing_is_made_while_blender_renders(bpy, addon, api, truck, monkeypatch) -> None:
    """To copy a picture may change the scene's settings."""

    def rendering() -> None:
        raise addon("inference.errors").InputError("Blender is rendering the scene", "Wait")

    for name in ("texture", "refine"):
        monkeypatch.setattr(addon(f"tasks.{name}"), "check_idle", rendering)
    for call, settings in ((api.texture, {}), (api.recolor, {"photo": True})):
        with pytest.raises(addon("inference.errors").InputError, match="rendering"):
            call(truck, **settings)


def test_a_failure_leaves_no_images(bpy, addon, api, truck, monkeypatch) -> None:
    before = colors(truck)

    def fail(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(addon("tasks.texture"), "replace", fail)
    with pytest.raises(OSError, match="disk is full"):
        api.texture(truck, faces=2000, size=512, photo=False)
    assert not [image for image in bpy.data.images if image.triposr.texture != "none"]
    assert not [each for each in bpy.data.materials if each.triposr.is_texture]
    assert (colors(truck) == before).all()


@pytest.mark.parametrize("name", ["texture", "clean_up"])
def test_too_few_faces(bpy, addon, api, truck, monkeypatch, name: str) -> None:
    """Nothing is changed if what is left encloses nothing; how few that are depends on the mesh."""

    def reduce(work, faces: int) -> None:
        work.mesh.clear_geometry()
        work.mesh.from_pydata([(0, 0, 0), (1, 0, 0), (0, 1, 0), (1, 1, 0)], [], corners[:faces])

    corners = [(0, 1, 2), (1, 3, 2), (0, 2, 3), (0, 3, 1)]
    monkeypatch.setitem(addon("scene.mesh_edits").STEPS, "reduce", reduce)
    before = vertices(addon, truck)
    with pytest.raises(api.TripoSRError, match=r"Nothing would be left.* Ask for more faces"):
        getattr(api, name)(truck, faces=3)
    assert (vertices(addon, truck) == before).all() and not truck.data.uv_layers


def test_a_mesh_of_few_faces_still_lies_where_it_was_made(bpy, addon, api, truck) -> None:
    """Few vertices say little about it, and some may lie outside the model's box."""
    api.texture(truck, faces=30, size=512, photo=False)
    code, placement = addon("scene.source").source_of(truck)
    points = vertices(addon, truck)
    far = placement.place(np.full((1, 3), 1.2 * code.radius, np.float32))
    for number in range(len(points) // 2):
        truck.data.vertices[number].co = far[0]
    api.texture(truck, faces=0, size=512, photo=False)
    api.refine(truck, resolution=32)


@pytest.mark.parametrize("is_argument", [True, False], ids=["argument", "setting of the scene"])
def test_a_new_object_of_a_script_is_textured(bpy, api, picture: Path, is_argument: bool) -> None:
    given = {"texture": "1024", "texture_faces": 2000}
    if not is_argument:
        for name, value in given.items():
            setattr(bpy.context.scene.triposr, name, value)
    truck = api.image_to_object(picture, resolution=64, **(given if is_argument else {}))
    assert len(truck.data.polygons) == 2000
    assert tuple(images(truck)["BSDF_PRINCIPLED"].size) == (1024, 1024)
    assert (truck.triposr.texture, truck.triposr.texture_faces) == ("1024", 2000)


@pytest.fixture
def clicks(addon, monkeypatch):
    """Lets operators that build objects do what a click does: `invoke` is not called here."""
    session, base = addon("tasks.session"), addon("operators.starts_tasks").StartsTasks
    start = base.start
    monkeypatch.setattr(base, "start", lambda self, context, _: start(self, context, True))
    yield session
    session._join_all()
    for queue in (session.pictures, session.edits):
        queue.dismiss()


def pump(session, queue) -> None:
    deadline = time.monotonic() + 120
    while queue.is_running():
        assert time.monotonic() < deadline
        session._pump()
        time.sleep(0.01)
    assert not queue.state.error


def test_a_new_object_of_a_click_is_textured_beside_blender(bpy, clicks, picture: Path) -> None:
    """The object is there at once, and its texture comes later, as an undo step of its own."""
    settings = bpy.context.scene.triposr
    settings.texture, settings.texture_faces = "1024", 2000
    bpy.ops.triposr.generate(filepath=str(picture), resolution=64)
    pump(clicks, clicks.pictures)
    truck = bpy.context.object
    assert clicks.edits.is_running() and len(truck.data.polygons) > 2000
    pump(clicks, clicks.edits)
    assert len(truck.data.polygons) == 2000
    assert tuple(images(truck)["BSDF_PRINCIPLED"].size) == (1024, 1024)
    bpy.ops.ed.undo()
    truck = bpy.data.objects["toy truck"]
    assert len(truck.data.polygons) > 2000 and not truck.data.uv_layers


@pytest.mark.parametrize("is_clicked", [True, False], ids=["click", "script"])
def test_variants_get_no_texture(bpy, addon, request, picture: Path, is_clicked: bool) -> None:
    bpy.context.scene.triposr.texture = "1024"
    session = request.getfixturevalue("clicks") if is_clicked else addon("tasks.session")
    bpy.ops.triposr.variants(filepath=str(picture), count=2, resolution=32)
    assert session.pictures.is_running() == is_clicked
    pump(session, session.pictures)
    assert not session.edits.is_running()
    assert len([each for each in bpy.data.objects if each.triposr.variants]) == 2
    assert not [image for image in bpy.data.images if image.triposr.texture != "none"]


def test_viewports_follow_an_undo(bpy, addon, truck) -> None:
    """Undo leaves the shading as it is; a mesh with vertex colors only would be gray in it."""
    spaces = list(addon("scene.viewports").viewports(bpy.context))
    assert spaces
    bpy.ops.ed.undo_push(message="before")
    texturing, machine = addon("tasks.texture").texturing, addon("api")._machine()
    texturing(bpy.context, truck, machine, True, 2000, "512", False, False, False).do()
    shown = lambda: {space.shading.color_type for space in spaces}  # noqa: E731
    assert shown() == {"TEXTURE"}
    bpy.ops.ed.undo()
    assert shown() == {"VERTEX"}
    bpy.ops.ed.redo()
    assert shown() == {"TEXTURE"}
    addon("api").refine(bpy.data.objects["toy truck"], resolution=32)
    assert shown() == {"VERTEX"}
    for space in spaces:  # the artist's own choice stays
        space.shading.color_type = "MATERIAL"
    bpy.ops.ed.undo()
    assert shown() == {"MATERIAL"}
