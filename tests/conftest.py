"""Fixtures for tests of all kinds: the add-on's zip, and an object of known shape and color."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from background import ZIP
from build import build
from numpy.typing import NDArray

if TYPE_CHECKING:
    from solids import Solid


@pytest.fixture(scope="session")
def extension(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip under test: the one named by TRIPOSR_ZIP, else one built from this checkout.

    It is built once: `tools/background.py`, run by a test, installs the same.
    """
    if ZIP not in os.environ:
        os.environ[ZIP] = str(build(tmp_path_factory.mktemp("extension")))
    return Path(os.environ[ZIP])


@pytest.fixture(scope="session")
def steps() -> Solid:
    """Three blocks in the model's frame, no two sides alike.

    Seen from the camera on +X: a high red one on the left, a blue one half as high on the right,
    and a low green one in front of that.
    """
    # Imported here: only some tests need numba, whose import takes a second.
    from objects import normalized
    from primitives import BOX
    from solids import Part, Solid

    red, green, blue = (0.75, 0.15, 0.12), (0.15, 0.6, 0.2), (0.15, 0.25, 0.75)
    blocks = (
        ((0.3, 0.25, 0.55), (0.0, -0.25, 0.55), red),
        ((0.3, 0.25, 0.25), (0.0, 0.25, 0.25), blue),
        ((0.15, 0.15, 0.15), (0.35, 0.25, 0.15), green),
    )
    parts = [
        Part(BOX, (*half, 0.03), np.array(center), color=color) for half, center, color in blocks
    ]
    return Solid.pack("steps", normalized(parts))


@pytest.fixture(scope="session")
def by_color() -> Callable[[NDArray, NDArray], list[NDArray]]:
    """Parts points (V, 3) by their colors (V, 3): mostly red, green, and blue ones."""

    def part(points: NDArray, colors: NDArray) -> list[NDArray]:
        chroma = colors - colors.mean(axis=1, keepdims=True)
        strongest = np.where(chroma.max(axis=1) > 0.1, chroma.argmax(axis=1), -1)
        return [points[strongest == channel] for channel in range(3)]

    return part
