"""Task that gives a picture a matte for the artist to paint on."""

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
    """Open the matte of the scene's picture for painting: at once, or when it is cut out.

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
        # Cutting out may take long, so a task does it; it replaces the task of an earlier click.
        mattes.remove_group(str(image.session_uid))
        mattes.submit(_matting(scene, image, is_clicked))


def _matting(scene: bpy.types.Scene, image: bpy.types.Image, is_clicked: bool) -> Task:
    """Make the task that turns the picture's cut-out into a matte."""
    work, uid = preview.preview_work(scene), image.session_uid

    def deliver(matte: NDArray[np.uint8] | None) -> Outcome:
        image = with_uid(bpy.data.images, uid)
        if image is not None and image.triposr.matte is None:  # else deleted, or already painted
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
    """Matte (H, W) from the picture's settings, or None if they find no subject and the artist has
    to paint it. No bpy: this may run on the worker.
    """
    try:
        return work(tick).matte
    except TripoSRError as error:
        log.warning("The matte starts out white: %s", error)
        return None


def _give_matte(image: bpy.types.Image, matte: NDArray[np.uint8] | None, is_clicked: bool) -> None:
    """Give a picture a matte, all white if `matte` is None, and open it for painting."""
    if matte is None:
        matte = white_matte(image)
    image.triposr.matte = new_matte(matte, f"{image.name} Matte")
    if is_clicked:
        push_undo_step(UNDO_STEP)
    _open_to_paint(image.triposr.matte)


def _open_to_paint(matte: bpy.types.Image) -> None:
    """Show the matte in an open Image Editor, or in a new window."""
    if bpy.app.background:
        return
    windows = bpy.context.window_manager.windows
    editors = [a for w in windows for a in w.screen.areas if a.type == "IMAGE_EDITOR"]
    if not editors:
        # A timer may call this, without a window in the context.
        with bpy.context.temp_override(window=windows[0]):
            bpy.ops.wm.window_new()
        editors = [windows[-1].screen.areas[0]]
        editors[0].ui_type = "IMAGE_EDITOR"
    space = editors[0].spaces.active
    space.image = matte
    space.ui_mode = "PAINT"
