"""Building an object from a picture: beside Blender after a click, inline for a script."""

from __future__ import annotations

import bpy
from bpy.props import FloatProperty, FloatVectorProperty, IntProperty, StringProperty

from ..inference.errors import InputError
from ..inference.message import Message
from ..properties import declaring
from ..scene.identity import with_uid
from ..scene.placement import Spot
from ..settings import OBJECT
from ..tasks.generate import Chosen, generation, spot_for
from ..tasks.queue import Task
from ..tasks.sources import Source, file_source, image_source
from .starts_tasks import StartsTasks

RELATIVE_PATHS = {"PATH_SUPPORTS_BLEND_RELATIVE"} if bpy.app.version >= (4, 5) else set()
"""Option for paths that may start with "//": Blender 4.5 and newer warn without it."""


class TakesPicture(declaring(OBJECT, limited=False, options={"SKIP_SAVE"})):
    """Base of operators that take a picture, settings and a place from the caller or the scene."""

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
        description="Location of the object's origin, instead of the 3D cursor",
        subtype="TRANSLATION",
        options={"SKIP_SAVE"},
    )
    rotation: FloatProperty(
        name="Rotation",
        description="Rotation about Z from facing the front view, instead of the Facing setting",
        subtype="ANGLE",
        options={"SKIP_SAVE"},
    )

    def source(self, context: bpy.types.Context) -> Source:
        """Picture to use; raises InputError if there is none."""
        if self.filepath:
            return file_source(self.filepath)
        image = context.scene.triposr.image
        if self.image_uid:
            image = with_uid(bpy.data.images, self.image_uid)
        elif self.image:
            # Prefer this file's image to a linked one of the same name.
            image = bpy.data.images.get((self.image, None)) or bpy.data.images.get(self.image)
        if image is None:
            problem = Message("There is no picture")
            if self.image:
                problem = Message("There is no image {name!r}", name=self.image)
            raise InputError(problem, "Open one in the TripoSR tab, drop one, or name a file")
        return image_source(image)

    def chosen(self, context: bpy.types.Context, **given: object) -> Chosen:
        """Settings, of which `given` takes precedence; raises InputError for one out of range."""
        own = {each.name: self._given(each.name) for each in OBJECT}
        own = {name: value for name, value in own.items() if value is not None}
        return Chosen(context.scene.triposr, **{**own, **given})

    def spot(self, context: bpy.types.Context) -> Spot:
        """Place for the object; raises InputError if a number is not finite."""
        return spot_for(context, self._given("location"), self._given("rotation"))

    def _given(self, name: str) -> object:
        """Value that the caller gives, or None."""
        return getattr(self, name) if self.properties.is_property_set(name) else None


class TRIPOSR_OT_generate(TakesPicture, StartsTasks, bpy.types.Operator):
    """Build a colored 3D mesh from the picture, on this machine"""

    bl_idname = "triposr.generate"
    bl_label = "Generate 3D Mesh (TripoSR)"

    def tasks(self, context: bpy.types.Context, is_clicked: bool) -> list[Task]:
        source, chosen, spot = self.source(context), self.chosen(context), self.spot(context)
        return [generation(context, source, chosen, spot, is_clicked)]


classes = (TRIPOSR_OT_generate,)
