"""The picture before it becomes a mesh: opening it, mending its cut-out, painting its matte."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import bpy
from bpy.app.translations import pgettext_iface as iface_
from bpy.app.translations import pgettext_tip as tip_
from bpy.props import EnumProperty, StringProperty

from .. import preview
from ..inference.errors import TripoSRError
from ..inference.message import Message
from ..inference.types import ignore_progress
from ..runner import Run, push_undo_step
from ..scene.identity import check_local, with_uid
from ..scene.image import new_matte, open_image, white_matte
from ..session import PREVIEW_STAGES, mattes
from ..texts import reported, tell
from .file_browser import PICTURES, AsksForFile

log = logging.getLogger(__name__)

UNDO_STEP = Message("Edit Matte")


class TRIPOSR_OT_open_picture(AsksForFile, bpy.types.Operator):
    """Choose the picture to build in 3D"""

    bl_idname = "triposr.open_picture"
    bl_label = "Open Picture (TripoSR)"
    bl_options = {"UNDO"}

    filter_glob: StringProperty(default=PICTURES, options={"HIDDEN"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        path = Path(bpy.path.abspath(self.filepath))
        image = open_image(path)
        if image is None:
            told = Message("{name} is not a picture. Choose a PNG or JPEG file.", name=path.name)
            tell(self, "ERROR", told)
            return {"CANCELLED"}
        context.scene.triposr.image = image
        return {"FINISHED"}


class _NeedsPicture:
    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if context.scene.triposr.image is None:
            cls.poll_message_set(iface_("Open a picture first"))
            return False
        return True


class TRIPOSR_OT_remedy(_NeedsPicture, bpy.types.Operator):
    """Do what helps against this"""

    bl_idname = "triposr.remedy"
    bl_label = "Mend the Picture (TripoSR)"
    bl_options = {"INTERNAL", "UNDO"}

    kind: EnumProperty(
        items=tuple((kind, *texts) for kind, texts in preview.REMEDIES.items()),
        options={"SKIP_SAVE"},
    )

    @classmethod
    def description(cls, context: bpy.types.Context, properties: object) -> str:
        return tip_(preview.REMEDIES[properties.kind][1])

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.triposr
        follow = {
            "edge": bpy.ops.triposr.edit_matte,
            "shadow": bpy.ops.triposr.edit_matte,
            "tiny": bpy.ops.triposr.open_picture,
        }
        if self.kind in follow:
            try:
                follow[self.kind]("INVOKE_DEFAULT")
            except RuntimeError as error:  # what that operator reported
                self.report({"ERROR"}, reported(error))
            return {"CANCELLED"}  # the other operator takes its own undo step
        if self.kind == "several":
            settings.keep_largest = True
        else:
            _forget_matte(settings.image)
            settings.background = "none" if self.kind == "empty" else "plain"
        return {"FINISHED"}


class TRIPOSR_OT_edit_matte(_NeedsPicture, bpy.types.Operator):
    """Paint what belongs to the subject: white is kept, black is left out"""

    bl_idname = "triposr.edit_matte"
    bl_label = "Edit Matte (TripoSR)"
    # Without UNDO: the undo step belongs to the moment when the matte is there.

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return self._edit(context, is_clicked=True)

    def execute(self, context: bpy.types.Context) -> set[str]:
        return self._edit(context, is_clicked=False)

    def _edit(self, context: bpy.types.Context, is_clicked: bool) -> set[str]:
        """Let the artist paint, at once or when the cut-out is done."""
        image, scene = context.scene.triposr.image, context.scene
        check_local(image)
        if image.triposr.matte is not None:
            _open_to_paint(image.triposr.matte)
        elif preview.is_current(scene):
            _give_matte(image, preview.view_of(scene).preview.matte, is_clicked)
        elif not is_clicked:
            alpha = _matte_or_none(preview.preview_work(scene), ignore_progress)
            _give_matte(image, alpha, is_clicked)
        else:
            # Cutting out may take long: beside Blender, and the editor opens when it is done.
            _start(scene, image)
        return {"FINISHED"}


def _start(scene: bpy.types.Scene, image: bpy.types.Image) -> None:
    """Let a picture have its matte soon, in place of one that is on its way to it."""
    work, uid = preview.preview_work(scene), image.session_uid
    mattes.remove_group(str(uid))
    run = Run(
        image.name,
        PREVIEW_STAGES,
        lambda tick: _matte_or_none(work, tick),
        lambda alpha: _give_matte_to(uid, alpha),
        group=str(uid),
    )
    mattes.submit(run)


def _matte_or_none(
    work: Callable[[Callable[[str, float], None]], preview.Preview],
    tick: Callable[[str, float], None],
) -> object:
    """The matte (H, W) uint8 that the settings give; None where they find no subject: then it is
    for the artist to paint one. No bpy: this may run on the worker.
    """
    try:
        return work(tick).matte
    except TripoSRError as error:
        log.warning("No matte to begin with: %s", error)
        return None


def _give_matte_to(uid: int, alpha: object) -> str:
    """To the picture with this session_uid, unless it is gone or has a matte by now."""
    image = with_uid(bpy.data.images, uid)
    if image is not None and image.triposr.matte is None:
        _give_matte(image, alpha, is_clicked=True)
    return ""


def _give_matte(image: bpy.types.Image, alpha: object, is_clicked: bool) -> None:
    """Let the artist paint on a matte, all white where there is none to begin with."""
    if alpha is None:
        alpha = white_matte(image)
    image.triposr.matte = new_matte(alpha, f"{image.name} Matte")
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


class TRIPOSR_OT_remove_matte(_NeedsPicture, bpy.types.Operator):
    """Forget what was painted, and cut the subject out as the Background setting says"""

    bl_idname = "triposr.remove_matte"
    bl_label = "Remove Matte (TripoSR)"
    bl_options = {"UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        _forget_matte(context.scene.triposr.image)
        return {"FINISHED"}


def _forget_matte(image: bpy.types.Image) -> None:
    """Raises InputError for a picture of another file."""
    check_local(image)
    image.triposr.matte = None


class TRIPOSR_OT_refresh_preview(_NeedsPicture, bpy.types.Operator):
    """Look at the picture and its matte again"""

    bl_idname = "triposr.refresh_preview"
    bl_label = "Refresh Preview (TripoSR)"
    bl_options = {"INTERNAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        preview.refresh()
        return {"FINISHED"}


classes = (
    TRIPOSR_OT_open_picture,
    TRIPOSR_OT_remedy,
    TRIPOSR_OT_edit_matte,
    TRIPOSR_OT_remove_matte,
    TRIPOSR_OT_refresh_preview,
)
