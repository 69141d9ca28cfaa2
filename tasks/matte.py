"""A picture gets a matte that the artist can paint on."""

from __future__ import annotations

import logging
from collections.abc import Callable

import bpy
import numpy as np
from numpy.typing import NDArray

from ..inference.errors import TripoSRError
from ..inference.message import Message
from ..inference.types import Tick
from ..scene.identity import check_local, with_uid
from ..scene.mattes import new_matte, white_matte
from ..scene.undo import push_undo_step
from . import preview
from .queue import Outcome, Task
from .session import mattes
from .stages import PREVIEW_STAGES

log = logging.getLogger(__name__)

UNDO_STEP = Message("Edit Matte")


def paint_matte(scene: bpy.types.Scene, is_clicked: bool) -> None:
    """Let the artist paint the matte of the scene's picture: at once, or when it is cut out.

    Raises:
        InputError: The picture belongs to a linked file, or has no pixels.
    """
    image = scene.triposr.image
    check_local(image)
    if image.triposr.matte is not None:
        _open_to_paint(image.triposr.matte)
    elif preview.is_current(scene):
        _give_matte(image, preview.view_of(scene).preview.matte, is_clicked)
    elif not is_clicked:
        _matting(scene, image, is_clicked).do()
    else:
        # Cutting out may take long: beside Blender, and in place of an earlier click's.
        mattes.remove_group(str(image.session_uid))
        mattes.submit(_matting(scene, image, is_clicked))


def _matting(scene: bpy.types.Scene, image: bpy.types.Image, is_clicked: bool) -> Task:
    """The task that makes a matte of the picture's cut-out."""
    work, uid = preview.preview_work(scene), image.session_uid

    def deliver(matte: NDArray[np.uint8] | None) -> Outcome:
        image = with_uid(bpy.data.images, uid)
        if image is not None and image.triposr.matte is None:  # else it is gone, or was painted
            _give_matte(image, matte, is_clicked)
        return Outcome()

    return Task(
        image.name,
        PREVIEW_STAGES,
        lambda tick: _matte_or_none(work, tick),
        deliver,
        group=str(uid),
    )


def _matte_or_none(work: Callable[[Tick], preview.Preview], tick: Tick) -> NDArray[np.uint8] | None:
    """The matte (H, W) that the settings give; None where they find no subject, which leaves it to
    the artist to paint one. No bpy: this may run on the worker.
    """
    try:
        return work(tick).matte
    except TripoSRError as error:
        log.warning("No matte to begin with: %s", error)
        return None


def _give_matte(image: bpy.types.Image, matte: NDArray[np.uint8] | None, is_clicked: bool) -> None:
    """Let the artist paint on a matte, all white where there is none to begin with."""
    if matte is None:
        matte = white_matte(image)
    image.triposr.matte = new_matte(matte, f"{image.name} Matte")
    if is_clicked:
        push_undo_step(UNDO_STEP)
    _open_to_paint(image.triposr.matte)


def _open_to_paint(matte: bpy.types.Image) -> None:
    """Show the matte in an Image Editor, in one that is open or in a window of its own."""
    if bpy.app.background:
        return
    windows = bpy.context.window_manager.windows
    editors = [a for w in windows for a in w.screen.areas if a.type == "IMAGE_EDITOR"]
    if not editors:
        # Called from a timer, too, where there is no window in the context.
        with bpy.context.temp_override(window=windows[0]):
            bpy.ops.wm.window_new()
        editors = [windows[-1].screen.areas[0]]
        editors[0].ui_type = "IMAGE_EDITOR"
    space = editors[0].spaces.active
    space.image = matte
    space.ui_mode = "PAINT"
