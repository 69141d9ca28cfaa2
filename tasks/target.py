"""Object whose mesh a task replaces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import bpy
import numpy as np

from ..inference.errors import InputError
from ..inference.scene_code import SceneCode
from ..scene.identity import with_uid
from ..scene.mesh import (
    check_free,
    check_not_empty,
    digest_of_content,
    make_single_user,
    positions,
)
from ..scene.placement import Placement
from ..scene.source import KEY, check_source, has_source, source_of
from .fit import fit_check


@dataclass(frozen=True)
class Target:
    """State, at the start of a task, of the object whose mesh the task replaces.

    Attributes:
        uid, mesh: session_uids of the object and its mesh.
        packed: The scene code, as stored with the object.
        code, placement: The scene code, and how it lies in the object's space.
        check_fit: For the worker; see `fit_check`.
        points: (V, 3) float32, the vertices.
        content: SHA-256 of all data of the mesh; empty if nothing can change it during the task.
    """

    uid: int
    mesh: int
    packed: str | bytes
    code: SceneCode
    placement: Placement
    check_fit: Callable[..., None]
    points: np.ndarray
    content: str

    @classmethod
    def of(
        cls, blender_object: bpy.types.Object, is_clicked: bool, needs_faces: bool = True
    ) -> Target:
        """Record the current state of an object.

        Args:
            is_clicked: Whether the artist goes on working, and may change the object.
            needs_faces: Whether there is nothing to do with a mesh that has none.

        Raises:
            InputError: The object was not made from a picture, cannot be edited now, or its mesh no
                longer lies where it was made.
        """
        check_source(blender_object)
        check_free(blender_object)
        data = blender_object.data
        if needs_faces:
            check_not_empty(data)
        code, placement = source_of(blender_object)
        return cls(
            blender_object.session_uid,
            data.session_uid,
            blender_object[KEY],
            code,
            placement,
            fit_check(blender_object, code, placement),
            positions(data),
            digest_of_content(blender_object) if is_clicked else "",
        )

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
            or target[KEY] != self.packed
            or (self.content and digest_of_content(target) != self.content)
        ):
            raise InputError(
                "{name} has changed in the meantime, so it was left as it is",
                "Try again",
                name=target.name,
            )
        make_single_user(target)
        return target
