"""Generating from the Add menu, from image Empties and from the Image Editor."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.app.translations import pgettext_iface as iface_
from bpy.props import StringProperty
from mathutils import Vector

from ..scene.placement import Spot
from ..scene.viewpoint import turn_of
from ..tasks.generate import Chosen, generation, row_of_files, spot_for
from ..tasks.queue import Task
from ..tasks.sources import image_source
from .file_browser import PICTURES, AsksForFile, TakesFiles
from .starts_tasks import StartsTasks

ICON = "MESH_MONKEY"


class TRIPOSR_OT_add_from_image(AsksForFile, TakesFiles, StartsTasks, bpy.types.Operator):
    """Choose pictures and build a colored mesh from each, in a row from the 3D cursor"""

    bl_idname = "triposr.add_from_image"
    bl_label = "From Image (TripoSR)"

    filter_glob: StringProperty(default=PICTURES, options={"HIDDEN"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        return self.start(context, self.is_clicked)

    def tasks(self, context: bpy.types.Context, is_clicked: bool) -> list[Task]:
        are_named = any(file.name for file in self.files)
        files = self.paths() if are_named else [Path(self.filepath)]
        return row_of_files(context, files, spot_for(context), is_clicked)


class TRIPOSR_OT_generate_from_empty(StartsTasks, bpy.types.Operator):
    """Build a colored mesh from the picture of each selected Empty, at the Empty's location"""

    bl_idname = "triposr.generate_from_empty"
    bl_label = "Generate 3D Mesh from Image (TripoSR)"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not shows_image(context.object):
            cls.poll_message_set(iface_("Select an Empty that shows an image"))
            return False
        return cls.may_start()

    def tasks(self, context: bpy.types.Context, is_clicked: bool) -> list[Task]:
        chosen = Chosen(context.scene.triposr)
        empties = [other for other in context.selected_objects if shows_image(other)]
        if context.object not in empties:
            empties.insert(0, context.object)
        return [
            generation(
                context,
                image_source(empty.data, empty.image_user),
                chosen,
                _spot_of(empty),
                is_clicked,
            )
            for empty in empties
        ]


def _spot_of(empty: bpy.types.Object) -> Spot:
    """Place of the Empty; its picture faces along its Z axis."""
    facing = empty.matrix_world.to_3x3() @ Vector((0, 0, 1))
    return Spot(tuple(empty.matrix_world.translation), turn_of(facing.normalized()))


class TRIPOSR_OT_generate_from_editor(StartsTasks, bpy.types.Operator):
    """Build a colored mesh from the picture that this Image Editor shows, at the 3D cursor"""

    bl_idname = "triposr.generate_from_editor"
    bl_label = "Generate 3D Mesh from Image (TripoSR)"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if getattr(context, "edit_image", None) is None:
            cls.poll_message_set(iface_("Open a picture in the Image Editor"))
            return False
        return cls.may_start()

    def tasks(self, context: bpy.types.Context, is_clicked: bool) -> list[Task]:
        chosen, spot = Chosen(context.scene.triposr), Spot(tuple(context.scene.cursor.location))
        user = getattr(context.space_data, "image_user", None)
        source = image_source(context.edit_image, user)
        return [generation(context, source, chosen, spot, is_clicked)]


def shows_image(blender_object: bpy.types.Object | None) -> bool:
    """Whether an object is an Empty that shows a picture."""
    return (
        blender_object is not None
        and blender_object.type == "EMPTY"
        and blender_object.empty_display_type == "IMAGE"
        and blender_object.data is not None
    )


def _add_menu(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
    menu.layout.operator("triposr.add_from_image", icon=ICON)


def _context_menu(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    if shows_image(context.object):
        menu.layout.separator()
        menu.layout.operator("triposr.generate_from_empty", icon=ICON)


def register() -> None:
    bpy.types.VIEW3D_MT_mesh_add.append(_add_menu)
    bpy.types.VIEW3D_MT_object_context_menu.append(_context_menu)


def unregister() -> None:
    bpy.types.VIEW3D_MT_object_context_menu.remove(_context_menu)
    bpy.types.VIEW3D_MT_mesh_add.remove(_add_menu)


classes = (
    TRIPOSR_OT_add_from_image,
    TRIPOSR_OT_generate_from_empty,
    TRIPOSR_OT_generate_from_editor,
)
