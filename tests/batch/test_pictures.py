"""Which pictures a run turns into objects."""

import os
from pathlib import Path

import pyarrow as pa
import pytest
from batch_runs import draw
from pyarrow import parquet

from triposr.batch.pictures import find_pictures
from triposr.batch.places import absolute
from triposr.inference import InputError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in (
        "b.png",
        "a.JPG",
        "sub/deep/c.webp",
        "sub/notes.txt",
        ".hidden.png",
        ".trash/d.png",
    ):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return tmp_path / "in"


def names(found: list[str], folder: Path) -> list[str]:
    return [os.path.relpath(picture, folder) for picture in found]


def test_folder_with_subfolders_but_without_hidden_files(folder: Path) -> None:
    assert names(find_pictures([str(folder)]), folder) == ["a.JPG", "b.png", "sub/deep/c.webp"]


def test_a_hidden_folder_may_be_named(folder: Path) -> None:
    assert names(find_pictures([str(folder / ".trash")]), folder) == [".trash/d.png"]


def test_patterns(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert names(find_pictures(["*.png"]), folder) == ["b.png"]
    assert names(find_pictures([str(folder / "**" / "*.webp")]), folder) == ["sub/deep/c.webp"]
    assert names(find_pictures(["sub/*"]), folder) == ["sub/notes.txt"], "as the pattern says"
    with pytest.raises(InputError, match=r"no picture in nothing\*"):
        find_pictures(["nothing*"])


def test_a_file_whose_name_looks_like_a_pattern(folder: Path) -> None:
    odd = folder / "chair [1].png"
    odd.write_bytes(b"")
    assert find_pictures([str(odd)]) == [str(odd)]


def test_each_picture_once_under_one_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder / "sub")
    sources = ["../b.png", str(folder / "b.png"), "./../sub/../b.png", ".."]
    assert names(find_pictures(sources), folder) == ["b.png", "a.JPG", "sub/deep/c.webp"]


def test_two_points_after_a_link_to_another_folder(tmp_path: Path) -> None:
    """The system's answer counts, not what the text looks like."""
    target = draw(tmp_path / "far" / "x.png")
    (tmp_path / "far" / "below").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "far" / "below")
    assert absolute(str(tmp_path / "link" / ".." / "x.png")) == str(target)


@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "bom"])
@pytest.mark.parametrize(
    "text",
    [
        "b.png\nsub/deep/c.webp\n",
        "picture\nb.png\nsub/deep/c.webp",
        "title,Path\nx,b.png\ny,sub/deep/c.webp\n",
        '"picture"\r\n"b.png"\r\n"sub/deep/c.webp"\r\n',
        "picture\nb.png\n\n  \nsub/deep/c.webp\nb.png\n",
        "thing\nb.png\nsub/deep/c.webp\n",
    ],
    ids=["headless", "named", "column", "quoted", "gaps", "unknown"],
)
def test_csv_beside_its_pictures(folder: Path, text: str, mark: str) -> None:
    (folder / "list.csv").write_text(mark + text, encoding="utf-8", newline="")
    found = find_pictures([str(folder / "list.csv")])
    assert names(found, folder) == ["b.png", "sub/deep/c.webp"]


def test_a_list_of_urls_without_a_first_line(folder: Path) -> None:
    urls = ["https://shop.example/pictures/1?sig=a", "https://shop.example/pictures/2?sig=a"]
    (folder / "list.csv").write_text("\n".join([*urls, urls[0].replace("=a", "=b")]))
    assert find_pictures([str(folder / "list.csv")]) == urls, "signed anew, it is the same"


def test_urls_of_this_machine(folder: Path) -> None:
    (folder / "list.csv").write_text("b.png\n")
    for place in (folder, folder / "b.png", folder / "*.png", folder / "list.csv"):
        assert find_pictures([f"file://{place}"]) == find_pictures([str(place)])


def test_a_list_may_name_what_does_not_exist_or_lies_elsewhere(folder: Path) -> None:
    """Each becomes a row with its error: lists are long, and some files are always missing."""
    (folder / "list.csv").write_text("gone.png\n/far/away.png\ns3://bucket/x.png\n")
    found = find_pictures([str(folder / "list.csv")])
    assert found == [str(folder / "gone.png"), "/far/away.png", "s3://bucket/x.png"]


def test_parquet_list(folder: Path) -> None:
    table = pa.table({"id": [1, 2, 3], "image": ["b.png", None, "sub/deep/c.webp"]})
    parquet.write_table(table, folder / "list.parquet")
    found = find_pictures([str(folder / "list.parquet")])
    assert names(found, folder) == ["b.png", "sub/deep/c.webp"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("list.csv", b""),
        ("list.csv", b"picture\n"),
        ("list.csv", b'a,b\n"x'),
        ("list.csv", b"a,b\n1,2,3\n"),
        ("list.csv", b"\xff\xfe\x00"),
        ("list.parquet", b""),
        ("list.parquet", b"PAR1 and no more"),
    ],
)
def test_a_list_without_pictures_or_damaged(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as caught:
        find_pictures([str(tmp_path / name)])
    assert name in caught.value.message and caught.value.hint
    assert "\n" not in str(caught.value)


def test_missing_sources(tmp_path: Path) -> None:
    for name in ("gone.png", "gone", "gone.csv"):
        with pytest.raises(InputError, match=f"{name} does not exist"):
            find_pictures([str(tmp_path / name)])
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no picture in"):
        find_pictures([str(tmp_path / "empty")])


@pytest.mark.parametrize("url", ["nonsense://host/x.png", "s3://", "://x.png"])
def test_a_url_that_nothing_reads(url: str) -> None:
    with pytest.raises(InputError) as caught:
        find_pictures([url])
    assert caught.value.hint


def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    """Linux allows any bytes; neither an index nor a page can hold them."""
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.png")).write_bytes(b"")
    for source in (tmp_path, tmp_path / "*.png"):
        with pytest.raises(InputError, match="UTF-8") as caught:
            find_pictures([str(source)])
        str(caught.value).encode()


def test_thumbnails_of_the_output_folder_are_no_pictures(folder: Path) -> None:
    (folder / "out" / "thumbnails").mkdir(parents=True)
    (folder / "out" / "thumbnails" / "b.jpg").write_bytes(b"")
    (folder / "outer.png").write_bytes(b"")
    found = find_pictures([str(folder)], beside=str(folder / "out"))
    assert names(found, folder) == ["a.JPG", "b.png", "outer.png", "sub/deep/c.webp"]


def test_the_output_folder_may_hold_the_pictures(folder: Path) -> None:
    (folder / "thumbnails").mkdir()
    (folder / "thumbnails" / "b.jpg").write_bytes(b"")
    found = find_pictures([str(folder)], beside=str(folder))
    assert names(found, folder) == ["a.JPG", "b.png", "sub/deep/c.webp"]
