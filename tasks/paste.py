"""Task that makes the picture on the clipboard the scene's picture."""

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
from ..scene.image_files import LONGEST_SIDE, open_image
from ..scene.pixels import new_image
from ..scene.undo import push_undo_step
from .queue import Outcome, Task
from .stages import PASTE_STAGES

if TYPE_CHECKING:
    from PIL import Image

NAME = "Pasted Picture"

PATIENCE = 5.0
"""Seconds to wait for another program to hand over its picture."""

MOST_LINES = 20
"""Lines of text on the clipboard that are checked for file names."""


def pasting(context: bpy.types.Context) -> Task:
    """Make the task that pastes the picture or file on the clipboard as the scene's picture."""
    files = paths_in(context.window_manager.clipboard)
    scene_uid = context.scene.session_uid

    def work(tick: Tick) -> Image.Image | list[Path]:
        tick("prepare", 0.0)
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
    """Paths in a text from the clipboard, as file managers and terminals copy them."""
    paths = []
    for line in text.splitlines()[:MOST_LINES]:
        name = local_path(line.strip().strip("\"'"))
        # Skip network shares: a text that merely looks like one must cause no network access.
        if Path(name).is_absolute() and not name.startswith(("\\\\", "//")):
            paths.append(Path(name))
    return paths


def _clipboard() -> Image.Image | list[Path]:
    """Picture or files on the clipboard, from Pillow. No bpy.

    Raises:
        InputError: The clipboard has neither, the picture is damaged, or no program answers.
    """
    with importing("Pillow"):
        from PIL import ImageGrab

        from ..inference.picture.decode import open_picture
    try:
        found = _within(PATIENCE, ImageGrab.grabclipboard)
    except NotImplementedError as error:  # on X11 and Wayland, Pillow needs an external program
        raise InputError(
            "Pasting pictures requires xclip or wl-clipboard, and neither is installed",
            "Install one of them, or save the picture and open its file",
        ) from error
    except Exception as error:  # the clipboard holds something else, or the program fails
        raise _nothing() from error
    if isinstance(found, list):
        found = [Path(name) for name in found]
    if not found:
        raise _nothing()
    if isinstance(found, list):
        return found
    picture = open_picture(found)
    # A large picture would block the main thread for long, and the network sees only 512 pixels.
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    return picture


def _nothing() -> InputError:
    return InputError(
        "There is no picture on the clipboard",
        "Copy one in a browser, an image viewer or a file manager",
    )


def _within(seconds: float, look: Callable[[], object]) -> object:
    """Return or raise what a call does; if it takes longer, abandon it and raise TimeoutError."""
    results: list[object] = []
    errors: list[Exception] = []

    def run() -> None:
        try:
            results.append(look())
        except Exception as error:  # raised again below, in the caller's thread
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
    """Image data-block of a pasted picture; raises InputError if no file is a picture."""
    if isinstance(found, list):
        image = next(filter(None, map(open_image, found)), None)
        if image is None:
            raise _nothing()
        return image
    return new_image(np.asarray(found), NAME)
