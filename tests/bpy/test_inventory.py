"""The panels show findings on the disks: a task makes them, and drawing touches no disk."""

import builtins
import io
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType, SimpleNamespace
from unittest.mock import MagicMock

import pytest

TINY = Path(__file__).parents[1] / "data" / "tiny"

LOOKS = {
    os: ("stat", "lstat", "scandir", "listdir", "open", "access"),
    os.path: ("exists", "lexists", "isfile", "isdir", "getsize", "getmtime", "realpath"),
    builtins: ("open",),
    io: ("open",),
    Path: ("exists", "is_file", "is_dir", "stat", "iterdir", "glob", "resolve", "read_text"),
}
"""Calls by which the add-on might touch a disk."""

OF_BLENDER = {"TRIPOSR_PT_presets", "TRIPOSR_OT_add_preset"}
"""Blender's own draw(), which lists its presets in the menu that is opened for that."""


@pytest.fixture
def inventory(bpy, addon, monkeypatch, tmp_path: Path) -> Iterator[object]:
    """The add-on's inventory as in a Blender with a window, knowing nothing yet."""
    module = addon("tasks.inventory")
    module.forget()
    monkeypatch.setattr(module, "_has_timers", lambda: True)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    yield module
    module.forget()
    looks = addon("tasks.session").looks
    looks.join(60)
    looks.dismiss()


@pytest.fixture
def finish(bpy, addon, inventory) -> Callable[[], None]:
    """Call Blender's timers until nothing is left to do."""

    def finish() -> None:
        timers, looks = bpy.app.timers, addon("tasks.session").looks
        if timers.is_registered(inventory._look):
            timers.unregister(inventory._look)
            inventory._look()
        while looks.is_running():
            addon("tasks.session")._pump()

    return finish


@pytest.fixture
def known(bpy, addon, inventory) -> Callable[[], object]:
    """Read the findings as the panels do."""
    return lambda: inventory.known(bpy.context)


class Drawn:
    """The add-on's preferences with a layout, which Blender gives them only in a window."""

    def __init__(self, real: object) -> None:
        self._real, self.layout = real, MagicMock()

    def __getattr__(self, name: str) -> object:
        found = getattr(type(self._real), name, None)
        return found.__get__(self) if isinstance(found, FunctionType) else getattr(self._real, name)


def texts_of(layout: MagicMock) -> set[str]:
    """The labels that were drawn, on whatever part of a layout."""
    calls = [call for call in layout.mock_calls if call[0].endswith("label")]
    return {call.kwargs.get("text", "") for call in calls}


@pytest.fixture
def draw_all(bpy, addon, monkeypatch) -> Callable[[], dict[str, set[str]]]:
    """Draw every panel and the preferences; return the labels of each."""
    wide = SimpleNamespace(
        region=SimpleNamespace(width=3000),
        preferences=SimpleNamespace(
            system=SimpleNamespace(ui_scale=1.0),
            ui_styles=[SimpleNamespace(widget=SimpleNamespace(points=11.0))],
        ),
    )
    monkeypatch.setattr(addon("panels.layout"), "bpy", SimpleNamespace(context=wide))

    def draw_all() -> dict[str, set[str]]:
        drawn = {}
        for panel in addon("panels").classes:
            if panel.__name__ in OF_BLENDER or issubclass(panel, bpy.types.AddonPreferences):
                continue
            if hasattr(panel, "poll") and not panel.poll(bpy.context):
                continue
            myself = SimpleNamespace(layout=MagicMock())
            panel.draw(myself, bpy.context)
            drawn[panel.__name__] = texts_of(myself.layout)
        for menu in (addon("operators.places")._add_menu, addon("operators.places")._context_menu):
            menu(SimpleNamespace(layout=MagicMock()), bpy.context)
        chosen = Drawn(addon("preferences").preferences(bpy.context))
        type(chosen._real).draw(chosen, bpy.context)
        drawn["preferences"] = texts_of(chosen.layout)
        return drawn

    return draw_all


def poll_all(bpy, addon) -> dict[str, bool]:
    """Whether each operator may be called; asked directly, because Blender swallows its errors."""
    ours = [cls for cls in addon("operators").classes if is_ours(cls)]
    return {cls.bl_idname.split(".")[1]: cls.poll(bpy.context) for cls in ours if has_poll(cls)}


def has_poll(cls: type) -> bool:
    return any("poll" in vars(base) for base in cls.__mro__ if base.__module__ != "bpy_types")


def is_ours(cls: type) -> bool:
    return hasattr(cls, "bl_idname") and "_OT_" in cls.__name__ and cls.__name__ not in OF_BLENDER


@pytest.fixture
def without_disk(monkeypatch) -> Callable[[], object]:
    """Context in which this thread cannot touch a disk."""
    mine = threading.get_ident()

    def raising(name: str, real: Callable[..., object]) -> Callable[..., object]:
        def touch(*args: object, **settings: object) -> object:
            if threading.get_ident() == mine:
                raise AssertionError(f"{name} touches the disk")
            return real(*args, **settings)

        return touch

    def without_disk() -> object:
        context = monkeypatch.context()
        patch = context.__enter__()
        for of, names in LOOKS.items():
            for name in names:
                patch.setattr(of, name, raising(name, getattr(of, name)))
        return SimpleNamespace(end=lambda: context.__exit__(None, None, None))

    return without_disk


@pytest.mark.parametrize("is_known", [False, True])
def test_drawing_touches_no_disk(
    bpy, addon, truck, inventory, finish, known, draw_all, without_disk, tmp_path, is_known: bool
) -> None:
    chosen = addon("preferences").preferences(bpy.context)
    chosen.model_folder, chosen.torch_folder = str(tmp_path / "models"), str(tmp_path)
    if is_known:
        finish()
    else:
        inventory.forget()
        addon("tasks.session").looks.drop("")
    image = bpy.data.images.new("picture", 8, 8)
    bpy.context.scene.triposr.image = image
    disk = without_disk()
    try:
        drawn, polled = draw_all(), poll_all(bpy, addon)
    finally:
        disk.end()
    assert set(drawn) >= {"TRIPOSR_PT_generate", "TRIPOSR_PT_refine", "preferences"}
    assert polled["refine"] and len(polled) > 10
    assert polled["download_model"] is not is_known, "offline"
    labels = drawn["TRIPOSR_PT_generate"]
    assert ("Looking for models" in labels) is not is_known
    assert ("Model: Starter (Draft)" in labels) is is_known
    finish()
    assert known().uses_starter


def test_the_test_can_fail(without_disk) -> None:
    disk = without_disk()
    try:
        with pytest.raises(AssertionError, match="touches the disk"):
            Path("/").is_dir()
        with pytest.raises(AssertionError, match="touches the disk"):
            os.path.isfile("/")
    finally:
        disk.end()
    assert Path("/").is_dir()


def test_what_is_there_is_known(bpy, addon, inventory, finish, known, draw_all, tmp_path) -> None:
    assert known() is None
    finish()
    assert known().uses_starter and not known().installed
    chosen = addon("preferences").preferences(bpy.context)
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "u2netp.onnx").touch()
    for name in ("config.yaml", "model.safetensors"):
        shutil.copy(TINY / name, tmp_path / "models")
    chosen.model_folder = str(tmp_path / "models")
    chosen.torch_folder = str(tmp_path / "none")
    assert known() is None, "findings in another folder do not count"
    finish()
    assert not known().uses_starter
    assert known().installed == {"triposr", "u2netp"}
    assert "no torch in the folder" in known().torch
    drawn = draw_all()
    assert "Model: TripoSR" in drawn["TRIPOSR_PT_generate"]
    assert any("no torch in" in text for text in drawn["preferences"])


def test_what_was_known_is_shown_until_more_is_known(
    bpy, addon, inventory, finish, known, tmp_path: Path
) -> None:
    chosen = addon("preferences").preferences(bpy.context)
    chosen.model_folder = str(tmp_path)
    finish()
    before = known()
    (tmp_path / "u2netp.onnx").touch()
    assert known() is before
    assert not bpy.app.timers.is_registered(inventory._look), "it was looked for just now"
    inventory._at = -inventory.MAX_AGE
    assert known() is before
    assert bpy.app.timers.is_registered(inventory._look)
    finish()
    assert known().installed == {"u2netp"}


def test_models_that_come_and_go_are_noticed(
    bpy, addon, inventory, finish, known, tmp_path: Path
) -> None:
    chosen = addon("preferences").preferences(bpy.context)
    chosen.model_folder = str(tmp_path)
    assert bpy.ops.triposr.import_model(filepath=str(TINY)) == {"FINISHED"}
    finish()
    assert not known().uses_starter
    assert bpy.ops.triposr.remove_model(model="triposr") == {"FINISHED"}
    finish()
    assert known().uses_starter


def test_a_share_that_does_not_answer_holds_nothing_up(
    bpy, addon, inventory, finish, known, monkeypatch, tmp_path: Path
) -> None:
    """Neither a look elsewhere nor the end of Blender."""
    session, answers = addon("tasks.session"), threading.Event()
    look_into, begun = inventory.find, threading.Event()

    def find(places):
        if places.models.name == "asleep":
            begun.set()
            answers.wait()
        return look_into(places)

    monkeypatch.setattr(inventory, "find", find)
    chosen = addon("preferences").preferences(bpy.context)
    try:
        chosen.model_folder = str(tmp_path / "asleep")
        begun.wait()
        session._pump()
        assert known() is None
        chosen.model_folder = str(tmp_path / "awake")
        finish()
        assert known().places.models == tmp_path / "awake"
        chosen.model_folder = str(tmp_path / "asleep")
        assert session._join_all(), "a look is not waited for"
    finally:
        answers.set()


def test_offline_the_button_says_why(bpy, addon, inventory, finish, monkeypatch, tmp_path) -> None:
    bpy.context.preferences.system.use_online_access = False
    assert bpy.ops.triposr.download_model.poll(), "nobody knows yet"
    addon("preferences").preferences(bpy.context).model_folder = str(tmp_path)
    finish()
    assert not bpy.ops.triposr.download_model.poll()
    monkeypatch.setattr(inventory, "needs_conversion", lambda folder: True)
    inventory.look_again()
    finish()
    assert bpy.ops.triposr.download_model.poll()


def test_a_click_does_not_look_for_the_model(bpy, addon, picture, monkeypatch) -> None:
    """The task does, beside Blender."""
    generate = addon("tasks.generate")
    asked = []
    found = generate.find_model
    monkeypatch.setattr(
        generate,
        "find_model",
        lambda folder: (asked.append(threading.current_thread()), found(folder))[1],
    )
    source = generate.file_source(str(picture))
    chosen = generate.Chosen(bpy.context.scene.triposr, resolution=32)
    task = generate.generation(bpy.context, source, chosen, generate.Spot((0, 0, 0)), True)
    assert asked == []
    pictures = addon("tasks.session").pictures
    pictures.submit(task)
    while pictures.is_running():
        addon("tasks.session")._pump()
    assert threading.main_thread() not in asked and len(asked) == 1
    assert bpy.data.objects["toy truck"].triposr.is_draft
