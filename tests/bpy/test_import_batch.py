"""Objects of a batch come back as if they had been generated here."""

import json
import os
import struct
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from batch_folder import glb, textured_glb, write_batch, write_index
from object_data import colors, vertices
from PIL import Image

from triposr.batch.rows import Row

SETTINGS = {"resolution": 48, "size": 2.0, "texture_faces": 3000}


@pytest.fixture
def api(addon):
    return addon("api")


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[Path, Path, list[Row]]:
    """A picture, and the folder of a batch with an object made of it; tests write to copies."""
    place = tmp_path_factory.mktemp("batch")
    picture = place / "toy truck.png"
    image = Image.new("RGBA", (256, 256), (0, 0, 0, 0))
    image.paste((220, 30, 30, 255), (28, 100, 128, 191))
    image.paste((30, 60, 220, 255), (128, 100, 228, 191))
    image.paste((30, 160, 60, 255), (180, 60, 228, 101))
    image.save(picture)
    return picture, place / "toys", write_batch(place / "toys", [picture], **SETTINGS)


@pytest.fixture
def batch(made, tmp_path: Path):
    """Makes a copy of the folder whose rows are those of the one object, changed."""
    import shutil

    _, source, [row] = made

    def batch(*changes: dict[str, object]) -> Path:
        folder = tmp_path / "toys"
        shutil.copytree(source, folder)
        write_index(folder, [replace(row, **change) for change in changes])
        return folder

    return batch


def blocks(bpy) -> dict[str, int]:
    kinds = ("objects", "meshes", "materials", "images", "collections")
    return {kind: len(getattr(bpy.data, kind)) for kind in kinds}


def test_an_object_is_the_same_as_one_generated_here(bpy, addon, api, made) -> None:
    picture, folder, [row] = made
    here = api.image_to_object(picture, **SETTINGS)
    [there] = api.import_batch(folder)
    assert np.abs(vertices(addon, there) - vertices(addon, here)).max() < 1e-5
    triangles = addon("scene.mesh").triangles
    assert np.array_equal(triangles(there.data), triangles(here.data))
    apart = np.abs(colors(there) - colors(here)) * 255
    assert apart.max() < 1.01  # where rounding decides, because the file holds 16 bits
    assert (apart > 0.01).mean() < 0.05
    assert there.data.materials[:] == here.data.materials[:]
    assert all(polygon.use_smooth for polygon in there.data.polygons)
    for name in addon("properties").TripoSRSource.__annotations__.keys() - {"home"}:
        mine, theirs = getattr(there.triposr, name), getattr(here.triposr, name)
        if name in ("match", "scale", "camera_distance"):
            assert mine == pytest.approx(theirs, abs=1e-5), name
        elif hasattr(mine, "__len__") and not isinstance(mine, str):
            assert mine[:] == pytest.approx(theirs[:], abs=1e-4), name
        else:
            assert mine == theirs, name
    for name in addon("settings").defaults_of(addon("settings").OBJECT):
        assert getattr(there.triposr, name) == getattr(here.triposr, name), name
    assert there.triposr.match == pytest.approx(row.match) and row.match > 0.5
    assert there["triposr_scene_code"] == here["triposr_scene_code"]
    assert there.data.triposr.picture == here.data.triposr.picture


def test_it_can_be_worked_on_as_any_other(bpy, addon, api, made) -> None:
    _, folder, _ = made
    [toy] = api.import_batch(folder)
    before = colors(toy)
    toy.data.color_attributes["Color"].data.foreach_set("color", np.zeros(4 * len(before)))
    api.recolor(toy)
    assert np.abs(colors(toy) - before).max() < 2 / 255
    api.recolor(toy, photo=True)
    api.texture(toy, faces=500, size=512)
    assert addon("scene.texture").is_textured(toy) and len(toy.data.polygons) <= 500
    api.refine(toy, resolution=32)
    assert len(toy.data.vertices) < len(before) and not addon("scene.texture").is_textured(toy)
    camera = api.camera_from_picture(toy)
    assert camera == bpy.context.scene.camera
    api.regenerate(toy)
    assert toy.triposr.digest and len(toy.data.vertices) > len(before)


def test_they_stand_in_a_grid(bpy, api, batch, addon) -> None:
    folder = batch(*({"picture": f"/gone/{number}.png"} for number in range(5)))
    bpy.context.scene.cursor.location = (10, 20, 30)
    objects = api.import_batch(folder)
    assert [each.name for each in objects] == ["0", "1", "2", "3", "4"]
    [collection] = bpy.context.scene.collection.children
    assert collection.name == "toys" and set(collection.objects) == set(objects)
    places = np.array([each.location[:] for each in objects])
    first = places[0]
    assert len({round(x, 4) for x in places[:, 0]}) == 3  # columns
    assert len({round(y, 4) for y in places[:, 1]}) == 2  # rows
    # From the left, then from the back to the front: as on a page, seen from above.
    assert all(first[0] < other[0] - 1 for other in (places[1], places[2]))
    assert places[3][1] < first[1] - 0.1 and places[3][0] == pytest.approx(first[0])
    assert places[:3, 0].mean() == pytest.approx(10, abs=0.05)
    bpy.context.view_layer.update()
    lows = [min((o.matrix_world @ v.co).z for v in o.data.vertices) for o in objects]
    assert lows == pytest.approx([30] * 5, abs=1e-4)
    assert set(bpy.context.selected_objects) == set(objects)
    assert bpy.context.object == objects[0]
    assert [tuple(each.triposr.home) for each in objects] == [tuple(p) for p in places]


def test_many_are_divided(bpy, api, batch, addon, monkeypatch) -> None:
    monkeypatch.setattr(addon("scene.imported"), "PER_COLLECTION", 2)
    api.import_batch(batch(*({"picture": f"/gone/{number}.png"} for number in range(5))))
    [collection] = bpy.context.scene.collection.children
    parts = {child.name: len(child.objects) for child in collection.children}
    assert parts == {"toys 1–2": 2, "toys 3–4": 2, "toys 5–5": 1} and not len(collection.objects)


def test_a_choice(bpy, api, batch, capfd) -> None:
    changes = [
        {"picture": "/p/0.png", "match": 0.9},
        {"picture": "/p/1.png", "match": 0.2},
        {"picture": "/p/2.png", "match": 0.4},
        {"picture": "/p/3.png", "match": 0.0, "camera": ()},
        {"picture": "/p/4.png", "error": "No subject\nwas found", "file": "", "code": ""},
        {"picture": "/p/0.png", "match": 0.8},  # tried again
    ]
    folder = batch(*changes)

    def names(**chosen: object) -> list[str]:
        return sorted(each.triposr.picture for each in api.import_batch(folder, **chosen))

    assert names() == ["0", "1", "2", "3"]
    assert names(match_from=0.01, match_to=0.5) == ["1", "2"]
    assert names(match_from=0.8) == ["0"]
    assert names(maximum=3) == ["0", "1", "2"]
    with pytest.raises(api.TripoSRError, match=r"has a match from 95% to 100%\. Choose wider"):
        names(match_from=0.95)
    with pytest.raises(api.TripoSRError, match=r"Maximum is 0\. Choose a value from 1"):
        names(maximum=0)
    with pytest.raises(TypeError):
        names(limit=3)
    capfd.readouterr()
    bpy.ops.triposr.import_batch(filepath=str(folder / "index.jsonl"), maximum=2)
    said = capfd.readouterr().out
    assert "2 objects, 2 more left out by Maximum; 1 picture failed: No subject was found" in said


def test_a_picture_that_is_elsewhere(bpy, addon, api, batch, made, tmp_path) -> None:
    url = "s3://pictures/of/toy%20truck.png?v=1"
    names = [url, "C:\\pictures\\toy.png", "no text"]
    folder = batch(*({"picture": name} for name in names))
    index = folder / "index.jsonl"
    index.write_text(index.read_text().replace("no text", "\\ud800"))
    objects = api.import_batch(folder)
    assert [each.name for each in objects] == ["toy%20truck", "toy"]
    for each in objects:
        with pytest.raises(api.TripoSRError, match=r"The picture of toy.* no longer exists"):
            api.regenerate(each)
        api.refine(each, resolution=32)
        api.recolor(each)
    # It is found again beside the .blend, by its content.
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))
    (tmp_path / "toy.png").write_bytes(made[0].read_bytes())
    bpy.context.scene.triposr.resolution = 32
    if os.sep == "/":
        api.regenerate(bpy.data.objects["toy"])
    assert bpy.data.objects["toy"].triposr.digest == made[2][0].digest


def grid_of_colors() -> Image.Image:
    """A texture: red to the right, green downward."""
    values = np.zeros((64, 64, 3), np.uint8)
    values[..., 0] = np.arange(64) * 4
    values[..., 1] = np.arange(64)[:, None] * 4
    return Image.fromarray(values)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_texture(bpy, addon, api, batch, made, kind: str) -> None:
    picture = grid_of_colors()
    if kind == "JPEG":
        import io

        content = io.BytesIO()
        picture.save(content, "JPEG", quality=95)
        picture = Image.open(content)
    folder = batch({})
    [plain] = api.import_batch(folder)
    points, faces = vertices(addon, plain), addon("scene.mesh").triangles(plain.data)
    # The front takes the left half of the map and the back the right one, so that there is a seam.
    sides = points[faces]
    backward = np.cross(sides[:, 1] - sides[:, 0], sides[:, 2] - sides[:, 0])[:, 1] > 0
    doubled = faces + len(points) * backward[:, None]
    low, size = points.min(axis=0), np.ptp(points, axis=0)
    across, up = ((points - low) / size)[:, [0, 2]].T
    uv = np.concatenate([np.c_[across / 2 + half, up] for half in (0, 0.5)])
    used, renumbered = np.unique(doubled, return_inverse=True)
    content = textured_glb(
        np.tile(points, (2, 1))[used], renumbered.reshape(-1, 3), uv[used], picture
    )
    assert len(used) > len(points)
    (folder / "objects" / "0.glb").write_bytes(content)
    [toy] = api.import_batch(folder)
    data = toy.data
    assert len(data.vertices) == len(points)  # one surface, without seams
    assert len(data.polygons) == len(faces)
    assert addon("scene.texture").is_textured(toy)
    [layer] = data.uv_layers
    assert layer.name == "TripoSR" and layer.active_render and data.triposr.texture_size == 64
    [material] = data.materials
    [node] = [each for each in material.node_tree.nodes if each.type == "TEX_IMAGE"]
    assert node.image.packed_file and tuple(node.image.size) == (64, 64)
    shown = np.empty(len(node.image.pixels), np.float32)
    node.image.pixels.foreach_get(shown)
    shown = shown.reshape(64, 64, -1)
    # What a corner shows is what the place of its vertex in the texture says.
    loops = np.empty(len(data.loops), np.int32)
    data.loops.foreach_get("vertex_index", loops)
    found = np.empty((len(loops), 2), np.float32)
    layer.data.foreach_get("uv", found.ravel())
    places = ((vertices(addon, toy)[loops] - low) / size)[:, [0, 2]]
    assert np.abs(found[:, 1] - places[:, 1]).max() < 1e-4
    offset = found[:, 0] - places[:, 0] / 2
    assert {round(float(value), 3) for value in offset} <= {0.0, 0.5, -0.0}
    column, row = (found * 64).astype(int).clip(0, 63).T
    values = shown[row, column]
    tolerance = 0.02 if kind == "PNG" else 0.1
    assert np.abs(values[:, 0] - found[:, 0]).max() < tolerance
    assert np.abs(values[:, 1] - (1 - found[:, 1])).max() < tolerance + 0.02
    # The vertices have the texture's colors.
    assert np.abs(colors(toy)[:, 1] - (1 - places_of(addon, toy, low, size)[:, 1])).max() < 0.1
    # Its own UV map is kept, as long as nothing asks for more.
    api.texture(toy, faces=0, size=512, photo=False)
    assert len(data.vertices) == len(points) and [each.name for each in data.uv_layers] == [
        "TripoSR"
    ]
    api.clean_up(toy, floaters=0.9, holes=False)
    assert len(toy.data.vertices) > 0.9 * len(points)
    api.refine(toy, resolution=32)


def places_of(addon, toy, low, size) -> np.ndarray:
    return ((vertices(addon, toy) - low) / size)[:, [0, 2]]


def test_what_is_lost_does_not_take_the_others_along(bpy, api, batch, capfd) -> None:
    folder = batch(
        {"picture": "/p/good.png"},
        {"picture": "/p/gone.png", "file": "objects/gone.glb"},
        {"picture": "/p/cut.png", "file": "objects/cut.glb"},
        {"picture": "/p/absolute.png", "file": "/etc/hostname"},
        {"picture": "/p/up.png", "file": "objects/../../toys/objects/0.glb"},
        {"picture": "/p/windows.png", "file": "C:\\objects\\0.glb"},
        {"picture": "/p/link.png", "file": "objects/link.glb"},
        {"picture": "/p/pipe.png", "file": "objects/pipe.glb"},
        {"picture": "/p/nocode.png", "code": ""},
        {"picture": "/p/badcode.png", "code": "scene_codes/bad.safetensors"},
        {"picture": "/p/farcode.png", "code": "../0.safetensors"},
    )
    content = (folder / "objects" / "0.glb").read_bytes()
    (folder / "objects" / "cut.glb").write_bytes(content[: len(content) // 2])
    outside = folder.parent / "outside.glb"
    outside.write_bytes(content)
    (folder / "objects" / "link.glb").symlink_to(outside)
    os.mkfifo(folder / "objects" / "pipe.glb")
    (folder / "scene_codes" / "bad.safetensors").write_bytes(b"nothing")
    with (folder / "index.jsonl").open("a") as file:
        file.write('{"picture": "/p/half.png", "digest": "ab')
    capfd.readouterr()
    bpy.ops.triposr.import_batch(filepath=str(folder))
    said = capfd.readouterr().out
    assert sorted(each.name for each in bpy.data.objects) == [
        *("badcode", "farcode", "good", "nocode"),
    ]
    assert (
        "4 objects; 7 objects cannot be read, the first: gone.glb is missing or damaged; without a "
        "scene code, which Refine needs: 3; damaged lines in the index: 1" in said
    )
    is_refined = {}
    for each in bpy.data.objects:
        try:
            api.refine(each, resolution=32)
            is_refined[each.name] = True
        except api.TripoSRError as error:
            assert "was not made from a picture" in str(error)
            is_refined[each.name] = False
    assert is_refined == {"good": True, "nocode": False, "badcode": False, "farcode": False}


ROW = json.dumps({"picture": "/p/a.png", "file": "objects/0.glb"})


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("index.jsonl", None, "There is no index.jsonl in .*. Choose the folder that"),
        ("index.jsonl", "", "The index index.jsonl is empty. Run the batch again"),
        ("index.jsonl", "\n \n", "The index index.jsonl is empty"),
        ("index.jsonl", "PK\x03\x04 a picture\n", "index.jsonl is not the index of a batch"),
        ("index.jsonl", "[" * 100_000, "index.jsonl is not the index of a batch"),
        ("index.jsonl", '{"picture": "a", "match": "high"}', "is not the index of a batch"),
        ("index.jsonl", '{"picture": "a", "camera": 5}', "is not the index of a batch"),
        ("index.jsonl", '{"picture": "a", "base": [1, 2]}', "is not the index of a batch"),
        ("index.jsonl", '{"picture": "a", "scale": 0}', "is not the index of a batch"),
        ("index.jsonl", '{"picture": "a", "scale": NaN}', "is not the index of a batch"),
        ("index.jsonl", '{"picture": "a", "file": 7}', "is not the index of a batch"),
        ("index.jsonl", '{"picture": "a\\u0000b"}', "is not the index of a batch"),
        ("index.jsonl", '{"picture": "a", "scale": 1' + "0" * 400 + "}", "not the index of a"),
        ("index.jsonl", "x" * 3_000_000, "index.jsonl is not the index of a batch"),
        (
            "index.jsonl",
            '{"picture": "a", "error": "No subject"}\n',
            "The batch has one picture, which failed: No subject. Correct that",
        ),
        (
            "index.jsonl",
            '{"picture": "a", "error": "No subject"}\n{"picture": "b", "error": "Too small"}\n',
            "All 2 pictures of the batch failed: No subject. Correct that",
        ),
        (
            "index.jsonl",
            '{"picture": "a", "file": "objects/none.glb"}',
            "None of the objects can be read: none.glb is missing or damaged. Run the batch again",
        ),
        ("index.jsonl", '{"picture": "a", "settings": "other"}', "with other settings than run.js"),
        ("run.json", None, "is not the folder of a batch: run.json is missing or damaged"),
        ("run.json", "{", "is not the folder of a batch: run.json is missing or damaged"),
        ("run.json", "[1]", "is not the folder of a batch: run.json is missing or damaged"),
        ("run.json", '{"format": 1}', "is not the folder of a batch: run.json is missing or dam"),
        (
            "run.json",
            '{"format": 1, "settings": {"resolution": "high"}}',
            "is not the folder of a batch: run.json is missing or damaged",
        ),
        (
            "run.json",
            '{"format": 2, "settings": {}}',
            "The batch has format 2, and this version reads format 1. Install the version",
        ),
    ],
)
def test_one_sentence_and_nothing_is_left(bpy, api, batch, file, content, said) -> None:
    folder = batch({"settings": ""})
    (folder / file).unlink()
    if content is not None:
        (folder / file).write_text(content)
    before = blocks(bpy)
    with pytest.raises(api.TripoSRError, match=said):
        api.import_batch(folder)
    with pytest.raises(RuntimeError, match=said):
        bpy.ops.triposr.import_batch(filepath=str(folder / "index.jsonl"))
    assert blocks(bpy) == before


def changed(content: bytes, change) -> bytes:
    """A GLB file with another document."""
    [length] = struct.unpack_from("<I", content, 12)
    document = json.loads(content[20 : 20 + length])
    change(document)
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    rest = content[20 + length :]
    total = 20 + len(text) + len(rest)
    return struct.pack("<4sIII4s", b"glTF", 2, total, len(text), b"JSON") + text + rest


def accessor(document: dict, name: str) -> dict:
    [part] = document["meshes"][0]["primitives"]
    number = part["indices"] if name == "indices" else part["attributes"][name]
    return document["accessors"][number]


def view(document: dict, name: str) -> dict:
    return document["bufferViews"][accessor(document, name)["bufferView"]]


HOSTILE = {
    "too many": lambda d: accessor(d, "POSITION").update(count=10**12, bufferView=None),
    "many of nothing": lambda d: accessor(d, "POSITION").update(count=10**9),
    "no end": lambda d: accessor(d, "POSITION").update(count=accessor(d, "POSITION")["count"] + 9),
    "backward": lambda d: view(d, "POSITION").update(byteStride=-12),
    "before": lambda d: view(d, "POSITION").update(byteOffset=-12),
    "odd stride": lambda d: view(d, "POSITION").update(byteStride=13),
    "colors end": lambda d: accessor(d, "COLOR_0").update(count=5),
    "no colors": lambda d: d["meshes"][0]["primitives"][0]["attributes"].pop("COLOR_0"),
    "lines": lambda d: d["meshes"][0]["primitives"][0].update(mode=1),
    "nothing": lambda d: d.pop("meshes"),
    "two meshes": lambda d: d["meshes"].append(d["meshes"][0]),
    "compressed": lambda d: d.update(
        extensionsUsed=["KHR_draco_mesh_compression"],
        extensionsRequired=["KHR_draco_mesh_compression"],
    ),
    "moved": lambda d: d["nodes"][-1].update(translation=[1, 2, 3]),
    "faces are points": lambda d: d["meshes"][0]["primitives"][0].update(
        indices=d["meshes"][0]["primitives"][0]["attributes"]["POSITION"]
    ),
    "old": lambda d: d["asset"].update(version="1.0"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_document(bpy, api, batch, name: str) -> None:
    folder = batch({})
    file = folder / "objects" / "0.glb"
    file.write_bytes(changed(file.read_bytes(), lambda document: None))
    assert len(api.import_batch(folder)) == 1
    file.write_bytes(changed(file.read_bytes(), HOSTILE[name]))
    before = blocks(bpy)
    with pytest.raises(api.TripoSRError, match=r"0\.glb is missing or damaged"):
        api.import_batch(folder)
    assert blocks(bpy) == before


def test_a_document_that_refers_to_other_files(bpy, api, batch) -> None:
    """Not even to one that has what is missing."""
    folder = batch({})
    file = folder / "objects" / "0.glb"
    content = file.read_bytes()
    [length] = struct.unpack_from("<I", content, 12)
    (folder.parent / "elsewhere.bin").write_bytes(content[20 + length + 8 :])
    file.write_bytes(changed(content, lambda d: d["buffers"][0].update(uri="../../elsewhere.bin")))
    with pytest.raises(api.TripoSRError, match=r"0\.glb is missing or damaged"):
        api.import_batch(folder)


@pytest.mark.parametrize("what", ["beyond", "lost", "far", "degenerate"])
def test_a_hostile_mesh(bpy, api, batch, what: str) -> None:
    folder = batch({})
    points = np.array([(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)], np.float32)
    faces = np.array([(0, 2, 1), (0, 1, 3), (1, 2, 3), (2, 0, 3)])
    if what == "far":
        points[2, 1] = 1e30
    if what == "lost":
        points[2, 1] = np.nan
    if what == "degenerate":
        faces[0] = 1
    content = glb(points, faces, np.full((4, 3), 0.5))
    if what == "beyond":
        place = content.index(faces.astype(np.uint32).tobytes()) + 4
        content = content[:place] + struct.pack("<I", 4) + content[place + 4 :]
    (folder / "objects" / "0.glb").write_bytes(content)
    if what == "degenerate":
        [toy] = api.import_batch(folder)
        assert len(toy.data.polygons) == 3 and not toy.data.validate()
        return
    with pytest.raises(api.TripoSRError, match=r"0\.glb is missing or damaged"):
        api.import_batch(folder)


# After a click: a worker reads, and the timer, which tests pump, makes the objects


@pytest.fixture
def session(bpy, addon):
    session = addon("tasks.session")
    yield session
    session._join_all()
    session.imports.dismiss()


def start(bpy, addon, session, folder: Path, **chosen: object) -> None:
    settings = addon("settings")
    chosen = settings.defaults_of(settings.BATCH) | chosen
    task = addon("tasks.import_batch").batch_import(bpy.context, folder, True, **chosen)
    session.imports.submit(task)


def pump_until(session, condition, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, session.imports.state
        session._pump()
        time.sleep(0.01)


def ended(session):
    return lambda: not session.imports.is_running()


@pytest.fixture
def many(batch, addon, monkeypatch) -> Path:
    """A batch that takes several pumps, one object each, however fast the machine is."""
    monkeypatch.setattr(addon("tasks.import_batch"), "BUDGET", 0.0)
    return batch(*({"picture": f"/p/{number}.png"} for number in range(12)))


def test_a_click_imports_bit_by_bit_with_one_undo_step(bpy, addon, session, many) -> None:
    bpy.ops.ed.undo_push(message="before")
    start(bpy, addon, session, many)
    seen, shown = [], []

    def look() -> bool:
        seen.append((session.imports.state.fraction, len(bpy.data.objects)))
        shown.append(len(bpy.context.scene.objects))
        return not session.imports.is_running()

    pump_until(session, look)
    assert session.imports.state.message == "12 objects" and not session.imports.state.error
    assert [fraction for fraction, _ in seen] == sorted(fraction for fraction, _ in seen)
    assert len({count for _, count in seen}) > 3
    assert set(shown) == {0, 12}  # all at once
    bpy.ops.ed.undo()
    assert not bpy.data.objects
    bpy.ops.ed.redo()
    assert len(bpy.context.scene.objects) == 12


def test_canceling_leaves_nothing(bpy, addon, session, many) -> None:
    before = blocks(bpy)
    start(bpy, addon, session, many)
    pump_until(session, lambda: len(bpy.data.objects) > 2)
    bpy.ops.triposr.cancel_import()
    pump_until(session, ended(session))
    assert session.imports.state.canceled and "canceled" in session.imports.state.message
    assert blocks(bpy) == before
    start(bpy, addon, session, many, maximum=1)  # and it can begin again
    pump_until(session, ended(session))
    assert [each.name for each in bpy.data.objects] == ["0"]


def test_an_undo_in_between(bpy, addon, session, many) -> None:
    bpy.ops.mesh.primitive_cube_add()
    bpy.ops.ed.undo_push(message="one")
    bpy.context.object.location.x = 1
    bpy.ops.ed.undo_push(message="two")
    before = blocks(bpy)
    start(bpy, addon, session, many)
    pump_until(session, lambda: len(bpy.data.objects) > 3)
    bpy.ops.ed.undo()
    pump_until(session, ended(session))
    assert "An undo has removed what was imported so far" in session.imports.state.error
    assert blocks(bpy) == before


def test_another_file_and_disabling(bpy, addon, session, many) -> None:
    start(bpy, addon, session, many)
    pump_until(session, lambda: len(bpy.data.objects) > 2)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=False)
    assert not session.imports.is_running()
    assert "because another file was opened" in session.imports.state.message
    assert not bpy.data.objects
    start(bpy, addon, session, many)
    pump_until(session, lambda: len(bpy.data.objects) > 2)
    session.imports.discard()  # as disabling the add-on does
    session.imports.drop("")
    assert not bpy.data.objects and not bpy.data.meshes


def test_blender_is_rendering(bpy, addon, session, many, monkeypatch) -> None:
    """Nothing is made then, and the worker waits; it can be canceled."""
    monkeypatch.setattr(session, "is_scene_locked", lambda: True)
    start(bpy, addon, session, many)
    for _ in range(30):
        session._pump()
        time.sleep(0.01)
    assert not bpy.data.objects and session.imports.is_running()
    monkeypatch.undo()
    pump_until(session, ended(session))
    assert len(bpy.data.objects) == 12
