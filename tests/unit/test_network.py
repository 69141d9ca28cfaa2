"""The network's shape: the published keys, every release of transformers, the configuration."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from triposr.inference import InputError, ModelFilesError
from triposr.inference.files.installation import PUBLISHED_CONFIG
from triposr.inference.machine.devices import choose_dtype
from triposr.inference.model.checkpoint import assign_weights, build_network
from triposr.inference.model.config import NetworkConfig, read_config
from triposr.inference.model.image_tokenizer import (
    POSITIONS,
    adapt_keys,
    published_to_renamed,
    resize_positions,
)
from triposr.inference.model.network import Model

DATA = Path(__file__).parent.parent / "data"


@pytest.fixture(scope="module")
def published() -> NetworkConfig:
    return read_config(PUBLISHED_CONFIG.parent)


@pytest.fixture
def published_state() -> dict[str, Tensor]:
    """The published checkpoint's keys and shapes, without its 1.7 GB."""
    shapes = json.loads((DATA / "published" / "keys.json").read_text())
    return {key: torch.empty(shape, device="meta") for key, shape in shapes.items()}


def test_the_configuration_is_the_published_one(published: NetworkConfig) -> None:
    digest = hashlib.sha256(PUBLISHED_CONFIG.read_bytes()).hexdigest()
    assert digest == "74ca708ce086bf68e97709ea6b3d91f14717921c04691e84043f0eb8fcc68e62"
    assert (published.image_size, published.plane_size, published.channels) == (512, 32, 1024)
    assert (published.blocks, published.heads, published.head_width) == (16, 16, 64)
    assert published.kernel_size == 2
    assert published.vit["layer_norm_eps"] == 1e-12


def test_all_published_keys_and_shapes_fit(published, published_state) -> None:
    network = build_network(published)
    assert len(published_state) == 549
    renamed = adapt_keys(published_state, set(network.state_dict()))
    assert set(renamed) == set(network.state_dict())
    for key, parameter in network.state_dict().items():
        if key != POSITIONS:  # the one table that is resized when it is loaded
            assert parameter.shape == renamed[key].shape, key
    assign_weights(network, published_state, published)
    assert sum(tensor.numel() for tensor in published_state.values()) == 419_275_628


@pytest.mark.parametrize("key", ["backbone.proj_in.weight", POSITIONS, "decoder.layers.18.bias"])
@pytest.mark.parametrize("damage", ["missing", "reshaped"])
def test_one_wrong_key_is_refused(published, published_state, key: str, damage: str) -> None:
    tensor = published_state.pop(key)
    if damage == "reshaped":
        published_state[key] = torch.empty((*tensor.shape, 2), device="meta")
    with pytest.raises(ModelFilesError, match="do not fit") as caught:
        assign_weights(build_network(published), published_state, published)
    assert key.rpartition(".")[0] in str(caught.value) or key in str(caught.value)


def test_an_unknown_key_is_refused(published, published_state) -> None:
    published_state["backbone.extra"] = torch.empty(1, device="meta")
    with pytest.raises(ModelFilesError, match="do not fit"):
        assign_weights(build_network(published), published_state, published)


def test_renames_of_transformers_5() -> None:
    prefix = "image_tokenizer.model."
    for old, new in {
        "encoder.layer.3.attention.attention.query.weight": "layers.3.attention.q_proj.weight",
        "encoder.layer.0.attention.output.dense.bias": "layers.0.attention.o_proj.bias",
        "encoder.layer.11.output.dense.weight": "layers.11.mlp.fc2.weight",
        "encoder.layer.1.intermediate.dense.weight": "layers.1.mlp.fc1.weight",
        "layernorm.weight": "layernorm.weight",
    }.items():
        assert published_to_renamed(prefix + old) == prefix + new
    assert published_to_renamed("decoder.layers.0.bias") == "decoder.layers.0.bias"


def test_positions_of_the_trained_size_stay_as_they_are() -> None:
    table = torch.randn(1, 17, 8)
    assert resize_positions(table, 4) is table
    assert resize_positions(table, 9).shape == (1, 82, 8)


def test_weights_are_mapped_and_not_copied(tiny_folder: Path) -> None:
    from triposr.inference.model.checkpoint import read_weights

    config = read_config(tiny_folder)
    network = build_network(config)
    assert all(parameter.is_meta for parameter in network.parameters())
    state = read_weights(tiny_folder / "model.safetensors")
    assign_weights(network, state, config)
    key = "backbone.proj_in.weight"
    assert network.state_dict()[key].data_ptr() == state[key].data_ptr()


def test_what_no_picture_changes_is_computed_once(tiny_folder: Path) -> None:
    from triposr.inference import load_model

    model = load_model(tiny_folder, device="cpu", precision="fp32")
    backbone = model.network.backbone
    attended: list[int] = []
    backbone.transformer_blocks[0].attn1.register_forward_hook(lambda *_: attended.append(1))
    rng = np.random.default_rng(1)
    for _ in range(3):
        code = model.encode(rng.random((64, 64, 3), np.float32))
    assert len(attended) == 1
    del model.network._begun
    rng = np.random.default_rng(1)
    again = [model.encode(rng.random((64, 64, 3), np.float32)) for _ in range(3)][-1]
    assert np.array_equal(again.planes, code.planes)
    assert len(attended) == 2


def test_beginning_early_changes_nothing(tiny: Model) -> None:
    network = tiny.network
    tokens, image_tokens = network.tokenizer(), torch.randn(1, 5, tiny.config.image_width)
    with torch.inference_mode():
        whole = network.backbone(tokens, image_tokens, lambda done: None)
        begun = network.backbone.begin(tokens)
        assert torch.equal(network.backbone(tokens, image_tokens, lambda done: None, begun), whole)


@pytest.mark.parametrize(
    ("avx512_bf16", "amx", "expected"),
    [(True, False, torch.bfloat16), (False, True, torch.bfloat16), (False, False, torch.float32)],
)
def test_automatic_precision_on_a_cpu(monkeypatch, avx512_bf16, amx, expected) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512_bf16, raising=False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx, raising=False)
    assert choose_dtype("auto", torch.device("cpu")) == expected
    assert choose_dtype("fp32", torch.device("cpu")) == torch.float32


@pytest.mark.parametrize(
    ("capability", "expected"), [((7, 5), torch.float32), ((8, 0), torch.bfloat16)]
)
def test_automatic_precision_on_a_gpu(monkeypatch, capability, expected) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert choose_dtype("auto", torch.device("cuda")) == expected
    assert choose_dtype("auto", torch.device("mps")) == torch.float32


def test_half_precision_gives_nearly_the_same_planes(tiny_folder: Path, tiny: Model) -> None:
    from triposr.inference import load_model

    rgb = np.random.default_rng(1).random((64, 64, 3), np.float32)
    half = load_model(tiny_folder, device="cpu", precision="bf16")
    assert half.dtype == torch.bfloat16
    exact, rounded = tiny.encode(rgb).planes, half.encode(rgb).planes
    assert rounded.dtype == np.float32
    assert 0 < np.abs(exact - rounded).mean() < 0.05 * np.abs(exact).mean()


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_the_decoder_stays_as_it_is(
    monkeypatch, tiny_folder: Path, tiny: Model, precision: str
) -> None:
    """Its values do, but not in the mapped file, which would stay open."""
    from triposr.inference import load_model
    from triposr.inference.model import checkpoint

    mapped = checkpoint.read_weights(tiny_folder / "model.safetensors")
    monkeypatch.setattr(checkpoint, "read_weights", lambda path: mapped)
    half = load_model(tiny_folder, device="cpu", precision=precision)
    kept = {tensor.data_ptr() for tensor in half.network.state_dict().values()}
    assert kept.isdisjoint(tensor.data_ptr() for tensor in mapped.values())
    assert {p.dtype for p in half.network.backbone.parameters()} == {half.dtype}
    for exact, kept in zip(
        tiny.network.decoder.to_numpy(), half.network.decoder.to_numpy(), strict=True
    ):
        assert np.array_equal(exact[0], kept[0]) and np.array_equal(exact[1], kept[1])


@pytest.mark.parametrize("shape", [(64, 32, 3), (64, 64), (64, 64, 4), (0, 0, 3)])
def test_encode_refuses_other_shapes(tiny: Model, shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="square RGB"):
        tiny.encode(np.zeros(shape, np.float32))


@pytest.mark.parametrize("value", [np.nan, np.inf, -0.5, 255])
def test_encode_refuses_other_values(tiny: Model, value: float) -> None:
    with pytest.raises(InputError, match="not from 0 to 1"):
        tiny.encode(np.full((8, 8, 3), value, np.float32))


def test_weights_that_are_not_finite(tiny_folder: Path) -> None:
    from triposr.inference import load_model

    broken = load_model(tiny_folder, device="cpu", precision="fp32")
    broken.network.post_processor.upsample.bias.data = torch.full((8,), torch.nan)
    with pytest.raises(ModelFilesError, match="not finite"):
        broken.encode(np.zeros((64, 64, 3), np.float32))


PRECISIONS = """
import sys
from types import SimpleNamespace
import numpy as np, torch
from triposr.inference import load_model
from triposr.inference.machine import devices
backends = torch.backends
newer = [backends.cudnn.conv, backends.cuda.matmul, backends.mkldnn.matmul]
def look():
    if sys.argv[2] == "older":
        return [str(backends.cudnn.allow_tf32), torch.get_float32_matmul_precision()]
    return [place.fp32_precision for place in newer]
exec(sys.argv[1])
if sys.argv[2] == "older":  # torch 2.8 has the older switches only
    devices.torch = SimpleNamespace(
        backends=SimpleNamespace(
            cudnn=type("", (), {"allow_tf32": property(
                lambda self: backends.cudnn.allow_tf32,
                lambda self, value: setattr(backends.cudnn, "allow_tf32", value),
            )})(),
        ),
        get_float32_matmul_precision=torch.get_float32_matmul_precision,
        set_float32_matmul_precision=torch.set_float32_matmul_precision,
    )
before, seen = look(), []
def tick(stage, fraction):
    seen.append(look())
    if len(seen) > 1:
        raise KeyboardInterrupt
context = devices.full_float32()
if sys.argv[2] == "older":
    with context:
        seen.append(look())
else:
    try:
        load_model(sys.argv[3], "cpu", "fp32").encode(np.full((64, 64, 3), 0.5, np.float32), tick)
    except KeyboardInterrupt:
        pass
print(before, seen[-1])
assert look() == before, look()
if sys.argv[1].startswith("backends.fp32"):
    backends.fp32_precision = "ieee"
    assert look() == ["ieee"] * 3, look()
"""


@pytest.mark.parametrize(
    ("kind", "setting", "before"),
    [
        ("newer", "backends.fp32_precision = 'tf32'", ["tf32", "tf32", "tf32"]),
        ("newer", "torch.set_float32_matmul_precision('medium')", ["tf32", "tf32", "bf16"]),
        ("older", "torch.set_float32_matmul_precision('medium')", ["True", "medium"]),
    ],
)
def test_encoding_computes_in_full_and_puts_the_settings_back(
    tiny_folder: Path, kind: str, setting: str, before: list[str]
) -> None:
    """Whatever another add-on has set; what torch will do on a GPU can be read without one."""
    if kind == "newer" and not hasattr(torch.backends.cudnn, "conv"):
        pytest.skip("torch before 2.9 has the older switches only")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PRECISIONS, setting, kind, str(tiny_folder)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    full = ["ieee"] * 3 if kind == "newer" else ["False", "highest"]
    assert done.stdout.strip() == f"{before} {full}"


def test_encode_ticks_between_blocks_and_can_be_left(tiny: Model) -> None:
    class LeaveError(Exception):
        pass

    seen: list[float] = []

    def tick(stage: str, fraction: float) -> None:
        assert stage == "encode"
        seen.append(fraction)
        if len(seen) == 3:
            raise LeaveError

    rgb = np.zeros((64, 64, 3), np.float32)
    with pytest.raises(LeaveError):
        tiny.encode(rgb, tick)
    assert seen == sorted(seen)
    layers: list[float] = []
    tiny.encode(rgb, lambda _, fraction: layers.append(fraction))
    assert len(layers) == 2 + 2, "one before each layer of the ViT and each block of the backbone"
    tiny.encode(rgb)
    assert len(layers) == 4, "a later run does not report to an earlier listener"


PARITY = """
import numpy, transformers
from triposr.inference import load_model
golden = numpy.load({golden!r})
model = load_model({folder!r}, device="cpu", precision="fp32")
code = model.encode(golden["model_input0"].astype("f4") / 255)
expected = golden["scene_codes"][0]
print(transformers.__version__, abs(code.planes - expected).max() / abs(expected).max())
"""


@pytest.mark.parametrize("release", ["4.45", "5"])
def test_other_releases_of_transformers(release: str, tiny_folder: Path) -> None:
    folder = installed_release(release)
    script = PARITY.format(golden=str(tiny_folder / "golden.npz"), folder=str(tiny_folder))
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    version, difference = done.stdout.split()
    assert version.startswith(f"{release}.")
    assert float(difference) < 1e-4


def installed_release(release: str) -> Path:
    """A folder with another release of transformers, installed once and kept between runs."""
    lock = Path(__file__).parents[2] / "requirements" / f"transformers-{release}.txt"
    cache = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "triposr-blender"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:12]
    folder = cache / f"transformers-{release}-{digest}"
    if not folder.is_dir():
        partial = folder.with_name(f"{folder.name}-{os.getpid()}.partial")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
        command += ["--require-hashes", "--target", str(partial), "-r", str(lock)]
        subprocess.run(command, check=True)
        partial.rename(folder)
    return folder
