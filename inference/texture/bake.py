"""From a scene code and an unwrapped mesh to its textures. No bpy."""

from __future__ import annotations

import logging
import time
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import importing
from ..machine.devices import memory_errors
from ..message import Message
from ..scene_code import SceneCode
from ..types import Stage, Tick, ignore_progress
from .corners import Corners
from .photo import Photo, project_photo
from .pictures import TextureOptions, Textures
from .surface import surface_near
from .texels import rasterize

with importing("opencv-python-headless"):
    import cv2

log = logging.getLogger(__name__)

COMPRESSION = 3
"""Of PNG files, 0...9: more takes much longer and saves little."""


class Frame(Protocol):
    """Where the model's frame lies in the object's space."""

    def to_model(
        self, points: NDArray[np.float32], directions: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Convert points and unit vectors, (N, 3) each, from the object's space; those of a mirror
        image to what they mirror, of which the scene code knows.
        """
        ...

    def whole(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Convert points (N, 3), those of a mirror image as they are, as a camera sees them."""
        ...

    def to_object(
        self, directions: NDArray[np.float32], points: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Convert unit vectors (N, 3) at points (N, 3) of the object's space to that space."""
        ...


def bake(
    code: SceneCode,
    threshold: float,
    corners: Corners,
    frame: Frame,
    options: TextureOptions,
    photo: Photo | None = None,
    tick: Tick | None = None,
    device: str = "auto",
) -> Textures:
    """Ask a scene code for the color, and the normal, at every texel of a mesh's UV map.

    Args:
        code: The scene code of the object.
        threshold: Density at the object's surface.
        corners: The mesh, unwrapped.
        frame: Where the model's frame lies in the mesh's space.
        options: What to make.
        photo: Photo for what its camera sees; None takes all colors from the scene code.
        tick: Called with the stages `snap`, `color`, `photo` and `save`.
        device: Device that evaluates the scene code.

    Raises:
        InputError: The UV map covers no texel.
        DeviceError: Memory ran out, or the device does not work.
    """
    tick = tick or ignore_progress
    smaller = Message("Choose a smaller Size, or close other programs")
    with memory_errors(Message("texturing the mesh"), smaller):
        try:
            return _baked(code, threshold, corners, frame, options, photo, tick, device)
        except cv2.error as error:
            if error.code == cv2.Error.StsNoMem:
                raise MemoryError from error
            raise


def _baked(
    code: SceneCode,
    threshold: float,
    corners: Corners,
    frame: Frame,
    options: TextureOptions,
    photo: Photo | None,
    tick: Tick,
    device: str,
) -> Textures:
    started = time.perf_counter()
    texels = rasterize(corners.uv, options.size, lambda done: tick("snap", 0.2 * done))
    at, outward = texels.interpolate(corners.points), texels.interpolate(corners.normals)
    outward /= np.maximum(np.linalg.norm(outward, axis=1, keepdims=True), 1e-12)
    points, directions = frame.to_model(at, outward)

    def within(stage: Stage, fraction: float) -> None:
        tick(stage, 0.2 + 0.8 * fraction if stage == "snap" else fraction)

    surface = surface_near(code, threshold, points, directions, within, device)
    colors = surface.colors
    if photo is not None:
        colors = project_photo(
            photo,
            frame.whole(corners.points.reshape(-1, 3)).reshape(-1, 3, 3),
            surface.points,
            surface.normals,
            colors,
            options.mirror_to_back,
            lambda done: tick("photo", done),
        )
    tick("save", 0.0)
    color, normals = _png(texels.image(colors)), None
    if options.normal_map:
        tick("save", 0.4)
        in_object = frame.to_object(surface.normals, at)
        normals = _png(texels.image(_upward(corners.tangent_space(texels, in_object))))
    tick("save", 1.0)
    log.info("Textured %d texels: %.2f s", len(texels.index), time.perf_counter() - started)
    return Textures(color, normals, texels.overlap, float(surface.is_found.mean()))


def _upward(colors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Normals in tangent space, as colors (N, 3), none of which points into the mesh: a renderer
    would take such a place for unlit.
    """
    colors[:, 2] = np.maximum(colors[:, 2], 0.5)
    return colors


def _png(image: NDArray[np.uint8]) -> bytes:
    """The content of a PNG file of an RGB image; OpenCV's order is BGR."""
    image = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    _, content = cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, COMPRESSION])
    return content.tobytes()
