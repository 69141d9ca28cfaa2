"""An export leaves the scene and the disk as they were, whatever the object is like."""

import dataclasses
import errno
import importlib
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import background
import numpy as np
import pytest
from glb import gltf, outwardness, size_of
from textured import add_figure


@pytest.fixture
def errors(addon):
    return addon("inference.errors")


def state_of(bpy) -> dict:
    """What an artist would miss."""
    scene, data = bpy.context.scene, bpy.data
    kinds = ("objects", "meshes", "materials", "images", "scenes", "worlds", "cameras", "lights")
    names = {kind: sorted(block.name_full for block in getattr(data, kind)) for kind in kinds}
    return names | {
        "libraries": len(data.libraries),
        "users": {m.name: m.users for m in (*data.meshes, *data.materials, *data.images)},
        "selected": sorted(thing.name for thing in bpy.context.selected_objects),
        "active": bpy.context.object and bpy.context.object.name,
        "mode": bpy.context.mode,
        "scene": scene.name,
        "render": (scene.render.engine, scene.render.filepath, scene.render.resolution_x),
        "unit": (scene.unit_settings.system, scene.unit_settings.scale_length),
        "frame": scene.frame_current,
        "dirty": data.is_dirty,
        "packed": {image.name: (image.is_dirty, len(image.packed_files)) for image in data.images},
    }


@pytest.mark.parametrize(
    ("name", "target"),
    [("a.glb", "android"), ("a.usdz", "iphone"), ("a.fbx", "maya"), ("a", "page")],
)
def test_the_scene_stays(bpy, export, figure, tmp_path: Path, name: str, target: str) -> None:
    bpy.ops.mesh.primitive_cube_add()
    bpy.context.object.name = "other"
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"))
    before = state_of(bpy)
    export(bpy.data.objects["chair"], name, target)
    assert state_of(bpy) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, "scene.blend"])


def hide(bpy, figure) -> None:
    figure.hide_set(True)


def hide_everywhere(bpy, figure) -> None:
    figure.hide_viewport = figure.hide_render = figure.hide_select = True


def exclude(bpy, figure) -> None:
    own = bpy.data.collections.new("own")
    bpy.context.scene.collection.children.link(own)
    for collection in figure.users_collection:
        collection.objects.unlink(figure)
    own.objects.link(figure)
    bpy.context.view_layer.layer_collection.children["own"].exclude = True


def share_mesh(bpy, figure) -> None:
    bpy.data.objects.new("twin", figure.data)


def move(bpy, figure) -> None:
    figure.location = (7, 8, 9)


def mirror(bpy, figure) -> None:
    figure.scale = (-1, 1, 1)


def parent(bpy, figure) -> None:
    empty = bpy.data.objects.new("empty", None)
    bpy.context.scene.collection.objects.link(empty)
    empty.scale = (1, 0.5, 1)
    figure.parent = empty
    figure.scale.y = 2


def bend(bpy, figure) -> None:
    """A modifier, a shape key and a bone, none of which changes the size."""
    figure.modifiers.new("", "TRIANGULATE")
    figure.shape_key_add(name="Basis")
    figure.shape_key_add(name="Wide").data[0].co.x -= 5
    rig = bpy.data.objects.new("rig", bpy.data.armatures.new("rig"))
    bpy.context.scene.collection.objects.link(rig)
    figure.modifiers.new("", "ARMATURE").object = rig


def add_materials(bpy, figure) -> None:
    for name in ("Plain", "Other"):
        figure.data.materials.append(bpy.data.materials.new(name))
    figure.data.materials.append(None)
    for number, face in enumerate(figure.data.polygons):
        face.material_index = number % 4


def link_material_to_object(bpy, figure) -> None:
    material = figure.data.materials[0]
    figure.data.materials[0] = None
    figure.material_slots[0].link = "OBJECT"
    figure.material_slots[0].material = material


ODD = [hide, hide_everywhere, exclude, share_mesh, move, mirror, parent, bend, add_materials,
       link_material_to_object]  # fmt: skip


@pytest.mark.parametrize("how", ODD, ids=lambda how: how.__name__)
def test_odd_objects_arrive(bpy, export, figure, how) -> None:
    how(bpy, figure)
    before = state_of(bpy)
    report = export(figure)
    assert state_of(bpy) == before
    document = gltf(report.files[0])
    assert size_of(document) == [1, 3, 2]
    assert report.triangles == 12
    assert len(document["images"]) == 2
    assert outwardness(report.files[0]) > 0


def test_a_modifier_that_adds(bpy, export, figure) -> None:
    array = figure.modifiers.new("", "ARRAY")
    array.count = 3
    report = export(figure)
    assert report.triangles == 36
    assert size_of(gltf(report.files[0])) == [3, 3, 2]


def test_a_linked_object(bpy, export, figure, tmp_path: Path) -> None:
    library = tmp_path / "library.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(library))
    bpy.ops.wm.read_homefile(use_empty=True)
    with bpy.data.libraries.load(str(library), link=True) as (there, here):
        here.objects = there.objects
    [linked] = here.objects
    bpy.context.scene.collection.objects.link(linked)
    before = state_of(bpy)
    report = export(linked)
    assert state_of(bpy) == before
    assert len(gltf(report.files[0])["images"]) == 2


def test_pixels_that_are_not_saved(bpy, export, figure) -> None:
    image = bpy.data.images["color"]
    image.pixels.foreach_set(np.tile(np.float32([0, 0, 1, 1]), 64 * 64))
    image.update()
    assert image.is_dirty
    document_path = export(figure, "a.glb", "engine").files[0]
    assert image.is_dirty
    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.ops.import_scene.gltf(filepath=str(document_path))
    means = []
    for image in bpy.data.images:
        if image.size[0]:
            pixels = np.empty(len(image.pixels), np.float32)
            image.pixels.foreach_get(pixels)
            means.append(tuple(pixels.reshape(-1, 4)[:, :3].mean(axis=0).round(1)))
    assert (0, 0, 1) in means


def test_a_picture_that_is_gone(bpy, export, figure, tmp_path: Path) -> None:
    image = bpy.data.images["normal"]
    image.unpack(method="REMOVE")
    image.source, image.filepath = "FILE", str(tmp_path / "gone.png")
    image.reload()
    report = export(figure)
    assert "normal is missing" in str(report.remarks)
    document = gltf(report.files[0])
    assert len(document["images"]) == 1
    assert "normalTexture" not in document["materials"][0]  # which would be the color
    for node in figure.active_material.node_tree.nodes:
        if node.type == "TEX_IMAGE":
            node.image = image
    report = export(figure, "none.glb")
    assert "images" not in gltf(report.files[0]) and "no colors" in str(report.summary)


NAMES = ["a/b\\c:d", "chair.001", "Stühlchen 椅子 🪑", "con", "x" * 60, "..", " "]


@pytest.mark.parametrize("name", NAMES)
def test_any_name(bpy, addon, figure, tmp_path: Path, name: str) -> None:
    figure.name = name
    names = addon("scene.export.names")
    suggested = names.file_name(figure.name)
    assert not set('<>:"/\\|?*') & set(suggested) and suggested.strip(". ")
    assert suggested.lower() not in ("con", "nul")
    for target, ending in (("web", ".glb"), ("iphone", ".usdz"), ("maya", ".usd")):
        report = addon("api").export(figure, tmp_path / f"{suggested}{ending}", target)
        assert report.files[0].name == f"{suggested}{ending}"


def test_endings(addon, figure, errors, tmp_path: Path) -> None:
    export = addon("api").export
    assert export(figure, tmp_path / "chair", "iphone").files[0].name == "chair.usdz"
    assert export(figure, tmp_path / "chair v1.2", "web").files[0].name == "chair v1.2.glb"
    assert export(figure, tmp_path / "BIG.GLB", "web").files[0].name == "BIG.glb"
    with pytest.raises(errors.InputError, match=r"chair\.obj does not end with \.glb, \.fbx"):
        export(figure, tmp_path / "chair.obj", "engine")


def test_bad_paths(bpy, addon, figure, errors, tmp_path: Path) -> None:
    export = addon("api").export
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.glb").mkdir()
    for path, target, said in (
        ("//chair.glb", "web", "not saved yet"),
        (tmp_path / "gone" / "a.glb", "web", "does not exist"),
        (tmp_path / "file" / "a.glb", "web", "does not exist"),
        (tmp_path / "folder.glb", "web", "is a folder"),
        (tmp_path / "file", "page", "is a file"),
        (tmp_path, "page", "holds other files"),
        (f"{tmp_path}/", "web", "names no file"),
        ("", "web", "There is no path to export to. Give the file a name."),
        ("  ", "page", "There is no path"),
    ):
        with pytest.raises(errors.InputError, match=said):
            export(figure, path, target)
    with pytest.raises(errors.InputError, match="Target"):
        export(figure, tmp_path / "a.glb", "mars")
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"))
    assert export(figure, "//chair.glb").files == (tmp_path / "chair.glb",)


@pytest.mark.parametrize(("ending", "target"), [(".glb", "web"), (".usd", "maya"), ("", "page")])
def test_names_that_are_too_long(addon, figure, errors, tmp_path: Path, ending, target) -> None:
    """They leave no room for the files that exporters write beside them, either."""
    for length in (300, 255, 248):
        name = "a" * (length - len(ending)) + ending
        with pytest.raises(errors.InputError, match=r"too long for a file\. Choose a shorter name"):
            addon("api").export(figure, tmp_path / name, target)
    assert not list(tmp_path.iterdir())
    longest = "a" * (247 - len(ending)) + ending
    report = addon("api").export(figure, tmp_path / longest, target)
    assert (tmp_path / longest).exists() and all(path.exists() for path in report.files)


@pytest.mark.skipif(not os.path.isdir("/proc"), reason="only Linux has a folder for no files")
def test_a_folder_for_no_files(addon, figure, errors) -> None:
    """It says itself that it is not there."""
    with pytest.raises(errors.InputError) as caught:
        addon("api").export(figure, "/proc/a.glb")
    said = "Nothing can be written to /proc: the system refuses it. Choose another folder."
    assert str(caught.value) == said


def test_a_single_triangle(bpy, export) -> None:
    """No limit was reached, so nothing was reduced, although a face without area is left out."""
    data = bpy.data.meshes.new("thin")
    data.from_pydata([(0, 0, 0), (1, 0, 0), (0, 1, 0), (1, 1, 0)], [], [(0, 1, 2), (0, 1, 1)])
    thin = bpy.data.objects.new("thin", data)
    report = export(thin)
    assert report.triangles == 1 and report.remarks == ()
    assert str(report.summary).startswith("a.glb: 1 triangle, no colors, ")


def test_bad_objects(bpy, addon, export, figure, errors) -> None:
    empty = bpy.data.objects.new("empty", None)
    bare = bpy.data.objects.new("bare", bpy.data.meshes.new("bare"))
    flat = bpy.data.objects.new("flat", figure.data)
    flat.scale = (0, 0, 0)
    endless = bpy.data.objects.new("endless", figure.data.copy())
    endless.data.vertices[0].co.x = float("nan")
    tiled = bpy.data.objects.new("tiled", figure.data.copy())
    tiled.data.materials[0] = figure.data.materials[0].copy()
    picture = bpy.data.images.new("tiles", 8, 8, tiled=True)
    for node in tiled.data.materials[0].node_tree.nodes:
        if node.type == "TEX_IMAGE":
            node.image = picture
    for thing, said in (
        (tiled, "tiled shows tiles, a picture of UDIM tiles"),
        (empty, "empty is not a mesh"),
        (bare, "bare has no faces"),
        (flat, "flat has no size"),
        (endless, "positions are no numbers"),
    ):
        with pytest.raises(errors.InputError, match=said):
            export(thing)
    bpy.ops.object.mode_set(mode="EDIT")
    with pytest.raises(errors.InputError, match="is being edited"):
        export(figure)
    assert not bpy.ops.triposr.export.poll()
    bpy.ops.object.mode_set(mode="OBJECT")


def test_a_full_disk_leaves_the_old_file(addon, export, figure, errors, tmp_path, monkeypatch):
    export(figure)
    before = (tmp_path / "a.glb").read_bytes()
    figure.scale.x = 2

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(addon("tasks.export").os, "fsync", full)
    with pytest.raises(errors.InputError, match=r"Nothing can be written to .*No space left"):
        export(figure)
    assert [path.name for path in tmp_path.iterdir()] == ["a.glb"]
    assert (tmp_path / "a.glb").read_bytes() == before


def mounted(place: Path, size: str) -> None:
    """A small disk at a folder; skips the test where nobody may mount one."""
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("only root may mount a small disk")


@pytest.mark.parametrize(
    ("name", "target"), [("a.glb", "web"), ("a.usdz", "iphone"), ("a.stl", "print")]
)
def test_a_disk_that_fills_up_meanwhile(bpy, export, errors, tmp_path, name, target) -> None:
    """Exporters in C++ do not say why they fail."""
    bpy.ops.mesh.primitive_ico_sphere_add(subdivisions=7, calc_uvs=True)
    ball = add_figure(bpy, "ball", 64, mesh=bpy.context.object.data.copy())
    disk = tmp_path / "disk"
    mounted(disk, "200k")
    try:
        with pytest.raises(errors.InputError, match=r"written to .*disk: No space left"):
            export(ball, f"disk/{name}", target)
        assert not list(disk.iterdir())
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_file_that_another_program_has_open(addon, export, figure, errors, tmp_path, monkeypatch):
    def locked(*_: object) -> None:
        raise PermissionError(errno.EACCES, "in use")

    monkeypatch.setattr(addon("tasks.export").os, "replace", locked)
    with pytest.raises(errors.InputError, match=r"a\.glb cannot be replaced. Close the program"):
        export(figure)
    assert not list(tmp_path.iterdir())


def test_no_file_is_replaced_after_cancel(addon, tmp_path: Path) -> None:
    """The last moment to cancel is when all files are on the disk, before the first is moved."""
    out = tmp_path / "out"
    (out / "textures").mkdir(parents=True)
    for name in ("a.usd", "textures/color.png"):
        (out / name).write_text("new")

    def tick(_fraction: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        addon("tasks.export")._moved(out, tmp_path / "a.usd", tick)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_blender_that_hangs(addon, export, figure, errors, monkeypatch, tmp_path) -> None:
    beside, task = addon("scene.beside"), addon("tasks.export")
    endless = [os.sys.executable, "-c", "while True: pass"]
    monkeypatch.setattr(task, "second_blender", lambda: endless)
    monkeypatch.setattr(beside, "LIMIT", 0.3)
    started = []

    class Popen(subprocess.Popen):
        def __init__(self, *args, **settings) -> None:
            super().__init__(*args, **settings)
            started.append(self)

    monkeypatch.setattr(beside.subprocess, "Popen", Popen)
    with pytest.raises(errors.TripoSRError, match=r"not finished in 0\.005 minutes. Reduce the"):
        export(figure)
    assert started[0].returncode is not None
    assert not list(tmp_path.iterdir())


def test_a_blender_that_cannot_be_started(addon, export, figure, errors, monkeypatch) -> None:
    monkeypatch.setattr(addon("tasks.export"), "second_blender", lambda: ["/nowhere/blender"])
    with pytest.raises(errors.TripoSRError, match="cannot be started a second time, to export"):
        export(figure)


def test_what_fails_beside_is_logged_here(addon, export, figure, errors, monkeypatch, caplog):
    """The artist reads a sentence; the traceback is in the console."""
    task = addon("tasks.export")
    ready = task.write_copy

    def without_mesh(exported, folder):
        return dataclasses.replace(ready(exported, folder), mesh="gone")

    monkeypatch.setattr(task, "write_copy", without_mesh)
    with pytest.raises(errors.TripoSRError, match="Unexpected error: "):
        export(figure)
    assert "in _opened" in caplog.text and "Traceback" in caplog.text


def test_the_last_line_of_an_exporter_in_python_is_its_reason(addon) -> None:
    writers = importlib.import_module(f"{background.MODULE}.scene.export.writers")
    said = "Error: Python: Traceback (most recent call last):\n  File 'x'\nValueError: no\n\n"
    said += "Location: x:1"
    assert writers._reason(said) == "ValueError: no"
    assert writers._reason("Error: Nothing to export\n") == "Nothing to export"


def test_instances_are_named(bpy, export, figure) -> None:
    tree = bpy.data.node_groups.new("instances", "GeometryNodeTree")
    for way in ("INPUT", "OUTPUT"):
        tree.interface.new_socket("Geometry", in_out=way, socket_type="NodeSocketGeometry")
    start, end, join, make, cube = (
        tree.nodes.new(kind)
        for kind in (
            *("NodeGroupInput", "NodeGroupOutput", "GeometryNodeJoinGeometry"),
            *("GeometryNodeInstanceOnPoints", "GeometryNodeMeshCube"),
        )
    )
    tree.links.new(start.outputs[0], make.inputs["Points"])
    tree.links.new(cube.outputs["Mesh"], make.inputs["Instance"])
    tree.links.new(start.outputs[0], join.inputs[0])
    tree.links.new(make.outputs[0], join.inputs[0])
    tree.links.new(join.outputs[0], end.inputs[0])
    figure.modifiers.new("", "NODES").node_group = tree
    report = export(figure)
    assert "instances were left out" in str(report.remarks) and report.triangles == 12


def test_a_blender_that_fails(addon, export, figure, errors, tmp_path, monkeypatch) -> None:
    task = addon("tasks.export")
    monkeypatch.setattr(task, "second_blender", lambda: [os.sys.executable, "-c", "1/0"])
    with pytest.raises(errors.TripoSRError, match="has failed"):
        export(figure)
    assert not list(tmp_path.iterdir())


def test_an_exporter_that_is_not_there(addon, bpy, errors, monkeypatch) -> None:
    """What goes wrong in the second Blender arrives as the sentence that it is."""
    writers, work = (
        importlib.import_module(f"{background.MODULE}.scene.export.{name}")
        for name in ("writers", "work")
    )
    monkeypatch.setattr(writers.addon_utils, "enable", lambda *_: None)
    with pytest.raises(errors.DependencyError, match="glTF exporter is not there") as caught:
        writers._enable("io_scene_gltf2", "glTF")
    arrived = addon("tasks.export")._unpacked(
        json.loads(json.dumps(work.packed(caught.value.message)))
    )
    assert arrived == "Blender's glTF exporter is not there"
    assert arrived.template == "Blender's {format} exporter is not there"


@pytest.fixture
def session(addon):
    session = addon("tasks.session")
    yield session
    session._join_all()
    session.exports.dismiss()


@pytest.fixture
def click(bpy, addon, monkeypatch):
    """Call the operator as the file browser does after a click."""

    def click(**settings: object) -> set[str]:
        with monkeypatch.context() as clicked:
            clicked.setattr(addon("operators.export").AsksForFile, "is_clicked", True)
            return bpy.ops.triposr.export(**settings)

    return click


def pump(session) -> None:
    deadline = time.monotonic() + 120
    while session.exports.is_running():
        assert time.monotonic() < deadline
        session._pump()
        time.sleep(0.01)


def test_a_click_exports_beside_blender(bpy, figure, session, click, tmp_path: Path) -> None:
    assert click(filepath=str(tmp_path / "a.glb"), target="web") == {"FINISHED"}
    assert session.exports.is_running() and not (tmp_path / "a.glb").exists()
    assert not bpy.ops.triposr.export.poll()
    figure.scale.x = 9  # the copy was made before
    pump(session)
    assert "a.glb: 12 triangles" in session.exports.state.message
    assert size_of(gltf(tmp_path / "a.glb")) == [1, 3, 2]
    assert bpy.ops.triposr.dismiss_export() == {"FINISHED"}
    assert not session.exports.state.message


def test_cancel(bpy, figure, session, click, tmp_path: Path) -> None:
    click(filepath=str(tmp_path / "a.glb"), target="web")
    assert bpy.ops.triposr.cancel_export() == {"FINISHED"}
    pump(session)
    assert session.exports.state.canceled
    assert not list(tmp_path.iterdir())
    assert not bpy.ops.triposr.cancel_export.poll()


def test_a_script_gets_the_report_or_the_error(bpy, figure, tmp_path: Path) -> None:
    path = tmp_path / "a.stl"
    assert bpy.ops.triposr.export(filepath=str(path), target="print") == {"FINISHED"}
    assert path.exists()
    with pytest.raises(RuntimeError, match="does not exist"):
        bpy.ops.triposr.export(filepath=str(tmp_path / "gone" / "a.stl"), target="print")


def test_the_name_follows_the_target(addon, bpy) -> None:
    operator = addon("operators.export").TRIPOSR_OT_export

    class Browser:
        filter_glob = ""
        _endings, _filter = operator._endings, operator._filter

    browser = Browser()
    for before, target, after in (
        ("/a/chair.glb", "iphone", "/a/chair.usdz"),
        ("/a/chair.usdz", "page", "/a/chair"),
        ("/a/chair", "print", "/a/chair.stl"),
        ("/a/chair v1.2", "maya", "/a/chair v1.2.fbx"),
        ("/a/chair.fbx", "engine", "/a/chair.fbx"),
    ):
        browser.filepath, browser.target = before, target
        operator.check(browser, bpy.context)
        assert browser.filepath == after
