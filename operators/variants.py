"""Variants of a picture at several foreground ratios, side by side, and the choice of the best."""

from __future__ import annotations

import re
import uuid
from dataclasses import replace

import bpy
import numpy as np
from bpy.app.translations import pgettext_iface as iface_
from mathutils import Vector

from ..inference.errors import InputError
from ..inference.message import Message
from ..properties import declaring
from ..scene.placement import Row
from ..scene.source import KEY, best_variant, variants_of
from ..settings import VARIANTS, checked, values_of
from ..tasks.generate import generation
from ..tasks.queue import Task
from ..tasks.session import pictures
from ..texts import report
from .generate import TakesPicture
from .needs_source import NeedsSource
from .starts_tasks import StartsTasks


class TRIPOSR_OT_variants(
    declaring(VARIANTS, limited=False), TakesPicture, StartsTasks, bpy.types.Operator
):
    """Build variants of the object at several foreground ratios in a row, to keep the best"""

    bl_idname = "triposr.variants"
    bl_label = "Generate Variants (TripoSR)"

    def tasks(self, context: bpy.types.Context, is_clicked: bool) -> list[Task]:
        checked(VARIANTS, values_of(VARIANTS, self))
        source, place = self.source(context), self.spot(context)
        spot = replace(place, row=Row())
        common = uuid.uuid4().hex
        return [
            generation(
                context,
                source,
                self.chosen(context, foreground_ratio=round(float(ratio), 3)),
                spot,
                is_clicked,
                title=f"{source.title} {ratio:.2f}",
                variants=common,
            )
            for ratio in np.linspace(self.smallest, self.largest, self.count)
        ]


class _KeepsVariant(NeedsSource):
    """Base of operators that keep one of several variants."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not super().poll(context):
            return False
        if not context.object.triposr.variants:
            cls.poll_message_set(iface_("Select one of several variants"))
            return False
        return True

    def keep(self, context: bpy.types.Context, kept: bpy.types.Object) -> set[str]:
        """Keep one variant, and report it."""
        pictures.remove_group(kept.triposr.variants)
        # The artist's own copies of the kept variant stay.
        packed, variants = kept[KEY], variants_of(kept, context.scene)
        same = [other for other in variants if other[KEY] == packed]
        others = [other for other in variants if other not in same]
        meshes = {other.data for other in others} - {kept.data}
        for other in others:
            bpy.data.objects.remove(other)
        for mesh in meshes:
            if not mesh.users:
                bpy.data.meshes.remove(mesh)
        context.view_layer.update()  # a parent may just have been moved
        _move_to(kept, Vector(kept.triposr.home))
        if _has_given_name(kept):
            kept.name = kept.triposr.picture
        for each in same:
            each.triposr.variants = ""
        message = Message("Kept {name}, others deleted: {count}", name=kept.name, count=len(others))
        report(self, message)
        return {"FINISHED"}


class TRIPOSR_OT_keep_variant(_KeepsVariant, bpy.types.Operator):
    """Keep the active variant, move it to the place of the first one, and delete the others"""

    bl_idname = "triposr.keep_variant"
    bl_label = "Keep Variant (TripoSR)"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        return self.keep(context, context.object)


class TRIPOSR_OT_best_variant(_KeepsVariant, bpy.types.Operator):
    """Keep the variant that covers its subject in the picture best, and delete the others"""

    bl_idname = "triposr.best_variant"
    bl_label = "Best of Variants (TripoSR)"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not super().poll(context):
            return False
        if pictures.is_running():
            cls.poll_message_set(iface_("Wait until all variants are there"))
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        best = best_variant(variants_of(context.object, context.scene))
        if best is None:
            raise InputError(
                "The match of these variants with the picture is not known",
                "Select the one that you like best, and click Keep This One",
            )
        if best.name in context.view_layer.objects:
            context.view_layer.objects.active = best
            best.select_set(True)
        return self.keep(context, best)


def _move_to(blender_object: bpy.types.Object, place: Vector) -> None:
    """Move an object's origin to a place in world space, whatever it is parented to."""
    world = blender_object.matrix_world
    to_world = (world @ blender_object.matrix_basis.inverted_safe()).to_3x3()
    blender_object.location += to_world.inverted_safe() @ (place - world.translation)


def _has_given_name(variant: bpy.types.Object) -> bool:
    """Whether a variant still has its generated name, and the artist gave it no other."""
    name = re.sub(r"\.\d{3}$", "", variant.name)
    picture = variant.triposr.picture
    # Blender cuts long names to 63 bytes, and to fewer with a number.
    is_cut = len(name.encode()) >= 55 and picture.startswith(name)
    return is_cut or re.fullmatch(rf"{re.escape(picture)} \d\.\d\d", name) is not None


classes = (TRIPOSR_OT_variants, TRIPOSR_OT_keep_variant, TRIPOSR_OT_best_variant)
