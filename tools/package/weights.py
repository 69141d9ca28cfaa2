"""Prepare the published weights for a full zip: verified, and converted to half their size."""

from __future__ import annotations

import shutil
from pathlib import Path

from triposr.inference.errors import TripoSRError
from triposr.inference.files.download import sha256
from triposr.inference.files.installation import import_model
from triposr.inference.model.catalog import TRIPOSR
from triposr.inference.model.conversion import convert_to_half
from triposr.inference.model.weights import WEIGHTS_NAMES
from triposr.inference.types import ignore_progress

HALF, ORIGINAL = WEIGHTS_NAMES

PUBLISHED = next(file.sha256 for file in TRIPOSR.files if file.name == ORIGINAL)
"""SHA-256 of the published weights, the only ones that may go into a full zip."""

LICENSE = Path(__file__).parent / "license-texts" / "triposr-weights.txt"


def bundle_weights(source: Path, folder: Path) -> Path:
    """Put TripoSR's files of `source` into `folder`, the weights in half precision; return it.

    Args:
        source: The published model.ckpt, or a folder with it.
        folder: The folder to fill.

    Raises:
        RuntimeError: model.ckpt is missing, damaged or another file.
    """
    try:
        original = source / ORIGINAL if source.is_dir() else source
        if not original.is_file() or sha256(original, ignore_progress) != PUBLISHED:
            raise RuntimeError(f"{original} is not the {ORIGINAL} that TripoSR's authors published")
        import_model(original, folder)
        convert_to_half(folder / ORIGINAL, folder / HALF)
        (folder / ORIGINAL).unlink()
    except TripoSRError as error:
        raise RuntimeError(str(error)) from error
    for leftover in folder.rglob("*.lock"):
        leftover.unlink()
    shutil.copyfile(LICENSE, folder / "LICENSE.txt")
    return folder
