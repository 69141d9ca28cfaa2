"""Locations of a model's files on this machine. No torch."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import ModelFilesError
from ..message import Message
from .catalog import cached_triposr

WEIGHTS_NAMES = ("model.safetensors", "model.ckpt")
"""File names of weights, preferred first: safetensors needs no trust and loads faster, and weights
that the add-on converted are half as large."""

STARTER_FOLDER = Path(__file__).resolve().parents[2] / "models" / "starter"
"""The small model that ships with the add-on."""

BUNDLED_FOLDER = STARTER_FOLDER.with_name("triposr")
"""The published model, in zips built with it."""


def weights_file(folder: Path, exact: bool = False) -> Path:
    """Return the path of the weights in `folder`.

    Args:
        folder: The folder of one model.
        exact: Whether to prefer the published weights to the converted ones of half the size.

    Raises:
        ModelFilesError: The folder or the weights are missing, or the folder cannot be read.
    """
    try:
        os.listdir(folder)
    except OSError as error:
        problem = Message("The model folder {folder!r} may not be read", folder=folder.name)
        if isinstance(error, FileNotFoundError):
            problem = Message("The model folder {folder!r} does not exist", folder=folder.name)
        elif isinstance(error, NotADirectoryError):
            problem = Message("The model folder {folder!r} is not a folder", folder=folder.name)
        raise ModelFilesError(
            problem, "Choose the folder that holds config.yaml and the weights"
        ) from error
    for name in reversed(WEIGHTS_NAMES) if exact else WEIGHTS_NAMES:
        if (folder / name).is_file():
            return folder / name
    raise ModelFilesError(
        "There are no weights in the model folder {folder!r}",
        "Put {this} or {that} beside config.yaml",
        folder=folder.name,
        this=WEIGHTS_NAMES[0],
        that=WEIGHTS_NAMES[1],
    )


def is_bundled() -> bool:
    """Return whether the published weights came with the add-on's zip."""
    return _has_weights(BUNDLED_FOLDER)


def find_model(folder: Path | None) -> Path:
    """Return the folder to load the model from.

    It is the first of these that holds weights: `folder`, the folder of the published model that
    came with the add-on, the cache of Hugging Face's tools, the folder of the starter model.

    Damaged weights are still chosen, so that loading them reports what is wrong instead of quietly
    using the starter model.
    """
    if folder is not None and _has_weights(folder):
        return folder
    if is_bundled():
        return BUNDLED_FOLDER
    return cached_triposr() or STARTER_FOLDER


def _has_weights(folder: Path) -> bool:
    # Unlike pathlib, os.path returns False for a share that does not answer.
    return any(os.path.isfile(folder / name) for name in WEIGHTS_NAMES)
