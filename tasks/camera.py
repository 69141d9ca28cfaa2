"""Task that sets up the camera from which an object covers its subject in the picture."""

from __future__ import annotations

from dataclasses import dataclass

import bpy

from ..inference.engine import engine
from ..inference.errors import InputError
from ..inference.message import Message
from ..inference.texture.camera import POOR, Camera
from ..inference.types import Tick
from ..preferences import machine, model_folder
from ..properties import object_options
from ..scene.anchors import what_became_of
from ..scene.camera import (
    background_of,
    camera_of,
    look_through,
    note_camera,
    pose_in_world,
    set_up_camera,
)
from ..scene.identity import check_local, is_local, with_uid
from ..scene.image_files import LONGEST_SIDE, open_image
from ..scene.mesh import check_not_empty, positions, triangles
from ..scene.source import KEY, check_source, has_source, source_of
from ..scene.undo import push_undo_step
from .fit import fit_check
from .queue import Outcome, Task
from .remarks import CHANGED, note_remarks, with_remarks
from .sources import identity_of, kept_source
from .stages import CAMERA_STAGES

UNDO_STEP = Message("Camera from Picture")


@dataclass(frozen=True)
class _Found:
    """The camera, and the picture that Blender shows behind the object.

    Attributes:
        match: How well the object covers its subject; None if the camera was known before.
        size: Width and height of the picture.
        content: A PNG file that shows it upright.
        is_turned: Whether its file says that it is to be turned.
        digest: SHA-256 of the picture.
    """

    camera: Camera
    match: float | None
    size: tuple[int, int]
    content: bytes
    is_turned: bool
    digest: str


def camera_setup(
    context: bpy.types.Context, blender_object: bpy.types.Object, is_clicked: bool, area: int = 0
) -> Task:
    """Make the task that sets up an object's camera; the camera is its result.

    Args:
        blender_object: Made from a picture.
        is_clicked: Whether the artist goes on working.
        area: Address of the viewport that is to look through the camera; 0 for none.

    Raises:
        InputError: The object cannot get a camera now, or its picture is gone.
    """
    scene = context.scene
    _check(scene, blender_object)
    code, placement = source_of(blender_object)
    known, data = camera_of(blender_object), blender_object.data
    context.view_layer.update()  # the object may just have been moved
    pose_in_world(blender_object, placement, known or Camera(0, 0, 40, 1, (0, 0), 1, 1))
    check_fit = fit_check(blender_object, code, placement)
    points = positions(data)
    needs_torch = what_became_of(data, points) != "there"
    faces = triangles(data)
    vertices = placement.unplace(points)
    source = kept_source(blender_object)
    options = object_options(blender_object.triposr, model_folder(context))
    this_machine = machine(context, is_clicked)
    uid, scene_uid = blender_object.session_uid, scene.session_uid
    packed, made_from = blender_object[KEY], blender_object.triposr.digest

    def work(tick: Tick) -> _Found:
        # Imported on the worker, because these modules import Pillow, OpenCV and SciPy.
        from ..inference.picture.decode import digest_of, is_turned, open_picture
        from ..inference.picture.encode import png_of
        from ..inference.picture.prepare import prepare_image
        from ..inference.texture.camera_fit import fit_prepared

        tick("prepare", 0.0)
        if needs_torch:
            engine.import_torch(this_machine.torch_folder, this_machine.gpu_builds)
        check_fit()
        picture = source.read()
        upright = open_picture(picture)
        camera, match = known, None
        if camera is None:
            prepared = prepare_image(upright, options, tick, source.matte)
            fitted = fit_prepared(vertices, faces, prepared, tick)
            camera, match = fitted.camera, fitted.match
        digest = digest_of(identity_of(source, picture))
        content = png_of(upright, LONGEST_SIDE)
        return _Found(camera, match, upright.size, content, is_turned(picture), digest)

    def deliver(found: _Found) -> Outcome:
        target = with_uid(bpy.data.objects, uid)
        if target is None or not has_source(target):
            raise InputError("The object no longer exists", "Undo its removal and try again")
        where = with_uid(bpy.data.scenes, scene_uid) or bpy.context.scene
        _check(where, target)
        if target[KEY] != packed:
            raise InputError(
                "{name} has changed in the meantime, so it was left as it is",
                "Try again",
                name=target.name,
            )
        layer = bpy.context.view_layer if bpy.context.scene == where else where.view_layers[0]
        with bpy.context.temp_override(scene=where, view_layer=layer):
            layer.update()
            image = with_uid(bpy.data.images, source.image)
            if image is None and source.file is not None:
                image = open_image(source.file)
            shown = background_of(
                image, found.size, found.content, found.is_turned, source.title, found.digest
            )
            made = set_up_camera(bpy.context, target, source_of(target)[1], found.camera, shown)
        if found.match is not None:
            note_camera(target, found.camera, found.match)
        match, remarks = target.triposr.match, []
        if match < POOR:
            remarks.append(Message("the object covers little of its subject: try Variants"))
        if made_from not in ("", found.digest):
            remarks.append(CHANGED)
        note_remarks(target, remarks)
        if is_clicked:
            look_through(where, area)
            push_undo_step(UNDO_STEP)
        # The panel shows the match, and after a click the camera; a message is for what is wrong.
        is_worth_saying = not is_clicked or remarks
        summary = Message("{name}: match {percent:.0f} %", name=made.name, percent=100 * match)
        message = with_remarks(summary, remarks) if is_worth_saying else ""
        return Outcome(message, made, tuple(remarks))

    return Task(blender_object.name, CAMERA_STAGES, work, deliver)


def _check(scene: bpy.types.Scene, blender_object: bpy.types.Object) -> None:
    """Raise InputError if an object cannot get a camera in a scene now."""
    check_source(blender_object)
    if not is_local(scene):
        raise InputError("The scene belongs to a linked file", "Switch to a scene of this file")
    check_local(blender_object)
    check_local(blender_object.data)
    if scene.objects.get(blender_object.name) != blender_object:
        raise InputError(
            "{name} is not in the scene {scene!r}",
            "Switch to its scene and try again",
            name=blender_object.name,
            scene=scene.name,
        )
    if blender_object.mode != "OBJECT":
        raise InputError(
            "{name} is being edited",
            "Switch to Object Mode and try again",
            name=blender_object.name,
        )
    check_not_empty(blender_object.data)
