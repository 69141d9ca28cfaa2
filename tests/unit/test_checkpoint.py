"""Hostile, damaged and mismatched model folders: one clear sentence each, and no code runs."""

import dataclasses
import errno
import hashlib
import json
import os
import pickle
import shutil
import socket
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch

from triposr.inference import InputError, ModelFilesError, load_model
from triposr.inference.files.installation import import_model
from triposr.inference.model import checkpoint
from triposr.inference.model.catalog import TRIPOSR, ModelFile
from triposr.inference.model.conversion import convert_to_half
from triposr.inference.model.weights import STARTER_FOLDER, find_model


@pytest.fixture
def folder(tiny_folder: Path, tmp_path: Path) -> Path:
    """A copy of the tiny model that a test may damage."""
    return Path(shutil.copytree(tiny_folder, tmp_path / "model"))


def refusal(folder: Path) -> str:
    with pytest.raises(ModelFilesError) as caught:
        load_model(folder, device="cpu")
    assert caught.value.hint
    assert "\n" not in caught.value.message
    return caught.value.message


def test_folder_missing(tmp_path: Path) -> None:
    assert "does not exist" in refusal(tmp_path / "nowhere")


def test_folder_that_may_not_be_read(folder: Path, monkeypatch) -> None:
    def refuse(path: Path) -> list[str]:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("os.listdir", refuse)
    assert "may not be read" in refusal(folder)


def test_file_given_as_folder(folder: Path) -> None:
    assert "is not a folder" in refusal(folder / "model.safetensors")


def test_weights_missing(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "model.ckpt").unlink()
    assert "no weights" in refusal(folder)


def test_config_missing(folder: Path) -> None:
    (folder / "config.yaml").unlink()
    assert "config.yaml" in refusal(folder)


def test_vit_config_missing(folder: Path) -> None:
    (folder / "vit" / "config.json").unlink()
    assert "image tokenizer" in refusal(folder)


@pytest.mark.parametrize("name", ["model.safetensors", "model.ckpt"])
@pytest.mark.parametrize("size", [0, 3, 1000, 900_000])
def test_weights_truncated(folder: Path, name: str, size: int) -> None:
    keep_only(folder, name)
    path = folder / name
    path.write_bytes(path.read_bytes()[:size])
    assert "damaged or incomplete" in refusal(folder)


@pytest.mark.parametrize("name", ["model.safetensors", "model.ckpt"])
def test_web_page_saved_as_weights(folder: Path, name: str) -> None:
    keep_only(folder, name)
    (folder / name).write_text("\n<!DOCTYPE html><html><body>Sign in</body></html>" * 100)
    assert "web page" in refusal(folder)


def test_lfs_pointer_saved_as_weights(folder: Path) -> None:
    keep_only(folder, "model.ckpt")
    (folder / "model.ckpt").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    assert "Git LFS" in refusal(folder)


class Trap:
    """Unpickling this writes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("legacy", [False, True])
def test_pickle_that_runs_code_is_not_run(folder: Path, tmp_path: Path, legacy: bool) -> None:
    keep_only(folder, "model.ckpt")
    sprung = tmp_path / "sprung"
    if legacy:
        (folder / "model.ckpt").write_bytes(pickle.dumps(Trap(sprung)))
    else:
        torch.save({"backbone.norm.weight": Trap(sprung)}, folder / "model.ckpt")
    message = refusal(folder)
    assert "more than weights" in message or "damaged" in message
    assert not sprung.exists()


@pytest.fixture(params=["2.6.0", "2.8.0+cu128", "2.9.1", "unknown"])
def old_torch(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A version of torch whose `weights_only` can be got around."""
    monkeypatch.setattr(torch, "__version__", request.param)
    return str(request.param)


def published_as(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the catalog name a file's size and hash for the published checkpoint."""
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    config, _ = TRIPOSR.files
    file = ModelFile(TRIPOSR.files[1].url, len(content), digest)
    changed = dataclasses.replace(TRIPOSR, files=(config, file))
    monkeypatch.setattr(checkpoint, "TRIPOSR", changed)


def test_old_torch_reads_no_other_checkpoint(folder: Path, monkeypatch, old_torch: str) -> None:
    keep_only(folder, "model.ckpt")
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("it was read"))
    with pytest.raises(ModelFilesError) as caught:
        load_model(folder, device="cpu")
    assert caught.value.message == (
        f"model.ckpt is not the published file, and torch {old_torch} cannot read others safely"
    )
    assert "safetensors" in caught.value.hint


def test_old_torch_reads_the_published_checkpoint(
    folder: Path, monkeypatch, old_torch: str
) -> None:
    keep_only(folder, "model.ckpt")
    published_as(folder / "model.ckpt", monkeypatch)
    assert load_model(folder, device="cpu")


def test_old_torch_notices_one_changed_byte(folder: Path, monkeypatch, old_torch: str) -> None:
    keep_only(folder, "model.ckpt")
    path = folder / "model.ckpt"
    published_as(path, monkeypatch)
    assert load_model(folder, device="cpu")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(0, 0))  # even if the clock did not advance
    assert "is not the published file" in refusal(folder)


@pytest.mark.parametrize("call", ["stat", "open"])
def test_a_share_that_goes_away(folder: Path, monkeypatch, call: str) -> None:
    """While the checkpoint is looked at for old torch; `open` is the hash's."""
    path = folder / "model.ckpt"
    published_as(path, monkeypatch)
    monkeypatch.setattr(torch, "__version__", "2.8.0+cu128")

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ESTALE, "Stale file handle")

    monkeypatch.setattr(Path, call, fail)
    with pytest.raises(ModelFilesError) as caught:
        checkpoint.read_weights(path)
    assert caught.value.message == "model.ckpt cannot be read: Stale file handle"
    assert "network drive" in caught.value.hint
    with pytest.raises(ModelFilesError) if call == "open" else nullcontext():
        checkpoint.reject_other_files(path)


def test_old_torch_reads_safetensors(folder: Path, monkeypatch) -> None:
    monkeypatch.setattr(torch, "__version__", "2.8.0+cu128")
    keep_only(folder, "model.safetensors")
    assert load_model(folder, device="cpu")


@pytest.mark.parametrize("version", ["2.10.0", "2.13.0+cpu", "3.0.1"])
def test_newer_torch_reads_any_checkpoint(folder: Path, monkeypatch, version: str) -> None:
    monkeypatch.setattr(torch, "__version__", version)
    keep_only(folder, "model.ckpt")
    assert load_model(folder, device="cpu")


def test_nothing_converts_or_imports_for_old_torch(
    folder: Path, tmp_path: Path, old_torch: str
) -> None:
    keep_only(folder, "model.ckpt")
    with pytest.raises(ModelFilesError, match="not the published file"):
        convert_to_half(folder / "model.ckpt", tmp_path / "half.safetensors")
    with pytest.raises(ModelFilesError, match="not the published file"):
        import_model(folder, tmp_path / "models")
    assert not (tmp_path / "half.safetensors").exists()
    assert not (tmp_path / "models").exists()


def test_weights_of_another_model(folder: Path) -> None:
    shutil.copy(STARTER_FOLDER / "model.safetensors", folder)
    assert "do not fit config.yaml" in refusal(folder)


@pytest.mark.parametrize("content", [[1, 2], {"a": 3}, {"a": torch.zeros(2, dtype=torch.int64)}])
def test_checkpoint_of_something_else(folder: Path, content: object) -> None:
    keep_only(folder, "model.ckpt")
    torch.save(content, folder / "model.ckpt")
    assert "not a checkpoint of TripoSR" in refusal(folder)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("num_layers: 2", "num_layers: two"),
        ("num_layers: 2", "num_layers: 99999999"),
        ("cond_image_size: 64", "cond_image_size: 60"),
        ("activation: silu", "activation: relu"),
        ("num_channels: 64", "num_channels: ${nowhere.at_all}"),
        ("cross_attention_dim: 48", "cross_attention_dim: 64"),
        ("decoder:", "renamed:"),
        ("cond_image_size: 64", "cond_image_size: [unclosed"),
        ("cond_image_size: 64", "cond_image_size: " + "[" * 5000),
        ("radius: 0.87", "radius: 0"),
        ("radius: 0.87", "radius: .nan"),
        ("density_bias: -1.0", "density_bias: .inf"),
    ],
)
def test_configuration_that_does_not_fit(folder: Path, old: str, new: str) -> None:
    path = folder / "config.yaml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    assert refusal(folder).startswith("config.yaml")


@pytest.mark.parametrize(
    "content", ["", "[]", "{", '{"model_type": "bert"}', '{"model_type": "vit"}']
)
def test_vit_configuration_that_does_not_fit(folder: Path, content: str) -> None:
    (folder / "vit" / "config.json").write_text(content)
    assert refusal(folder)


@pytest.mark.parametrize(
    "change",
    [
        {"num_attention_heads": 5},
        {"hidden_act": "foo"},
        {"layer_norm_eps": "small"},
        {"hidden_size": 64},
    ],
)
def test_vit_that_cannot_be_built(folder: Path, change: dict) -> None:
    path = folder / "vit" / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    assert refusal(folder)


def test_what_else_a_vit_configuration_says_is_ignored(folder: Path) -> None:
    path = folder / "vit" / "config.json"
    more = {"return_dict": False, "attn_implementation": "flash_attention_2", "auto_map": {}}
    path.write_text(json.dumps({**json.loads(path.read_text()), **more}))
    assert load_model(folder, device="cpu")


def test_loading_needs_no_network(folder: Path, monkeypatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network was reached for")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse, raising=False)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert load_model(folder, device="cpu")


def test_unknown_device_and_precision(tiny_folder: Path) -> None:
    with pytest.raises(InputError, match="device"):
        load_model(tiny_folder, device="abacus")
    with pytest.raises(InputError, match="precision"):
        load_model(tiny_folder, device="cpu", precision="fp3")


def test_starter_is_found_unless_there_are_weights(tiny_folder: Path, tmp_path: Path) -> None:
    assert find_model(None) == STARTER_FOLDER
    assert find_model(tmp_path) == STARTER_FOLDER
    assert find_model(tmp_path / "nowhere") == STARTER_FOLDER
    assert find_model(tiny_folder) == tiny_folder


def keep_only(folder: Path, name: str) -> None:
    for other in {"model.safetensors", "model.ckpt"} - {name}:
        (folder / other).unlink()
