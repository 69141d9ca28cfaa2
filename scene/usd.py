"""Colors for Blender's USD export, because other programs do not read its color attributes.

Blender writes a color attribute under the attribute's name, and a constant gray into the material.
Other programs look for the primvar `displayColor`, or for a preview surface that reads a primvar.
"""

from __future__ import annotations

import importlib.util
import logging
from pathlib import Path

import bpy
import numpy as np

from .material import color_shown_by, is_ours
from .source import has_source

log = logging.getLogger(__name__)

DISPLAY_COLOR = "displayColor"
"""The primvar that every program knows; scene linear, without alpha."""

MARK = "triposr_color"
"""Custom data of a USD material during an export: the color attribute that the material shows."""


class TRIPOSR_USD_colors(getattr(bpy.types, "USDHook", object)):  # some builds have no USD
    """Writes the colors of the add-on's objects so that other programs read them. Blender calls it
    at each export and reports what it raises.
    """

    bl_idname = "TRIPOSR_USD_colors"
    bl_label = "TripoSR Colors"

    @staticmethod
    def on_material_export(export_context, bl_material, usd_material) -> bool:
        attribute = color_shown_by(bl_material)
        if not attribute or not _is_of_the_addon(bl_material):
            return False
        usd_material.GetPrim().SetCustomDataByKey(MARK, attribute)
        _read_display_color(export_context.get_stage(), usd_material)
        return True

    @staticmethod
    def on_export(export_context) -> bool:
        from pxr import UsdGeom, UsdShade

        stage = export_context.get_stage()
        shown = {
            prim.GetPath(): prim.GetCustomDataByKey(MARK)
            for prim in stage.TraverseAll()
            if prim.IsA(UsdShade.Material) and prim.HasCustomDataKey(MARK)
        }
        if not shown:
            return False
        for prim in stage.TraverseAll():
            if prim.IsA(UsdGeom.Mesh):
                for material in _materials_of(prim):
                    if material in shown:
                        _write_display_color(prim, shown[material])
        for path in shown:
            stage.GetPrimAtPath(path).ClearCustomDataByKey(MARK)
        return True


def _is_of_the_addon(material: bpy.types.Material) -> bool:
    """Whether the add-on made a material, or an object that uses it."""
    material = material.original
    return is_ours(material) or any(
        has_source(thing) and any(slot.material == material for slot in thing.material_slots)
        for thing in bpy.data.objects
    )


def _read_display_color(stage, usd_material) -> None:
    """Connect a material's diffuse color to the primvar, if it has a preview surface."""
    from pxr import Sdf, UsdShade

    surface = usd_material.ComputeSurfaceSource()[0]
    if not surface or surface.GetIdAttr().Get() != "UsdPreviewSurface":
        return
    reader = UsdShade.Shader.Define(stage, usd_material.GetPath().AppendChild(DISPLAY_COLOR))
    reader.CreateIdAttr("UsdPrimvarReader_float3")
    reader.CreateInput("varname", Sdf.ValueTypeNames.String).Set(DISPLAY_COLOR)
    diffuse = surface.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f)
    if diffuse.Get() is not None:  # for meshes without colors, which stay as they were
        reader.CreateInput("fallback", Sdf.ValueTypeNames.Float3).Set(diffuse.Get())
    output = reader.CreateOutput("result", Sdf.ValueTypeNames.Float3)
    diffuse.ConnectToSource(output)


def _materials_of(prim) -> list:
    """The paths of the materials that a mesh, or faces of it, are bound to."""
    from pxr import UsdGeom, UsdShade

    parts = [prim, *(child for child in prim.GetChildren() if child.IsA(UsdGeom.Subset))]
    return [
        path
        for part in parts
        for path in UsdShade.MaterialBindingAPI(part).GetDirectBindingRel().GetTargets()
    ]


def _write_display_color(prim, attribute: str) -> None:
    """Copy a color attribute of a mesh, scene linear in USD too, to the primvar for display."""
    from pxr import Sdf, Tf, Usd, UsdGeom, Vt

    primvars = UsdGeom.PrimvarsAPI(prim)
    colors = next(
        (
            primvar
            for name in (attribute, Tf.MakeValidIdentifier(attribute))
            if (primvar := primvars.GetPrimvar(name)) and primvar.HasValue()
        ),
        None,
    )
    if colors is None:  # color attributes are left out of this export
        return
    display = primvars.CreatePrimvar(
        DISPLAY_COLOR, Sdf.ValueTypeNames.Color3fArray, colors.GetInterpolation()
    )
    for time in colors.GetTimeSamples() or [Usd.TimeCode.Default()]:
        values = np.array(colors.ComputeFlattened(time), np.float32)
        rgb = np.ascontiguousarray(values[:, :3])
        display.Set(Vt.Vec3fArray.FromNumpy(rgb), time)


def _has_bindings() -> bool:
    """Whether Blender has USD, and Python finds Blender's own `pxr`; with another one, or none, a
    registered hook aborts Blender (4.5 as a module).
    """
    if not hasattr(bpy.types, "USDHook"):
        return False
    if hasattr(bpy.utils, "expose_bundled_modules") and bpy.app.module:  # neither is in 4.2
        bpy.utils.expose_bundled_modules()
    spec = importlib.util.find_spec("pxr")
    version = Path(bpy.__file__).resolve().parents[3]
    return spec is not None and version in Path(spec.origin or "").resolve().parents


def register() -> None:
    if _has_bindings():
        bpy.utils.register_class(TRIPOSR_USD_colors)
    else:
        log.info("USD exports without colors for other programs: Blender's own pxr is not there")


def unregister() -> None:
    if getattr(TRIPOSR_USD_colors, "is_registered", False):
        bpy.utils.unregister_class(TRIPOSR_USD_colors)
