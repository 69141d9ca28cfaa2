"""The picture that is on the clipboard becomes the scene's picture."""

from __future__ import annotations

import logging
import urllib.parse
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import bpy
import numpy as np

from ..inference.errors import InputError, importing
from ..runner import explain
from ..scene.image import new_image, open_image

if TYPE_CHECKING:
    from PIL import Image

log = logging.getLogger(__name__)

NAME = "Pasted Picture"

NOTHING = InputError(
    "There is no picture on the clipboard", "Copy one in a browser, an image viewer or a file list"
)


class TRIPOSR_OT_paste_image(bpy.types.Operator):
    """Take the picture, or the picture's file, that is on the clipboard"""

    bl_idname = "triposr.paste_image"
    bl_label = "Paste Image (TripoSR)"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            context.scene.triposr.image = _pasted(context.window_manager.clipboard)
        except Exception as error:  # the boundary at which the artist is told
            self.report({"ERROR"}, str(explain(error)))
            return {"CANCELLED"}
        return {"FINISHED"}


def _pasted(text: str) -> bpy.types.Image:
    """The image data-block of what is on the clipboard, given its text; raises InputError."""
    for path in paths_in(text):
        if path.is_file() and (image := open_image(path)) is not None:
            return image
    found = _clipboard()
    if isinstance(found, list):  # files that were copied
        images = (open_image(Path(name)) for name in found)
        image = next(filter(None, images), None)
        if image is None:
            raise NOTHING
        return image
    if found is None:
        raise NOTHING
    return new_image(np.asarray(found.convert("RGBA")), NAME)


def paths_in(text: str) -> list[Path]:
    """The files that a clipboard's text names, as file managers and terminals copy them."""
    paths = []
    for line in text.splitlines()[:20]:
        line = line.strip().strip("\"'")
        if line.startswith("file://"):
            line = urllib.request.url2pathname(urllib.parse.urlsplit(line).path)
        if line and "\0" not in line and len(line) < 4096:
            paths.append(Path(line).expanduser())
    return paths


def _clipboard() -> Image.Image | list[str] | None:
    """What Pillow finds there: a picture, the names of files, or nothing."""
    with importing("Pillow"):
        from PIL import ImageGrab
    try:
        return ImageGrab.grabclipboard()
    except NotImplementedError as error:  # X11 and Wayland: Pillow asks a program of theirs
        raise InputError(
            "Pictures are pasted with xclip or wl-clipboard here, and neither is installed",
            "Install it, or save the picture and open its file",
        ) from error
    except Exception as error:  # what is offered is no picture, or the program fails
        log.info("The clipboard cannot be read: %r", error)
        raise NOTHING from error


classes = (TRIPOSR_OT_paste_image,)
