"""Where pictures already are in Blender: files, image Empties, the Image Editor, the Add menu."""

from __future__ import annotations

import bpy
from bpy.props import StringProperty

from ..inference.errors import reported
from .file_browser import PICTURES, AsksForFile

ICON = "MESH_MONKEY"


class TRIPOSR_OT_add_from_image(AsksForFile, bpy.types.Operator):
    """Choose a picture and build a colored mesh from it at the 3D cursor"""

    bl_idname = "triposr.add_from_image"
    bl_label = "From Image (TripoSR)"

    filter_glob: StringProperty(default=PICTURES, options={"HIDDEN"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        return _generate(self, self.is_clicked, filepath=self.filepath)


class TRIPOSR_OT_generate_from_empty(bpy.types.Operator):
    """Build a colored mesh from the picture that this Empty shows; it is put where the Empty is"""

    bl_idname = "triposr.generate_from_empty"
    bl_label = "Generate 3D Mesh from Image (TripoSR)"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not _shows_image(context.object):
            cls.poll_message_set("Select an Empty that shows an image")
            return False
        return True

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return self._generate(context, True)

    def execute(self, context: bpy.types.Context) -> set[str]:
        return self._generate(context, False)

    def _generate(self, context: bpy.types.Context, is_clicked: bool) -> set[str]:
        empty = context.object
        location = empty.matrix_world.translation
        return _generate(self, is_clicked, image=empty.data.name, location=tuple(location))


class TRIPOSR_OT_generate_from_editor(bpy.types.Operator):
    """Build a colored mesh from the picture that this Image Editor shows, at the 3D cursor"""

    bl_idname = "triposr.generate_from_editor"
    bl_label = "Generate 3D Mesh from Image (TripoSR)"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if getattr(context, "edit_image", None) is None:
            cls.poll_message_set("Open a picture in the Image Editor")
            return False
        return True

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return _generate(self, True, image=context.edit_image.name)

    def execute(self, context: bpy.types.Context) -> set[str]:
        return _generate(self, False, image=context.edit_image.name)


def _generate(operator: bpy.types.Operator, is_clicked: bool, **arguments: object) -> set[str]:
    """Beside Blender for who clicked, else at once."""
    how = "INVOKE_DEFAULT" if is_clicked else "EXEC_DEFAULT"
    try:
        return bpy.ops.triposr.generate(how, **arguments)
    except RuntimeError as error:  # what that operator reported, or why it cannot run now
        operator.report({"ERROR"}, reported(error))
        return {"CANCELLED"}


def _shows_image(blender_object: bpy.types.Object | None) -> bool:
    return (
        blender_object is not None
        and blender_object.type == "EMPTY"
        and blender_object.empty_display_type == "IMAGE"
        and blender_object.data is not None
    )


def _add_menu(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
    menu.layout.operator("triposr.add_from_image", icon=ICON)


def _context_menu(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    if _shows_image(context.object):
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
