"""Declarations of all settings, each in one place. No bpy.

The properties of scenes, objects and operators, the arguments of `api`, the options of the shell
command and the tables of the documentation are made from them.
"""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from .inference.model.catalog import MATTING_MODELS
from .inference.types import (
    FOREGROUND_RATIO_RANGE,
    RESOLUTION_RANGE,
    SIZE_RANGE,
    THRESHOLD_RANGE,
    Options,
    check_choice,
    check_range,
    check_switch,
    check_whole,
)

Value = str | bool | int | float


@dataclass(frozen=True)
class Setting:
    """A setting for scripts, panels and the shell command.

    Attributes:
        name: Python name.
        label: Name in the interface.
        description: Tooltip, without a final period.
        default: Default value; its type is the setting's type.
        limits: Lowest and highest allowed value; None for choices and booleans.
        soft: Lowest and highest value of the slider, if they differ from the limits.
        choices: (name, label, description) of each choice.
        options: Further arguments of Blender's property: `step`, `precision`, `subtype`.
        option, option_help: Option of the shell command and its help, if they are not made from
            the name and the description.
        metavar: Placeholder for the value in the help of the shell command.
    """

    name: str
    label: str
    description: str
    default: Value
    limits: tuple[float, float] | None = None
    soft: tuple[float, float] | None = None
    choices: tuple[tuple[str, str, str], ...] = ()
    options: Mapping[str, object] | None = None
    option: str = ""
    option_help: str = ""
    metavar: str = ""

    @property
    def flag(self) -> str:
        """The option of the shell command."""
        return self.option or f"--{self.name.replace('_', '-')}"

    @property
    def flag_help(self) -> str:
        """Description for the shell command's help and for tables, with a small first letter."""
        return self.option_help or self.description[0].lower() + self.description[1:]

    def checked(self, value: Any) -> Value:
        """Return a value as the setting's own type, which may come as another, such as NumPy's.

        Raises:
            InputError: The setting does not allow the value.
        """
        if self.choices:
            names = tuple(name for name, _, _ in self.choices)
            # A script may give the number that a choice is named after.
            is_number = isinstance(value, numbers.Integral) and not isinstance(value, bool)
            value = str(value) if is_number else value
            check_choice(self.label, value, names)
            return str(value)
        if isinstance(self.default, bool):
            check_switch(self.label, value)
            return bool(value)
        assert self.limits is not None
        check_range(self.label, value, self.limits)
        if isinstance(self.default, int):
            check_whole(self.label, value)
            return int(value)
        return float(value)


BACKGROUND = Setting(
    "background",
    label="Background",
    description="How to separate the subject from its background",
    default=Options.background,
    choices=(
        (
            "auto",
            "Automatic",
            "Use the picture's own transparency if it has any, else an installed matting model, "
            "else a method for plain backgrounds",
        ),
        ("alpha", "Transparency", "Use the picture's own alpha channel"),
        ("model", "Matting Model", "Let a network cut out the subject"),
        ("plain", "Plain Background", "Remove a background of one color or a soft gradient"),
        ("none", "None", "Use the whole picture; it should show its subject on middle gray"),
    ),
)
MATTING_MODEL = Setting(
    "matting_model",
    label="Matting Model",
    description="Network that cuts out the subject",
    default=Options.matting_model,
    choices=(
        ("auto", "Best Installed", "The best matting model on this machine"),
        *((model.name, model.label, model.purpose) for model in MATTING_MODELS),
    ),
)
KEEP_LARGEST = Setting(
    "keep_largest",
    label="Keep Largest",
    description="Keep only the largest part of the subject",
    default=Options.keep_largest,
)
FOREGROUND_RATIO = Setting(
    "foreground_ratio",
    label="Foreground Ratio",
    description="Share of the network's square picture that the subject fills. Try another value "
    "if the shape comes out too flat or too deep",
    default=Options.foreground_ratio,
    limits=FOREGROUND_RATIO_RANGE,
    soft=(0.5, FOREGROUND_RATIO_RANGE[1]),
    options={"precision": 2, "step": 1},
    metavar="R",
)
RESOLUTION = Setting(
    "resolution",
    label="Resolution",
    description="Sampling points per axis. More points give finer detail, but take more time and "
    "memory",
    default=Options.resolution,
    limits=RESOLUTION_RANGE,
    soft=(64, 512),
    options={"step": 32},
    metavar="N",
)
THRESHOLD = Setting(
    "threshold",
    label="Density Threshold",
    description="Density at which the surface lies. Raise it to remove haze around the object; "
    "lower it to keep thin parts",
    default=Options.threshold,
    limits=THRESHOLD_RANGE,
    soft=(5.0, 100.0),
    options={"precision": 1, "step": 100},
    metavar="D",
)
CLOSED = Setting(
    "closed",
    label="Close at Box",
    description="Close the mesh where the model's box cuts it off, as 3D printing requires",
    default=Options.closed,
    option="--open",
    option_help="leave the mesh open where the model's box cuts it off",
)
SIZE = Setting(
    "size",
    label="Size",
    description="Size of the new object, along the side that Measure selects",
    default=1.0,
    limits=SIZE_RANGE,
    soft=(0.01, 100.0),
    options={"subtype": "DISTANCE"},
    option_help="size of the new object, along the side that --measure selects",
    metavar="LENGTH",
)
MEASURE = Setting(
    "measure",
    label="Measure",
    description="Side of the new object that Size refers to",
    default="longest",
    choices=(
        ("longest", "Longest Side", "The longest of width, depth and height"),
        ("height", "Height", "From the floor to the top"),
    ),
    option_help="side of the new object that --size refers to",
)
ORIGIN = Setting(
    "origin",
    label="Origin",
    description="Point that becomes the new object's origin",
    default="base",
    choices=(
        ("base", "Base", "The middle of the bottom, so that the object stands where it is placed"),
        ("center", "Center", "The middle of the bounding box"),
        (
            "volume",
            "Center of Volume",
            "The center of mass, around which the object rotates naturally",
        ),
    ),
)

TEXTURE_SIZES = (
    ("512", "512", "For games on phones, and for many objects"),
    ("1024", "1024", "For objects in the background"),
    ("2048", "2048", "Finer than the network's detail; shows a projected photo well"),
    ("4096", "4096", "For close-ups; takes four times the memory of 2048"),
)
"""Sides of textures, in pixels."""

AFTER_TEXTURE = Setting(
    "texture",
    label="Texture",
    description="Size of the texture that the new object gets, in pixels; None leaves it with "
    "vertex colors and all its faces",
    default="none",
    choices=(("none", "None", "Vertex colors only"), *TEXTURE_SIZES),
    option_help="size of the texture that the new object gets, in pixels; none leaves it with "
    "vertex colors and all its faces",
    metavar="SIZE",
)
AFTER_FACES = Setting(
    "texture_faces",
    label="Faces",
    description="Number of triangles to which a new object that gets a texture is reduced; 0 keeps "
    "all",
    default=20_000,
    limits=(0, 100_000_000),
    soft=(0, 200_000),
    option="--faces",
    metavar="N",
)

SURFACE = (RESOLUTION, THRESHOLD, CLOSED)
"""Settings of surface extraction."""

OBJECT = (
    *(BACKGROUND, MATTING_MODEL, KEEP_LARGEST, FOREGROUND_RATIO),
    *SURFACE,
    *(SIZE, MEASURE, ORIGIN),
    *(AFTER_TEXTURE, AFTER_FACES),
)
"""Settings of building an object from a picture; each object stores them."""

FACING = Setting(
    "facing",
    label="Facing",
    description="Direction that the side shown in the picture faces",
    default="front",
    choices=(
        ("front", "Front View", "Along -Y, so that the front view (Numpad 1) shows it"),
        ("view", "Viewer", "Toward you, in the 3D viewport where you click or drop"),
    ),
)
DROP_AT = Setting(
    "drop_at",
    label="Drop At",
    description="Where to place the object made from a picture that you drop on the viewport",
    default="surface",
    choices=(
        (
            "surface",
            "Surface Under Mouse",
            "On the surface under the mouse, or on the floor if there is none",
        ),
        ("cursor", "3D Cursor", "At the 3D cursor, wherever you drop the picture"),
    ),
)

COUNT = Setting("count", label="Count", description="Number of variants", default=4, limits=(2, 9))
SMALLEST = Setting(
    "smallest",
    label="Smallest",
    description="Foreground ratio of the first variant",
    default=0.65,
    limits=FOREGROUND_RATIO_RANGE,
    options=FOREGROUND_RATIO.options,
)
LARGEST = Setting(
    "largest",
    label="Largest",
    description="Foreground ratio of the last variant",
    default=0.95,
    limits=FOREGROUND_RATIO_RANGE,
    options=FOREGROUND_RATIO.options,
)
VARIANTS = (COUNT, SMALLEST, LARGEST)

FLOATERS = Setting(
    "floaters",
    label="Remove Floaters",
    description="Remove loose parts with less than this share of the largest part's vertices; 1 "
    "keeps only the largest part",
    default=0.05,
    limits=(0.0, 1.0),
    options={"subtype": "FACTOR"},
)
HOLES = Setting(
    "holes",
    label="Fill Holes",
    description="Close the surface, as 3D printing requires",
    default=True,
)
SMOOTH = Setting(
    "smooth",
    label="Smooth",
    description="Number of passes of Laplacian smoothing, which preserves the volume",
    default=0,
    limits=(0, 200),
    soft=(0, 20),
)
FACES = Setting(
    "faces",
    label="Faces",
    description="Number of triangles to reduce the mesh to; 0 keeps all",
    default=0,
    limits=(0, 100_000_000),
    soft=(0, 200_000),
)
CLEAN_UP = (FLOATERS, HOLES, SMOOTH, FACES)

KIND = Setting(
    "kind",
    label="Method",
    description="How to make the new faces",
    default="voxel",
    choices=(
        (
            "voxel",
            "Voxel",
            "Make even faces from a grid, which closes the mesh and joins "
            "overlapping parts; good for sculpting",
        ),
        ("quads", "Quads", "Make quads that follow the shape (QuadriFlow); takes a few seconds"),
    ),
)
VOXEL_SIZE = Setting(
    "voxel_size",
    label="Voxel Size",
    description="Edge length of a voxel; 0 uses 1/128 of the longest side",
    default=0.0,
    limits=(0.0, 1e6),
    options={"precision": 4, "subtype": "DISTANCE"},
)
QUADS = Setting(
    "faces",
    label="Faces",
    description="Approximate number of quads",
    default=5_000,
    limits=(100, 1_000_000),
    soft=(100, 50_000),
)
REMESH = (KIND, VOXEL_SIZE, QUADS)

TEXTURE_FACES = Setting(
    "faces",
    label="Faces",
    description="Number of triangles to reduce the mesh to before it is unwrapped; 0 keeps all. A "
    "mesh with a UV map of yours stays as it is",
    default=20_000,
    limits=(0, 100_000_000),
    soft=(0, 200_000),
)
TEXTURE_SIZE = Setting(
    "size",
    label="Size",
    description="Side of the textures, in pixels",
    default="2048",
    choices=TEXTURE_SIZES,
)
NORMAL_MAP = Setting(
    "normal_map",
    label="Normal Map",
    description="Make a second texture that gives the mesh the shading of the full surface",
    default=True,
)
PHOTO = Setting(
    "photo",
    label="Photo on the Front",
    description="Take the colors from the picture where its camera sees the surface, if the "
    "object matches the picture well",
    default=True,
)
MIRROR_TO_BACK = Setting(
    "mirror_to_back",
    label="Mirror to Back",
    description="Take the colors of the back from the mirrored picture, too",
    default=False,
)
VERTEX_PHOTO = replace(PHOTO, default=False)
"""For vertex colors, whose exact computation Recolor is first of all."""

RECOLOR = (VERTEX_PHOTO, MIRROR_TO_BACK)
TEXTURE = (TEXTURE_FACES, TEXTURE_SIZE, NORMAL_MAP, PHOTO, MIRROR_TO_BACK)

KEEP = Setting(
    "keep",
    label="Keep",
    description="Half to keep; the mirror plane passes through the middle of the picture",
    default="auto",
    choices=(
        ("auto", "Automatic", "The half with more surface, because missing parts have none"),
        ("left", "Left", "The half on the object's local -X side"),
        ("right", "Right", "The half on the object's local X side"),
    ),
)
MIRROR = (KEEP,)

MATCH_FROM = Setting(
    "match_from",
    label="Matches From",
    description="Import only objects that match their pictures at least this well; 0 includes "
    "those whose match is not known",
    default=0.0,
    limits=(0.0, 1.0),
    options={"subtype": "FACTOR"},
)
MATCH_TO = Setting(
    "match_to",
    label="Matches To",
    description="Import only objects that match their pictures at most this well. Lower it to look "
    "at the poorest ones",
    default=1.0,
    limits=(0.0, 1.0),
    options={"subtype": "FACTOR"},
)
MAXIMUM = Setting(
    "maximum",
    label="Maximum",
    description="Largest number of objects to import",
    default=500,
    limits=(1, 100_000),
    soft=(1, 2_000),
)
BATCH = (MATCH_FROM, MATCH_TO, MAXIMUM)

TARGET = Setting(
    "target",
    label="Target",
    description="Where the object goes, which decides the format and its limits",
    default="web",
    choices=(
        ("web", "Web and Engines", "A GLB file for websites and all programs that read glTF"),
        ("engine", "Game Engine", "A GLB or FBX file with lossless textures for Unity or Godot"),
        ("iphone", "iPhone AR", "A USDZ file that iPhones and iPads show in your room"),
        ("android", "Android AR", "A GLB file small enough for Scene Viewer on Android"),
        ("maya", "Maya and Unreal", "An FBX or USD file, in centimeters or with its unit stated"),
        ("print", "3D Print", "An STL file in millimeters for slicers"),
        (
            "page",
            "AR Page",
            "A folder with a web page that shows the object, and puts it into your room",
        ),
    ),
)


def number_text(value: float) -> str:
    """A number as people read it: 100,000,000 and 25, not 1e+08 and 25.0."""
    return f"{value:,.10g}"


def defaults_of(settings: tuple[Setting, ...]) -> dict[str, Value]:
    """Return the default values of settings, by name."""
    return {setting.name: setting.default for setting in settings}


def values_of(settings: tuple[Setting, ...], holder: object) -> dict[str, object]:
    """Return the values that an operator, a scene or parsed arguments hold, by name."""
    return {setting.name: getattr(holder, setting.name) for setting in settings}


def checked(settings: tuple[Setting, ...], given: Mapping[str, object]) -> dict[str, Value]:
    """Return the arguments of a call, each as its setting's own type.

    Raises:
        TypeError: A setting does not exist.
        InputError: A setting does not allow its value.
    """
    by_name = {setting.name: setting for setting in settings}
    for name in given:
        if name not in by_name:
            raise TypeError(f"there is no setting {name!r}, only {', '.join(by_name)}")
    return {name: by_name[name].checked(value) for name, value in given.items()}
