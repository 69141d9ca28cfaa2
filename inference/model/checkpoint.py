"""Loading of a model from `config.yaml` and weights: safe, strict, memory-mapped, offline."""

from __future__ import annotations

import hashlib
import logging
import pickle
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from ..errors import ModelFilesError
from ..machine.devices import check_memory, choose_device, choose_dtype, memory_errors
from ..message import Message
from ..types import Tick, ignore_progress
from .catalog import TRIPOSR
from .config import REDOWNLOAD, NetworkConfig, read_config
from .image_tokenizer import POSITIONS, adapt_keys, resize_positions
from .network import Model, Network
from .weights import weights_file

log = logging.getLogger(__name__)

HEADROOM = 1.5
"""Free memory that a device must have, divided by the size of the weights: the tokens of a picture
and the blocks of an extraction take the rest."""


SAFE_TORCH = (2, 10)
"""The first release of torch in which `weights_only` holds."""


def load_model(
    folder: Path | str, device: str = "auto", precision: str = "auto", tick: Tick | None = None
) -> Model:
    """Load the model in `folder`.

    Args:
        folder: Folder with `config.yaml`, `model.safetensors` or `model.ckpt` in the published
            format, and `vit/config.json` unless the ViT is the published one.
        device: `auto`, `cpu`, `cuda`, `cuda:1`, `xpu` or `mps`.
        precision: `auto`, `fp32`, `bf16` or `fp16`.
        tick: Called with the stage `load`.

    Raises:
        ModelFilesError: A file is missing, damaged, hostile, or does not fit the configuration.
        DeviceError: The device does not work or has too little memory.
        DependencyError: transformers cannot be imported.
    """
    tick = tick or ignore_progress
    started = time.perf_counter()
    folder = Path(folder)
    weights = weights_file(folder, exact=precision == "fp32")
    reject_other_files(weights)
    config = read_config(folder)
    chosen_device = choose_device(device)
    dtype = choose_dtype(precision, chosen_device)
    tick("load", 0.1)
    with memory_errors(Message("loading the model")):
        network = build_network(config)
        tick("load", 0.5)
        assign_weights(network, read_weights(weights), config)
        tick("load", 0.8)
        weights_bytes = dtype.itemsize * sum(p.numel() for p in network.parameters())
        check_memory(chosen_device, int(HEADROOM * weights_bytes))
        move_network(network, chosen_device, dtype)
    tick("load", 1.0)
    log.info(
        "Loaded %s on %s in %s: %.2f s",
        weights.name,
        chosen_device,
        str(dtype).removeprefix("torch."),
        time.perf_counter() - started,
    )
    return Model(network=network, config=config, device=chosen_device, dtype=dtype)


def move_network(network: Network, device: torch.device, dtype: torch.dtype) -> None:
    """Move a network to its device and prepare it for inference; the decoder stays in float32.

    The decoder is small and becomes part of the scene codes: rounding it would move every surface.
    """
    for name, part in network.named_children():
        part.to(device, torch.float32 if name == "decoder" else dtype)
    if dtype != torch.float32:
        # All other tensors were copied. One tensor left in the mapped file would keep it open.
        for parameter in network.decoder.parameters():
            parameter.data = parameter.data.clone()
    network.eval().requires_grad_(False)


def build_network(config: NetworkConfig) -> Network:
    """Build the network on the meta device: shapes only, without memory or random numbers.

    Raises:
        ModelFilesError: The configuration does not describe a network.
    """
    try:
        with torch.device("meta"):
            return Network(config)
    except Exception as error:  # transformers raises all kinds of errors for a bad configuration
        raise ModelFilesError(
            "The configuration does not describe a network ({kind}: {error})",
            REDOWNLOAD,
            kind=type(error).__name__,
            error=str(error),
        ) from error


def assign_weights(network: Network, state: dict[str, Tensor], config: NetworkConfig) -> None:
    """Assign weights to a network on the meta device without a copy; keys and shapes must match.

    Args:
        network: From `build_network`.
        state: Weights under their published names.
        config: The configuration that the network was built from.

    Raises:
        ModelFilesError: A key is missing or unknown, or a shape differs.
    """
    if POSITIONS in state:
        grid = config.image_size // config.vit["patch_size"]
        state = {**state, POSITIONS: _resized(state[POSITIONS], grid, config)}
    state = adapt_keys(state, set(network.state_dict()))
    try:
        network.load_state_dict(state, strict=True, assign=True)
    except RuntimeError as error:
        log.error("The weights do not fit: %s", error)
        raise ModelFilesError(
            "The weights do not fit config.yaml ({problem})",
            REDOWNLOAD,
            problem=_first_problem(error),
        ) from error


def _resized(positions: Tensor, grid: int, config: NetworkConfig) -> Tensor:
    trained_grid = config.vit["image_size"] // config.vit["patch_size"]
    expected = (1, trained_grid**2 + 1, config.vit["hidden_size"])
    if tuple(positions.shape) != expected:
        raise ModelFilesError(
            "The weights do not fit config.yaml ({name} is {shape} instead of {expected})",
            REDOWNLOAD,
            name=POSITIONS,
            shape=str(tuple(positions.shape)),
            expected=str(expected),
        )
    return resize_positions(positions, grid)


def _first_problem(error: RuntimeError) -> str:
    """Return the first key in torch's complaint: missing, unknown or of the wrong shape."""
    text = str(error)
    for kind in ("Missing key", "Unexpected key", "size mismatch for"):
        if found := re.search(kind + r'[^"\n]*?"?([\w]+\.[\w.]+)', text):
            return f"{kind.lower().removesuffix(' for')}: {found[1].rstrip('.')}"
    return Message("see the log")


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a checkpoint, memory-mapped, on the CPU. No code in the file ever runs.

    Raises:
        ModelFilesError: The file is damaged, is no checkpoint, holds more than tensors, or may not
            be read by this torch.
    """
    if path.suffix != ".safetensors":
        _reject_for_old_torch(path)
    try:
        if path.suffix == ".safetensors":
            state = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", mmap=True, weights_only=True)
    except pickle.UnpicklingError as error:
        raise ModelFilesError(
            "{name} holds more than weights, and none of it was run",
            "Delete the file and fetch the published weights",
            name=path.name,
        ) from error
    except MemoryError:
        raise
    except Exception as error:  # the readers raise nearly anything for a damaged file
        log.info("Cannot read %s: %r", path.name, error)
        raise ModelFilesError(
            "{name} is damaged or incomplete", REDOWNLOAD, name=path.name
        ) from error
    is_one = isinstance(state, dict) and all(
        isinstance(tensor, Tensor) and tensor.is_floating_point() for tensor in state.values()
    )
    if not is_one:
        raise ModelFilesError("{name} is not a checkpoint of TripoSR", REDOWNLOAD, name=path.name)
    return state


def _reject_for_old_torch(path: Path) -> None:
    """Reject a checkpoint other than the published one if torch cannot keep its code from running.

    Before torch 2.10, a hostile file can get around `weights_only` (CVE-2026-24747).

    Raises:
        ModelFilesError: torch is older, and the file is not the published one or cannot be read.
    """
    version = re.match(r"(\d+)\.(\d+)", torch.__version__)
    if version and tuple(map(int, version.groups())) >= SAFE_TORCH:
        return
    [published] = (file for file in TRIPOSR.files if file.name.endswith(".ckpt"))
    with _disk_errors(path):
        status = path.stat()
        # Hashing 1.7 GB takes seconds, so only a file of the right size is hashed, and once.
        is_published = status.st_size == published.size and (
            _sha256(path, status.st_ino, status.st_size, status.st_mtime_ns) == published.sha256
        )
    if not is_published:
        raise ModelFilesError(
            "{name} is not the published file, and torch {version} cannot read others safely",
            "Convert it to safetensors with torch 2.10 or newer, or use the published weights",
            name=path.name,
            version=torch.__version__,
        )


@contextmanager
def _disk_errors(path: Path) -> Iterator[None]:
    """Turn the errors of a disk, or of a share that goes away, into a `ModelFilesError`."""
    try:
        yield
    except OSError as error:
        raise ModelFilesError(
            "{name} cannot be read: {reason}",
            "Check that the disk or network drive of the model folder is connected, and try again",
            name=path.name,
            reason=error.strerror or str(error),
        ) from error


@lru_cache(maxsize=4)
def _sha256(path: Path, *identity: int) -> str:
    """Return the hash of a file's content, hexadecimal; `identity` changes when the file does."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def reject_other_files(path: Path) -> None:
    """Reject the two files most often saved under the weights' name by mistake.

    Raises:
        ModelFilesError: The file is a web page or a Git LFS pointer, or cannot be read.
    """
    with _disk_errors(path), path.open("rb") as file:
        start = file.read(256).lstrip().lower()
    if start.startswith(b"<"):
        raise ModelFilesError(
            "{name} is a web page, not the weights",
            "Delete it and download the file itself, not the page that shows it",
            name=path.name,
        )
    if start.startswith(b"version https://git-lfs"):
        raise ModelFilesError(
            "{name} is only a Git LFS pointer to the weights",
            "Delete it and download the file itself",
            name=path.name,
        )
