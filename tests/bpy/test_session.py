"""Tasks beside the main thread. Timers never fire in Blender as a module, so tests pump."""

import threading
import time
from pathlib import Path

import background
import pytest


@pytest.fixture
def session(bpy, addon):
    """The add-on's session, with nothing running before and after."""
    session = addon("tasks.session")
    assert not session.pictures.is_running()
    yield session
    session._join_all()
    session.pictures.dismiss()


def submit(bpy, addon, session, picture: Path, **settings) -> None:
    """Do what a click on Generate does; invoke() itself is skipped in background."""
    operator = addon("operators.generate").TRIPOSR_OT_generate

    class Call:
        """Attributes of an operator that its method reads."""

        properties = type("P", (), {"is_property_set": lambda self, name: name in settings})()
        filepath, image = str(picture), ""
        source, chosen, spot = operator.source, operator.chosen, operator.spot
        tasks, _given = operator.tasks, operator._given

    call = Call()
    for name, value in settings.items():
        setattr(call, name, value)
    for task in call.tasks(bpy.context, True):
        session.pictures.submit(task)


def titles(waiting) -> tuple[str, ...]:
    return tuple(task.title for task in waiting)


def pump_until(session, condition, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, session.pictures.state
        session._pump()
        time.sleep(0.01)


def test_a_task_reports_rising_progress_and_delivers(bpy, addon, session, picture: Path) -> None:
    bpy.ops.ed.undo_push(message="before")
    submit(bpy, addon, session, picture, resolution=64)
    assert session.pictures.is_running()
    assert session.pictures.state.title == "toy truck"
    seen = []

    def ended() -> bool:
        seen.append((session.pictures.state.label, session.pictures.state.fraction))
        return not session.pictures.is_running()

    pump_until(session, ended)
    fractions = [fraction for _, fraction in seen]
    assert fractions == sorted(fractions)
    assert "Extracting the surface" in {label for label, _ in seen}
    assert bpy.context.object.name == "toy truck"
    assert "triangles" in session.pictures.state.message
    assert not session.pictures.state.error
    bpy.ops.ed.undo()
    assert "toy truck" not in bpy.data.objects


def test_runs_wait_for_their_turn(bpy, addon, session, picture: Path) -> None:
    for _ in range(3):
        submit(bpy, addon, session, picture, resolution=32)
    assert titles(session.pictures.waiting()) == ("toy truck", "toy truck")
    pump_until(session, lambda: not session.pictures.is_running())
    assert len([o for o in bpy.data.objects if o.name.startswith("toy truck")]) == 3


def test_a_failed_run_tells_and_the_next_works(bpy, addon, session, picture, tmp_path) -> None:
    (tmp_path / "bad.png").write_bytes(b"nothing")
    submit(bpy, addon, session, tmp_path / "bad.png")
    submit(bpy, addon, session, picture, resolution=32)
    errors = []

    def ended() -> bool:
        errors.append((session.pictures.state.error, session.pictures.state.hint))
        return not session.pictures.is_running()

    pump_until(session, ended)
    assert "toy truck" in bpy.data.objects
    submit(bpy, addon, session, tmp_path / "bad.png")
    pump_until(session, lambda: not session.pictures.is_running())
    assert "bad.png is not a picture" in session.pictures.state.error
    assert session.pictures.state.hint
    assert len(bpy.data.objects) == 1


def test_the_queue_is_in_the_artists_hands(bpy, addon, session, picture, tmp_path) -> None:
    for name in ("one", "two", "three", "four"):
        (tmp_path / f"{name}.png").write_bytes(picture.read_bytes())
        submit(bpy, addon, session, tmp_path / f"{name}.png", resolution=32)
    assert titles(session.pictures.waiting()) == ("two", "three", "four")
    bpy.ops.triposr.move_waiting(number=2)
    assert titles(session.pictures.waiting()) == ("two", "four", "three")
    bpy.ops.triposr.move_waiting(number=0, by=1)
    bpy.ops.triposr.move_waiting(number=0)
    assert titles(session.pictures.waiting()) == ("four", "two", "three")
    bpy.ops.triposr.remove_waiting(number=1)
    bpy.ops.triposr.remove_waiting(number=9)
    pump_until(session, lambda: not session.pictures.is_running())
    assert [o.name for o in bpy.data.objects] == ["four", "one", "three"]
    assert not bpy.ops.triposr.move_waiting.poll()


def test_what_failed_can_be_retried(bpy, addon, session, picture: Path, tmp_path: Path) -> None:
    late = tmp_path / "late.png"
    submit(bpy, addon, session, late, resolution=32)
    submit(bpy, addon, session, picture, resolution=32)
    pump_until(session, lambda: not session.pictures.is_running())
    assert [failure.title for failure in session.pictures.failed()] == ["late"]
    assert [o.name for o in bpy.data.objects] == ["toy truck"]
    late.write_bytes(picture.read_bytes())
    bpy.ops.triposr.retry()
    pump_until(session, lambda: not session.pictures.is_running())
    assert "late" in bpy.data.objects and not session.pictures.failed()


def test_all_that_failed_stays_until_it_is_retried(bpy, addon, session, picture, tmp_path) -> None:
    for name in ("late", "later", "last"):
        submit(bpy, addon, session, tmp_path / f"{name}.png", resolution=32)
    pump_until(session, lambda: not session.pictures.is_running())
    assert len(session.pictures.failed()) == 3
    (tmp_path / "late.png").write_bytes(picture.read_bytes())
    bpy.ops.triposr.retry(number=0)
    pump_until(session, lambda: not session.pictures.is_running())
    assert [failure.title for failure in session.pictures.failed()] == ["later", "last"]
    for name in ("later", "last"):
        (tmp_path / f"{name}.png").write_bytes(picture.read_bytes())
    bpy.ops.triposr.retry()
    pump_until(session, lambda: not session.pictures.is_running())
    assert sorted(o.name for o in bpy.data.objects) == ["last", "late", "later"]


def test_cancel_leaves_nothing_and_the_next_run_works(bpy, addon, session, picture) -> None:
    assert not bpy.ops.triposr.cancel.poll()
    submit(bpy, addon, session, picture, resolution=256)
    submit(bpy, addon, session, picture, resolution=256)
    assert bpy.ops.triposr.cancel(everything=True) == {"FINISHED"}
    assert session.pictures.state.canceling
    pump_until(session, lambda: not session.pictures.is_running())
    assert not bpy.data.objects
    assert not bpy.data.meshes
    assert session.pictures.state.message == "toy truck: canceled"
    submit(bpy, addon, session, picture, resolution=32)
    pump_until(session, lambda: not session.pictures.is_running())
    assert "toy truck" in bpy.data.objects


def test_opening_another_file_cancels(bpy, addon, session, picture: Path) -> None:
    for _ in range(3):
        submit(bpy, addon, session, picture, resolution=256)
    bpy.ops.wm.read_homefile(use_empty=True)
    assert not session.pictures.is_running() and not session.pictures.waiting()
    said = "toy truck and 2 more: canceled, because another file was opened"
    assert session.pictures.state.message == said
    session._join_all()
    session._pump()
    assert not bpy.data.objects


def test_a_file_that_cannot_be_opened_cancels_nothing(bpy, addon, session, picture, tmp_path):
    submit(bpy, addon, session, picture, resolution=32)
    with pytest.raises(RuntimeError, match="No such file"):
        bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "nowhere.blend"))
    assert session.pictures.is_running()
    pump_until(session, lambda: not session.pictures.is_running())
    assert "toy truck" in bpy.data.objects


def test_nothing_is_added_while_the_scene_is_locked(bpy, addon, session, picture, monkeypatch):
    locked = [True]
    monkeypatch.setattr(session, "is_scene_locked", lambda: locked[0])
    submit(bpy, addon, session, picture, resolution=16)
    assert session.pictures._job.join(60)
    session._pump()
    assert session.pictures.is_running()
    assert not bpy.data.objects
    locked[0] = False
    session._pump()
    assert "toy truck" in bpy.data.objects


@pytest.mark.parametrize("where", ["work", "deliver"])
def test_any_exception_leaves_the_session_usable(bpy, addon, session, picture, where: str) -> None:
    def fail(_: object) -> str:
        raise SystemExit(1) if where == "work" else TypeError("odd")

    session.pictures.submit(
        addon("tasks.queue").Task("odd", {}, fail if where == "work" else lambda tick: None, fail)
    )
    submit(bpy, addon, session, picture, resolution=16)
    pump_until(session, lambda: not session.pictures.is_running())
    assert "Unexpected error" in session.pictures.state.error
    assert "toy truck" in bpy.data.objects


def test_unknown_errors_are_reported_as_such(addon, session, caplog) -> None:
    def work(tick):
        raise ZeroDivisionError("by zero")

    session.pictures.submit(addon("tasks.queue").Task("odd", {}, work, deliver=lambda mesh: ""))
    pump_until(session, lambda: not session.pictures.is_running())
    assert "ZeroDivisionError" in session.pictures.state.error
    assert "Traceback" in caplog.text


def test_the_object_goes_to_the_scene_of_the_click(bpy, addon, session, picture: Path) -> None:
    clicked = bpy.context.scene
    submit(bpy, addon, session, picture, resolution=32)
    bpy.context.window.scene = bpy.data.scenes.new("other")
    pump_until(session, lambda: not session.pictures.is_running())
    assert [o.name for o in clicked.objects] == ["toy truck"]
    assert bpy.context.scene.name == "other"
    assert not bpy.context.scene.objects


def test_scene_removed_in_the_meantime(bpy, addon, session, picture: Path) -> None:
    clicked = bpy.context.scene
    submit(bpy, addon, session, picture, resolution=32)
    bpy.context.window.scene = bpy.data.scenes.new("other")
    bpy.data.scenes.remove(clicked)
    pump_until(session, lambda: not session.pictures.is_running())
    assert "toy truck" in bpy.context.scene.objects


def test_a_cancel_wins_over_a_result_that_is_already_there(bpy, addon, session, picture) -> None:
    submit(bpy, addon, session, picture, resolution=16)
    assert session.pictures._job.join(60)
    session.pictures.cancel()
    pump_until(session, lambda: not session.pictures.is_running())
    assert not bpy.data.objects


def test_disabling_the_addon_ends_its_threads(bpy, addon, session, picture: Path) -> None:
    submit(bpy, addon, session, picture, resolution=256)
    names = {thread.name for thread in threading.enumerate()}
    assert "TripoSR: toy truck" in names
    bpy.ops.preferences.addon_disable(module=background.MODULE)
    assert "TripoSR: toy truck" not in {thread.name for thread in threading.enumerate()}
    assert not hasattr(bpy.types.Scene, "triposr")
    assert "generate" not in dir(bpy.ops.triposr)
    bpy.ops.preferences.addon_enable(module=background.MODULE)
    bpy.ops.triposr.generate(filepath=str(picture), resolution=32)
    assert "toy truck" in bpy.data.objects
