"""Menu of presets in the header of the options."""

from __future__ import annotations

from pathlib import Path

import bpy
from bl_ui.utils import PresetPanel

FOLDER = str(Path(__file__).resolve().parents[1])
"""Folder of the add-on, whose subfolder `presets` holds the presets that come with it."""


class TRIPOSR_PT_presets(PresetPanel, bpy.types.Panel):
    bl_label = "TripoSR Presets"
    preset_subdir = "triposr"
    preset_operator = "script.execute_preset"
    preset_add_operator = "triposr.add_preset"


# The first releases of 4.2 have no preset paths, so they list only the artist's own presets.
HAS_PATHS = hasattr(bpy.utils, "register_preset_path")


def register() -> None:
    if HAS_PATHS:
        bpy.utils.register_preset_path(FOLDER)


def unregister() -> None:
    if HAS_PATHS:
        bpy.utils.unregister_preset_path(FOLDER)


classes = (TRIPOSR_PT_presets,)
