"""Object whose mesh a task replaces."""

from __future__ import annotations

from dataclasses import dataclass

import bpy
import numpy as np

from ..inference.errors import InputError
from ..scene.identity import with_uid
from ..scene.mesh import check_free, digest_of_content, make_single_user, positions
from ..scene.source import KEY, check_source, has_source


@dataclass(frozen=True)
class Target:
    """State, at the start of a task, of the object whose mesh the task replaces.

    Attributes:
        uid, mesh: session_uids of the object and its mesh.
        code: The scene code, as stored with the object.
        points: (V, 3) float32, the vertices.
        content: SHA-256 of all data of the mesh; empty if nothing can change it during the task.
    """

    uid: int
    mesh: int
    code: str | bytes
    points: np.ndarray
    content: str

    @classmethod
    def of(cls, blender_object: bpy.types.Object, is_clicked: bool) -> Target:
        """Record the current state of an object.

        Args:
            is_clicked: Whether the artist goes on working, and may change the object.

        Raises:
            InputError: The object was not made from a picture, or cannot be edited now.
        """
        check_source(blender_object)
        check_free(blender_object)
        data, uid = blender_object.data, blender_object.session_uid
        content = digest_of_content(blender_object) if is_clicked else ""
        return cls(uid, data.session_uid, blender_object[KEY], positions(data), content)

    def found_again(self) -> bpy.types.Object:
        """Find the object again and make its mesh single-user, to receive the result.

        Raises:
            InputError: The object is gone, is being edited, or has changed since.
        """
        target = with_uid(bpy.data.objects, self.uid)
        if target is None or not has_source(target):
            raise InputError("The object no longer exists", "Undo its removal and try again")
        check_free(target)
        data = target.data
        if (
            data.session_uid != self.mesh
            or target[KEY] != self.code
            or (self.content and digest_of_content(target) != self.content)
        ):
            raise InputError(
                "{name} has changed in the meantime, so it was left as it is",
                "Try again",
                name=target.name,
            )
        make_single_user(target)
        return target
