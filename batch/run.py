"""Settings that all pictures of a run have in common. No Ray, no torch at import, no bpy."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ..inference.errors import InputError
from ..inference.files.download import sha256
from ..inference.model.weights import STARTER_FOLDER, find_model, weights_file
from ..inference.picture.matting import matting_model_file
from ..inference.types import Options, ignore_progress
from ..settings import AFTER_TEXTURE
from .rows import FORMAT, RUN
from .storage import Folder

SHARD_FROM = 4096
"""Number of pictures from which the objects lie in subfolders: file managers and object storages
show a folder of more slowly."""


@dataclass(frozen=True)
class Run:
    """The settings of a run, which go to every worker.

    Attributes:
        output: Path or URL of the output folder.
        settings: Values of settings.OBJECT, by name.
        model: Folder of the model; empty for the starter model that each machine's package brings.
        weights: SHA-256 of the model's weights, which each worker compares.
        image_size: Side of the network's input, in pixels, to which larger pictures are reduced
            before they travel; 0 leaves that to the network.
        matting_folder: See `Options.matting_folder`; empty for rembg's own.
        matting: Name of the matting model that every machine must use; empty if it must have none.
        device, precision: See `load_model`.
        threads: CPU threads of each worker that runs the network.
        keeps_codes: Whether to write scene codes.
        is_sharded: Whether files lie in subfolders.
    """

    output: str
    settings: Mapping[str, Any]
    model: str
    weights: str
    image_size: int = 0
    matting_folder: str = ""
    matting: str = ""
    device: str = "auto"
    precision: str = "auto"
    threads: int = 1
    keeps_codes: bool = True
    is_sharded: bool = False

    @property
    def model_folder(self) -> Path:
        """The model's folder on this machine."""
        return Path(self.model) if self.model else STARTER_FOLDER

    @property
    def weights_path(self) -> Path:
        """The file that `load_model` reads the weights from; raises ModelFilesError."""
        return weights_file(self.model_folder, exact=self.precision == "fp32")

    @property
    def texture_size(self) -> int:
        """Side of the textures, in texels; 0 for vertex colors."""
        size = self.settings[AFTER_TEXTURE.name]
        return 0 if size == "none" else int(size)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the settings."""
        return hashlib.sha256(json.dumps(dict(self.settings), sort_keys=True).encode()).hexdigest()

    @property
    def options(self) -> Options:
        """The settings of the reconstruction.

        Raises:
            InputError: A value is out of its range.
        """
        names = {field.name for field in fields(Options)} & self.settings.keys()
        folder = Path(self.matting_folder) if self.matting_folder else None
        return Options(**{name: self.settings[name] for name in names}, matting_folder=folder)

    def note(self, folder: Folder) -> Run:
        """Write into the output folder what its objects have in common.

        Returns:
            The run, whose files lie where those of earlier runs do.

        Raises:
            InputError: The folder holds objects made with other settings or weights.
            WriteError: Nothing can be written.
        """
        mine = {
            "format": FORMAT,
            "settings": dict(self.settings),
            "digest": self.digest,
            "weights": self.weights,
            "model": self.model_folder.name,
            "is_draft": not self.model,
            "matting": self.matting,
            "precision": self.precision,
            "is_sharded": self.is_sharded,
        }
        content = folder.read(RUN)
        if content is not None:
            theirs = _parsed(content, folder)
            _compare(theirs, mine, folder)
            # In another place, the file of a changed picture would stay beside the new one.
            mine["is_sharded"] = bool(theirs.get("is_sharded", self.is_sharded))
        folder.write(RUN, json.dumps(mine, indent=1).encode())
        return replace(self, is_sharded=bool(mine["is_sharded"]))


def _parsed(content: bytes, folder: Folder) -> dict[str, Any]:
    try:
        theirs = json.loads(content)
        if theirs["format"] == FORMAT:
            dict(theirs["settings"]), str(theirs["weights"])
            return dict(theirs)
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            "{name} in {place} is damaged", "Choose another folder", name=RUN, place=folder.place
        ) from error
    raise InputError(
        "{place} was written by another version",
        "Choose another folder, or the version that wrote it",
        place=folder.place,
    )


def _compare(theirs: dict[str, Any], mine: dict[str, Any], folder: Folder) -> None:
    """Refuse to mix objects of different settings in one folder."""
    names = theirs["settings"].keys() | mine["settings"].keys()
    unlike = [
        f"{name} {theirs['settings'].get(name)} and not {mine['settings'].get(name)}"
        for name in sorted(names)
        if theirs["settings"].get(name) != mine["settings"].get(name)
    ]
    if theirs.get("precision", mine["precision"]) != mine["precision"]:
        unlike.append(f"the precision {theirs['precision']} and not {mine['precision']}")
    if theirs.get("matting", mine["matting"]) != mine["matting"]:
        names = [each["matting"] or "none" for each in (theirs, mine)]
        unlike.append(f"the matting model {names[0]} and not {names[1]}")
    if theirs["weights"] != mine["weights"]:
        unlike.append(f"the model {theirs.get('model')}, with other weights")
    if unlike:
        raise InputError(
            "{place} holds objects that were made with {unlike}",
            "Choose another output folder, or the same settings",
            place=folder.place,
            unlike=", ".join(unlike),
        )


def matting_model_of(options: Options) -> str:
    """Return the name of the matting model that this machine would use; empty if it uses none."""
    if options.background not in ("auto", "model"):
        return ""
    file = matting_model_file(options)
    return file.stem if file is not None else ""


def chosen_model(folder: str, precision: str = "auto") -> tuple[str, str]:
    """Return the folder of the model, empty for the starter model, and its weights' SHA-256.

    Args:
        folder: The folder asked for; empty for the best model on this machine.
        precision: See `load_model`, which reads the exact weights for `fp32`.

    Raises:
        ModelFilesError: The folder holds no weights.
    """
    path = Path(folder).expanduser().absolute() if folder else find_model(None)
    weights = weights_file(path, exact=precision == "fp32")
    return ("" if path == STARTER_FOLDER else str(path)), sha256(weights, ignore_progress)
