"""The photo of an object with its camera, ready to be projected onto the object."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import bpy
import numpy as np
from numpy.typing import NDArray

from ..inference.errors import DeviceMemoryError, InputError, TripoSRError
from ..inference.message import Message
from ..inference.texture.camera import GOOD, Camera
from ..inference.types import Tick
from ..preferences import model_folder
from ..properties import object_options
from ..scene.camera import camera_of, note_camera
from ..scene.mesh import positions, triangles
from ..scene.placement import Placement
from .sources import identity_of, kept_source

if TYPE_CHECKING:
    from ..inference.texture.photo import Photo


@dataclass(frozen=True, eq=False)
class Taken:
    """What came of the wish for a photo.

    Attributes:
        photo: None if there is none to project.
        remark: A message that says what was left out, and why; empty if nothing was.
        camera, match: What was found out about the camera, if it was not known before.
    """

    photo: Photo | None
    remark: str = ""
    camera: Camera | None = None
    match: float = 0.0

    def note(self, blender_object: bpy.types.Object) -> None:
        """Keep a camera that was found with its object."""
        if self.camera is not None:
            note_camera(blender_object, self.camera, self.match)

    @property
    def remarks(self) -> tuple[str, ...]:
        """The remark, if there is one."""
        return (self.remark,) if self.remark else ()


def no_photo(mirror_to_back: bool) -> Callable[[Tick], Taken]:
    """What comes of no wish for a photo."""
    remark = "" if not mirror_to_back else Message("Mirror to Back needs Photo on the Front")
    return lambda tick: Taken(None, remark)


def photo_of(
    context: bpy.types.Context, blender_object: bpy.types.Object, placement: Placement
) -> Callable[[Tick], Taken]:
    """Copy what a photo needs out of Blender, and return the rest of the work, for any thread."""
    note = blender_object.triposr
    try:
        source = kept_source(blender_object)
    except InputError as error:
        gone = _without(error.message)
        return lambda tick: gone
    options = object_options(note, model_folder(context))
    known, match, digest = camera_of(blender_object), note.match, note.digest
    if known is not None and match < GOOD:
        poor = _without(_poor(match))
        return lambda tick: poor
    if known is None:
        vertices = placement.unplace(positions(blender_object.data))
        faces = triangles(blender_object.data)

    def take(tick: Tick) -> Taken:
        # Imported on the worker, because these modules import Pillow, OpenCV and SciPy.
        from ..inference.picture.decode import digest_of
        from ..inference.picture.prepare import prepare_image
        from ..inference.texture.camera_fit import fit_prepared
        from ..inference.texture.photo import Photo

        tick("prepare", 0.0)
        try:
            picture = source.read()
            if digest not in ("", digest_of(identity_of(source, picture))):
                return _without(Message("the picture has changed since the object was made"))
            prepared = prepare_image(picture, options, tick, source.matte)
            pixels: NDArray[np.uint8] = np.asarray(prepared.cutout)
            if known is not None:
                return Taken(Photo(known, pixels[..., :3], pixels[..., 3]))
            fitted = fit_prepared(vertices, faces, prepared, tick)
        except DeviceMemoryError:
            raise
        except TripoSRError as error:  # such as a matting model that this machine lacks
            return _without(error.message)
        camera, match = fitted.camera, fitted.match
        if match < GOOD:
            return replace(_without(_poor(match)), camera=camera, match=match)
        return Taken(Photo(camera, pixels[..., :3], pixels[..., 3]), "", camera, match)

    return take


def _without(reason: str) -> Taken:
    return Taken(None, Message("the photo was left out: {reason}", reason=reason))


def _poor(match: float) -> Message:
    return Message(
        "the object matches its picture by only {percent:.0f}\N{NO-BREAK SPACE}%",
        percent=100 * match,
    )
