"""Files appear whole or not at all."""

import pickle
from pathlib import Path

import pytest
from batch_runs import partial_files

from triposr.batch import storage
from triposr.batch.storage import (
    Folder,
    StorageError,
    below,
    located,
    name_of,
    parent,
    read,
    split_query,
)


def test_write_read_list_remove(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path / "new"))
    assert folder.read("a") is None and folder.names() == []
    for name in ("b/y", "b/x", "b/c/z", "a"):
        folder.write(name, name.encode())
    assert folder.read("b/c/z") == b"b/c/z"
    assert folder.names() == ["a"] and folder.names("b") == ["b/x", "b/y"]
    assert folder.names("b", deep=True) == ["b/c/z", "b/x", "b/y"]
    folder.remove("a")
    folder.remove("a")
    assert pickle.loads(pickle.dumps(folder)).names("", deep=True) == ["b/c/z", "b/x", "b/y"]
    assert read(str(tmp_path / "new" / "b" / "x")) == b"b/x"


def test_others_may_read_what_the_umask_lets_them(tmp_path: Path) -> None:
    Folder(str(tmp_path)).write("a", b"")
    (tmp_path / "usual").write_bytes(b"")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Folder(str(tmp_path))
    folder.write("a", b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(storage.os, "replace", full)
    with pytest.raises(StorageError, match="No space left on device") as caught:
        folder.write("a", b"new")
    assert str(tmp_path) in caught.value.message and "run the same command again" in str(
        caught.value
    )
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert folder.read("a") == b"old"


def test_what_a_killed_process_left_is_swept_away(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    folder.write("objects/a", b"")
    for name in ("objects/.partial-1", ".partial-2"):
        (tmp_path / name).write_bytes(b"half")
    folder.sweep()
    assert not partial_files(tmp_path) and folder.names("objects") == ["objects/a"]


def test_unreadable(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="does not exist"):
        read(str(tmp_path / "gone"))
    with pytest.raises(StorageError, match=r"cannot be read \(.*\)") as caught:
        read(str(tmp_path))
    assert "\n" not in str(caught.value)
    (tmp_path / "folder").mkdir()
    with pytest.raises(StorageError, match="cannot be read"):
        Folder(str(tmp_path)).read("folder")


def test_parts_of_urls() -> None:
    options = "?region=eu&endpoint_override=http://127.0.0.1:1/"
    url = f"s3://bucket/a b/c?#%.png{options}"
    assert split_query(url) == ("s3://bucket/a b/c?#%.png", options)
    assert name_of(url) == "c?#%.png"
    assert parent(url) == f"s3://bucket/a b{options}"
    assert below(parent(url), "d/e.png") == f"s3://bucket/a b/d/e.png{options}"
    assert storage.absolute(f"s3://bucket/a/{options}") == f"s3://bucket/a{options}"
    for other in ("/disk/who?x=1.png", "https://host/x.png?size=3"):
        assert split_query(other) == (other, "")


def test_an_address_with_a_key_is_refused() -> None:
    """Index and page would show it."""
    with pytest.raises(StorageError, match="holds a key") as caught:
        located("s3://NAME:SECRET@bucket/folder")
    assert "SECRET" not in str(caught.value)
