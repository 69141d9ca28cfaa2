"""What is saved in the .blend: the settings of the next run, on the scene."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.props import (
    BoolProperty,
    EnumProperty,
    FloatProperty,
    FloatVectorProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from .inference.catalog import MATTING_MODELS
from .inference.types import (
    FOREGROUND_RATIO_RANGE,
    RESOLUTION_RANGE,
    THRESHOLD_RANGE,
    Options,
    check_range,
)

# What scene, objects and operators offer alike. Operators have no hard limits (see `unlimited`), so
# what they have in common is kept as keyword arguments.
BACKGROUND = {
    "name": "Background",
    "description": "How the subject is told from its background",
    "items": (
        (
            "auto",
            "Automatic",
            "The picture's own transparency where there is some, else a matting model where one "
            "is on this machine, else a method for plain backgrounds",
        ),
        ("alpha", "Transparency", "Use the picture's own alpha channel"),
        ("model", "Matting Model", "Let a network cut the subject out"),
        ("plain", "Plain Background", "Remove a background of one color or a soft gradient"),
        ("none", "None", "Use the whole picture; it should show its subject on middle gray"),
    ),
    "default": "auto",
}
MATTING_MODEL = {
    "name": "Matting Model",
    "description": "Which network cuts the subject out",
    "items": (
        ("auto", "Best Installed", "The best of those that are on this machine"),
        *((model.name, model.label, model.purpose) for model in MATTING_MODELS),
    ),
    "default": "auto",
}
KEEP_LARGEST = {
    "name": "Keep Largest",
    "description": "Leave out all parts of the picture's subject but the largest",
    "default": Options.keep_largest,
}
FOREGROUND_RATIO = {
    "name": "Foreground Ratio",
    "description": "Part of the network's square picture that the subject fills. "
    "Try another value when the shape comes out too flat or too deep",
    "min": FOREGROUND_RATIO_RANGE[0],
    "max": FOREGROUND_RATIO_RANGE[1],
    "soft_min": 0.5,
    "default": Options.foreground_ratio,
    "precision": 2,
    "step": 1,
}
RESOLUTION = {
    "name": "Resolution",
    "description": "Points per axis at which the surface is looked for. "
    "More show finer detail, and take more time and memory",
    "min": RESOLUTION_RANGE[0],
    "max": RESOLUTION_RANGE[1],
    "soft_min": 64,
    "soft_max": 512,
    "step": 32,
    "default": Options.resolution,
}
THRESHOLD = {
    "name": "Density Threshold",
    "description": "Density at which the surface lies. "
    "Raise it to remove haze around the object, lower it to keep thin parts",
    "min": THRESHOLD_RANGE[0],
    "max": THRESHOLD_RANGE[1],
    "soft_min": 5.0,
    "soft_max": 100.0,
    "step": 100,
    "precision": 1,
    "default": Options.threshold,
}
CLOSED = {
    "name": "Close at Box",
    "description": "Close the mesh where the object reaches the end of the model's box, as 3D "
    "printing needs",
    "default": Options.closed,
}
SIZE = {
    "name": "Size",
    "description": "How large the new object is; see Measure",
    "subtype": "DISTANCE",
    "min": 0.0001,
    "soft_min": 0.01,
    "soft_max": 100.0,
    "default": 1.0,
}
MEASURE = {
    "name": "Measure",
    "description": "Which side of the new object is as long as Size says",
    "items": (
        ("longest", "Longest Side", "The longest of width, depth and height"),
        ("height", "Height", "From the floor to the top"),
    ),
    "default": "longest",
}
ORIGIN = {
    "name": "Origin",
    "description": "What becomes the new object's origin",
    "items": (
        ("base", "Base", "The middle of its bottom: it stands where it is put"),
        ("center", "Center", "The middle of its bounding box"),
        ("volume", "Center of Volume", "Its center of mass, about which it turns naturally"),
    ),
    "default": "base",
}
FACING = {
    "name": "Facing",
    "description": "Where the side that the picture shows looks to",
    "items": (
        ("front", "Front View", "Along -Y, so that the front view (Numpad 1) shows it"),
        ("view", "Viewer", "To you, in the 3D viewport that you click or drop in"),
    ),
    "default": "front",
}
DROP_AT = {
    "name": "Drop At",
    "description": "Where a picture that is dropped on the viewport becomes an object",
    "items": (
        ("surface", "Surface Under Mouse", "On what is under the mouse, or on the floor"),
        ("cursor", "3D Cursor", "At the 3D cursor, wherever it is dropped"),
    ),
    "default": "surface",
}


def unlimited(declaration: dict[str, object]) -> dict[str, object]:
    """A property's declaration without its hard limits: a script that exceeds them is told so,
    where Blender would silently use another value.
    """
    return {key: value for key, value in declaration.items() if key not in ("min", "max")}


def check_declared(declaration: dict[str, object], value: float) -> None:
    """Raise InputError for a value beyond the hard limits of a declaration."""
    check_range(declaration["name"], value, (declaration["min"], declaration["max"]))


class RunSettings:
    """How an object is made: of the next one on the scene, and of each one on itself."""

    background: EnumProperty(**BACKGROUND)
    matting_model: EnumProperty(**MATTING_MODEL)
    keep_largest: BoolProperty(**KEEP_LARGEST)
    foreground_ratio: FloatProperty(**FOREGROUND_RATIO)
    resolution: IntProperty(**RESOLUTION)
    threshold: FloatProperty(**THRESHOLD)
    closed: BoolProperty(**CLOSED)
    size: FloatProperty(**SIZE)
    measure: EnumProperty(**MEASURE)
    origin: EnumProperty(**ORIGIN)


SETTINGS = tuple(RunSettings.__annotations__)
"""Their names; operators have them too."""


class TripoSRSettings(RunSettings, bpy.types.PropertyGroup):
    """Settings of the next run."""

    image: PointerProperty(
        type=bpy.types.Image,
        name="Picture",
        description="Picture of one object to build in 3D",
    )
    facing: EnumProperty(**FACING)
    drop_at: EnumProperty(**DROP_AT)


def run_options(settings: object, matting_folder: Path) -> Options:
    """The options of a run.

    Args:
        settings: Anything with the attributes of `TripoSRSettings`.
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
    """What belongs to one picture."""

    matte: PointerProperty(
        type=bpy.types.Image,
        name="Matte",
        description="Painted mask that stands for the Background setting: white is the subject",
    )


class TripoSRMesh(bpy.types.PropertyGroup):
    """What the add-on did to a mesh: the picture's file that it was made of (see
    scene/kept_file.py), what its colors are called, and where it was put (see scene/anchors.py).
    """

    picture: PointerProperty(type=bpy.types.Image, options={"HIDDEN"})
    place: StringProperty(options={"HIDDEN"})
    colors: StringProperty(options={"HIDDEN"})
    vertices: IntProperty(options={"HIDDEN"})
    anchors: StringProperty(options={"HIDDEN"})


class TripoSRSource(RunSettings, bpy.types.PropertyGroup):
    """What an object was made of; its scene code is kept beside this (see scene/source.py)."""

    picture: StringProperty(name="Picture", description="Name of the picture")
    image: PointerProperty(
        type=bpy.types.Image, name="Image", description="The picture, if it was in the .blend"
    )
    filepath: StringProperty(
        name="File",
        description="The picture's file, in older files; now see scene/kept_file.py",
        subtype="FILE_PATH",
    )
    digest: StringProperty(
        name="SHA-256", description="Of the picture's file or pixels when the object was made"
    )
    is_draft: BoolProperty(name="Draft", description="Whether the starter model made it")
    mirrored: EnumProperty(
        name="Mirrored",
        description="Which half the other one is a mirror image of",
        items=(("none", "None", ""), ("left", "Left Half", ""), ("right", "Right Half", "")),
    )
    variants: StringProperty(
        name="Variants", description="What it has in common with those that it is compared with"
    )
    home: FloatVectorProperty(
        name="Place", description="Where the one that is kept is to stand", subtype="TRANSLATION"
    )
    scale: FloatProperty(name="Scale", description="Object units to a model unit", default=1.0)
    base: FloatVectorProperty(
        name="Base", description="What became the object's origin, in model units"
    )


def register() -> None:
    """Give every scene its settings, every picture its matte, every object its source."""
    bpy.types.Scene.triposr = PointerProperty(type=TripoSRSettings)
    bpy.types.Image.triposr = PointerProperty(type=TripoSRImage)
    bpy.types.Mesh.triposr = PointerProperty(type=TripoSRMesh)
    bpy.types.Object.triposr = PointerProperty(type=TripoSRSource)


def unregister() -> None:
    """Take the settings away when the add-on is disabled; what a .blend saved stays in it."""
    del bpy.types.Object.triposr
    del bpy.types.Mesh.triposr
    del bpy.types.Image.triposr
    del bpy.types.Scene.triposr


classes = (TripoSRSettings, TripoSRImage, TripoSRMesh, TripoSRSource)
