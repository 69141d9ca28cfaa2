"""What operators that change an object's mesh have in common."""

from __future__ import annotations

from dataclasses import dataclass

import bpy
import numpy as np
from bpy.app.translations import pgettext_iface as iface_
from bpy.props import BoolProperty

from ..inference.errors import InputError
from ..runner import Run, run_inline
from ..scene.identity import with_uid
from ..scene.mesh import check_free, digest_of_content, make_single_user, positions
from ..scene.source import KEY, has_source
from ..session import edits, refinements
from .needs_source import NeedsSource


class EditsMesh(NeedsSource):
    """Operators on the mesh of the active object: beside Blender for who clicks, else at once."""

    # Without UNDO: a click's step belongs to the moment when the new mesh arrives. A script's steps
    # are its own, or its caller's.
    bl_options = {"REGISTER"}

    asks: BoolProperty(
        description="Ask for the settings first, although some are given",
        options={"SKIP_SAVE", "HIDDEN"},
    )

    settings: tuple[str, ...] = ()
    """What a click asks for first, unless its caller gives any of it."""

    is_clicked = False

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if edits.is_running():
            cls.poll_message_set(iface_("Wait until the mesh is done, or cancel that"))
            return False
        return super().poll(context)

    def run(self, context: bpy.types.Context) -> Run:
        """Copies what is to be done out of Blender; raises what the artist is to be told."""
        raise NotImplementedError

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        self.is_clicked = True
        is_told = any(map(self.properties.is_property_set, self.settings))
        if self.settings and (self.asks or not is_told) and context.window is not None:
            return context.window_manager.invoke_props_dialog(self)
        return self.execute(context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        if self.is_clicked and refinements.is_running():
            raise InputError(
                "Another surface of the object is on its way", "Try again when it is there"
            )
        run = self.run(context)
        if not self.is_clicked:
            return run_inline(self, run)
        edits.submit(run)
        return {"FINISHED"}


@dataclass(frozen=True)
class Target:
    """An object whose mesh is on its way to another one, as it was when that began.

    Attributes:
        uid, mesh: session_uids of the object and its mesh.
        code: The scene code, as it is kept.
        points: (V, 3) float32, the vertices.
        content: SHA-256 of all that the mesh holds.
    """

    uid: int
    mesh: int
    code: str | bytes
    points: np.ndarray
    content: str

    @classmethod
    def of(cls, blender_object: bpy.types.Object) -> Target:
        """An object as it is now."""
        data, uid = blender_object.data, blender_object.session_uid
        code, content = blender_object[KEY], digest_of_content(blender_object)
        return cls(uid, data.session_uid, code, positions(data), content)

    def found_again(self) -> bpy.types.Object:
        """The object, to receive what was made: with a mesh of its own.

        Raises:
            InputError: It is gone, is being edited, or was changed since.
        """
        target = with_uid(bpy.data.objects, self.uid)
        if target is None or not has_source(target):
            raise InputError("The object is not there any more", "Undo its removal, and try again")
        check_free(target)
        data = target.data
        if (
            data.session_uid != self.mesh
            or target[KEY] != self.code
            or digest_of_content(target) != self.content
        ):
            raise InputError(
                "{name} was changed meanwhile, and stays as it is now",
                "Try again",
                name=target.name,
            )
        make_single_user(target)
        return target
