"""Nothing of what is known of pictures is lost, and nothing counts twice."""

import dataclasses
import tracemalloc
from pathlib import Path

import pytest
from batch_runs import partial_files, rows_in
from pyarrow import parquet

from triposr.batch import index
from triposr.batch.index import Journal, compile_index, known_rows
from triposr.batch.rows import LINES, PAGE, TABLE, Row
from triposr.batch.storage import Folder, StorageError, WriteError

FULL = Row(
    picture='/pictures/Vogelhäuschen \u2028\x85\v "1".png',
    digest="a" * 64,
    settings="b" * 64,
    weights="c" * 64,
    file="objects/v.glb",
    code="scene_codes/v.safetensors",
    thumbnail="thumbnails/v.jpg",
    faces=20,
    cut_off=True,
    match=0.75,
    camera=(1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0),
    scale=2.5,
    base=(0.1, -0.2, 0.3),
    seconds={"prepare": 0.5, "encode": 1.5},
    device="cuda:0",
    attempts=2,
)
FAILED = Row(picture="/pictures/bad.png", error="The picture is empty", hint="Choose another")


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(str(tmp_path))


def write(folder: Folder, *rows: Row) -> None:
    journal = Journal(folder)
    for row in rows:
        journal.add(row)
    journal.write()


def test_rows_as_json() -> None:
    for row in (FULL, FAILED):
        assert Row.from_json(row.to_json()) == row
        assert "\n" not in row.to_json()
    assert FULL.is_done and not FAILED.is_done


def test_rows_of_other_versions() -> None:
    """Unknown attributes are left out; missing ones have their defaults."""
    assert Row.from_json('{"picture": "x", "color": 3}') == Row(picture="x")
    assert Row.from_json('{"picture": "x", "match": 1}').match == 1


@pytest.mark.parametrize(
    "line",
    [
        *("", "{", "[]", "null", "3", "{}", '{"picture": 3}', '{"picture": "x", "base": [1'),
        *(
            f'{{"picture": "x", {rest}}}'
            for rest in (
                *('"camera": null', '"camera": 5', '"camera": "12345678"', '"base": ["a"]'),
                *('"seconds": [1]', '"seconds": {"a": "b"}', '"faces": "many"', '"error": null'),
                *('"match": true', '"cut_off": 1', '"attempts": 1.5'),
            )
        ),
    ],
)
def test_damaged_lines_are_no_rows(line: str) -> None:
    with pytest.raises(ValueError):
        Row.from_json(line)


def test_parts_become_an_index(folder: Folder, tmp_path: Path) -> None:
    write(folder, FULL)
    write(folder, FAILED)
    assert folder.names("parts") == ["parts/00000001.jsonl", "parts/00000002.jsonl"]
    compile_index(folder)
    assert folder.names("parts") == []
    assert list(rows_in(tmp_path).values()) == [FULL, FAILED] == list(known_rows(folder))
    assert (tmp_path / PAGE).exists() and not partial_files(tmp_path)


def test_the_last_row_of_a_picture_counts(folder: Folder, tmp_path: Path) -> None:
    again = dataclasses.replace(FAILED, error="", hint="", file="objects/b.glb")
    write(folder, FAILED, FULL)
    compile_index(folder)
    write(folder, dataclasses.replace(FAILED, error="Another"), again)
    compile_index(folder)
    assert list(rows_in(tmp_path).values()) == [FULL, again]
    write(folder, FAILED)
    compile_index(folder)
    assert list(rows_in(tmp_path).values()) == [FULL, FAILED]


@pytest.mark.parametrize("name", [LINES, "parts/00000001.jsonl"])
def test_a_cut_or_edited_line_costs_that_picture_only(folder: Folder, name: str) -> None:
    lines = [FULL.to_json(), "oops", FAILED.to_json()[:-9]]
    folder.write(name, "\n".join(lines).encode() + b"\n\xff\xfe\n")
    assert list(known_rows(folder)) == [FULL]
    compile_index(folder)
    assert list(known_rows(folder)) == [FULL]


def test_killed_between_the_index_and_removing_the_parts(
    folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class KillError(BaseException):
        pass

    def kill(self: Folder, name: str) -> None:
        if name.endswith("2.jsonl"):
            raise KillError
        (tmp_path / name).unlink()

    fresh = dataclasses.replace(FULL, faces=99)
    write(folder, FULL)
    write(folder, FAILED)
    with monkeypatch.context() as patch:
        patch.setattr(Folder, "remove", kill)
        with pytest.raises(KillError):
            compile_index(folder)
    assert folder.names("parts") == ["parts/00000002.jsonl"]
    write(folder, fresh)
    assert folder.names("parts")[-1] == "parts/00000003.jsonl", "after what is left of that run"
    compile_index(folder)
    assert list(rows_in(tmp_path).values()) == [fresh, FAILED]


def test_foreign_files_among_the_parts(folder: Folder, tmp_path: Path) -> None:
    write(folder, FULL)
    folder.write("parts/.DS_Store", b"\0\1")
    assert list(known_rows(folder)) == [FULL]
    write(folder, FAILED)
    compile_index(folder)
    assert len(rows_in(tmp_path)) == 2


@pytest.mark.parametrize("rows_at_a_time", [1, 2, 1000])
def test_the_table_says_what_the_lines_say(
    folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows_at_a_time: int
) -> None:
    monkeypatch.setattr(index, "ROWS", rows_at_a_time)
    write(folder, FULL, FAILED, Row(picture="z"))
    compile_index(folder)
    table = parquet.read_table(tmp_path / TABLE).to_pylist()
    read = [
        Row(
            **{
                **values,
                "camera": tuple(values["camera"]),
                "base": tuple(values["base"]),
                "seconds": dict(values["seconds"]),
            }
        )
        for values in table
    ]
    assert read == list(rows_in(tmp_path).values())


def test_the_index_of_very_many_takes_less_memory_than_its_file(
    folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("triposr.batch.page.MOST", 100)
    monkeypatch.setattr(index, "ROWS", 100)
    monkeypatch.setattr("triposr.batch.storage.CHUNK", 1 << 14)
    many = 5000
    rows = (dataclasses.replace(FULL, picture=f"/pictures/{number}.png") for number in range(many))
    folder.write("parts/00000001.jsonl", (f"{row.to_json()}\n".encode() for row in rows))
    tracemalloc.start()
    try:
        compile_index(folder)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(rows_in(tmp_path)) == many
    assert most < 0.8 * (tmp_path / LINES).stat().st_size


def test_no_space_for_the_files_between(folder: Folder, monkeypatch) -> None:
    write(folder, FULL)
    with monkeypatch.context() as patch:
        patch.setattr(index._Rows, "lines", lambda self: (_ for _ in ()).throw(OSError(28, "Full")))
        with pytest.raises(WriteError, match="Full"):
            compile_index(folder)
    compile_index(folder)
    assert list(known_rows(folder)) == [FULL]


def test_an_index_of_nothing(folder: Folder, tmp_path: Path) -> None:
    compile_index(folder)
    assert rows_in(tmp_path) == {} and parquet.read_table(tmp_path / TABLE).num_rows == 0


def test_parts_are_written_while_a_run_goes_on(folder: Folder, monkeypatch) -> None:
    monkeypatch.setattr(index, "ROWS", 2)
    journal = Journal(folder)
    for number in range(5):
        journal.add(Row(picture=str(number)))
    assert len(folder.names("parts")) == 2, "the fifth row waits for another, or for seconds"
    now = index.time.monotonic()
    monkeypatch.setattr(index.time, "monotonic", lambda: now + 3 * index.SECONDS)
    journal.add(Row(picture="5"))
    assert [row.picture for row in known_rows(folder)] == list("012345")


def test_rows_of_a_part_that_cannot_be_written_are_kept_for_the_next(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(folder)
    journal.add(FULL)
    with monkeypatch.context() as patch, pytest.raises(StorageError):
        patch.setattr("triposr.batch.storage._replace", lambda *_: (_ for _ in ()).throw(OSError()))
        journal.write()
    journal.write()
    assert list(known_rows(folder)) == [FULL]
