"""The pictures that tasks read, detached from Blender."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import bpy
import numpy as np
from numpy.typing import NDArray

from ..inference.errors import InputError
from ..inference.machine.paths import local_path
from ..inference.picture.limits import FILE_SUFFIXES
from ..scene.identity import with_uid
from ..scene.image import Picture, picture_of, picture_of_file
from ..scene.kept_file import kept_file
from ..scene.mattes import matte_of
from ..scene.source import has_source

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True)
class Source:
    """Picture, detached from Blender.

    Attributes:
        title: Name for the object.
        read: Returns the picture; called on the worker.
        matte: (H, W) uint8, the painted matte, or None.
        image: session_uid of the image data-block; 0 for a file.
        file: Path of the file; None for a data-block.
    """

    title: str
    read: Picture
    matte: NDArray[np.uint8] | None = None
    image: int = 0
    file: Path | None = None

    def thumbnail(self) -> Path | int:
        """File or image to make a thumbnail of; no missing file, and no pipe, for which Blender
        would wait.
        """
        is_file = self.file is not None and os.path.isfile(self.file)
        return self.file if is_file else self.image


def check_idle() -> None:
    """Raise InputError while Blender renders: to copy a picture may change the scene's settings."""
    if bpy.app.is_job_running("RENDER"):
        raise InputError("Blender is rendering the scene", "Wait until the render is done")


def file_source(filepath: str) -> Source:
    """Source for a picture's file; "//" is the folder of the .blend, and "~" the home folder."""
    path = Path(os.path.abspath(bpy.path.abspath(local_path(filepath))))
    return Source(title_of(path.name), picture_of_file(path), file=path)


def image_source(image: bpy.types.Image, user: bpy.types.ImageUser | None = None) -> Source:
    """Source for an image data-block with its painted matte; raises InputError if it has no pixels.

    Args:
        user: User of the image, which selects the frame.
    """
    matte = image.triposr.matte
    return Source(
        title_of(image.name),
        picture_of(image, user),
        matte and matte_of(matte),
        image=image.session_uid,
    )


def kept_source(blender_object: bpy.types.Object) -> Source:
    """Source for the picture that an object was made from; raises InputError if it is gone."""
    note = blender_object.triposr
    if has_source(blender_object):
        if note.image is not None:
            return image_source(note.image)
        if (file := kept_file(blender_object)) is not None:
            return file_source(str(file))
        picture = blender_object.data.triposr.picture
        if picture is not None and picture.packed_file is not None:
            return image_source(picture)
    raise InputError(
        "The picture of {name} no longer exists",
        "Open it in the TripoSR tab and click Generate",
        name=blender_object.name,
    )


def title_of(name: str) -> str:
    """Name for the object: the picture's name without its extension and Blender's number.

    Names in Blender are UTF-8; file names may contain any bytes.
    """
    endings = "|".join(map(re.escape, FILE_SUFFIXES))
    title = re.sub(rf"({endings})(\.\d{{3}})?$", "", name, flags=re.IGNORECASE)
    return title.encode("utf-8", "replace").decode()


def source_again(title: str, image_uid: int, file: Path | None) -> Source:
    """Source for a picture's file or data-block again; raises InputError if the picture is gone."""
    if file is not None:
        return file_source(str(file))
    image = with_uid(bpy.data.images, image_uid)
    if image is None:
        raise InputError(
            "The picture {name} no longer exists", "Open it again and click Generate", name=title
        )
    return image_source(image)


def identity_of(source: Source, picture: Path | Image.Image | bytes) -> Path | Image.Image | bytes:
    """Data whose digest identifies the picture later: its file if there is one, else its pixels."""
    return source.file if source.file is not None and os.path.isfile(source.file) else picture
