"""The whole pipeline from a picture to a mesh, readable on one screen."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .picture.prepare import prepare_image
from .scene_code import SceneCode
from .surface.extraction import extract_mesh
from .types import MeshData, Options, PreparedImage, Tick

if TYPE_CHECKING:
    from PIL import Image

    from .model.network import Model


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """A mesh and the scene code that it was extracted from.

    Attributes:
        mesh: The surface at the requested resolution and threshold.
        code: The source of further surfaces and colors, which need no network.
        prepared: The picture as the network has seen it, and its cut-out.
    """

    mesh: MeshData
    code: SceneCode
    prepared: PreparedImage


def image_to_mesh(
    image: Image.Image | Path | str | bytes,
    model: Model,
    options: Options | None = None,
    tick: Tick | None = None,
    matte: NDArray[np.uint8] | None = None,
) -> MeshData:
    """Reconstruct the subject of a picture as a colored triangle mesh.

    Args:
        image: A picture, a file's path or a file's content; see `open_picture`.
        model: From `load_model`.
        options: How the picture is cut out, and how finely the surface is extracted.
        tick: Called with each stage and the fraction of it that is done; raises to stop the work.
        matte: See `prepare_image`.

    Raises:
        TripoSRError: One of its subclasses; the message and the hint are written for the artist.
    """
    return reconstruct(image, model, options, tick, matte).mesh


def reconstruct(
    image: Image.Image | Path | str | bytes,
    model: Model,
    options: Options | None = None,
    tick: Tick | None = None,
    matte: NDArray[np.uint8] | None = None,
) -> Reconstruction:
    """Do what `image_to_mesh` does, and return the scene code and the cut-out as well."""
    options = options or Options()
    prepared = prepare_image(image, options, tick, matte)
    code = model.encode(prepared.rgb, tick)
    mesh = extract_mesh(
        code, options.resolution, options.threshold, tick, str(model.device), options.closed
    )
    return Reconstruction(mesh, code, prepared)
