"""Objects of a batch: made from what was read, and put into the scene, all at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import bpy
import numpy as np
from numpy.typing import NDArray

from ..inference.texture.pictures import Textures
from ..inference.types import MeshData
from .glb import Skin
from .mesh import new_mesh, show_in_local_views
from .origin import Origin, note_origin
from .texture import UV_MAP, show_material, textured_material

PER_COLLECTION = 100
"""Most objects of a collection: more are divided into collections inside of it."""


@dataclass
class Traces:
    """Data-blocks that were added to the file, by session_uid, so that they can be removed again.

    Python's own references to data-blocks do not outlive an undo.
    """

    objects: set[int] = field(default_factory=set)
    meshes: set[int] = field(default_factory=set)
    materials: set[int] = field(default_factory=set)
    images: set[int] = field(default_factory=set)

    @contextmanager
    def following(self) -> Iterator[None]:
        """Note what the block adds."""
        before = {name: _uids(name) for name in vars(self)}
        try:
            yield
        finally:
            for name, uids in vars(self).items():
                uids |= _uids(name) - before[name]

    def remove(self) -> None:
        """Remove what was added, except for what something else uses by now."""
        # In this order, what an object uses has no users left when it is looked at.
        for name, uids in vars(self).items():
            blocks = [each for each in getattr(bpy.data, name) if each.session_uid in uids]
            is_free = name == "objects"
            bpy.data.batch_remove([each for each in blocks if is_free or not each.users])
            uids.clear()


def _uids(name: str) -> set[int]:
    return {block.session_uid for block in getattr(bpy.data, name)}


def new_object(name: str, mesh: MeshData, skin: Skin | None, origin: Origin) -> bpy.types.Object:
    """Make an object, in no scene yet; its picture is still to be kept."""
    new = bpy.data.objects.new(name, new_mesh(mesh, name, origin.placement))
    note_origin(new, origin)
    if skin is not None:
        _dress(new, skin)
    return new


def _dress(new: bpy.types.Object, skin: Skin) -> None:
    """Give an object its UV map and its textures, as Texture does."""
    data = new.data
    name = data.uv_layers.new(name=UV_MAP, do_init=False).name
    # Through the UV layer, Blender would set value by value.
    data.attributes[name].data.foreach_set("vector", skin.uv.ravel())
    data.triposr.texture_size = skin.side
    with textured_material(new, Textures(skin.color, skin.normals, 0.0, 1.0)) as material:
        show_material(new, material)
    data.update()


def put_into_scene(
    context: bpy.types.Context,
    objects: Sequence[bpy.types.Object],
    locations: NDArray[np.float64],
    name: str,
) -> bpy.types.Collection:
    """Put objects into a new collection of the scene, at their locations.

    Args:
        context: Its scene and view layer receive the objects. In Object Mode, they become the
            selected ones, and the first one the active one.
        objects: At least one.
        locations: (N, 3), of their origins.
        name: Of the collection.
    """
    for each, location in zip(objects, locations.tolist(), strict=True):
        each.location = location
    collection = bpy.data.collections.new(name)
    parts = range(0, len(objects), PER_COLLECTION)
    for start in parts:
        part = objects[start : start + PER_COLLECTION]
        inner = collection
        if len(parts) > 1:
            inner = bpy.data.collections.new(f"{name} {start + 1}–{start + len(part)}")
            collection.children.link(inner)
        for each in part:
            inner.objects.link(each)
    context.scene.collection.children.link(collection)
    show_in_local_views(context, *objects)
    # In any other mode, a new active object would interrupt what the artist is editing.
    if context.mode == "OBJECT":
        for selected in context.selected_objects:
            selected.select_set(False)
        for each in objects:
            each.select_set(True)
        context.view_layer.objects.active = objects[0]
    return collection
