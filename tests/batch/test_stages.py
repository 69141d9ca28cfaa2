"""From a picture to its files: what image_to_mesh makes of it, or a row with the reason."""

import io
import pickle
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from batch_runs import draw, partial_files, primitive_of
from PIL import Image

from triposr.batch import finishing, stages, storage
from triposr.batch.finishing import finish, stem_of
from triposr.batch.glb import to_gltf_frame
from triposr.batch.passing import (
    AGAIN,
    DONE,
    FATAL,
    KEPT,
    ROUNDS,
    WORK,
    each,
    failed,
    output,
    unfinished,
)
from triposr.batch.rows import Row
from triposr.batch.run import Run, chosen_model, matting_model_of
from triposr.batch.stages import Encoder, prepare
from triposr.batch.storage import ReadError
from triposr.inference import SceneCode, image_to_mesh
from triposr.inference.errors import DeviceError, EmptySurfaceError
from triposr.inference.model.network import Model
from triposr.inference.model.weights import STARTER_FOLDER
from triposr.inference.picture.color import linear_to_srgb
from triposr.scene.placement import placed


def begin(run: Run, *pictures: Path | str, known: str = "", attempt: int = 1) -> list[dict]:
    count = len(pictures)
    columns = {
        **{"number": list(range(count)), "picture": [str(each) for each in pictures]},
        **{"attempt": [attempt] * count, "known": [known] * count},
    }
    return list(prepare(columns, run))


def process(run: Run, *pictures: Path | str) -> list[tuple[str, Row]]:
    """Pass pictures through all stages."""
    encoder, made = Encoder(run), []
    for prepared in begin(run, *pictures):
        for code in encoder(prepared):
            for final in finish(code, run):
                made += [(kind, row) for _, kind, row, work in each(final) if not work]
    assert len(made) == len(pictures)
    return made


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"closed": False, "resolution": 20},
        {"size": 3.0, "measure": "height", "origin": "center"},
    ],
    ids=["default", "open", "placed"],
)
def test_the_same_as_image_to_mesh(a_run, tiny: Model, tmp_path: Path, changes: dict) -> None:
    picture, run = draw(tmp_path / "größer #1.png"), a_run(**changes)
    [(kind, row)] = process(run, picture)
    mesh = image_to_mesh(picture, tiny, run.options)
    placement, _ = placed(mesh, *(run.settings[name] for name in ("size", "measure", "origin")))
    assert kind == DONE and row.is_done and row.attempts == 1 and row.device == "cpu"
    assert row.faces == len(mesh.faces)
    assert row.cut_off == mesh.cut_off
    assert (row.scale, row.base) == (placement.scale, placement.base)
    assert set(row.seconds) >= {"prepare", "encode", "extract", "match", "write"}
    made = trimesh.load(tmp_path / "out" / row.file, process=False).to_geometry()
    assert np.array_equal(made.faces, mesh.faces)
    expected = to_gltf_frame(placement.place(mesh.vertices))
    assert np.allclose(made.vertices, expected, atol=1e-6)
    _, parts, _ = primitive_of((tmp_path / "out" / row.file).read_bytes())
    colors = linear_to_srgb(parts["COLOR_0"][:, :3].astype(np.float32) / 65535)
    assert np.abs(colors - mesh.colors).max() < 1 / 255
    code = SceneCode.load(tmp_path / "out" / row.code)
    assert code.planes.shape == tiny.encode(_rgb(run, picture)).planes.shape
    assert np.allclose(code.planes, tiny.encode(_rgb(run, picture)).planes, atol=0.02)
    with Image.open(tmp_path / "out" / row.thumbnail) as thumbnail:
        assert thumbnail.size == (384, 192) and thumbnail.format == "JPEG"
    assert not partial_files(tmp_path / "out")


def _rgb(run: Run, picture: Path) -> np.ndarray:
    [batch] = begin(run, picture)
    return pickle.loads(batch["work"][0]).rgb


def test_left_stays_left_and_the_front_faces_the_viewer(a_run, tmp_path: Path) -> None:
    """glTF: +Y is up, and +Z is the front, so that +X is at the right of who looks at it."""
    picture = Image.new("RGBA", (256, 256), (0, 0, 0, 0))
    picture.paste((220, 30, 30, 255), (28, 88, 128, 168))
    picture.paste((30, 60, 220, 255), (128, 88, 228, 168))
    picture.save(tmp_path / "wide.png")
    _, weights = chosen_model(str(STARTER_FOLDER))
    run = a_run(model="", weights=weights, resolution=40)
    [(_, row)] = process(run, tmp_path / "wide.png")
    _, parts, _ = primitive_of((tmp_path / "out" / row.file).read_bytes())
    points, colors = parts["POSITION"], parts["COLOR_0"].astype(float)
    assert np.ptp(points[:, 0]) > 1.3 * np.ptp(points[:, 1]), "wide, not high"
    assert abs(points[:, 1].min()) < 1e-5, "it stands on the floor"
    left, right = (colors[side * points[:, 0] > 0.2].mean(axis=0) for side in (-1, 1))
    assert left[0] > 1.5 * left[2] and right[2] > 1.5 * right[0]


def test_a_picture_without_an_outline_has_no_camera(a_run, tmp_path: Path) -> None:
    Image.new("RGB", (300, 300), (90, 120, 60)).save(tmp_path / "gray.png")
    [(kind, row)] = process(a_run(background="none"), tmp_path / "gray.png")
    assert kind == DONE and row.is_done and row.camera == () and row.match == 0


def test_what_was_asked_for_is_written(a_run, tmp_path: Path) -> None:
    """Without scene codes, and in subfolders: the same names in every run, for each path one."""
    one, other = draw(tmp_path / "a" / "x.png"), draw(tmp_path / "b" / "x.png", 40)
    run = a_run(keeps_codes=False, is_sharded=True)
    rows = [row for _, row in process(run, one, other)]
    assert all(row.is_done and row.code == "" for row in rows)
    assert not (tmp_path / "out" / "scene_codes").exists()
    files = [Path(row.file) for row in rows]
    assert files[0].name != files[1].name
    for file in files:
        mark = file.stem.removeprefix("x-")
        assert file.parent == Path("objects", mark[:2]) and (tmp_path / "out" / file).is_file()
    assert [row.file for _, row in process(run, one, other)] == [row.file for row in rows]


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("/a/b.c.png", "b.c"),
        ("s3://bucket/x?y.png", "x?y"),
        ("s3://bucket/x.png?region=eu", "x"),
        ("C:\\photos\\x.png", "x"),
        ("s3://bucket/", "bucket"),
        ("/", "picture"),
    ],
)
def test_stems(name: str, stem: str) -> None:
    assert stem_of(name) == stem


def test_names_that_no_disk_would_take(a_run, tmp_path: Path) -> None:
    """Of any picture, a file's name of at most 128 bytes of letters that any system allows."""
    for name in ("ü" * 120, "a:b*c<d>|e", "con", " . ", "日本語" * 20, "-rf"):
        row = Row(picture=f"/x/{name}.png")
        place = finishing._place(row, a_run())
        assert len(place.encode()) <= 128 and not set(place) & set('\\/:*?"<>| ')


BAD = {
    "empty": b"",
    "text": b"no picture at all",
    "cut": None,
    "turned": None,
    "clear": None,
    "small": None,
    "huge": None,
    "page": b"<!doctype html><title>404</title>",
    "pdf": b"%PDF-1.7\n",
}


@pytest.fixture
def bad_pictures(tmp_path: Path) -> dict[str, Path]:
    """Files that become no object, by what is wrong with them."""
    folder = tmp_path / "bad"
    whole = draw(folder / "whole.png").read_bytes()
    turned = bytearray(whole)
    turned[len(turned) // 2] ^= 0xFF
    made = {**BAD, "cut": whole[: len(whole) // 3], "turned": bytes(turned)}
    for name, picture in {
        "clear": Image.new("RGBA", (300, 300), (0, 0, 0, 0)),
        "small": Image.new("RGB", (3, 3)),
        "huge": Image.new("1", (20_000, 20_000)),
    }.items():
        content = io.BytesIO()
        picture.save(content, "PNG")
        made[name] = content.getvalue()
    paths = {name: folder / f"{name}.png" for name in made}
    for name, path in paths.items():
        path.write_bytes(made[name] or b"")
    paths["folder"] = folder
    paths["missing"] = folder / "gone.png"
    return paths


def test_bad_pictures_become_rows(a_run, bad_pictures: dict[str, Path], tmp_path: Path) -> None:
    """Each says what is wrong and what to do, and a good one among them is done."""
    run, good = a_run(), draw(tmp_path / "good.png")
    odd = {"scheme": "nonsense://x/y.png", "null": str(tmp_path / "a\0b.png")}
    sources = {**bad_pictures, **odd, "good": good}
    rows = dict(zip(sources, process(run, *sources.values()), strict=True))
    _, done = rows.pop("good")
    assert done.is_done
    for name, (kind, row) in rows.items():
        assert kind == DONE and row.error and row.hint, name
        assert row.picture == str(sources[name]) and row.file == row.code == row.thumbnail == ""
        assert "Unexpected" not in row.error and "\n" not in row.error + row.hint, (name, row.error)
        assert not row.error.endswith(".") and not row.hint.endswith(".")
        assert (row.digest == "") == (name in {"folder", "missing", "scheme", "null"}), name
    assert "does not exist" in rows["missing"][1].error
    assert len(list((tmp_path / "out" / "objects").iterdir())) == 1


def test_files_with_bits_turned_over(a_run, tmp_path: Path) -> None:
    """Read or refused with a hint, never an exception."""
    content = draw(tmp_path / "whole.png").read_bytes()
    for at in range(0, len(content), max(len(content) // 60, 1)):
        broken = bytearray(content)
        broken[at] ^= 0xFF
        (tmp_path / "x.png").write_bytes(broken)
        [batch] = begin(a_run(), tmp_path / "x.png")
        [(_, kind, row, _)] = each(batch)
        assert kind == WORK or (row.hint and "Unexpected" not in row.error), (at, row.error)


def test_a_picture_is_kept_as_long_as_it_is_the_same(a_run, tmp_path: Path) -> None:
    picture, run = draw(tmp_path / "x.png"), a_run()
    [(_, kind, row, _)] = each(begin(run, picture)[0])
    assert kind == WORK and len(row.digest) == 64
    [(_, kind, _, work)] = each(begin(run, picture, known=row.digest)[0])
    assert kind == KEPT and not work
    draw(picture, 30)
    [(_, kind, changed, _)] = each(begin(run, picture, known=row.digest)[0])
    assert kind == WORK and changed.digest != row.digest


def test_final_rows_pass_through(a_run) -> None:
    run = a_run()
    for kind in (DONE, KEPT, FATAL):
        batch = output(7, kind, Row(picture="x", error="e", hint="h"))
        [coded] = Encoder(run)(batch)
        [final] = finish(coded, run)
        assert final == batch


def test_an_unforeseen_error_is_a_row(a_run, tmp_path: Path, monkeypatch, caplog) -> None:
    def fail(*_: object, **__: object) -> None:
        raise failure

    monkeypatch.setattr("triposr.inference.surface.extraction.extract_mesh", fail)
    for failure, expected, reason in (  # noqa: B007
        (RuntimeError("odd"), DONE, "Unexpected error: RuntimeError: odd"),
        (MemoryError(), AGAIN, "There is not enough memory"),
        (DeviceError("Lost", "Look"), AGAIN, "Lost"),
        (EmptySurfaceError("Nothing", "Lower it"), DONE, "Nothing"),
    ):
        [(kind, row)] = process(a_run(), draw(tmp_path / "x.png"))
        assert kind == expected and row.error == reason and row.hint
    assert "odd" in caplog.text, "with its traceback, for Ray's logs"


def test_a_network_that_fails_with_one_picture(a_run, tmp_path: Path, monkeypatch) -> None:
    def encode(self: Model, rgb: np.ndarray) -> SceneCode:
        if rgb[0, 0, 0] > 2:
            raise AssertionError
        raise MemoryError

    monkeypatch.setattr(Model, "encode", encode)
    [(kind, row)] = process(a_run(), draw(tmp_path / "x.png"))
    assert kind == AGAIN and row.error == "There is not enough memory" and row.device == "cpu"


def test_the_last_attempt_is_final() -> None:
    for attempt in range(1, ROUNDS + 1):
        batch = unfinished(0, Row(picture="/x.png", attempts=attempt), MemoryError())
        assert batch["kind"] == [AGAIN if attempt < ROUNDS else DONE]


@pytest.mark.parametrize("is_lost", [True, False])
def test_a_device_that_is_lost(a_run, tmp_path: Path, monkeypatch, is_lost: bool) -> None:
    """After some errors, CUDA refuses all that a process asks: another has to begin anew."""

    class Exited(BaseException):
        pass

    def leave(_code: int) -> None:
        raise Exited

    def fail(*_: object) -> None:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    assert stages._answers(torch.device("cpu")) and not stages._answers(torch.device("meta"))
    monkeypatch.setattr(Model, "encode", fail)
    monkeypatch.setattr(stages, "_answers", lambda device: not is_lost)
    monkeypatch.setattr(stages.os, "_exit", leave)
    picture = draw(tmp_path / "x.png")
    if is_lost:
        with pytest.raises(Exited):
            process(a_run(), picture)
    else:
        [(kind, row)] = process(a_run(), picture)
        assert kind == DONE and "illegal memory access" in row.error


def test_a_gpu_that_torch_does_not_use(a_run, tmp_path: Path) -> None:
    """Else a cluster of GPUs would compute on one core each, and nobody would know why."""
    [prepared] = begin(a_run(device="auto"), draw(tmp_path / "x.png"))
    [(_, kind, row, _)] = each(next(Encoder(a_run(device="auto"), has_gpu=True)(prepared)))
    assert kind == FATAL and "has a GPU that its PyTorch does not use" in row.error and row.hint


@pytest.mark.parametrize(("background", "expected"), [("auto", FATAL), ("alpha", WORK)])
def test_another_matting_model_than_the_other_machines(
    a_run, tmp_path: Path, monkeypatch, background: str, expected: str
) -> None:
    """Else two machines would cut out the same picture in two ways."""
    picture = draw(tmp_path / "x.png")
    run = a_run(background=background, matting_folder=str(tmp_path))
    assert matting_model_of(run.options) == run.matting == ""
    (tmp_path / "u2net.onnx").write_bytes(b"model")
    [(_, kind, row, _)] = each(begin(run, picture)[0])
    assert kind == expected
    if kind == FATAL:
        assert "has the matting model u2net" in row.error and "no matting model" in row.error
        run = replace(run, matting="u2net")
        [(_, kind, _, _)] = each(begin(run, picture)[0])
        assert kind == WORK


def test_a_storage_may_answer_again(a_run, monkeypatch) -> None:
    """What cannot be read there is tried again; on a disk, it stays as it is."""

    def fail(place: str) -> bytes:
        raise ReadError("{place} cannot be read (Timeout)", "Check it", place=place)

    monkeypatch.setattr(stages, "read", fail)
    for place, kinds in (("s3://b/x.png", [AGAIN, AGAIN, DONE]), ("/x.png", [DONE] * ROUNDS)):
        assert [_read_at(a_run(), place, attempt)[0] for attempt in (1, 2, 3)] == kinds


def test_a_signed_url_is_not_written_down(a_run, tmp_path: Path, monkeypatch) -> None:
    content = draw(tmp_path / "x.png").read_bytes()
    asked: list[str] = []
    monkeypatch.setattr(stages, "read", lambda place: asked.append(place) or content)
    url = "https://host/x.png?size=3&X-Amz-Date=now&X-Amz-Signature=secret"
    kind, row = _read_at(a_run(), url, 1)
    broken = failed(row, RuntimeError(f"429, url='{url}'"))
    assert "429, url='https://host/x.png'" in broken.error
    assert kind == WORK and asked == [url] and row.picture == "https://host/x.png?size=3"


def _read_at(run: Run, place: str, attempt: int) -> tuple[str, Row]:
    [(_, kind, row, _)] = each(begin(run, place, attempt=attempt)[0])
    return kind, row


def test_a_full_disk_ends_the_run(a_run, tmp_path: Path, monkeypatch) -> None:
    """It would hit all others, too. An object that lacks a file of its own is not named."""

    def full(path: Path, content: bytes) -> None:
        if path.suffix == ".glb":
            raise OSError(28, "No space left on device")
        real(path, content)

    real = storage._replace
    monkeypatch.setattr(storage, "_replace", full)
    [(kind, row)] = process(a_run(), draw(tmp_path / "x.png"))
    assert kind == FATAL and "No space left on device" in row.error and row.file == ""
    assert "run the same command again" in row.hint
    assert not (tmp_path / "out" / "objects").exists() and not partial_files(tmp_path)


@pytest.mark.parametrize("fault", ["weights", "damaged", "missing", "crash"])
def test_a_model_that_cannot_be_loaded(
    a_run: Callable[..., Run], tiny_folder: Path, tmp_path: Path, monkeypatch, fault: str
) -> None:
    """The first picture says so, and nothing is raised: Ray would try again and again."""
    model = tmp_path / "model"
    shutil.copytree(tiny_folder, model)
    run = a_run(model=str(model))
    if fault == "weights":
        run = replace(run, weights="0" * 64)
    elif fault == "damaged":
        (model / "model.ckpt").write_bytes(b"\0" * 100)
        run = replace(run, weights=chosen_model(str(model), run.precision)[1])
    elif fault == "missing":
        shutil.rmtree(model)
    else:
        monkeypatch.setattr(stages, "_loaded", lambda *_: (_ for _ in ()).throw(OSError("odd")))
    [prepared] = begin(run, draw(tmp_path / "x.png"))
    [(_, kind, row, _)] = each(next(Encoder(run)(prepared)))
    assert kind == FATAL and row.error and row.hint
    assert ("holds other weights" in row.error) == (fault == "weights")
    assert ("odd" in row.error) == (fault == "crash")
