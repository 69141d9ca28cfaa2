"""Installation of models on this machine: download, copy from a disk, removal. No torch."""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from ..errors import ModelFilesError, import_network_packages
from ..model.catalog import MATTING_MODELS, TRIPOSR, PublishedModel, at_mirror
from ..model.weights import WEIGHTS_NAMES, weights_file
from ..types import Tick, ignore_progress
from .download import CHUNK, check_space, disk_errors, fetch, only_one, sha256

log = logging.getLogger(__name__)

CONFIG = "config.yaml"
VIT_CONFIG = Path("vit") / "config.json"

SMALL = 100_000
"""Size in bytes up to which a file is not worth a progress bar of its own."""

PUBLISHED_CONFIG = Path(__file__).resolve().parents[1] / "model" / "published" / CONFIG
"""The configuration of the published weights, for an import of the weights alone."""


def is_installed(model: PublishedModel, folder: Path) -> bool:
    """Return whether a folder holds the model; False if the folder (a share) does not answer."""
    if model.name == TRIPOSR.name:
        is_weights_there = any(os.path.isfile(folder / name) for name in WEIGHTS_NAMES)
        return os.path.isfile(folder / CONFIG) and is_weights_there
    return all(os.path.isfile(folder / file.name) for file in model.files)


def install(
    model: PublishedModel,
    folder: Path,
    hub: str = "",
    github: str = "",
    keep_original: bool = False,
    tick: Tick | None = None,
    let_go: Callable[[], object] = gc.collect,
) -> Path:
    """Download a model, verify it, and convert TripoSR's weights to half their size.

    Args:
        model: A model of the catalog.
        folder: Folder for models; created if it does not exist.
        hub, github: Mirrors; see `at_mirror`.
        keep_original: Whether to keep the published checkpoint too, for exact results.
        tick: Called with the stages `download`, `verify` and `convert`; raises to stop.
        let_go: Called before a file is replaced or deleted, to release it: Windows refuses both for
            a mapped file, and a loaded model's file is mapped.

    Returns:
        `folder`.

    Raises:
        DownloadError, DependencyError: See `fetch`.
        ModelFilesError: The weights are damaged or do not fit their configuration.
    """
    tick = tick or ignore_progress
    is_triposr = model.name == TRIPOSR.name
    if is_triposr and is_installed(model, folder) and _is_converted(folder, keep_original):
        return folder
    for file in model.files:
        fetch(at_mirror(file, hub, github), folder, tick if file.size > SMALL else _quiet(tick))
    if is_triposr:
        if str(VIT_CONFIG) not in {file.name for file in model.files}:
            _forget_vit(folder)
        _convert(folder, keep_original, tick, let_go)
    return folder


def needs_conversion(folder: Path) -> bool:
    """Return whether a folder holds the published weights as downloaded, but not converted."""
    half, original = (folder / name for name in WEIGHTS_NAMES)
    sizes = {file.size for file in TRIPOSR.files}
    is_original = os.path.isfile(original) and os.path.getsize(original) in sizes
    return is_original and not os.path.isfile(half)


def _is_converted(folder: Path, keep_original: bool) -> bool:
    half, original = (folder / name for name in WEIGHTS_NAMES)
    return half.is_file() and (original.is_file() or not keep_original)


def _forget_vit(folder: Path) -> None:
    """Delete the ViT configuration of the model that was in the folder before."""
    with disk_errors(folder):
        (folder / VIT_CONFIG).unlink(missing_ok=True)


def _quiet(tick: Tick) -> Tick:
    """Wrap the tick so that a file shows no progress but can still be stopped."""
    return lambda stage, fraction: tick("download", 0.0)


def _convert(folder: Path, keep_original: bool, tick: Tick, let_go: Callable[[], object]) -> None:
    half, original = (folder / name for name in WEIGHTS_NAMES)
    import_network_packages()
    conversion = import_module("..model.conversion", __package__)
    with disk_errors(folder), only_one(half):
        conversion.check_weights(original, folder)
        check_space(folder, half.name, original.stat().st_size // 2)
        let_go()
        conversion.convert_to_half(original, half, tick)
        if not keep_original:
            let_go()
            try:
                original.unlink()
            except PermissionError as error:  # on Windows, a task has mapped it meanwhile
                log.warning("%s could not be deleted: %s", original.name, error)


def import_model(
    source: Path,
    folder: Path,
    tick: Tick | None = None,
    let_go: Callable[[], object] = gc.collect,
) -> str:
    """Copy a model from a disk, for machines without a network.

    Args:
        source: A folder with TripoSR's files, TripoSR's weights alone, or a matting model's .onnx
            file under any name.
        folder: Folder for models.
        tick: Called with the stages `copy` and `verify`; raises to stop.
        let_go: See `install`.

    Returns:
        The label of the model that was found.

    Raises:
        ModelFilesError: There is no model, or the add-on cannot use it.
        DownloadError: The disk is full, or a file cannot be read or written.
        DependencyError: torch or transformers cannot be imported.
    """
    tick = tick or ignore_progress
    if not source.exists():
        raise ModelFilesError(
            "{name} does not exist", "Choose a file or a folder", name=source.name
        )
    with disk_errors(folder):
        if source.suffix.lower() == ".onnx":
            model = _recognized(source, tick)
            copy_file(source, folder / model.files[0].name, tick)
            return model.label
        _import_triposr(source, folder, tick, let_go)
        return TRIPOSR.label


def _recognized(source: Path, tick: Tick) -> PublishedModel:
    """Return the matting model that a file contains, recognized by its content."""
    sizes = {model.files[0].size for model in MATTING_MODELS}
    digest = sha256(source, tick) if source.stat().st_size in sizes else ""
    for model in MATTING_MODELS:
        if model.files[0].sha256 == digest:
            return model
    raise ModelFilesError(
        "{name} is none of the matting models that the add-on knows, or is damaged",
        "Choose one of {names}",
        name=source.name,
        names=", ".join(model.files[0].name for model in MATTING_MODELS),
    )


def _import_triposr(source: Path, folder: Path, tick: Tick, let_go: Callable[[], object]) -> None:
    weights = weights_file(source) if source.is_dir() else source
    if weights.suffix.lower() not in (".ckpt", ".safetensors"):
        raise ModelFilesError(
            "{name} is no model",
            "Choose a folder with weights, or a weights file",
            name=source.name,
        )
    import_network_packages()
    conversion = import_module("..model.conversion", __package__)
    config = weights.with_name(CONFIG)
    if not config.is_file():
        config = PUBLISHED_CONFIG
    weights_name = f"model{weights.suffix.lower()}"
    described = {CONFIG: config}
    if (vit := weights.parent / VIT_CONFIG).is_file():
        described[str(VIT_CONFIG)] = vit
    conversion.check_weights(weights, config.parent)
    target = folder / weights_name
    if target.exists() and target.samefile(weights):
        return  # The model is already installed.
    let_go()
    # Copy the weights first: until they are complete, nothing else changes. The rest takes no time.
    copy_file(weights, target, tick)
    for name, file in described.items():
        copy_file(file, folder / name, ignore_progress)
    if str(VIT_CONFIG) not in described:
        _forget_vit(folder)
    # Other weights from before could be preferred to the new ones.
    for name in WEIGHTS_NAMES:
        if name != weights_name:
            (folder / name).unlink(missing_ok=True)


def copy_file(source: Path, target: Path, tick: Tick) -> None:
    """Copy a file, whole or not at all; raises OSError and DownloadError."""
    if target.exists() and target.samefile(source):
        return
    size = source.stat().st_size
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(target.name + ".copy")  # Downloads use .part.
    check_space(target.parent, source.name, size)
    with only_one(target):
        try:
            with source.open("rb") as reading, partial.open("wb") as writing:
                while chunk := reading.read(CHUNK):
                    writing.write(chunk)
                    tick("copy", writing.tell() / size)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)


def remove(model: PublishedModel, folder: Path) -> int:
    """Delete a model and leftovers of its unfinished download; return the number of bytes freed.

    Raises:
        DownloadError: A file cannot be deleted.
    """
    names = {file.name for file in model.files}
    if model.name == TRIPOSR.name:
        names |= {*WEIGHTS_NAMES, str(VIT_CONFIG)}
    freed = 0
    with disk_errors(folder):
        # Delete the weights first: a configuration alone does not count as a model.
        for name in sorted(names, key=lambda name: name not in WEIGHTS_NAMES):
            for path in (folder / name, folder / f"{name}.part", folder / f"{name}.lock"):
                if path.is_file():
                    freed += path.stat().st_size
                    path.unlink()
    log.info("Removed %s: %d MB", model.label, freed // 1_000_000)
    return freed
