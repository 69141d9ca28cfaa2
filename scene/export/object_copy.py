"""The copy of an object that is exported: its mesh as it is shown, in meters, without its place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np
from mathutils import Matrix
from numpy.typing import NDArray

from ...inference.errors import InputError
from .nodes import nodes_of


def check_exportable(blender_object: bpy.types.Object) -> None:
    """Raise InputError for an object that cannot be exported now."""
    name = blender_object.name
    if blender_object.type != "MESH":
        raise InputError(
            "{name} is not a mesh", "Select a mesh, or convert it to one first", name=name
        )
    if blender_object.mode != "OBJECT" or blender_object.data.is_editmode:
        raise InputError("{name} is being edited", "Switch to Object Mode and try again", name=name)
    for slot in blender_object.material_slots:
        for node in () if slot.material is None else nodes_of(slot.material):
            image = getattr(node, "image", None)
            if isinstance(image, bpy.types.Image) and image.source == "TILED":
                raise InputError(
                    "{name} shows {picture}, a picture of UDIM tiles, which no target reads",
                    "Bake it into one picture on one UV map first",
                    name=name,
                    picture=image.name,
                )


@dataclass(frozen=True)
class Written:
    """A copy of an object in `mesh.blend`.

    Attributes:
        mesh: Name of the mesh in that file.
        images: Files, by the name of the image, of pictures whose unsaved pixels no .blend holds.
        has_instances: Whether the object shows instances, too, which no mesh holds.
    """

    mesh: str
    images: dict[str, str]
    has_instances: bool


def write_copy(blender_object: bpy.types.Object, folder: Path) -> Written:
    """Write the object's mesh with its materials to `mesh.blend` in a folder.

    Modifiers, shape keys and the pose at the current frame are applied, and so are rotation, scale
    and the scene's unit; the object's origin becomes the file's. It does not matter what is hidden,
    excluded or linked.

    Raises:
        InputError: There are no faces, or vertices without a position.
        OSError: The folder cannot be written to.
    """
    with _mesh_as_shown(blender_object) as (data, has_instances):
        _check_content(blender_object.name, data)
        try:
            bpy.data.libraries.write(
                str(folder / "mesh.blend"), {data}, fake_user=True, path_remap="ABSOLUTE"
            )
            return Written(data.name, _unsaved_pictures(data, folder), has_instances)
        except RuntimeError as error:
            raise OSError(str(error)) from error


@contextmanager
def _mesh_as_shown(blender_object: bpy.types.Object) -> Iterator[tuple[bpy.types.Mesh, bool]]:
    """Gives a new mesh, which is removed afterwards, and whether the object has instances."""
    shown = bpy.context.scene
    scene = bpy.data.scenes.new("TripoSR")
    copy = blender_object.copy()  # which can be shown even if the object is linked and hidden
    data = None
    try:
        scene.frame_set(shown.frame_current, subframe=shown.frame_subframe)
        copy.hide_viewport = False
        scene.collection.objects.link(copy)
        layer = scene.view_layers[0]
        layer.update()
        evaluated = copy.evaluated_get(layer.depsgraph)
        data = bpy.data.meshes.new_from_object(
            evaluated, preserve_all_data_layers=True, depsgraph=layer.depsgraph
        )
        for number, slot in enumerate(copy.material_slots):
            if slot.link == "OBJECT" and number < len(data.materials):
                data.materials[number] = slot.material
        unit = shown.unit_settings
        # Without a system of units, Blender's own measures are meters, whatever the scale says.
        meters = 1.0 if unit.system == "NONE" else unit.scale_length
        _place(data, evaluated.matrix_world, meters)
        yield data, any(part.is_instance for part in layer.depsgraph.object_instances)
    finally:
        bpy.data.objects.remove(copy)
        bpy.data.scenes.remove(scene)
        if data is not None:
            bpy.data.meshes.remove(data)


def _place(data: bpy.types.Mesh, world: Matrix, meters: float) -> None:
    """Apply an object's matrix but for its translation, and the length of the scene's unit."""
    matrix = Matrix.Scale(meters, 4) @ world.to_3x3().to_4x4()
    data.transform(matrix)
    if matrix.determinant() < 0:  # mirrored: the faces would show their backs
        data.flip_normals()
    data.update()


def _check_content(name: str, data: bpy.types.Mesh) -> None:
    if not len(data.polygons):
        raise InputError("{name} has no faces", "Select an object with a surface", name=name)
    points = np.empty(3 * len(data.vertices), np.float32)
    data.attributes["position"].data.foreach_get("vector", points)
    if not np.isfinite(points).all():
        raise InputError(
            "{name} has vertices whose positions are no numbers",
            "Delete them in Edit Mode, and check the object's scale",
            name=name,
        )
    if not np.ptp(points.reshape(-1, 3), axis=0).any():
        raise InputError("{name} has no size", "Check the object's scale", name=name)


def _unsaved_pictures(data: bpy.types.Mesh, folder: Path) -> dict[str, str]:
    files: dict[str, str] = {}
    for material in filter(None, data.materials):
        for node in nodes_of(material):
            image = getattr(node, "image", None)
            if isinstance(image, bpy.types.Image) and image.is_dirty and image.name not in files:
                path = folder / f"unsaved{len(files)}"
                _save_pixels(image, path)
                files[image.name] = str(path)
    return files


def _save_pixels(image: bpy.types.Image, path: Path) -> None:
    """Save the present pixels of an image to a file; saving the image itself would change it."""
    copy = bpy.data.images.new(
        image.name, *image.size, alpha=image.channels == 4, float_buffer=image.is_float
    )
    try:
        copy.colorspace_settings.name = image.colorspace_settings.name
        pixels = np.empty(len(image.pixels), np.float32)
        image.pixels.foreach_get(pixels)
        copy.pixels.foreach_set(_as_rgba(pixels, image.channels))
        copy.file_format = "OPEN_EXR" if image.is_float else "PNG"
        copy.save(filepath=str(path))
    finally:
        bpy.data.images.remove(copy)


def _as_rgba(pixels: NDArray[np.float32], channels: int) -> NDArray[np.float32]:
    """Values of pixels with red, green, blue and alpha, as new images have them."""
    rgba = np.ones((len(pixels) // channels, 4), np.float32)
    rgba[:, : min(channels, 4)] = pixels.reshape(-1, channels)
    if channels < 3:  # gray
        rgba[:, :3] = rgba[:, :1]
    return rgba.ravel()
