"""Presets of the settings, in Blender's own preset system."""

from __future__ import annotations

import bpy
from bl_operators.presets import AddPresetBase

from ..settings import DROP_AT, FACING, OBJECT, SIZE

SAVED = tuple(setting.name for setting in (*OBJECT, FACING, DROP_AT) if setting is not SIZE)
"""Settings in the artist's own presets: all except the picture and the size."""


class TRIPOSR_OT_add_preset(AddPresetBase, bpy.types.Operator):
    """Save the settings under a name, or remove the preset of that name"""

    bl_idname = "triposr.add_preset"
    bl_label = "Add Preset (TripoSR)"

    preset_menu = "TRIPOSR_PT_presets"
    preset_subdir = "triposr"  # below Blender's folders of presets and below our own `presets`
    preset_defines = ("settings = bpy.context.scene.triposr",)
    preset_values = tuple(f"settings.{name}" for name in SAVED)


classes = (TRIPOSR_OT_add_preset,)
