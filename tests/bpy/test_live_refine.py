"""An object's surface follows the sliders in the panel."""

import math
import time

import pytest
from object_data import vertices


@pytest.fixture
def pump(addon):
    """Pump the refinements until their queue is empty. Timers never fire here."""
    session = addon("tasks.session")

    def pump() -> None:
        deadline = time.monotonic() + 60
        while session.refinements.is_running():
            assert time.monotonic() < deadline
            session._pump()
            time.sleep(0.01)

    yield pump
    session._join_all()
    session.refinements.dismiss()


def test_the_surface_follows_the_sliders(bpy, addon, truck, pump) -> None:
    live, before = bpy.context.window_manager.triposr, vertices(addon, truck)
    assert (live.resolution, live.threshold) == (64, 25)
    assert live.tightness == pytest.approx(0)
    live.tightness = 0.5
    assert live.threshold == pytest.approx(25 * math.sqrt(5))
    assert truck.triposr.threshold == 25  # until the surface is there
    pump()
    thin = vertices(addon, truck)
    assert truck.triposr.threshold == pytest.approx(25 * math.sqrt(5))
    assert len(thin) != len(before)
    live.resolution = 128
    pump()
    assert truck.triposr.resolution == 128 and len(vertices(addon, truck)) > 3 * len(thin)


def test_while_a_slider_moves_a_coarse_surface_comes_first(bpy, addon, truck, pump) -> None:
    bpy.ops.triposr.refine(resolution=192)
    session, live = addon("tasks.session"), bpy.context.window_manager.triposr
    seen = set()
    for threshold in (30.0, 35.0, 40.0):
        before, latest = len(truck.data.vertices), time.monotonic() + 60
        live.threshold = threshold
        while len(truck.data.vertices) == before and time.monotonic() < latest:
            session._pump()
            time.sleep(0.01)
        seen.add(len(truck.data.vertices))
    pump()
    fine = len(truck.data.vertices)
    assert truck.triposr.threshold == 40
    assert min(seen) < fine / 2
    bpy.ops.triposr.refine(threshold=40.0)
    assert len(truck.data.vertices) == fine


def test_a_slider_without_a_surface_tells_and_keeps_the_mesh(bpy, addon, truck, pump) -> None:
    count, live = len(truck.data.vertices), bpy.context.window_manager.triposr
    live.threshold = 9999.0
    pump()
    assert len(truck.data.vertices) == count and truck.triposr.threshold == 25
    assert "no surface" in addon("tasks.session").refinements.state.error
    live.threshold = 30.0
    pump()
    assert not addon("tasks.session").refinements.state.error
    assert truck.triposr.threshold == 30


def coarse_is_shown(addon, target, count: int) -> None:
    """Pump until a provisional surface is shown."""
    deadline = time.monotonic() + 60
    while len(target.data.vertices) == count:
        assert time.monotonic() < deadline
        addon("tasks.session")._pump()
        time.sleep(0.005)


@pytest.fixture
def fine(bpy, truck):
    """The object at a resolution that shows a provisional surface first, with its undo step."""
    bpy.ops.triposr.refine(resolution=192)
    bpy.ops.ed.undo_push(message="fine")
    return truck


def test_an_undo_takes_back_what_is_on_its_way_only(bpy, addon, fine, pump) -> None:
    count = len(fine.data.vertices)
    fine.location.x = 3
    bpy.ops.ed.undo_push(message="moved")  # a step that leaves the mesh alone
    bpy.context.window_manager.triposr.threshold = 60.0
    coarse_is_shown(addon, fine, count)
    assert len(fine.data.vertices) < count / 2
    bpy.ops.ed.undo()
    fine = bpy.data.objects["toy truck"]
    assert fine.location.x == 0 and len(fine.data.vertices) == count
    assert not addon("tasks.session").refinements.is_running()
    assert bpy.context.window_manager.triposr.threshold == 25
    bpy.ops.ed.redo()
    fine = bpy.data.objects["toy truck"]
    assert fine.location.x == 3 and len(fine.data.vertices) == count


def test_two_objects_are_refined_one_after_the_other(bpy, addon, fine, pump) -> None:
    bpy.ops.object.duplicate()
    other = bpy.context.object
    live, count = bpy.context.window_manager.triposr, len(fine.data.vertices)
    bpy.context.view_layer.objects.active = fine
    live.threshold = 60.0
    bpy.context.view_layer.objects.active = other
    assert live.threshold == 25
    live.threshold = 90.0
    pump()
    assert (fine.triposr.threshold, other.triposr.threshold) == (60, 90)
    for target, threshold in ((fine, 60.0), (other, 90.0)):
        found = len(target.data.vertices)
        assert found != count
        bpy.context.view_layer.objects.active = target
        bpy.ops.triposr.refine(resolution=192, threshold=threshold)
        assert len(target.data.vertices) == found


def test_what_another_tool_did_meanwhile_stays(bpy, addon, fine, pump) -> None:
    bpy.context.window_manager.triposr.threshold = 60.0
    bpy.ops.triposr.remesh()
    count = len(fine.data.vertices)
    pump()
    assert len(fine.data.vertices) == count and fine.triposr.threshold == 25


def test_who_starts_to_edit_edits_what_is_shown(bpy, addon, fine, pump) -> None:
    bpy.context.window_manager.triposr.threshold = 60.0
    coarse_is_shown(addon, fine, len(fine.data.vertices))
    count = len(fine.data.vertices)
    bpy.ops.object.mode_set(mode="EDIT")
    pump()
    bpy.ops.object.mode_set(mode="OBJECT")
    assert len(fine.data.vertices) == count
    assert (fine.triposr.resolution, fine.triposr.threshold) == (96, 60)


def test_linked_duplicates_keep_their_surface(bpy, addon, fine, pump) -> None:
    count = len(fine.data.vertices)
    bpy.ops.object.duplicate(linked=True)
    bpy.context.window_manager.triposr.threshold = 60.0
    pump()
    assert bpy.context.object.triposr.threshold == 60
    assert len(bpy.context.object.data.vertices) != count
    assert len(fine.data.vertices) == count
    bpy.context.view_layer.objects.active = fine
    bpy.ops.object.duplicate(linked=True)
    for refine in (bpy.ops.triposr.refine, bpy.ops.triposr.regenerate):
        bpy.context.view_layer.objects.active = bpy.data.objects["toy truck.002"]
        refine()
        assert len(fine.data.vertices) == count


def test_undo_forgets_what_the_sliders_asked_for(bpy, addon, truck, pump) -> None:
    live = bpy.context.window_manager.triposr
    bpy.ops.ed.undo_push(message="made")
    live.threshold = 60.0
    pump()
    after = len(truck.data.vertices)
    live.threshold = 90.0
    bpy.ops.ed.undo()
    assert not addon("tasks.session").refinements.is_running()
    truck = bpy.data.objects["toy truck"]
    assert truck.triposr.threshold == 25 and live.threshold == 25
    bpy.ops.ed.redo()
    truck = bpy.data.objects["toy truck"]
    assert truck.triposr.threshold == 60 and len(truck.data.vertices) == after


def test_a_deleted_object_ends_its_refinement(bpy, addon, truck, pump) -> None:
    bpy.context.window_manager.triposr.threshold = 60.0
    bpy.data.objects.remove(truck)
    pump()
    assert not addon("tasks.session").refinements.state.error
    assert bpy.context.window_manager.triposr.threshold == 25  # nothing is active
