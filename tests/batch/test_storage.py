"""Files appear whole or not at all."""

import itertools
import pickle
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import fsspec
import pytest
from batch_runs import partial_files
from fsspec.implementations.memory import MemoryFileSystem

from triposr.batch import storage
from triposr.batch.places import absolute, below, name_of, parent, public, split_query
from triposr.batch.storage import Folder, ReadError, StorageError, WriteError, digest, located, read


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
    (tmp_path / "objects" / "deep").mkdir()
    (tmp_path / "objects" / "deep" / ".partial-3").write_bytes(b"half")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / ".partial-4").write_bytes(b"not ours")
    folder.sweep("objects", "gone")
    (tmp_path / "mine" / ".partial-4").unlink()
    assert not partial_files(tmp_path) and folder.names("objects") == ["objects/a"]


@pytest.fixture
def in_memory() -> Iterator[str]:
    """A folder of a file system in which a file that is being written is there already."""
    fsspec.filesystem("memory").store.clear()
    yield "memory://out"
    fsspec.filesystem("memory").store.clear()


@pytest.mark.parametrize("replaces", [True, False])
def test_whole_or_not_at_all_in_any_file_system(
    in_memory: str, monkeypatch: pytest.MonkeyPatch, replaces: bool
) -> None:
    def move(self: MemoryFileSystem, path1: str, path2: str, **_: object) -> None:
        if self.exists(path2):
            raise OSError("It exists")
        self.cp_file(path1, path2)
        self.rm(path1)

    if not replaces:
        monkeypatch.setattr(MemoryFileSystem, "mv", move)
    folder = Folder(in_memory)
    folder.write("objects/a", b"old")
    folder.write("objects/a", iter([b"n", b"ew"]))
    assert folder.read("objects/a") == b"new" and folder.names("objects") == ["objects/a"]

    def cut() -> Iterator[bytes]:
        yield b"ha"
        raise OSError("The connection is lost")

    with pytest.raises(WriteError, match="The connection is lost"):
        folder.write("objects/a", cut())
    assert folder.read("objects/a") == b"new"
    folder.sweep("objects")
    assert folder.names(deep=True) == ["objects/a"]


def test_whatever_a_package_of_fsspec_raises(in_memory: str, monkeypatch) -> None:
    """Its errors share no base class; none may name a signature."""

    class OddError(Exception):
        pass

    def fail(*_: object, **__: object) -> None:
        raise OddError("429, message='Slow down', url='https://host/x?sig=secret'")

    folder = Folder(in_memory)
    folder.write("a", b"x")
    for name in ("cat_file", "_open", "info", "find", "ls", "rm_file", "rm"):
        monkeypatch.setattr(MemoryFileSystem, name, fail)
    for error, use in (
        (ReadError, lambda: read(f"{in_memory}/a")),
        (ReadError, lambda: folder.read("a")),
        (ReadError, lambda: folder.names()),
        (WriteError, lambda: folder.write("a", b"y")),
        (WriteError, lambda: folder.remove("a")),
    ):
        with pytest.raises(error, match="Slow down") as caught:
            use()
        assert "secret" not in str(caught.value) and caught.value.hint


def test_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "CHUNK", 3)
    (tmp_path / "a").write_bytes(b"0123456789")
    assert digest(str(tmp_path / "a")) == sha256(b"0123456789").hexdigest()
    with pytest.raises(StorageError, match="does not exist"):
        digest(str(tmp_path / "gone"))


def test_lines_of_a_long_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Folder(str(tmp_path))
    assert list(folder.lines("gone")) == []
    lines = ["ä" * number for number in range(50)]
    for size, end in itertools.product((1, 7, 1 << 20), ("", "\n")):
        folder.write("a", ("\n".join(lines) + end).encode())
        monkeypatch.setattr(storage, "CHUNK", size)
        assert [line.decode() for line in folder.lines("a")] == lines


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("https://h/x.png?sig=a%2Bb&se=2026&sp=r&sv=1&sr=b&id=7", "https://h/x.png?id=7"),
        (
            "https://h/x.png?X-Goog-Signature=a&X-Goog-Date=b&generation=1",
            "https://h/x.png?generation=1",
        ),
        ("https://h/x.png?Expires=1&Signature=a&Key-Pair-Id=b", "https://h/x.png"),
        ("https://h/x.png?id=7&s=3&sr=5&Expires=9", None),
        ("s3://b/x.png?region=eu&endpoint_override=http://h", None),
        ("/disk/x.png?sig=a", None),
    ],
)
def test_signatures_are_left_out(place: str, expected: str | None) -> None:
    assert public(place) == (place if expected is None else expected)


def test_keys_are_hidden_but_tell_pictures_apart() -> None:
    one, other = (public(f"https://h/get?token={key}&size=3") for key in ("secret", "other"))
    assert "secret" not in one and one != other and one.endswith("&size=3")


def test_urls_of_files(tmp_path: Path) -> None:
    path = tmp_path / "a b#ü.png"
    path.write_bytes(b"x")
    assert absolute(path.as_uri()) == str(path)
    for url in (path.as_uri(), f"file://{path}", f"file://localhost{path}"):
        assert read(url) == b"x" and absolute(url) == str(path)
    assert Folder(tmp_path.as_uri()).is_local


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
    assert absolute(f"s3://bucket/a/{options}") == f"s3://bucket/a{options}"
    for other in ("/disk/who?x=1.png", "https://host/x.png?size=3"):
        assert split_query(other) == (other, "")


def test_an_address_with_a_key_is_refused() -> None:
    """Index and page would show it."""
    with pytest.raises(StorageError, match="holds a key") as caught:
        located("s3://NAME:SECRET@bucket/folder")
    assert "SECRET" not in str(caught.value)
    with pytest.raises(StorageError) as caught:
        located("nonsense://container@account.example/folder")
    assert "holds a key" not in str(caught.value), "so Azure writes its addresses"
