"""A picture's camera: kept with its object, and set up as a camera of Blender's."""

from __future__ import annotations

import math

import bpy
import numpy as np
from bpy.app.handlers import persistent
from mathutils import Matrix

from ..inference.errors import InputError
from ..inference.texture.camera import SENSOR, Camera
from .identity import is_local
from .mesh import link
from .pixels import SCENE_RESULTS, packed_image
from .placement import Placement, to_blender_frame

UNEVEN = 2e-3
"""How much the scale may differ between the axes of an object, relative to its square."""

CLIP = 0.01, 100.0
"""Where the camera begins and ends to see, in distances from the object's middle."""

DIGEST = "triposr_digest"
"""Custom property of a copy of a picture: which picture it shows."""


def note_camera(blender_object: bpy.types.Object, camera: Camera | None, match: float) -> None:
    """Keep the camera of an object's picture with the object; None forgets what was kept."""
    note = blender_object.triposr
    note.match = match
    if camera is None:
        for name in ("camera_angles", "camera_distance", "camera_center", "camera_size"):
            note.property_unset(name)
        return
    note.camera_angles = camera.elevation, camera.azimuth, camera.fov
    note.camera_distance, note.camera_center = camera.distance, camera.center
    note.camera_size = camera.width, camera.height


def camera_of(blender_object: bpy.types.Object) -> Camera | None:
    """The camera of an object's picture, in the model's frame, if it is known."""
    note = blender_object.triposr
    elevation, azimuth, fov = note.camera_angles
    distance, (x, y), (width, height) = note.camera_distance, note.camera_center, note.camera_size
    is_finite = all(map(math.isfinite, (elevation, azimuth, distance, x, y)))
    # A script, or an object of an older file, may hold anything.
    if not (is_finite and distance > 0 and 0 < fov < 180 and width > 0 and height > 0):
        return None
    return Camera(elevation, azimuth, fov, distance, (x, y), width, height)


def pose_in_world(
    blender_object: bpy.types.Object, placement: Placement, camera: Camera
) -> tuple[Matrix, float]:
    """Where a picture's camera stands in the world, and how many world units a model unit has.

    Raises:
        InputError: The object is stretched, sheared or mirrored, so that no camera sees it as it
            was.
    """
    world = np.array(blender_object.matrix_world, np.float64)
    axes = world[:3, :3]
    square = axes.T @ axes
    size = float(np.trace(square)) / 3
    is_even = np.abs(square - size * np.eye(3)).max() <= UNEVEN * size
    if not (np.isfinite(world).all() and size > 0 and is_even and np.linalg.det(axes) > 0):
        raise InputError(
            "{name} is stretched, sheared or mirrored, so no camera sees it as in its picture",
            "Give it the same positive scale on all axes, and try again",
            name=blender_object.name,
        )
    scale = math.sqrt(size)
    turned = to_blender_frame(camera.pose[:3, :3].T).T  # the axes, which are its columns
    [place] = placement.place(camera.position[None])
    matrix = np.eye(4)
    matrix[:3, :3] = axes / scale @ turned
    matrix[:3, 3] = axes @ place + world[:3, 3]
    return Matrix(matrix.tolist()), scale * placement.scale


def set_up_camera(
    context: bpy.types.Context,
    blender_object: bpy.types.Object,
    placement: Placement,
    camera: Camera,
    picture: bpy.types.Image,
) -> bpy.types.Object:
    """Make a camera from which an object covers its subject in the picture, or move the one that
    was made before; the scene renders through it, in the picture's size.

    Raises:
        InputError: See `pose_in_world`; or the camera cannot be added to the collection.
    """
    matrix, unit = pose_in_world(blender_object, placement, camera)
    made = _own_camera(context.scene, blender_object) or _new_camera(context, blender_object)
    made.matrix_world = matrix
    data = made.data
    data.type, data.sensor_fit = "PERSP", "AUTO"
    data.sensor_width = SENSOR * max(1.0, 1 / camera.lens())  # Blender's shortest lens has 1 mm
    data.lens = camera.lens(data.sensor_width)
    data.shift_x, data.shift_y = camera.shift
    data.clip_start, data.clip_end = (unit * camera.distance * part for part in CLIP)
    _show_picture(data, picture)
    render = context.scene.render
    render.resolution_x, render.resolution_y = camera.width, camera.height
    render.resolution_percentage = 100
    render.pixel_aspect_x = render.pixel_aspect_y = 1.0
    context.scene.camera = made
    blender_object.triposr.camera = made
    return made


def _own_camera(
    scene: bpy.types.Scene, blender_object: bpy.types.Object
) -> bpy.types.Object | None:
    """The camera that was made for an object before, unless it has another purpose by now: the
    artist has tied it to something, or it is that of a duplicate as well.
    """
    camera = blender_object.triposr.camera
    if camera is None or camera.type != "CAMERA" or scene.objects.get(camera.name) != camera:
        return None
    is_free = (
        is_local(camera, camera.data)
        and camera.data.users == 1
        and camera.parent is None
        and not camera.constraints
        and camera.animation_data is None
        and camera.data.animation_data is None
        and not any((*camera.lock_location, *camera.lock_rotation))
    )
    is_shared = any(
        other.triposr.camera == camera for other in bpy.data.objects if other != blender_object
    )
    return camera if is_free and not is_shared else None


def _new_camera(context: bpy.types.Context, blender_object: bpy.types.Object) -> bpy.types.Object:
    name = f"{blender_object.name} Camera"
    camera = bpy.data.objects.new(name, bpy.data.cameras.new(name))
    link(context, camera)
    return camera


def _show_picture(data: bpy.types.Camera, picture: bpy.types.Image) -> None:
    """Show a picture behind what a camera sees; what else the artist shows there stays."""
    shown = next((each for each in data.background_images if each.image == picture), None)
    if shown is None:
        shown = data.background_images.new()
        shown.image = picture
    shown.source, shown.display_depth, shown.frame_method = "IMAGE", "BACK", "STRETCH"
    shown.alpha, shown.scale, shown.rotation, shown.offset = 1.0, 1.0, 0.0, (0.0, 0.0)
    shown.use_flip_x = shown.use_flip_y = False
    shown.show_background_image = data.show_background_images = True


def background_of(
    image: bpy.types.Image | None,
    size: tuple[int, int],
    content: bytes,
    is_turned: bool,
    name: str,
    digest: str,
) -> bpy.types.Image:
    """The image to show behind an object: its picture, or a copy of it where Blender would show
    the picture in another way.

    Args:
        image: The picture as an image data-block, or None if Blender cannot open it.
        size: Width and height of the picture as the network has seen it.
        content: A PNG file that shows it so, perhaps smaller: it is stretched to the camera.
        is_turned: Whether the picture's file says that it is to be turned, which Blender ignores.
        name: For the copy.
        digest: Of the picture, by which a copy is found again.
    """
    if image is not None and not is_turned and image.type not in SCENE_RESULTS:
        # Blender must find the same number of pixels, or at least the same shape.
        width, height = image.size
        if width * size[1] == height * size[0] and width:
            return image
    for copy in bpy.data.images:
        if copy.get(DIGEST) == digest and is_local(copy):
            return copy
    copy = packed_image(content, name)
    copy[DIGEST] = digest
    return copy


@persistent
def forget_deleted_cameras(*_: object) -> None:
    """Let go of cameras that are in no scene, so that Blender does not save them.

    Blender removes a deleted object from its scenes, but not from the notes of other objects.
    """
    for blender_object in bpy.data.objects:
        camera = blender_object.triposr.camera
        if camera is not None and is_local(blender_object) and not camera.users_scene:
            blender_object.triposr.camera = None


def register() -> None:
    bpy.app.handlers.save_pre.append(forget_deleted_cameras)


def unregister() -> None:
    bpy.app.handlers.save_pre.remove(forget_deleted_cameras)


def look_through(scene: bpy.types.Scene, area: int) -> None:
    """Make a 3D viewport, found by its area's address, show what the scene's camera sees."""
    for window in bpy.context.window_manager.windows:
        for each in window.screen.areas if window.scene == scene else ():
            if each.as_pointer() == area and each.type == "VIEW_3D":
                space = each.spaces.active
                if space.use_local_camera:
                    space.camera = scene.camera
                space.region_3d.view_perspective = "CAMERA"
                each.tag_redraw()
