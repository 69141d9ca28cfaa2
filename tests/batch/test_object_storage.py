"""Pictures read from an object storage, and objects written to one: S3 by moto."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from batch_runs import arguments, draw, primitive_of

from triposr.batch import storage
from triposr.batch.command import main
from triposr.batch.index import known_rows
from triposr.batch.pictures import find_pictures
from triposr.batch.rows import LINES, PAGE, RUN, TABLE
from triposr.batch.storage import Folder, StorageError, read
from triposr.inference import InputError

BUCKET = "farm"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Address of an S3 server on loopback."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


@pytest.fixture
def bucket(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An empty bucket, which boto sees beside pyarrow."""
    import boto3

    for name in ("ID", "SECRET"):
        key = "AWS_ACCESS_KEY_ID" if name == "ID" else "AWS_SECRET_ACCESS_KEY"
        monkeypatch.setenv(key, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    storage._file_system.cache_clear()
    made = boto3.resource("s3", endpoint_url=server).create_bucket(Bucket=BUCKET)
    yield made
    made.objects.all().delete()
    storage._file_system.cache_clear()


@pytest.fixture(params=["variable", "url"])
def options(request: pytest.FixtureRequest, server: str, monkeypatch) -> str:
    """How the command learns of the server: by the environment, or by the end of each URL."""
    if request.param == "variable":
        monkeypatch.setenv("AWS_ENDPOINT_URL", server)
        return ""
    return f"?region=us-east-1&endpoint_override={server}"


def keys(bucket: Any) -> list[str]:
    return sorted(each.key for each in bucket.objects.all())


def test_files_and_folders(bucket: Any, options: str) -> None:
    folder = Folder(f"s3://{BUCKET}/out{options}")
    assert folder.read("a") is None and folder.names() == []
    for name in ("objects/b c#%ü.glb", "objects/x/y.glb", "run.json"):
        folder.write(name, name.encode())
    assert keys(bucket) == ["out/objects/b c#%ü.glb", "out/objects/x/y.glb", "out/run.json"]
    assert folder.read("objects/b c#%ü.glb") == "objects/b c#%ü.glb".encode()
    assert folder.names() == ["run.json"] and folder.names("objects") == ["objects/b c#%ü.glb"]
    assert folder.names("objects", deep=True) == ["objects/b c#%ü.glb", "objects/x/y.glb"]
    folder.remove("run.json")
    assert folder.names() == []
    folder.sweep()


def test_finding_pictures(bucket: Any, options: str) -> None:
    for key in (
        "in/a b#1.png",
        "in/deep/ü.jpg",
        "in/.x.png",
        "in/notes.txt",
        "in/out/thumbnails/t.jpg",
    ):
        bucket.put_object(Key=key, Body=b"content of " + key.encode())
    bucket.put_object(Key="in/list.csv", Body="picture\na b#1.png\ngone.png\ndeep/ü.jpg\n".encode())
    base = f"s3://{BUCKET}/in"
    pictures = [f"{base}/a b#1.png{options}", f"{base}/deep/ü.jpg{options}"]
    assert find_pictures([base + options], beside=f"{base}/out{options}") == pictures
    thumbnail = f"{base}/out/thumbnails/t.jpg{options}"
    assert find_pictures([base + options], beside=base + options) == [*pictures, thumbnail]
    assert find_pictures([f"{base}/*.png{options}"]) == pictures[:1]
    assert find_pictures([f"{base}/*.[jp][pn]g{options}"]) == pictures[:1]
    assert find_pictures([f"{base}/d*/*{options}"]) == pictures[1:]
    assert find_pictures([f"{base}/**/*.jpg{options}"]) == [pictures[1], thumbnail]
    with pytest.raises(InputError, match="no picture"):
        find_pictures([f"{base}/*.jpg{options}"])
    assert find_pictures([pictures[1]]) == pictures[1:]
    listed = find_pictures([f"{base}/list.csv{options}"])
    assert listed == [pictures[0], f"{base}/gone.png{options}", pictures[1]]
    assert read(pictures[1]) == "content of in/deep/ü.jpg".encode()
    with pytest.raises(StorageError, match="does not exist"):
        read(listed[1])
    with pytest.raises(InputError, match="does not exist"):
        find_pictures([f"{base}/gone.png{options}"])


def test_a_name_that_looks_like_a_pattern(bucket: Any, options: str) -> None:
    bucket.put_object(Key="in/photo[1].png", Body=b"x")
    url = f"s3://{BUCKET}/in/photo[1].png{options}"
    assert find_pictures([url]) == [url]
    with pytest.raises(InputError, match=r"is no pattern.*Write \*\* as a folder"):
        find_pictures([f"s3://{BUCKET}/in/**.png{options}"])


def test_a_long_file_is_there_when_it_is_whole(bucket: Any, options: str) -> None:
    """PyArrow completes an upload, whatever has ended it."""

    class StopError(BaseException):
        pass

    def cut() -> Iterator[bytes]:
        yield b"ha"
        raise StopError

    folder = Folder(f"s3://{BUCKET}/out{options}")
    folder.write(LINES, iter([b"o", b"ld"]))
    with pytest.raises(StopError):
        folder.write(LINES, cut())
    assert folder.read(LINES) == b"old"
    folder.write(LINES, iter([b"n", b"ew"]))
    assert folder.read(LINES) == b"new"
    folder.sweep()
    assert [key for key in keys(bucket) if not key.endswith("/")] == [f"out/{LINES}"]


def test_a_bucket_that_does_not_exist(bucket: Any, options: str) -> None:
    for use in (read, lambda url: Folder(url).write("x", b"")):
        with pytest.raises(StorageError) as caught:
            use(f"s3://nobodys-bucket/x.png{options}")
        assert caught.value.hint and "\n" not in str(caught.value)


def test_a_run_from_and_to_the_storage(
    bucket: Any, options: str, tmp_path: Path, without_ray, capsys
) -> None:
    """The same as with folders, and the next run goes on with it."""
    for name in ("a", "b"):
        bucket.put_object(Key=f"in/{name}.png", Body=draw(tmp_path / f"{name}.png").read_bytes())
    bucket.put_object(Key="in/bad.png", Body=b"bad")
    source, output = (f"s3://{BUCKET}/{name}{options}" for name in ("in", "out"))
    assert main(arguments(source, output=output)) == 1
    assert capsys.readouterr().out == f"2 objects, 1 failed: s3://{BUCKET}/out/{PAGE}{options}\n"
    folder = Folder(output)
    rows = {row.picture.partition("?")[0][-5:]: row for row in known_rows(folder)}
    assert set(rows) == {"a.png", "b.png", "d.png"} and not rows["d.png"].is_done
    assert set(folder.names()) == {LINES, PAGE, RUN, TABLE}
    for name in ("a.png", "b.png"):
        _, parts, _ = primitive_of(folder.read(rows[name].file) or b"")
        assert len(parts["faces"]) == rows[name].faces
        assert folder.read(rows[name].thumbnail) and folder.read(rows[name].code)
    before = {each.key: each.last_modified for each in bucket.objects.filter(Prefix="out/objects")}
    draw(tmp_path / "c.png")
    bucket.put_object(Key="in/c.png", Body=(tmp_path / "c.png").read_bytes())
    assert main(arguments(source, output=output)) == 1
    assert len(without_ray[1]) == 1
    after = {each.key: each.last_modified for each in bucket.objects.filter(Prefix="out/objects")}
    assert len(after) == 3 and before.items() <= after.items()


def test_a_server_that_does_not_answer(tmp_path: Path, bucket: Any, without_ray, capsys) -> None:
    url = f"s3://{BUCKET}/out?region=us-east-1&endpoint_override=http://127.0.0.1:1"
    assert main(arguments(draw(tmp_path / "x.png"), output=url)) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "Check the permissions and the connection" in said
