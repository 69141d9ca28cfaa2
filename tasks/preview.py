"""Previews in the panel: the picture as the network will see it, before anything is generated.

When the panel is drawn and the picture or its settings have changed, a task makes a new preview.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import bpy
import bpy.utils.previews
import numpy as np
from bpy.app.handlers import persistent
from numpy.typing import NDArray

from ..inference.errors import explain, importing
from ..inference.message import Message
from ..inference.picture.checks import Finding, check_cutout
from ..inference.types import Options, Tick, ignore_progress
from ..preferences import model_folder
from ..properties import object_options
from ..scene.frames import shown_part
from ..scene.identity import with_uid
from ..scene.image import Picture, picture_of
from ..scene.mattes import matte_of
from .queue import Outcome, Task
from .session import is_scene_locked, previews
from .stages import PREVIEW_STAGES

SIDE = 256
"""Side of a preview in pixels; the panel shows it at about this size."""

DELAY = 0.4
"""Seconds to wait for further changes, as while a slider is dragged."""

REMEDIES = {
    "edge": (Message("Edit Matte"), Message("Paint away the parts that touch the picture's edge")),
    "tiny": (
        Message("Open Another Picture"),
        Message("Choose a picture in which the subject is larger"),
    ),
    "several": (Message("Keep Largest"), Message("Keep only the largest part")),
    "shadow": (Message("Edit Matte"), Message("Paint away the shadow")),
    "opaque": (
        Message("Remove Background"),
        Message("Treat the picture's background as plain"),
    ),
    "empty": (Message("Use the Whole Picture"), Message("Do not remove the background")),
}
"""Label and tooltip of the button that helps with each kind of finding."""

CUT_OUT, SQUARE = "cut-out", "square"


@dataclass(frozen=True, eq=False)
class Preview:
    """Preview of a picture.

    Attributes:
        cutout: (SIDE, SIDE, 4) uint8, the whole picture without its background.
        square: (SIDE, SIDE, 4) uint8, the network's input.
        matte: (H, W) uint8, the alpha of the cut-out at its original size.
        findings: Probable problems of the cut-out.
    """

    cutout: NDArray[np.uint8]
    square: NDArray[np.uint8]
    matte: NDArray[np.uint8]
    findings: tuple[Finding, ...]


@dataclass
class View:
    """Content of one scene's preview panel.

    Attributes:
        wanted: Key of the preview that was requested last; see `_key`.
        key: Key of the preview that is shown.
        preview: Preview that is shown; None before the first one.
        error, hint: Shown in place of the preview if it failed; empty if nothing went wrong.
        icons: Icons of the cut-out and of the square, by name.
    """

    wanted: tuple[object, ...] = ()
    key: tuple[object, ...] = ()
    preview: Preview | None = None
    error: str = ""
    hint: str = ""
    icons: bpy.utils.previews.ImagePreviewCollection = field(default_factory=bpy.utils.previews.new)


_views: dict[int, View] = {}
"""Views by the session_uid of the scene: several windows may show several scenes."""

_due: list[int] = []
"""session_uids of the scenes whose previews the timer will start."""


def view_of(scene: bpy.types.Scene) -> View:
    """View of a scene, empty at first."""
    if scene.session_uid not in _views:
        _views[scene.session_uid] = View()
    return _views[scene.session_uid]


def request(scene: bpy.types.Scene) -> None:
    """Request a preview of the scene's picture, unless it is already made or requested.

    draw() may call this: it only starts a timer.
    """
    view, key = view_of(scene), _key(scene)
    if key in (view.wanted, ()) or bpy.app.background:
        return
    view.wanted = key
    if scene.session_uid not in _due:
        _due.append(scene.session_uid)
    if bpy.app.timers.is_registered(_start):
        bpy.app.timers.unregister(_start)
    bpy.app.timers.register(_start, first_interval=DELAY)


def is_current(scene: bpy.types.Scene) -> bool:
    """Whether the shown preview matches the scene's picture and its current settings."""
    view = view_of(scene)
    return view.preview is not None and view.key == _key(scene)


def refresh() -> None:
    """Make all previews again when their panels are drawn: keys miss strokes on a matte."""
    for view in _views.values():
        view.wanted = ()


def _key(scene: bpy.types.Scene) -> tuple[object, ...]:
    """Everything that a preview depends on, except strokes; empty if there is no picture."""
    settings, image = scene.triposr, scene.triposr.image
    if image is None:
        return ()
    matte = image.triposr.matte
    return (
        *(part for of in (image, matte) if of is not None for part in _identity(of)),
        settings.background,
        settings.matting_model,
        settings.keep_largest,
        round(settings.foreground_ratio, 3),
    )


def _identity(image: bpy.types.Image) -> tuple[object, ...]:
    # Blender warns on the console when one asks for the color space of a file that it could not
    # read. Sequences and movies have no size before a frame is shown.
    is_read = image.source != "FILE" or all(image.size)
    space = image.colorspace_settings.name if is_read else ""
    return (
        *(image.session_uid, image.filepath, image.is_dirty, *image.size, *shown_part(image)),
        *(space, image.alpha_mode),
    )


def _start() -> float | None:
    """Submit the requested previews. Called by Blender's timer on the main thread."""
    if is_scene_locked():  # reading the Render Result changes settings for a moment
        return DELAY
    _forget_removed_scenes()
    while _due:
        if (scene := with_uid(bpy.data.scenes, _due.pop(0))) is not None:
            # Read this scene's frames and views, whichever scene the timer's context has.
            with bpy.context.temp_override(scene=scene, view_layer=scene.view_layers[0]):
                _submit(scene)
    return None


def _submit(scene: bpy.types.Scene) -> None:
    """Submit the task of a scene's preview, in place of the scene's earlier task."""
    if not (key := _key(scene)):
        return
    uid, view = scene.session_uid, view_of(scene)
    previews.remove_group(str(uid))
    try:
        work = preview_work(scene)
    except Exception as error:  # the boundary: the panel shows the error in place of the preview
        explained = explain(error)
        view.error, view.hint = explained.message, explained.hint
        return

    def deliver(preview: Preview) -> Outcome:
        if (scene := with_uid(bpy.data.scenes, uid)) is not None:
            show(scene, key, preview)
        return Outcome()

    def fail() -> None:
        view.error, view.hint = previews.state.error, previews.state.hint

    name = scene.triposr.image.name
    previews.submit(Task(name, PREVIEW_STAGES, work, deliver, group=str(uid), on_failure=fail))


def _forget_removed_scenes() -> None:
    there = {scene.session_uid for scene in bpy.data.scenes}
    for uid in set(_views) - there:
        _forget(uid)


def _forget(uid: int) -> None:
    previews.remove_group(str(uid))
    bpy.utils.previews.remove(_views.pop(uid).icons)


def preview_work(scene: bpy.types.Scene) -> Callable[[Tick], Preview]:
    """Copy the scene's picture and settings, and return work that makes a preview without bpy.

    Raises:
        InputError: The picture or its matte has no pixels, or too many.
    """
    image = scene.triposr.image
    matte = image.triposr.matte
    options = object_options(scene.triposr, model_folder(bpy.context))
    return _work(picture_of(image), options, matte and matte_of(matte))


def _work(
    picture: Picture, options: Options, matte: NDArray[np.uint8] | None
) -> Callable[[Tick], Preview]:
    def work(tick: Tick = ignore_progress) -> Preview:
        # Imported on the worker, because importing Pillow and OpenCV takes time.
        with importing("Pillow"):
            from PIL import Image

        from ..inference.picture.prepare import prepare_image

        prepared = prepare_image(picture(), options, tick, matte)
        square = Image.fromarray((prepared.rgb * 255).round().astype(np.uint8))
        return Preview(
            cutout=_fitted(prepared.cutout),
            square=_fitted(square.convert("RGBA")),
            matte=np.asarray(prepared.cutout.getchannel("A")),
            findings=check_cutout(prepared.cutout),
        )

    return work


def _fitted(picture: object) -> NDArray[np.uint8]:
    """Center a Pillow picture (RGBA) on a transparent square: (SIDE, SIDE, 4) uint8."""
    from PIL import ImageOps

    return np.asarray(ImageOps.pad(picture, (SIDE, SIDE), color=(0, 0, 0, 0)))


def show(scene: bpy.types.Scene, key: tuple[object, ...], preview: Preview) -> None:
    """Show a preview in the panel of its scene."""
    view = view_of(scene)
    view.icons.clear()
    view.key, view.preview, view.error, view.hint = key, preview, "", ""
    for name, pixels in ((CUT_OUT, preview.cutout), (SQUARE, preview.square)):
        icon = view.icons.new(name)
        icon.image_size = (SIDE, SIDE)
        # Blender's rows run from the bottom up.
        icon.image_pixels_float.foreach_set((pixels[::-1] / np.float32(255)).ravel())


@persistent
def _on_render(*_: object) -> None:
    """Refresh the previews: the scene's picture may be the Render Result, which has changed."""
    refresh()


@persistent
def _on_save(_path: str) -> None:
    """Pack painted mattes again: Blender saves the packed pixels, without later strokes."""
    mattes = {image.triposr.matte for image in bpy.data.images}
    for matte in mattes - {None}:
        if matte.is_dirty and matte.library is None:
            matte.pack()


def register() -> None:
    bpy.app.handlers.save_pre.append(_on_save)
    bpy.app.handlers.render_complete.append(_on_render)


def unregister() -> None:
    bpy.app.handlers.save_pre.remove(_on_save)
    bpy.app.handlers.render_complete.remove(_on_render)
    if bpy.app.timers.is_registered(_start):
        bpy.app.timers.unregister(_start)
    _due.clear()
    for uid in tuple(_views):
        _forget(uid)
