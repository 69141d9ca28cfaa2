"""An index is read with care, and what is wanted is chosen from it."""

import json
from pathlib import Path

import numpy as np
import pytest

from triposr.batch.rows import Row
from triposr.inference import InputError
from triposr.scene.placement import from_gltf_frame, in_grid
from triposr.settings import OBJECT, defaults_of
from triposr.tasks.batch_index import MAX_LINE, Selection, file_in, read_index

ALL = Selection(0.0, 1.0, 500)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    run = {"format": 1, "settings": {"resolution": 128}, "digest": "d", "is_draft": True}
    (tmp_path / "run.json").write_text(json.dumps(run))
    return tmp_path


def row(picture: str, **values: object) -> str:
    return Row(picture=picture, file="objects/a.glb", **values).to_json()


def read(folder: Path, *lines: str, selection: Selection = ALL, end: str = "\n"):
    (folder / "index.jsonl").write_text("\n".join(lines) + end, encoding="utf-8")
    fractions: list[float] = []
    index = read_index(folder, selection, fractions.append)
    assert fractions == sorted(fractions) and 0 <= fractions[0] <= fractions[-1] <= 1
    return index


def test_what_all_have_in_common(folder: Path) -> None:
    index = read(folder, row("/a.png", settings="d"))
    assert index.settings == defaults_of(OBJECT) | {"resolution": 128}
    assert index.is_draft and index.folder == folder
    assert index == read_index(folder / "index.jsonl", ALL, lambda fraction: None)


def test_the_last_row_of_a_picture_counts(folder: Path) -> None:
    failed = row("/a.png", error="No subject", hint="Paint")
    index = read(folder, failed, row("/b.png"), row("/a.png", match=0.5))
    assert [(each.picture, each.match) for each in index.rows] == [("/a.png", 0.5), ("/b.png", 0)]
    assert (index.failed, index.reason) == (0, "")
    index = read(folder, row("/a.png", match=0.5), row("/b.png"), failed)
    assert [each.picture for each in index.rows] == ["/b.png"]
    assert (index.failed, index.reason) == (1, "No subject")


def test_matches_and_the_maximum(folder: Path) -> None:
    lines = [row(f"/{number}.png", match=number / 10) for number in range(11)]
    index = read(folder, *lines, selection=Selection(0.25, 0.75, 3))
    assert [each.match for each in index.rows] == [0.3, 0.4, 0.5] and index.beyond == 2


def test_lines_that_are_cut_or_too_long(folder: Path) -> None:
    long = json.dumps({"picture": "/long.png", "file": "x" * 2 * MAX_LINE})
    index = read(folder, row("/a.png"), long, "", row("/b.png"), row("/c.png")[:-9], end="")
    assert [each.picture for each in index.rows] == ["/a.png", "/b.png"]
    assert index.damaged == 2


def test_a_name_may_hold_what_python_takes_for_the_end_of_a_line(folder: Path) -> None:
    index = read(folder, row("/a\u2028b\x85.png"))
    assert [each.picture for each in index.rows] == ["/a\u2028b\x85.png"]


def test_a_long_reason_is_cut(folder: Path) -> None:
    index = read(folder, row("/a.png"), row("/b.png", error="no\n" * 1000))
    assert index.reason.startswith("no no") and len(index.reason) <= 200


def test_reading_can_be_stopped(folder: Path) -> None:
    def stop(fraction: float) -> None:
        raise KeyboardInterrupt

    (folder / "index.jsonl").write_text(row("/a.png"))
    with pytest.raises(KeyboardInterrupt):
        read_index(folder, ALL, stop)


@pytest.mark.parametrize(
    "name",
    ["", "/etc/passwd", "../a.glb", "a/../../a.glb", "..\\a.glb", "C:a.glb", "\\\\host\\a.glb"],
)
def test_no_file_leads_out_of_the_folder(folder: Path, name: str) -> None:
    with pytest.raises(InputError, match="lies outside of the batch's folder"):
        file_in(folder, name)


def test_links_may_lead_to_files_of_the_folder_only(folder: Path, tmp_path_factory) -> None:
    (folder / "real.glb").touch()
    (folder / "inside.glb").symlink_to("real.glb")
    (folder / "outside").symlink_to(tmp_path_factory.mktemp("other"))
    (folder / "round.glb").symlink_to("round.glb")
    assert file_in(folder, "inside.glb") == folder / "inside.glb"
    assert file_in(folder, "objects/a..b.glb") == folder / "objects" / "a..b.glb"
    for name in ("outside/a.glb", "round.glb"):
        with pytest.raises(InputError):
            file_in(folder, name)


def test_the_frame_of_gltf() -> None:
    # glTF: right, up, toward the viewer. Blender: X, Z, -Y.
    turned = from_gltf_frame(np.eye(3, dtype=np.float32))
    assert turned.tolist() == [[1, 0, 0], [0, 0, 1], [0, -1, 0]]
    assert np.linalg.det(turned) == 1


@pytest.mark.parametrize(("count", "columns"), [(1, 1), (2, 2), (5, 3), (9, 3), (10, 4)])
def test_a_grid(count: int, columns: int) -> None:
    random = np.random.default_rng(count)
    lows = -random.random((count, 3)).astype(np.float32)
    highs = random.random((count, 3)).astype(np.float32)
    places = in_grid(lows, highs, (1.0, 2.0, 3.0))
    assert np.allclose((places + lows)[:, 2], 3)
    middles = places + (lows + highs) / 2
    assert len(np.unique(middles[:, 0].round(4))) == columns
    boxes = np.stack((places + lows, places + highs))
    for one in range(count):
        for other in range(one):
            apart = (boxes[0, one] > boxes[1, other]) | (boxes[0, other] > boxes[1, one])
            assert apart[:2].any()
    assert np.allclose(middles[:columns, 0].mean(), 1)
    assert np.allclose((middles[:, 1].max() + middles[:, 1].min()) / 2, 2)
