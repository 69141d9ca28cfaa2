"""Declarations of all settings, each in one place. No bpy.

The properties of scenes, objects and operators, the arguments of `api` and the options of the shell
command are made from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .inference.errors import InputError
from .inference.message import Message
from .inference.model.catalog import MATTING_MODELS
from .inference.types import (
    FOREGROUND_RATIO_RANGE,
    RESOLUTION_RANGE,
    SIZE_RANGE,
    THRESHOLD_RANGE,
    Options,
    check_choice,
    check_range,
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
        """What the help of the shell command and tables say of it, with a small first letter."""
        return self.option_help or self.description[0].lower() + self.description[1:]

    def check(self, value: object) -> None:
        """Raise InputError if the setting does not allow a value."""
        if self.choices:
            check_choice(self.label, value, tuple(name for name, _, _ in self.choices))
        elif isinstance(self.default, bool):
            if value not in (True, False):
                raise InputError(
                    "{label} is {value}",
                    "Choose True or False",
                    label=Message(self.label),
                    value=repr(value),
                )
        elif self.limits is not None:
            check_range(self.label, value, self.limits)
            if isinstance(self.default, int):
                check_whole(self.label, value)


BACKGROUND = Setting(
    "background",
    label="Background",
    description="How the subject is told from its background",
    default=Options.background,
    choices=(
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
)
MATTING_MODEL = Setting(
    "matting_model",
    label="Matting Model",
    description="Which network cuts the subject out",
    default=Options.matting_model,
    choices=(
        ("auto", "Best Installed", "The best of those that are on this machine"),
        *((model.name, model.label, model.purpose) for model in MATTING_MODELS),
    ),
)
KEEP_LARGEST = Setting(
    "keep_largest",
    label="Keep Largest",
    description="Leave out all parts of the picture's subject but the largest",
    default=Options.keep_largest,
)
FOREGROUND_RATIO = Setting(
    "foreground_ratio",
    label="Foreground Ratio",
    description="Part of the network's square picture that the subject fills. "
    "Try another value when the shape comes out too flat or too deep",
    default=Options.foreground_ratio,
    limits=FOREGROUND_RATIO_RANGE,
    soft=(0.5, FOREGROUND_RATIO_RANGE[1]),
    options={"precision": 2, "step": 1},
    metavar="R",
)
RESOLUTION = Setting(
    "resolution",
    label="Resolution",
    description="Points per axis at which the surface is looked for. "
    "More show finer detail, and take more time and memory",
    default=Options.resolution,
    limits=RESOLUTION_RANGE,
    soft=(64, 512),
    options={"step": 32},
    metavar="N",
)
THRESHOLD = Setting(
    "threshold",
    label="Density Threshold",
    description="Density at which the surface lies. "
    "Raise it to remove haze around the object, lower it to keep thin parts",
    default=Options.threshold,
    limits=THRESHOLD_RANGE,
    soft=(5.0, 100.0),
    options={"precision": 1, "step": 100},
    metavar="D",
)
CLOSED = Setting(
    "closed",
    label="Close at Box",
    description="Close the mesh where the object reaches the end of the model's box, as 3D "
    "printing needs",
    default=Options.closed,
    option="--open",
    option_help="leave the mesh open where the model's box cuts it off",
)
SIZE = Setting(
    "size",
    label="Size",
    description="How large the new object is; see Measure",
    default=1.0,
    limits=SIZE_RANGE,
    soft=(0.01, 100.0),
    options={"subtype": "DISTANCE"},
    metavar="LENGTH",
)
MEASURE = Setting(
    "measure",
    label="Measure",
    description="Which side of the new object is as long as Size says",
    default="longest",
    choices=(
        ("longest", "Longest Side", "The longest of width, depth and height"),
        ("height", "Height", "From the floor to the top"),
    ),
)
ORIGIN = Setting(
    "origin",
    label="Origin",
    description="What becomes the new object's origin",
    default="base",
    choices=(
        ("base", "Base", "The middle of its bottom: it stands where it is put"),
        ("center", "Center", "The middle of its bounding box"),
        ("volume", "Center of Volume", "Its center of mass, about which it turns naturally"),
    ),
)

SURFACE = (RESOLUTION, THRESHOLD, CLOSED)
"""Settings of surface extraction."""

OBJECT = (
    *(BACKGROUND, MATTING_MODEL, KEEP_LARGEST, FOREGROUND_RATIO),
    *SURFACE,
    *(SIZE, MEASURE, ORIGIN),
)
"""Settings of building an object from a picture; each object stores them."""

FACING = Setting(
    "facing",
    label="Facing",
    description="Where the side that the picture shows looks to",
    default="front",
    choices=(
        ("front", "Front View", "Along -Y, so that the front view (Numpad 1) shows it"),
        ("view", "Viewer", "To you, in the 3D viewport that you click or drop in"),
    ),
)
DROP_AT = Setting(
    "drop_at",
    label="Drop At",
    description="Where a picture that is dropped on the viewport becomes an object",
    default="surface",
    choices=(
        ("surface", "Surface Under Mouse", "On what is under the mouse, or on the floor"),
        ("cursor", "3D Cursor", "At the 3D cursor, wherever it is dropped"),
    ),
)

COUNT = Setting("count", label="Count", description="Number of variants", default=4, limits=(2, 9))
SMALLEST = Setting(
    "smallest",
    label="Smallest",
    description="Foreground ratio of the first",
    default=0.65,
    limits=FOREGROUND_RATIO_RANGE,
    options=FOREGROUND_RATIO.options,
)
LARGEST = Setting(
    "largest",
    label="Largest",
    description="Foreground ratio of the last",
    default=0.95,
    limits=FOREGROUND_RATIO_RANGE,
    options=FOREGROUND_RATIO.options,
)
VARIANTS = (COUNT, SMALLEST, LARGEST)

FLOATERS = Setting(
    "floaters",
    label="Remove Floaters",
    description="Loose parts with less than this part of the largest one's vertices are "
    "removed; 1 keeps the largest only",
    default=0.05,
    limits=(0.0, 1.0),
    options={"subtype": "FACTOR"},
)
HOLES = Setting(
    "holes",
    label="Fill Holes",
    description="Close the surface, as 3D printing needs",
    default=True,
)
SMOOTH = Setting(
    "smooth",
    label="Smooth",
    description="Passes of Laplacian smoothing, which keeps the volume",
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
    description="How the new faces are made",
    default="voxel",
    choices=(
        ("voxel", "Voxel", "A grid: closed and even, joins what overlaps; good for sculpting"),
        ("quads", "Quads", "Quads that follow the shape (QuadriFlow); takes some seconds"),
    ),
)
VOXEL_SIZE = Setting(
    "voxel_size",
    label="Voxel Size",
    description="Side of a voxel; 0: the longest side's 128th part",
    default=0.0,
    limits=(0.0, 1e6),
    options={"precision": 4, "subtype": "DISTANCE"},
)
QUADS = Setting(
    "faces",
    label="Faces",
    description="Number of quads, about",
    default=5_000,
    limits=(100, 1_000_000),
    soft=(100, 50_000),
)
REMESH = (KIND, VOXEL_SIZE, QUADS)

KEEP = Setting(
    "keep",
    label="Keep",
    description="The half that is kept; the plane between them is the middle of the picture",
    default="auto",
    choices=(
        ("auto", "Automatic", "The half with more surface: what is missing has none"),
        ("left", "Left", "The half on the side of the object's own -X"),
        ("right", "Right", "The half on the side of the object's own X"),
    ),
)
MIRROR = (KEEP,)


def check_all(settings: tuple[Setting, ...], given: Mapping[str, object]) -> None:
    """Check the arguments of a call.

    Raises:
        TypeError: A setting does not exist.
        InputError: A setting does not allow its value.
    """
    by_name = {setting.name: setting for setting in settings}
    for name, value in given.items():
        if name not in by_name:
            raise TypeError(f"there is no setting {name!r}, only {', '.join(by_name)}")
        by_name[name].check(value)
