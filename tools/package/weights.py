"""The published weights as a full zip brings them: checked, and half as large."""

from __future__ import annotations

import shutil
from pathlib import Path

from triposr.inference.catalog import TRIPOSR
from triposr.inference.conversion import convert_to_half
from triposr.inference.errors import TripoSRError
from triposr.inference.installation import import_model
from triposr.inference.weights import WEIGHTS_NAMES, weights_file

HALF, ORIGINAL = WEIGHTS_NAMES

LICENSE = Path(__file__).parent / "license-texts" / "triposr-weights.txt"


def bundle_weights(source: Path, folder: Path) -> Path:
    """Put TripoSR's files of `source` into `folder`, the weights in half precision; returns it.

    Args:
        source: A folder with config.yaml and the weights, or the weights alone.

    Raises:
        RuntimeError: They are missing, damaged, or not TripoSR's.
    """
    try:
        label = import_model(source, folder)
        if label != TRIPOSR.label:
            raise RuntimeError(f"{source} holds {label}, not TripoSR")
        weights = weights_file(folder)
        if weights.name == ORIGINAL:
            convert_to_half(weights, folder / HALF)
            weights.unlink()
    except TripoSRError as error:
        raise RuntimeError(str(error)) from error
    for leftover in folder.rglob("*.lock"):
        leftover.unlink()
    shutil.copyfile(LICENSE, folder / "LICENSE.txt")
    return folder
