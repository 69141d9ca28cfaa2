"""Properties saved in the .blend, on scenes, objects, meshes and images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import bpy
from bpy.props import (
    BoolProperty,
    EnumProperty,
    FloatProperty,
    FloatVectorProperty,
    IntProperty,
    IntVectorProperty,
    PointerProperty,
    StringProperty,
)

from .inference.types import Options
from .settings import DROP_AT, FACING, OBJECT, Setting


def declared(setting: Setting, limited: bool = True, **options: object) -> object:
    """Blender's property for a setting.

    Args:
        limited: Whether Blender clamps values to the limits. Operators set this to False, so that a
            script that exceeds the limits gets an error instead of, silently, another value.
        options: Further arguments of the property, such as `options`, `get` and `set`.
    """
    options = {
        "name": setting.label,
        "description": setting.description,
        "default": setting.default,
        **(setting.options or {}),
        **options,
    }
    if setting.choices:
        return EnumProperty(items=setting.choices, **options)
    kind: Callable[..., object] = {bool: BoolProperty, int: IntProperty, float: FloatProperty}[
        type(setting.default)
    ]
    if setting.limits is not None:
        if limited:
            options["min"], options["max"] = setting.limits
        options["soft_min"], options["soft_max"] = setting.soft or setting.limits
    return kind(**options)


def declaring(settings: tuple[Setting, ...], limited: bool = True, **options: object) -> type:
    """Base class with a property for each setting; see `declared`."""
    properties = {each.name: declared(each, limited, **options) for each in settings}
    return type("Declared", (), {"__annotations__": properties})


class TripoSRSettings(declaring((*OBJECT, FACING, DROP_AT)), bpy.types.PropertyGroup):
    """Settings of the next object."""

    image: PointerProperty(
        type=bpy.types.Image,
        name="Picture",
        description="Picture of one object to build in 3D",
    )


def object_options(settings: object, matting_folder: Path) -> Options:
    """Options of a reconstruction.

    Args:
        settings: An object with the attributes of `TripoSRSettings`.
        matting_folder: Folder of the matting models.

    Raises:
        InputError: A value is out of its range.
    """
    return Options(
        background=settings.background,
        matting_model=settings.matting_model,
        keep_largest=settings.keep_largest,
        matting_folder=matting_folder,
        foreground_ratio=settings.foreground_ratio,
        resolution=settings.resolution,
        threshold=settings.threshold,
        closed=settings.closed,
    )


class TripoSRImage(bpy.types.PropertyGroup):
    """Settings of one picture."""

    matte: PointerProperty(
        type=bpy.types.Image,
        name="Matte",
        description="Painted mask that replaces the Background setting: white is the subject",
    )
    texture: EnumProperty(
        name="Texture",
        description="What the image shows, if Texture made it",
        items=(("none", "None", ""), ("color", "Color", ""), ("normal", "Normal Map", "")),
        options={"HIDDEN"},
    )


class TripoSRMaterial(bpy.types.PropertyGroup):
    """Origin of a material."""

    is_texture: BoolProperty(
        name="Texture", description="Whether Texture made the material", options={"HIDDEN"}
    )


class TripoSRMesh(bpy.types.PropertyGroup):
    """Origin of a mesh: its picture's file (see scene/kept_file.py), the name of its color
    attribute, its place (see scene/anchors.py), and the size of the textures for which the add-on
    has unwrapped it.
    """

    picture: PointerProperty(type=bpy.types.Image, options={"HIDDEN"})
    place: StringProperty(options={"HIDDEN"})
    colors: StringProperty(options={"HIDDEN"})
    vertices: IntProperty(options={"HIDDEN"})
    anchors: StringProperty(options={"HIDDEN"})
    texture_size: IntProperty(options={"HIDDEN"})


class TripoSRSource(declaring(OBJECT), bpy.types.PropertyGroup):
    """Origin of an object, and its picture's camera (see scene/camera.py); its scene code is stored
    beside this (see scene/source.py).
    """

    picture: StringProperty(name="Picture", description="Name of the picture")
    image: PointerProperty(
        type=bpy.types.Image,
        name="Image",
        description="The picture, if it is an image of the .blend",
    )
    filepath: StringProperty(
        name="File",
        description="The picture's file, in older files; now see scene/kept_file.py",
        subtype="FILE_PATH",
    )
    digest: StringProperty(
        name="SHA-256",
        description="Checksum of the picture's file or pixels when the object was made",
    )
    is_draft: BoolProperty(name="Draft", description="Whether the starter model made the object")
    mirrored: EnumProperty(
        name="Mirrored",
        description="Half that was kept; the other half is its mirror image",
        items=(("none", "None", ""), ("left", "Left Half", ""), ("right", "Right Half", "")),
    )
    match: FloatProperty(
        name="Match",
        description="How well the object covers its subject in the picture, seen from where the "
        "picture was taken: 0 not at all, 1 exactly. Refining does not change it",
        min=0.0,
        max=1.0,
        subtype="FACTOR",
    )
    remark: StringProperty(
        name="Remark",
        description="What the last task on the object has left out, and why; empty if nothing",
    )
    camera_angles: FloatVectorProperty(size=3, options={"HIDDEN"})
    camera_distance: FloatProperty(options={"HIDDEN"})
    camera_center: FloatVectorProperty(size=2, options={"HIDDEN"})
    camera_size: IntVectorProperty(size=2, options={"HIDDEN"})
    camera: PointerProperty(type=bpy.types.Object, options={"HIDDEN"})
    variants: StringProperty(
        name="Variants", description="Group of variants that the object belongs to"
    )
    home: FloatVectorProperty(
        name="Place", description="Where the kept variant will stand", subtype="TRANSLATION"
    )
    scale: FloatProperty(name="Scale", description="Object units per model unit", default=1.0)
    base: FloatVectorProperty(
        name="Base", description="Point that became the object's origin, in model units"
    )


def register() -> None:
    """Add the properties to scenes, images, materials, meshes and objects."""
    bpy.types.Scene.triposr = PointerProperty(type=TripoSRSettings)
    bpy.types.Image.triposr = PointerProperty(type=TripoSRImage)
    bpy.types.Material.triposr = PointerProperty(type=TripoSRMaterial)
    bpy.types.Mesh.triposr = PointerProperty(type=TripoSRMesh)
    bpy.types.Object.triposr = PointerProperty(type=TripoSRSource)


def unregister() -> None:
    """Remove the properties; values saved in a .blend stay in it."""
    del bpy.types.Object.triposr
    del bpy.types.Mesh.triposr
    del bpy.types.Material.triposr
    del bpy.types.Image.triposr
    del bpy.types.Scene.triposr


classes = (TripoSRSettings, TripoSRImage, TripoSRMaterial, TripoSRMesh, TripoSRSource)
