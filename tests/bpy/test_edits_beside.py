"""A click edits a mesh in a task: Blender goes on, the task can be canceled, nothing is lost."""

import subprocess
import sys
import time

import numpy as np
import pytest
from object_data import assert_colors_agree, colors, vertices


@pytest.fixture
def session(addon):
    session = addon("tasks.session")
    yield session
    session._join_all()
    session.edits.dismiss()


@pytest.fixture
def pump(session):
    """Pump the edits until their queue is empty. Timers never fire here."""

    def pump() -> list[tuple[str, float]]:
        seen, deadline = [], time.monotonic() + 120
        while session.edits.is_running():
            assert time.monotonic() < deadline
            session._pump()
            seen.append((str(session.edits.state.label), session.edits.state.fraction))
            time.sleep(0.01)
        return seen

    return pump


CALLS = {
    "refine": {"resolution": 96},
    "recolor": {},
    "recolor photo": {"photo": True},
    "clean_up": {"smooth": 2, "faces": 3000},
    "remesh": {"kind": "voxel", "voxel_size": 0.05},
    "remesh quads": {"kind": "quads", "faces": 2000},
    "mirror": {"keep": "left"},
    "texture": {"faces": 2000, "size": "512", "photo": False},
}


@pytest.fixture
def click(bpy, addon, monkeypatch):
    """Call an operator as a click does. Without a window, Blender never calls `invoke`."""

    def click(name: str) -> set[str]:
        with monkeypatch.context() as clicked:
            clicked.setattr(addon("operators.edits_mesh").EditsMesh, "is_clicked", True)
            return call(bpy, name)

    return click


def call(bpy, name: str) -> set[str]:
    return getattr(bpy.ops.triposr, name.partition(" ")[0])(**CALLS[name])


@pytest.mark.parametrize("name", CALLS)
def test_a_click_gives_what_a_script_gets(
    bpy, addon, truck, session, pump, click, name: str
) -> None:
    bpy.ops.object.duplicate()
    by_script = bpy.context.object
    call(bpy, name)
    bpy.context.view_layer.objects.active = truck
    data, before = truck.data, vertices(addon, truck)
    materials = truck.data.materials[:]
    meshes, scenes = len(bpy.data.meshes), len(bpy.data.scenes)
    bpy.ops.ed.undo_push(message="before")
    assert click(name) == {"FINISHED"}
    assert session.edits.is_running()
    assert np.array_equal(vertices(addon, truck), before)
    seen = pump()
    assert not session.edits.state.error
    fractions = [fraction for _, fraction in seen]
    assert fractions == sorted(fractions) and fractions[-1] > 0.5
    assert truck.data == data
    if name == "texture":
        assert len(truck.data.polygons) <= 2000 and addon("scene.texture").is_textured(truck)
        assert np.abs(uv_of(truck) - uv_of(by_script)).max() < 1e-5
    else:
        assert truck.data.materials[:] == materials
    assert (len(bpy.data.meshes), len(bpy.data.scenes)) == (meshes, scenes)
    assert not bpy.data.libraries
    apart = np.abs(vertices(addon, truck) - vertices(addon, by_script))
    differs = np.abs(colors(truck) - colors(by_script))
    if name == "remesh quads":  # its threads add up in any order, which moves a few vertices
        assert apart.mean() < 5e-3 and differs.mean() < 2 / 255
    else:
        assert apart.max() < 1e-5 and differs.max() < 2 / 255
    assert truck.triposr.mirrored == by_script.triposr.mirrored
    smooth = [polygon.use_smooth for polygon in truck.data.polygons]
    assert all(smooth)
    bpy.ops.ed.undo()
    truck = bpy.data.objects["toy truck"]
    assert np.array_equal(vertices(addon, truck), before)
    assert not truck.data.uv_layers and not addon("scene.texture").is_textured(truck)


def uv_of(target) -> np.ndarray:
    """UV coordinates (L, 2) of a mesh's corners."""
    [layer] = target.data.uv_layers
    values = np.empty((len(layer.data), 2), np.float32)
    layer.data.foreach_get("uv", values.ravel())
    return values


def test_layers_and_groups_stay(bpy, addon, truck, pump, click) -> None:
    truck.vertex_groups.new(name="left").add(range(100), 1.0, "REPLACE")
    truck.data.uv_layers.new(name="map")
    truck.data["note"] = "mine"
    assert click("clean_up") == {"FINISHED"}
    pump()
    assert [layer.name for layer in truck.data.uv_layers] == ["map"]
    assert any(vertex.groups for vertex in truck.data.vertices)
    assert truck.data["note"] == "mine" and len(truck.data.polygons) <= 3000


@pytest.mark.parametrize("name", ["refine", "clean_up", "texture"])
def test_cancel_changes_nothing(bpy, addon, truck, session, pump, click, name: str) -> None:
    before = vertices(addon, truck)
    click(name)
    assert bpy.ops.triposr.cancel_edit() == {"FINISHED"}
    pump()
    assert session.edits.state.canceled and not session.edits.state.error
    assert np.array_equal(vertices(addon, truck), before)
    assert not bpy.ops.triposr.cancel_edit.poll()
    assert click(name) == {"FINISHED"}
    pump()
    assert not np.array_equal(vertices(addon, truck), before)


@pytest.mark.parametrize("name", ["texture", "recolor photo"])
@pytest.mark.parametrize("stage", [0, 1, -1])
def test_cancel_at_any_stage_leaves_everything(
    bpy, addon, truck, session, pump, click, name: str, stage: int
) -> None:
    """Whether the mesh is being unwrapped, or its texture drawn."""
    click(name)
    labels = list(dict.fromkeys(label for label, _ in pump()))
    bpy.ops.ed.undo_push(message="later")
    before, colors_before, state = vertices(addon, truck), colors(truck), kept(bpy, truck)
    click(name)
    deadline = time.monotonic() + 120
    while str(session.edits.state.label) != labels[stage]:
        assert session.edits.is_running() and time.monotonic() < deadline
        session._pump()
    bpy.ops.triposr.cancel_edit()
    pump()
    assert session.edits.state.canceled and not session.edits.state.error
    assert np.array_equal(vertices(addon, truck), before)
    assert np.array_equal(colors(truck), colors_before)
    assert kept(bpy, truck) == state


def kept(bpy, truck) -> tuple[object, ...]:
    """What an edit that is canceled must leave as it was."""
    names = [sorted(each.name for each in getattr(bpy.data, kind)) for kind in KINDS]
    return (*names, truck.data.name, truck.data.materials[:], len(truck.data.uv_layers))


KINDS = ("images", "materials", "meshes", "objects", "scenes", "libraries")


def test_canceling_ends_the_second_blender(
    bpy, addon, truck, session, pump, click, monkeypatch
) -> None:
    started = []

    class Popen(subprocess.Popen):
        def __init__(self, *args, **settings) -> None:
            super().__init__(*args, **settings)
            started.append(self)

    monkeypatch.setattr(addon("scene.beside").subprocess, "Popen", Popen)
    click("clean_up")
    while not started:
        time.sleep(0.01)
    [folder] = [part for part in started[0].args if "triposr_" in part][-1:]
    bpy.ops.triposr.cancel_edit()
    pump()
    assert started[0].returncode is not None
    assert not addon("scene.edited").Path(folder).exists()


def _sculpt(bpy, truck) -> None:
    truck.data.vertices[0].co.x += 0.1


def _remesh(bpy, truck) -> None:
    modifier = truck.modifiers.new("", "DECIMATE")
    modifier.ratio = 0.5
    bpy.ops.object.modifier_apply(modifier=modifier.name)


def _other_mesh(bpy, truck) -> None:
    truck.data = truck.data.copy()


def _unwrap(bpy, truck) -> None:
    truck.data.uv_layers.new(name="map")


def _paint(bpy, truck) -> None:
    truck.data.color_attributes["Color"].data[0].color_srgb = (0, 1, 0, 1)


def _weight(bpy, truck) -> None:
    truck.vertex_groups.new(name="left").add(range(100), 1.0, "REPLACE")


def _assign_material(bpy, truck) -> None:
    truck.data.materials.append(bpy.data.materials.new("other"))
    truck.data.polygons[0].material_index = 1


def _edit_mode(bpy, truck) -> None:
    bpy.ops.object.mode_set(mode="EDIT")


CHANGES = {
    _sculpt: "has changed in the meantime",
    _remesh: "has changed in the meantime",
    _other_mesh: "has changed in the meantime",
    **dict.fromkeys((_unwrap, _paint, _weight, _assign_material), "has changed in the meantime"),
    _edit_mode: "is being edited",
}


@pytest.mark.parametrize("name", ["refine", "recolor", "recolor photo", "clean_up", "texture"])
@pytest.mark.parametrize("change", CHANGES)
def test_what_was_done_meanwhile_stays(
    bpy, addon, truck, session, pump, click, change, name
) -> None:
    click(name)
    change(bpy, truck)
    state = kept(bpy, truck)
    pump()
    assert CHANGES[change] in session.edits.state.error
    if bpy.context.mode != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")
    assert kept(bpy, truck) == state


@pytest.mark.parametrize("name", ["refine", "clean_up", "texture", "recolor photo"])
def test_an_object_that_is_gone(bpy, addon, truck, session, pump, click, name: str) -> None:
    click(name)
    bpy.data.objects.remove(truck)
    meshes, images = len(bpy.data.meshes), len(bpy.data.images)
    pump()
    assert "no longer exists" in session.edits.state.error
    assert (len(bpy.data.meshes), len(bpy.data.images)) == (meshes, images)


def test_another_file_ends_it(bpy, addon, truck, session, click) -> None:
    click("clean_up")
    bpy.ops.wm.read_homefile(use_empty=True)
    assert not session.edits.is_running() and not session.edits.state.error


def test_one_after_the_other(bpy, truck, session, pump, click) -> None:
    click("clean_up")
    assert not bpy.ops.triposr.recolor.poll()
    pump()
    assert bpy.ops.triposr.recolor.poll()


def test_a_failed_second_blender_is_reported(
    bpy, addon, truck, session, pump, click, monkeypatch
) -> None:
    before = vertices(addon, truck)
    edited = addon("scene.edited")
    monkeypatch.setattr(edited, "second_blender", lambda: [sys.executable, "-c", "1/0"])
    click("clean_up")
    pump()
    assert "second Blender, which edits the mesh, has failed" in session.edits.state.error
    assert np.array_equal(vertices(addon, truck), before)


def test_unloading_meanwhile_loses_nothing(bpy, addon, truck, session, pump, click) -> None:
    before = vertices(addon, truck)
    click("clean_up")
    bpy.ops.triposr.unload_model()
    pump()
    assert not session.edits.state.error
    assert len(vertices(addon, truck)) != len(before)


def test_nothing_else_goes_along(bpy, addon, truck, session, pump, click) -> None:
    """What the mesh points at stays here: its picture would come back as a copy."""
    images, materials = len(bpy.data.images), len(bpy.data.materials)
    for _ in range(2):
        click("clean_up")
        pump()
    assert (len(bpy.data.images), len(bpy.data.materials)) == (images, materials)


def test_a_blender_that_cannot_be_started_twice_is_reported(
    bpy, addon, truck, session, pump, click, monkeypatch
) -> None:
    edited = addon("scene.edited")
    monkeypatch.setattr(edited, "second_blender", lambda: ["/nowhere/blender"])
    click("clean_up")
    pump()
    assert "cannot be started a second time" in session.edits.state.error


def test_a_temporary_folder_that_is_gone(
    bpy, addon, truck, session, pump, click, monkeypatch, tmp_path
) -> None:
    temporary = addon("scene.temporary")
    places = (lambda: str(tmp_path / "gone"), lambda: str(tmp_path))
    monkeypatch.setattr(temporary, "TEMPORARY_PLACES", places)
    click("clean_up")
    pump()
    assert not session.edits.state.error
    monkeypatch.setattr(temporary, "TEMPORARY_PLACES", places[:1])
    with pytest.raises(RuntimeError, match="No temporary file can be written"):
        click("clean_up")


HIDDEN = {
    "in viewports": lambda bpy, truck: setattr(truck, "hide_viewport", True),
    "by the eye": lambda bpy, truck: truck.hide_set(True),
    "in renders": lambda bpy, truck: setattr(truck, "hide_render", True),
    "from selection": lambda bpy, truck: setattr(truck, "hide_select", True),
    "with its collection": lambda bpy, truck: setattr(
        truck.users_collection[0], "hide_viewport", True
    ),
    "with its layer": lambda bpy, truck: setattr(
        bpy.context.view_layer.layer_collection.children[0], "exclude", True
    ),
}


@pytest.mark.parametrize("how", HIDDEN)
@pytest.mark.parametrize("name", ["remesh quads", "remesh", "clean_up", "mirror"])
def test_objects_that_are_hidden(bpy, addon, truck, how: str, name: str) -> None:
    """Whatever hides an object, its mesh can be edited."""
    own = bpy.data.collections.new("own")
    bpy.context.scene.collection.children.link(own)
    for collection in truck.users_collection:
        collection.objects.unlink(truck)
    own.objects.link(truck)
    bpy.context.view_layer.objects.active = truck
    at, expected = vertices(addon, truck), colors(truck)
    HIDDEN[how](bpy, truck)
    function = getattr(addon("api"), name.partition(" ")[0])
    function(truck, **CALLS[name])
    assert len(vertices(addon, truck)) != len(at)
    if name != "mirror":
        assert_colors_agree(addon, truck, at, expected)


def test_the_panel_says_what_came_of_it(bpy, addon, session, click, pump, truck) -> None:
    """Such as why the photo was left out."""
    from types import SimpleNamespace
    from unittest.mock import MagicMock

    truck.triposr.match = 0.3
    assert click("recolor photo") == {"FINISHED"}
    pump()
    layout = MagicMock()
    panel = SimpleNamespace(layout=layout)
    shown = []
    module = addon("panels.object")
    draw, module.draw_message = module.draw_message, lambda box, texts, *_: shown.extend(texts)
    try:
        module.TRIPOSR_PT_mesh.draw(panel, bpy.context)
    finally:
        module.draw_message = draw
    assert "the photo was left out" in str(shown[0])
    session.edits.dismiss()
    assert not session.edits.state.message
