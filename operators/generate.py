"""A picture becomes an object: beside Blender from the interface, inline from a script."""

from __future__ import annotations

import math

import bpy
from bpy.props import (
    BoolProperty,
    EnumProperty,
    FloatProperty,
    FloatVectorProperty,
    IntProperty,
    StringProperty,
)

from ..inference.errors import InputError
from ..inference.message import Message
from ..properties import (
    BACKGROUND,
    CLOSED,
    FOREGROUND_RATIO,
    KEEP_LARGEST,
    MATTING_MODEL,
    MEASURE,
    ORIGIN,
    RESOLUTION,
    SETTINGS,
    SIZE,
    THRESHOLD,
    unlimited,
)
from ..runner import Run
from ..scene.identity import with_uid
from ..scene.placement import Spot
from ..scene.viewpoint import turn_to_viewer
from .picture_run import Chosen, Source, file_source, image_source, picture_run
from .starts_runs import StartsRuns

RELATIVE_PATHS = {"PATH_SUPPORTS_BLEND_RELATIVE"} if bpy.app.version >= (4, 5) else set()
"""Blender 4.5 and newer warn of "//" in a path whose property does not say that it takes it."""


class TakesPicture:
    """Operators that take a picture, settings and a place from the caller, else from the scene."""

    filepath: StringProperty(
        name="Picture File",
        description="Picture to use instead of the scene's",
        subtype="FILE_PATH",
        options={"SKIP_SAVE", *RELATIVE_PATHS},
    )
    image: StringProperty(
        name="Image",
        description="Name of the image data-block to use instead of the scene's picture",
        options={"SKIP_SAVE"},
    )
    image_uid: IntProperty(options={"HIDDEN", "SKIP_SAVE"})
    location: FloatVectorProperty(
        name="Location",
        description="Where the object's origin is put, instead of at the 3D cursor",
        subtype="TRANSLATION",
        options={"SKIP_SAVE"},
    )
    rotation: FloatProperty(
        name="Rotation",
        description="Turn about Z from facing the front view, instead of as Facing says",
        subtype="ANGLE",
        options={"SKIP_SAVE"},
    )
    background: EnumProperty(**BACKGROUND, options={"SKIP_SAVE"})
    matting_model: EnumProperty(**MATTING_MODEL, options={"SKIP_SAVE"})
    keep_largest: BoolProperty(**KEEP_LARGEST, options={"SKIP_SAVE"})
    foreground_ratio: FloatProperty(**unlimited(FOREGROUND_RATIO), options={"SKIP_SAVE"})
    resolution: IntProperty(**unlimited(RESOLUTION), options={"SKIP_SAVE"})
    threshold: FloatProperty(**unlimited(THRESHOLD), options={"SKIP_SAVE"})
    closed: BoolProperty(**CLOSED, options={"SKIP_SAVE"})
    size: FloatProperty(**unlimited(SIZE), options={"SKIP_SAVE"})
    measure: EnumProperty(**MEASURE, options={"SKIP_SAVE"})
    origin: EnumProperty(**ORIGIN, options={"SKIP_SAVE"})

    def source(self, context: bpy.types.Context) -> Source:
        """The picture; raises InputError if there is none."""
        if self.filepath:
            return file_source(self.filepath)
        image = context.scene.triposr.image
        if self.image_uid:
            image = with_uid(bpy.data.images, self.image_uid)
        elif self.image:
            # This file's own before a linked one of that name.
            image = bpy.data.images.get((self.image, None)) or bpy.data.images.get(self.image)
        if image is None:
            problem = Message("There is no picture")
            if self.image:
                problem = Message("There is no image {name!r}", name=self.image)
            raise InputError(problem, "Open one in the TripoSR tab, drop one, or name a file")
        return image_source(image)

    def chosen(self, context: bpy.types.Context, **given: object) -> Chosen:
        """The settings; `given` ones before all others. Raises InputError for one out of range."""
        said = {name: getattr(self, name) for name in SETTINGS if self._is_said(name)}
        return Chosen(context.scene.triposr, **{**said, **given})

    def spot(self, context: bpy.types.Context) -> Spot:
        """Where the object is to stand."""
        place = self.location if self._is_said("location") else context.scene.cursor.location
        turn = self.rotation if self._is_said("rotation") else facing_turn(context)
        if not all(map(math.isfinite, (*place, turn))):
            raise InputError("The location or the rotation is no number", "Give finite numbers")
        return Spot(tuple(place), turn)

    def _is_said(self, name: str) -> bool:
        return self.properties.is_property_set(name)


def facing_turn(context: bpy.types.Context) -> float:
    """Turn about Z that the scene's Facing asks for; only a viewport has a viewer."""
    if context.scene.triposr.facing == "view" and context.region_data is not None:
        return turn_to_viewer(context.region_data)
    return 0.0


def cursor_spot(context: bpy.types.Context) -> Spot:
    """At the 3D cursor, facing as the scene says."""
    return Spot(tuple(context.scene.cursor.location), facing_turn(context))


class TRIPOSR_OT_generate(TakesPicture, StartsRuns, bpy.types.Operator):
    """Build a colored 3D mesh from the picture, on this machine"""

    bl_idname = "triposr.generate"
    bl_label = "Generate 3D Mesh (TripoSR)"

    def runs(self, context: bpy.types.Context, is_clicked: bool) -> list[Run]:
        source, chosen, spot = self.source(context), self.chosen(context), self.spot(context)
        return [picture_run(context, source, chosen, spot, is_clicked)]


classes = (TRIPOSR_OT_generate,)
