"""Tasks make previews and mattes beside Blender: each scene has its own, and none is lost."""

import gc
import threading
import time
from importlib import import_module
from pathlib import Path

import background
import numpy as np
import pytest


@pytest.fixture
def preview(bpy, addon, monkeypatch):
    """The module, drawing as with a window: previews are made although there is none."""
    preview, session = addon("tasks.preview"), addon("tasks.session")

    class App:
        background = False

        def __getattr__(self, name: str):
            return getattr(bpy.app, name)

    class Bpy:
        app = App()

        def __getattr__(self, name: str):
            return getattr(bpy, name)

    monkeypatch.setattr(preview, "bpy", Bpy())
    yield preview
    session._join_all()
    for uid in tuple(preview._views):
        preview._forget(uid)
    if bpy.app.timers.is_registered(preview._start):
        bpy.app.timers.unregister(preview._start)


@pytest.fixture
def cut_outs(bpy, monkeypatch):
    """Each cut-out waits until it may go on; yields those that began."""

    class CutOuts:
        def __init__(self) -> None:
            self.begun, self.may_end = [], threading.Event()

        def __call__(self, picture, options, tick, matte):
            self.begun.append(options.foreground_ratio)
            while not self.may_end.wait(0.01):
                tick("prepare", 0.5)
            return real(picture, options, tick, matte)

    module = import_module(f"{background.MODULE}.inference.picture.prepare")
    real, cut_outs = module.prepare_image, CutOuts()
    monkeypatch.setattr(module, "prepare_image", cut_outs)
    return cut_outs


def settle(session) -> None:
    """Pump until all previews and mattes are made; timers never fire here."""
    deadline = time.monotonic() + 60
    while session.previews.is_running() or session.mattes.is_running():
        assert time.monotonic() < deadline
        session._pump()
        time.sleep(0.01)


def draw(preview, *scenes) -> None:
    """Redraw the panel in windows with these scenes, then call the timer."""
    for scene in scenes:
        preview.request(scene)
    if preview._due:
        preview._start()


@pytest.fixture
def scene(bpy, picture: Path):
    bpy.context.scene.triposr.image = bpy.data.images.load(str(picture))
    return bpy.context.scene


def test_two_scenes_have_a_preview_each(bpy, addon, preview, scene, picture: Path) -> None:
    session, other = addon("tasks.session"), bpy.data.scenes.new("other")
    other.triposr.image = bpy.data.images.load(str(picture))
    other.triposr.foreground_ratio = 0.6
    made = []
    show = preview.show
    preview.show = lambda scene, *rest: (made.append(scene.name), show(scene, *rest))
    try:
        for _ in range(6):
            draw(preview, scene, other)
            settle(session)
    finally:
        preview.show = show
    assert sorted(made) == sorted([scene.name, "other"])
    assert preview.is_current(scene) and preview.is_current(other)
    squares = [preview.view_of(each).preview.square for each in (scene, other)]
    assert not np.array_equal(*squares)
    assert all(set(preview.view_of(each).icons) == {"cut-out", "square"} for each in (scene, other))


def test_an_error_is_that_scenes(bpy, addon, preview, scene, tmp_path: Path) -> None:
    other = bpy.data.scenes.new("other")
    other.triposr.image = bpy.data.images.new("nothing", 0, 0)
    draw(preview, scene, other)
    settle(addon("tasks.session"))
    assert preview.view_of(other).error and not preview.view_of(scene).error
    assert preview.is_current(scene) and not preview.is_current(other)


def test_only_the_last_of_a_scenes_previews_waits(addon, preview, scene, cut_outs) -> None:
    session = addon("tasks.session")
    for step in range(10):
        scene.triposr.foreground_ratio = 0.5 + 0.04 * step
        draw(preview, scene)
        assert len(session.previews.waiting()) <= 1
    cut_outs.may_end.set()
    settle(session)
    assert preview.is_current(scene)
    assert len(cut_outs.begun) <= 3


def test_removed_scenes_are_forgotten(bpy, addon, preview, scene, picture: Path) -> None:
    other = bpy.data.scenes.new("other")
    other.triposr.image = bpy.data.images.load(str(picture))
    draw(preview, scene, other)
    bpy.data.scenes.remove(other)
    settle(addon("tasks.session"))
    scene.triposr.foreground_ratio = 0.6
    draw(preview, scene)
    settle(addon("tasks.session"))
    assert set(preview._views) == {scene.session_uid}


@pytest.fixture
def edit_matte(bpy, addon, preview, monkeypatch):
    """Click the button. Without a window, Blender never calls `invoke`."""
    operator = addon("operators.matte").TRIPOSR_OT_edit_matte
    reports = []

    class Call:
        def report(self, kind, text) -> None:
            reports.append((kind, text))

    def click() -> tuple[set[str], list]:
        return operator.invoke(Call(), bpy.context, None), reports

    return click


def test_a_matte_survives_what_moves_meanwhile(addon, preview, scene, cut_outs, edit_matte) -> None:
    session = addon("tasks.session")
    assert edit_matte()[0] == {"FINISHED"}
    for step in range(5):
        scene.triposr.foreground_ratio = 0.5 + 0.05 * step
        draw(preview, scene)
    cut_outs.may_end.set()
    settle(session)
    assert scene.triposr.image.triposr.matte is not None


def test_two_clicks_give_one_matte(bpy, addon, scene, cut_outs, edit_matte) -> None:
    edit_matte(), edit_matte()
    cut_outs.may_end.set()
    settle(addon("tasks.session"))
    assert [i.name for i in bpy.data.images if "Matte" in i.name] == [
        scene.triposr.image.triposr.matte.name
    ]


@pytest.mark.parametrize("is_shown", [False, True])
def test_a_matte_is_an_undo_step(bpy, addon, preview, scene, edit_matte, is_shown: bool) -> None:
    """Ctrl+Z after something else leaves the matte."""
    session = addon("tasks.session")
    if is_shown:
        draw(preview, scene)
        settle(session)
    bpy.ops.ed.undo_push(message="before")
    edit_matte()
    settle(session)
    bpy.ops.mesh.primitive_cube_add()
    bpy.ops.ed.undo_push(message="Add Cube")
    bpy.ops.ed.undo()
    assert bpy.context.scene.triposr.image.triposr.matte is not None
    bpy.ops.ed.undo()
    assert bpy.context.scene.triposr.image.triposr.matte is None


@pytest.mark.parametrize("how", ["missing", "no picture", "linked"])
def test_edit_matte_tells(bpy, scene, edit_matte, picture: Path, tmp_path: Path, how: str) -> None:
    image = scene.triposr.image
    if how == "missing":
        image.filepath = str(tmp_path / "nowhere.png")
    elif how == "no picture":
        (tmp_path / "text.png").write_bytes(b"no picture")
        image.filepath = str(tmp_path / "text.png")
    else:
        bpy.data.libraries.write(str(tmp_path / "library.blend"), {image}, fake_user=True)
        with bpy.data.libraries.load(str(tmp_path / "library.blend"), link=True) as (there, here):
            here.images = there.images
        [scene.triposr.image] = here.images
    outcome, reports = edit_matte()
    if how == "no picture" and outcome == {"FINISHED"}:
        return  # found out beside Blender; then it is for the artist to paint
    assert outcome == {"CANCELLED"}
    [(kind, text)] = reports
    assert kind == {"ERROR"} and "Unexpected" not in text and text.endswith(".")


def test_the_picture_goes_before_its_matte_is_there(
    bpy, addon, scene, cut_outs, edit_matte
) -> None:
    session = addon("tasks.session")
    edit_matte()
    bpy.data.images.remove(scene.triposr.image)
    cut_outs.may_end.set()
    settle(session)
    assert not session.mattes.state.error


def test_every_operator_reports_what_nobody_expected(bpy, addon) -> None:
    """Whatever fails inside one, the artist reads a sentence, and no traceback."""
    reporting = addon("operators.reporting").reporting

    class Fails(bpy.types.Operator):
        bl_idname, bl_label = "triposr.fails", "Fails"

        def execute(self, context):
            raise OSError(28, "No space left on device")

        def invoke(self, context, event):
            raise ZeroDivisionError

    bpy.utils.register_class(reporting(Fails))
    try:
        with pytest.raises(RuntimeError, match="Unexpected error: OSError") as caught:
            bpy.ops.triposr.fails()
        assert "Traceback" not in str(caught.value)
    finally:
        bpy.utils.unregister_class(Fails)
    registered = addon("operators").classes
    assert len(registered) > 30
    for operator in registered:
        for name in ("execute", "invoke"):
            if method := getattr(operator, name, None):
                assert method.__name__ == f"{name}_or_report", operator


def test_what_failed_keeps_no_pixels(bpy, addon, scene, monkeypatch) -> None:
    """A painted picture is held as floats: twenty failures would hold gigabytes."""
    session, generate = addon("tasks.session"), addon("tasks.generate")
    image = bpy.data.images.new("painted", 512, 512)
    image.pixels[0] = 0.5

    def fail(*_: object, **__: object) -> None:
        raise addon("inference.errors").InputError("It fails", "Try again")

    pipeline = import_module(f"{background.MODULE}.inference.pipeline")
    monkeypatch.setattr(pipeline, "reconstruct", fail)
    chosen = generate.Chosen(bpy.context.scene.triposr)
    spot = addon("scene.placement").Spot((0.0, 0.0, 0.0))
    try:
        for _ in range(3):
            source = addon("tasks.sources").image_source(image)
            session.pictures.submit(generate.generation(bpy.context, source, chosen, spot, True))
        del source
        while session.pictures.is_running():
            session._pump()
            time.sleep(0.01)
        failed = session.pictures.failed()
        assert [failure.title for failure in failed] == ["painted"] * 3
        assert _bytes_held(failed) < 100_000
        monkeypatch.undo()
        bpy.ops.triposr.retry(number=0)
        while session.pictures.is_running():
            session._pump()
            time.sleep(0.01)
        assert len(session.pictures.failed()) >= 2
        bpy.data.images.remove(image)
        bpy.ops.triposr.retry()
        assert all("no longer exists" in f.message for f in session.pictures.failed()[-2:])
    finally:
        session._join_all()
        session.pictures.dismiss()


def _bytes_held(root: object) -> int:
    """Of the arrays, pictures and bytes that an object leads to, without modules and classes."""
    seen, todo, total = set(), [root], 0
    while todo:
        each = todo.pop()
        if id(each) in seen or isinstance(each, type) or type(each).__name__ == "module":
            continue
        seen.add(id(each))
        if isinstance(each, np.ndarray):
            total += each.nbytes
        elif isinstance(each, bytes | bytearray):
            total += len(each)
        if callable(each) and hasattr(each, "__closure__"):
            todo.extend(cell.cell_contents for cell in each.__closure__ or ())
        elif not isinstance(each, dict) or "__builtins__" not in each:
            todo.extend(gc.get_referents(each))
    return total


@pytest.mark.parametrize("how", ["unload", "other file", "render"])
def test_memory_of_refined_objects_is_given_back(bpy, addon, truck, how: str) -> None:
    import weakref

    engine, recall = addon("tasks.session").engine, addon("inference.surface.recall")
    source = addon("scene.source")
    bpy.ops.triposr.refine(resolution=96)
    assert recall._kept and source._unpacked
    leaves = [
        weakref.ref(lattice.values)
        for kept in recall._kept.values()
        for each in kept.values()
        for lattice in each.lattices.values()
    ]
    assert leaves
    if how == "unload":
        assert bpy.ops.triposr.unload_model() == {"FINISHED"}
        assert not bpy.ops.triposr.unload_model.poll()
    elif how == "other file":
        bpy.ops.wm.read_homefile(use_empty=True)
    else:
        engine.leave_gpu()
    gc.collect()
    assert not any(leaf() is not None for leaf in leaves)
    assert not recall._kept
    assert how == "render" or not source._unpacked
