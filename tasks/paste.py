"""The clipboard's picture becomes the scene's."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import bpy
import numpy as np

from ..inference.errors import InputError, importing
from ..inference.machine.paths import local_path
from ..inference.message import Message
from ..inference.types import Tick
from ..scene.identity import with_uid
from ..scene.image_files import open_image
from ..scene.pixels import new_image
from ..scene.undo import push_undo_step
from .queue import Outcome, Task
from .stages import PASTE_STAGES

if TYPE_CHECKING:
    from PIL import Image

NAME = "Pasted Picture"

PATIENCE = 5.0
"""Seconds that another program has for handing its picture over."""

MOST_PIXELS = 4096
"""Longest side of what is pasted."""

MOST_LINES = 20
"""Of the clipboard's text, that may name files."""


def pasting(context: bpy.types.Context) -> Task:
    """The task that makes what is on the clipboard the picture of the scene."""
    files = paths_in(context.window_manager.clipboard)
    scene_uid = context.scene.session_uid

    def work(tick: Tick) -> Image.Image | list[Path]:
        named = [path for path in files if os.path.isfile(path)]
        return named or _clipboard()

    def deliver(found: Image.Image | list[Path]) -> Outcome:
        scene = with_uid(bpy.data.scenes, scene_uid)
        if scene is None:
            return Outcome()
        scene.triposr.image = image = _image_of(found)
        push_undo_step(Message("Paste Image"))
        return Outcome(Message("Pasted {name}", name=image.name), image)

    return Task(Message("Clipboard"), PASTE_STAGES, work, deliver)


def paths_in(text: str) -> list[Path]:
    """The files that a clipboard's text names, as file managers and terminals copy them."""
    paths = []
    for line in text.splitlines()[:MOST_LINES]:
        name = local_path(line.strip().strip("\"'"))
        # A share of the network is not asked for because some text looks like its name.
        if Path(name).is_absolute() and not name.startswith(("\\\\", "//")):
            paths.append(Path(name))
    return paths


def _clipboard() -> Image.Image | list[Path]:
    """What Pillow finds on the clipboard: a picture, or files. No bpy.

    Raises:
        InputError: Neither is there, it is damaged, or nobody answers.
    """
    with importing("Pillow"):
        from PIL import ImageGrab

        from ..inference.picture.decode import open_picture
    try:
        found = _within(PATIENCE, ImageGrab.grabclipboard)
    except NotImplementedError as error:  # X11 and Wayland: Pillow asks a program of theirs
        raise InputError(
            "Pictures are pasted with xclip or wl-clipboard here, and neither is installed",
            "Install it, or save the picture and open its file",
        ) from error
    except Exception as error:  # what is offered is no picture, or the program fails
        raise _nothing() from error
    if isinstance(found, list):
        found = [Path(name) for name in found]
    if not found:
        raise _nothing()
    if isinstance(found, list):
        return found
    picture = open_picture(found)
    # What Blender gets stays on the main thread for long if it is large; the network sees 512.
    picture.thumbnail((MOST_PIXELS, MOST_PIXELS))
    return picture


def _nothing() -> InputError:
    return InputError(
        "There is no picture on the clipboard",
        "Copy one in a browser, an image viewer or a file list",
    )


def _within(seconds: float, look: Callable[[], object]) -> object:
    """What a call returns or raises; TimeoutError where it takes longer, and is left alone."""
    results: list[object] = []
    errors: list[Exception] = []

    def run() -> None:
        try:
            results.append(look())
        except Exception as error:  # raised again below, where somebody listens
            errors.append(error)

    thread = threading.Thread(target=run, name="TripoSR: clipboard", daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not results:
        raise TimeoutError("The clipboard does not answer")
    return results[0]


def _image_of(found: Image.Image | list[Path]) -> bpy.types.Image:
    """The image data-block of a pasted picture; raises InputError if it is no picture."""
    if isinstance(found, list):
        image = next(filter(None, map(open_image, found)), None)
        if image is None:
            raise _nothing()
        return image
    return new_image(np.asarray(found), NAME)
