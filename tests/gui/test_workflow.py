"""Pictures from everywhere, several at once, and a day's work in a row, in a real window."""

import time
from collections.abc import Iterator

import artist
import pytest
from artist import ERROR, GENERATE, NEW_OBJECTS, RUNNING
from window import END, Window

FILES = "/session/files"
QUEUE = "[task.title for task in addon.tasks.session.pictures.waiting()]"


def copies(window: Window, *names: str) -> list[str]:
    """Copies of PICTURE under other names; those that begin with "bad" are no pictures."""
    folder = window.session.folder / "files"
    content = (folder / "vase.png").read_bytes()
    for name in names:
        bad = name.startswith("bad")
        (folder / f"{name}.png").write_bytes(b"nothing" if bad else content)
    return [f"{FILES}/{name}.png" for name in names]


def test_five_dropped_one_bad_and_the_third_canceled(window: Window) -> None:
    names = ["one", "bad", "three", "four", "five"]
    artist.start_long_task(window)  # so that the others wait and can be clicked
    window.run("bpy.context.scene.triposr.resolution = 64")
    window.drop(copies(window, *names), *window.viewport_center())
    window.choose("Generate 3D Mesh (TripoSR)")
    window.wait(f"len({QUEUE}) == 5", 60, "the queue")
    time.sleep(2.5)
    window.screenshot("queue", window.sidebar)
    number = window.evaluate(QUEUE).index("three")
    window.click_button(f"bpy.ops.triposr.remove_waiting(number={number})", END)
    assert window.evaluate(QUEUE) == ["one", "bad", "four", "five"]
    artist.click_cancel(window)
    window.wait(f"not {RUNNING}", artist.TIMEOUT, "the end of the queue")
    assert sorted(window.evaluate(NEW_OBJECTS)) == ["five", "four", "one"]
    assert "bad.png is not a picture" in window.evaluate(ERROR)
    time.sleep(1)
    window.key("Escape")
    window.screenshot("queue-done")
    # They stand in a row, and do not touch.
    spans = window.evaluate(
        "[sorted((o.matrix_world @ v.co).x for v in o.data.vertices)[::len(o.data.vertices) - 1]"
        " for o in bpy.data.objects if o.name in ('one', 'four', 'five')]"
    )
    (_, first), (second, third), (fourth, _) = sorted(spans)
    assert first < second and third < fourth


@pytest.mark.every_version
def test_a_drop_lands_on_what_is_under_the_mouse(window: Window) -> None:
    window.run(
        "bpy.context.scene.triposr.resolution = 32\n"
        "bpy.context.scene.cursor.location = (7, 7, 7)\n"
        "bpy.data.objects['Cube'].location = (0, 0, 1)"
    )
    x, y = window.viewport_center()
    [picture] = copies(window, "dropped")
    window.drop([picture], x, y - 60)
    window.choose("Generate 3D Mesh (TripoSR)")
    artist.wait_for_object(window)
    # The default view looks at the origin from above: the cube's surface is in the way.
    place = window.evaluate("list(bpy.data.objects['dropped'].location)")
    assert max(map(abs, place[:2])) <= 1.001 and -0.001 <= place[2] <= 2.001
    assert any(abs(value - side) < 1e-3 for value, side in zip(place, (1, -1, 2), strict=True))


@pytest.mark.every_version
def test_paste(window: Window) -> None:
    assert window.evaluate("bpy.context.scene.triposr.image is None")
    window.click_button("bpy.ops.triposr.paste_image", END)
    # Blender itself has the clipboard, with the text of a button: asked for it, it must answer.
    pastes = "addon.tasks.session.pastes"
    window.wait(f"{pastes}.state.error", 30, "the answer that there is no picture")
    assert "no picture on the clipboard" in window.evaluate(f"{pastes}.state.error")
    window.move(*window.viewport_center())
    window.key("Escape")
    owner = window.session.spawn(
        *("xclip", "-selection", "clipboard", "-t", "image/png", "-quiet", "-i", artist.PICTURE),
        log="xclip.log",
    )
    try:
        time.sleep(1)
        window.run("bpy.ops.triposr.paste_image('INVOKE_DEFAULT')")
        window.wait("bpy.context.scene.triposr.image is not None", 30, "the pasted picture")
    finally:
        owner.terminate()
    assert window.evaluate("list(bpy.context.scene.triposr.image.size)") == [256, 256]
    window.run("bpy.context.scene.triposr.resolution = 64")
    window.click_button(GENERATE)
    artist.wait_for_object(window)
    assert window.evaluate(NEW_OBJECTS) == ["Pasted Picture"]


def test_variants(window: Window) -> None:
    artist.set_picture(window)
    window.click_button("bpy.ops.triposr.variants", END)
    window.wait(f"len({NEW_OBJECTS}) == 4 and not {RUNNING}", artist.TIMEOUT, "four variants")
    artist.look_at_new_objects(window)
    time.sleep(2)
    window.screenshot("variants")
    window.click_button("bpy.ops.triposr.keep_variant", 0.25)
    window.wait(f"{NEW_OBJECTS} == ['vase']", 30, "the one that is kept")
    window.move(*window.viewport_center())
    window.key("ctrl+z")
    window.wait(f"len({NEW_OBJECTS}) == 4", 30, "undo")


EDITING = "addon.tasks.session.edits.is_running()"


@pytest.mark.every_version
def test_the_mesh_changes_and_undo_brings_it_back(window: Window) -> None:
    artist.generate(window)
    count = "len(bpy.data.objects['vase'].data.vertices)"
    before = window.evaluate(count)
    for call in (
        "clean_up('INVOKE_DEFAULT', True, smooth=2, faces=2000)",
        "remesh('INVOKE_DEFAULT', True, kind='voxel')",
        "mirror('INVOKE_DEFAULT', True, keep='left')",
    ):
        window.run(f"{artist.IN_VIEWPORT}\n    bpy.ops.triposr.{call}")
        window.wait(f"not {EDITING} and {count} != {before}", 60, call)
        window.move(*window.viewport_center())
        window.key("ctrl+z")
        window.wait(f"{count} == {before}", 30, f"undo of {call}")


KEPT = """
import collections, ctypes, gc, re, sys

def kept():
    gc.collect()
    tracked = gc.get_objects()
    ours = re.compile(r"[.]triposr[.]|^torch")
    counts = collections.Counter(
        type(each).__qualname__ for each in tracked if ours.search(str(type(each).__module__))
    )
    # Arrays and bytes are not tracked themselves, but what refers to them is.
    large = {id(each): type(each).__qualname__ for one in tracked for each in gc.get_referents(one)
             if type(each).__qualname__ in ("ndarray", "bytes") and sys.getsizeof(each) > 10_000}
    counts.update(large.values())
    blocks = {name: len(each) for name in dir(bpy.data)
              if isinstance(each := getattr(bpy.data, name), bpy.types.bpy_prop_collection)}
    del tracked
    ctypes.CDLL(None).malloc_trim(0)  # gives back what was freed, so that the rest can be counted
    pages = int(open("/proc/self/statm").read().split()[1])
    return {"counts": counts, "blocks": blocks, "MB": pages * 4096 / 1e6}
"""


@pytest.fixture
def few_undo_steps(window: Window) -> Iterator[None]:
    """Two of them: undo steps keep memory by intent, until there are as many as are allowed."""
    steps = "bpy.context.preferences.edit.undo_steps"
    before = window.evaluate(steps)
    window.run(f"{steps} = 2")
    yield
    window.run(f"{steps} = {before}")


@pytest.mark.usefixtures("few_undo_steps")
def test_thirty_jobs_in_a_row(window: Window) -> None:
    """Jobs leave nothing behind: no object of ours or of torch, no array, no data-block."""
    window.run(KEPT)
    artist.set_picture(window, resolution=32)
    after = []
    for _ in range(3):
        window.run("for _ in range(10): bpy.ops.triposr.generate('INVOKE_DEFAULT')")
        window.wait(f"not {RUNNING}", artist.TIMEOUT, "ten jobs")
        assert window.evaluate(f"len({NEW_OBJECTS})") == 10
        after.append(window.evaluate("kept()"))
        window.run(
            "for each in list(bpy.data.meshes):\n"
            "    if each.name.startswith('vase'): bpy.data.meshes.remove(each)\n"
        )
    assert window.evaluate(ERROR) == ""
    print("MB after 10, 20 and 30 jobs:", *(round(each["MB"]) for each in after))
    first, _, last = after
    assert last["blocks"] == first["blocks"]
    # Twenty jobs that leave one each leave twenty.
    grown = {name: count - first["counts"].get(name, 0) for name, count in last["counts"].items()}
    assert not {name: count for name, count in grown.items() if count >= 10}
    # What Blender and C++ keep: two steps of undo, and what the allocator cannot give back.
    assert last["MB"] - first["MB"] < 60


# The whole panel


OPERATORS = (
    *("generate", "paste_image", "download_model", "edit_matte", "refresh_preview"),
    *("refine", "regenerate", "variants"),
)
OF_OBJECT = ("resolution", "threshold", "tightness", "closed")
OF_SCENE = ("background", "keep_largest", "foreground_ratio", "resolution", "threshold", "closed")


SCROLL = """
window, area, _ = view3d()
region = next(r for r in area.regions if r.type == "UI")
with bpy.context.temp_override(window=window, area=area, region=region):
    for _ in range(20):
        bpy.ops.view2d.scroll_{way}()
"""


@pytest.mark.every_version
def test_the_whole_panel_is_there_and_works(window: Window) -> None:
    artist.generate(window)
    window.screenshot("whole-panel", window.sidebar)
    seen = window.controls()
    window.run(SCROLL.format(way="down"))  # the tab is longer than the window
    seen |= window.controls()
    wanted = {f"bpy.ops.triposr.{name}" for name in OPERATORS}
    assert wanted <= {call.partition("(")[0] for call in seen}
    for owner, names in (("window_managers", OF_OBJECT), ("scenes", OF_SCENE)):
        ours = [path for path in seen if path.startswith(f"bpy.data.{owner}")]
        missing = [name for name in names if not any(p.endswith(f"triposr.{name}") for p in ours)]
        assert not missing, (owner, seen)
    # A value typed with the keyboard only, into the field that the mouse found.
    window.find_property('scenes["Scene"].triposr.resolution', 0.7)
    window.key("Return")
    time.sleep(0.3)
    window.key("ctrl+a", "4", "8", "Return")
    assert window.evaluate("bpy.context.scene.triposr.resolution") == 48
    window.run(SCROLL.format(way="up"))
    window.click_button("bpy.ops.triposr.regenerate", 0.75)
    window.wait("bpy.data.objects['vase'].triposr.resolution == 48", artist.TIMEOUT, "regenerating")
    assert window.evaluate(NEW_OBJECTS) == ["vase"]


COPY_INFO = """
window, area, _ = view3d()
area.type = "INFO"
try:
    region = next(r for r in area.regions if r.type == "WINDOW")
    with bpy.context.temp_override(window=window, area=area, region=region):
        bpy.ops.info.select_all(action="SELECT")
        bpy.ops.info.report_copy()
finally:
    area.type = "VIEW_3D"
"""


def test_lines_of_the_info_editor_run_again(window: Window) -> None:
    artist.generate(window)
    window.run("bpy.context.object.triposr.resolution = 48")
    window.click_button("bpy.ops.triposr.refine", 0.25)
    window.wait("len(bpy.data.objects['vase'].data.vertices) < 7000", 60, "the coarser surface")
    window.run(COPY_INFO)
    copied = window.evaluate("bpy.context.window_manager.clipboard").splitlines()
    ours = [line for line in copied if line.startswith("bpy.ops.triposr.")]
    assert [line.partition("(")[0] for line in ours[-2:]] == [GENERATE, "bpy.ops.triposr.refine"], (
        copied
    )
    for line in ours[-2:]:
        window.run(line)
    assert window.evaluate(f"len({NEW_OBJECTS})") == 2
