"""Where a model's files lie on this machine. No torch."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import ModelFilesError
from ..message import Message
from .catalog import cached_triposr

WEIGHTS_NAMES = ("model.safetensors", "model.ckpt")
"""Names of the weights, preferred first: safetensors needs no trust and loads faster, and what the
add-on converts is half as large."""

STARTER_FOLDER = Path(__file__).resolve().parents[2] / "models" / "starter"
"""The small model that ships with the add-on."""

BUNDLED_FOLDER = STARTER_FOLDER.with_name("triposr")
"""The published model, in zips that were built with it."""


def weights_file(folder: Path, exact: bool = False) -> Path:
    """The weights in `folder`.

    Args:
        folder: Of one model.
        exact: Prefer the weights as they were published to those that are half as large.

    Raises:
        ModelFilesError: The folder or the weights are missing, or may not be read.
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
    """Whether the published weights came with the add-on's zip."""
    return _has_weights(BUNDLED_FOLDER)


def find_model(folder: Path | None) -> Path:
    """The folder to load from: `folder` if any weights lie in it, else what came with the add-on,
    else where Hugging Face's tools have left the published weights on this machine, else the
    starter model's.

    Weights that are damaged are still chosen, so that loading them says what is wrong with them
    instead of quietly giving a draft.
    """
    if folder is not None and _has_weights(folder):
        return folder
    if is_bundled():
        return BUNDLED_FOLDER
    return cached_triposr() or STARTER_FOLDER


def _has_weights(folder: Path) -> bool:
    # os.path: a share that does not answer is as one that is not there.
    return any(os.path.isfile(folder / name) for name in WEIGHTS_NAMES)
