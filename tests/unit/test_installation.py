"""Models come from a real server on this machine or from a disk, and leave again."""

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from file_server import Fault, FileServer, serving
from safetensors import safe_open

from triposr.inference import ModelFilesError, load_model
from triposr.inference.errors import DownloadError
from triposr.inference.files.installation import (
    PUBLISHED_CONFIG,
    import_model,
    install,
    is_installed,
    needs_conversion,
    remove,
)
from triposr.inference.model import catalog as catalog_module
from triposr.inference.model.catalog import (
    MATTING_MODELS,
    MODELS,
    TRIPOSR,
    ModelFile,
    PublishedModel,
    at_mirror,
    cached_triposr,
    published_model,
)
from triposr.inference.model.conversion import convert_to_half
from triposr.inference.model.weights import STARTER_FOLDER, find_model, weights_file
from triposr.inference.picture.matting import _import_rembg
from triposr.tasks.job import Cancelled

FILES = ("config.yaml", "model.ckpt", "vit/config.json")


@pytest.fixture
def server(tiny_folder: Path) -> Iterator[FileServer]:
    with serving({f"/{name}": (tiny_folder / name).read_bytes() for name in FILES}) as server:
        yield server


@pytest.fixture
def tiny_published(server: FileServer) -> PublishedModel:
    """The tiny model, as if it were published on the server."""
    return PublishedModel(
        TRIPOSR.name,
        "Tiny",
        "For tests",
        "MIT",
        tuple(
            ModelFile(f"{server.url}/{name}", len(c), hashlib.sha256(c).hexdigest(), name)
            for name in FILES
            for c in [server.files[f"/{name}"]]
        ),
    )


def names(folder: Path) -> set[str]:
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".lock"
    }


def test_the_catalog_is_what_rembg_asks_for() -> None:
    _import_rembg()
    from rembg.sessions import sessions_class

    known = {cls.name() for cls in sessions_class}
    for model in MATTING_MODELS:
        assert model.name in known
        assert model.files[0].name == f"{model.name}.onnx"
    assert len({model.name for model in MODELS}) == len(MODELS) == 7
    assert all(len(file.sha256) == 64 and file.size for model in MODELS for file in model.files)


def test_mirrors_keep_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    weights, matte = TRIPOSR.files[1], published_model("u2net").files[0]
    path = weights.url.removeprefix("https://huggingface.co")
    assert at_mirror(weights, hub="http://mirror:80/hub/").url == f"http://mirror:80/hub{path}"
    assert at_mirror(matte, hub="http://mirror").url == matte.url
    assert at_mirror(matte, github="http://mirror").url.startswith("http://mirror/danielgatis/")
    monkeypatch.setenv("HF_ENDPOINT", "https://hub.studio")
    assert at_mirror(weights).url == f"https://hub.studio{path}"
    assert at_mirror(weights, hub="http://mirror").url == f"http://mirror{path}"
    assert at_mirror(weights).sha256 == weights.sha256


def test_installs_and_halves(
    tiny_published: PublishedModel, tiny_folder: Path, tmp_path: Path
) -> None:
    stages: list[str] = []
    install(tiny_published, tmp_path, tick=lambda stage, _: stages.append(stage))
    assert names(tmp_path) == {"config.yaml", "vit/config.json", "model.safetensors"}
    assert is_installed(TRIPOSR, tmp_path)
    assert find_model(tmp_path) == tmp_path
    assert set(stages) >= {"download", "convert"}
    assert (tmp_path / "model.safetensors").stat().st_size < 0.75 * (
        tiny_folder / "model.ckpt"
    ).stat().st_size
    picture = np.full((64, 64, 3), 0.5, np.float32)
    exact = load_model(tiny_folder, "cpu", "fp32").encode(picture)
    halved = load_model(tmp_path, "cpu", "fp32").encode(picture)
    scale = np.abs(exact.planes).max()
    assert 0 < np.abs(halved.planes - exact.planes).max() < 5e-3 * scale
    for (weight, bias), (same, also) in zip(exact.layers, halved.layers, strict=True):
        assert (weight == same).all() and (bias == also).all()


def test_keeps_the_original_for_full_precision(
    tiny_published: PublishedModel, tiny_folder: Path, tmp_path: Path
) -> None:
    install(tiny_published, tmp_path, keep_original=True)
    assert {"model.ckpt", "model.safetensors"} <= names(tmp_path)
    assert weights_file(tmp_path).name == "model.safetensors"
    assert weights_file(tmp_path, exact=True).name == "model.ckpt"
    picture = np.full((64, 64, 3), 0.5, np.float32)
    ours = load_model(tmp_path, "cpu", "fp32").encode(picture)
    assert (ours.planes == load_model(tiny_folder, "cpu", "fp32").encode(picture).planes).all()


def test_a_failed_download_leaves_the_old_model(
    tiny_published: PublishedModel, server: FileServer, tmp_path: Path
) -> None:
    install(tiny_published, tmp_path)
    before = (tmp_path / "model.safetensors").read_bytes()
    server.faults = [Fault(status=404)] * 3
    with pytest.raises(DownloadError):
        install(tiny_published, tmp_path, keep_original=True)
    assert (tmp_path / "model.safetensors").read_bytes() == before


def test_weights_that_do_not_fit_are_not_converted(
    tiny_published: PublishedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config.yaml"
    shutil.copy(PUBLISHED_CONFIG, config)
    only_weights = PublishedModel(
        TRIPOSR.name, "Tiny", "", "MIT", tuple(f for f in tiny_published.files if "ckpt" in f.name)
    )
    with pytest.raises(ModelFilesError, match="do not fit"):
        install(only_weights, tmp_path)
    assert names(tmp_path) == {"config.yaml", "model.ckpt"}


def test_what_float16_cannot_hold_stays(tmp_path: Path) -> None:
    state = {"a.weight": torch.tensor([1.0, 7e4]), "b.weight": torch.tensor([0.1, 2.0])}
    torch.save(state, tmp_path / "model.ckpt")
    convert_to_half(tmp_path / "model.ckpt", tmp_path / "model.safetensors")
    with safe_open(tmp_path / "model.safetensors", framework="pt") as file:
        assert file.get_tensor("a.weight").dtype == torch.float32
        assert file.get_tensor("b.weight").dtype == torch.float16


@pytest.mark.parametrize("as_folder", [True, False])
def test_import_from_disk(tiny_folder: Path, tmp_path: Path, as_folder: bool) -> None:
    source, target = tmp_path / "stick", tmp_path / "models"
    shutil.copytree(tiny_folder, source)
    (source / "model.safetensors").unlink()
    fractions: list[float] = []
    chosen = source if as_folder else source / "model.ckpt"
    assert import_model(chosen, target, lambda _, fraction: fractions.append(fraction)) == "TripoSR"
    assert names(target) == set(FILES)
    assert fractions[-1] == 1
    load_model(target, "cpu")


def test_an_imported_model_replaces_the_other_format(tiny_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_folder, tmp_path / "models")
    import_model(tiny_folder / "model.ckpt", tmp_path / "models")
    assert weights_file(tmp_path / "models").name == "model.ckpt"


def test_importing_from_the_model_folder_itself_loses_nothing(
    tiny_folder: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tiny_folder, tmp_path / "models"))
    (folder / "model.safetensors").unlink()
    import_model(folder, folder)
    assert names(folder) >= set(FILES)


def test_importing_what_is_here_already_keeps_the_original(
    tiny_folder: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tiny_folder, tmp_path / "models"))
    import_model(folder, folder)
    assert {"model.ckpt", "model.safetensors"} <= names(folder)


def test_nothing_stays_of_a_model_that_was_there_before(tiny_folder: Path, tmp_path: Path) -> None:
    """The starter model's ViT is another than the published one, which needs no file."""
    folder = tmp_path / "models"
    shutil.copytree(STARTER_FOLDER, folder)
    source = Path(shutil.copytree(tiny_folder, tmp_path / "stick"))
    (source / "vit" / "config.json").unlink()
    config = source / "config.yaml"
    config.write_text(PUBLISHED_CONFIG.read_text())
    with pytest.raises(ModelFilesError, match="do not fit"):
        import_model(source, folder)
    assert (folder / "vit" / "config.json").is_file()
    import_model(tiny_folder, folder)
    assert (folder / "vit" / "config.json").read_bytes() == (
        tiny_folder / "vit" / "config.json"
    ).read_bytes()
    load_model(folder, "cpu")


def test_what_is_installed_is_not_fetched_again(
    tiny_published: PublishedModel, server: FileServer, tmp_path: Path
) -> None:
    install(tiny_published, tmp_path)
    count = len(server.requests)
    install(tiny_published, tmp_path)
    assert len(server.requests) == count
    install(tiny_published, tmp_path, keep_original=True)
    assert (tmp_path / "model.ckpt").is_file()


def test_an_unfinished_conversion_is_done_without_fetching_again(
    tiny_published: PublishedModel, server: FileServer, tmp_path: Path
) -> None:
    def cancel(stage: str, fraction: float) -> None:
        if stage == "convert":
            raise Cancelled

    with pytest.raises(Cancelled):
        install(tiny_published, tmp_path, tick=cancel)
    assert "model.safetensors" not in names(tmp_path)
    assert not [name for name in names(tmp_path) if name.endswith(".part")]
    count = len(server.requests)
    install(tiny_published, tmp_path)
    assert len(server.requests) == count
    assert (tmp_path / "model.safetensors").is_file()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("model.ckpt", b"<!doctype html>", "web page"),
        ("model.ckpt", b"nothing", "damaged"),
        ("u2net.onnx", b"nothing", "none of the matting models"),
        ("notes.txt", b"nothing", "no model"),
    ],
)
def test_other_files_are_not_imported(
    tiny_folder: Path, tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    target = tmp_path / "models"
    shutil.copytree(tiny_folder, target)
    before = names(target)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelFilesError, match=words):
        import_model(tmp_path / name, target)
    assert names(target) == before


def test_a_matting_model_is_known_by_its_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = b"an onnx file"
    model = PublishedModel(
        "u2net", "U²-Net", "", "",
        (ModelFile("", len(content), hashlib.sha256(content).hexdigest(), "u2net.onnx"),),
    )  # fmt: skip
    monkeypatch.setattr("triposr.inference.files.installation.MATTING_MODELS", (model,))
    (tmp_path / "renamed.onnx").write_bytes(content)
    assert import_model(tmp_path / "renamed.onnx", tmp_path / "models") == "U²-Net"
    assert names(tmp_path / "models") == {"u2net.onnx"}


def test_remove_takes_all_of_a_model_and_nothing_else(
    tiny_published: PublishedModel, tmp_path: Path
) -> None:
    install(tiny_published, tmp_path, keep_original=True)
    (tmp_path / "model.ckpt.part").write_bytes(b"half")
    (tmp_path / "u2net.onnx").write_bytes(b"another model")
    (tmp_path / "notes.txt").write_bytes(b"mine")
    assert remove(TRIPOSR, tmp_path) > 1000
    assert names(tmp_path) == {"u2net.onnx", "notes.txt"}
    assert find_model(tmp_path) == STARTER_FOLDER
    assert remove(TRIPOSR, tmp_path) == 0


def test_what_hugging_face_tools_left_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert cached_triposr() is None
    revision = "5b521936b01fbe1890f6f9baed0254ab6351c04a"
    folder = tmp_path / "models--stabilityai--TripoSR" / "snapshots" / revision
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_bytes(b"x" * 987)
    (folder / "model.ckpt").write_bytes(b"half a download")
    assert cached_triposr() is None
    small = ModelFile(TRIPOSR.files[1].url, 15, "")
    monkeypatch.setattr(
        catalog_module,
        "TRIPOSR",
        PublishedModel("triposr", "", "", "", (TRIPOSR.files[0], small)),
    )
    assert cached_triposr() == folder
    assert find_model(tmp_path / "empty") == folder
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "other"))
    assert find_model(tmp_path / "empty") == STARTER_FOLDER


def test_a_folder_that_cannot_be_looked_into_has_no_models(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a share that is down; this one's name is longer than any system allows."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    folder = tmp_path / ("x" * 300)
    with pytest.raises(OSError, match="x"):
        folder.stat()
    assert find_model(folder) == STARTER_FOLDER
    assert not needs_conversion(folder)
    assert not any(is_installed(model, folder) for model in MODELS)
