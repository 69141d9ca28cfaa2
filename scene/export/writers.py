"""Blender's own exporters, set for each target; in the second Blender, whose scene holds the copy
alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import addon_utils
import bpy
from mathutils import Matrix

from ...inference.errors import DependencyError, TripoSRError
from .colors import Colors
from .images import JPEG_QUALITY
from .nodes import nodes_of

MILLIMETERS = 1000.0
CENTIMETERS = 100.0
"""Units of length in a meter."""


def write(target: bpy.types.Object, path: Path, colors: Colors) -> None:
    """Write the object to a file, in the format of the path's ending.

    Raises:
        DependencyError: This Blender has no exporter for it.
        TripoSRError: The exporter failed.
    """
    try:
        WRITERS[path.suffix](target, path, colors)
    except RuntimeError as error:  # what operators raise
        if isinstance(error, TripoSRError):
            raise
        raise TripoSRError(
            "Blender's exporter has failed: {reason}",
            "Try another target, or export it from Blender's File menu",
            reason=_reason(str(error)),
        ) from error


def _reason(said: str) -> str:
    """What an exporter says in the end; those written in Python say a whole traceback."""
    lines = [line.strip() for line in said.splitlines()]
    lines = [line for line in lines if line and not line.startswith("Location: ")]
    return lines[-1].removeprefix("Error: ") if lines else said


def _write_gltf(target: bpy.types.Object, path: Path, colors: Colors) -> None:
    _enable("io_scene_gltf2", "glTF")
    _call(
        bpy.ops.export_scene.gltf,
        {
            "filepath": str(path),
            "export_format": "GLB",
            "export_yup": True,
            "export_image_format": "AUTO",  # as they are: PNG or JPEG
            "export_jpeg_quality": JPEG_QUALITY,
            "export_tangents": has_normal_map(target),  # else each viewer makes its own
            "export_vertex_color": "ACTIVE" if colors in ("vertex", "both") else "NONE",
            "export_animations": False,
            "export_skins": False,
            "export_morph": False,
            "export_extras": False,
        },
        {"export_all_vertex_colors": False, "export_image_quality": JPEG_QUALITY},
    )


def has_normal_map(target: bpy.types.Object) -> bool:
    """Whether a material of an object bends its normals by a picture."""
    materials = filter(None, target.data.materials)
    return any(node.type == "NORMAL_MAP" for each in materials for node in nodes_of(each))


def _write_usd(target: bpy.types.Object, path: Path, colors: Colors) -> None:
    if not bpy.app.build_options.usd:
        raise DependencyError(
            "This Blender cannot write USD files",
            "Use a Blender from blender.org, or choose another target",
        )
    _call(
        bpy.ops.wm.usd_export,
        {
            "filepath": str(path),
            "export_animation": False,
            "export_hair": False,
            "export_uvmaps": True,
            "export_normals": True,
            "export_materials": True,
            "generate_preview_surface": True,
            "export_textures": True,
            "overwrite_textures": True,
            "relative_paths": True,
            "evaluation_mode": "VIEWPORT",
        },
        {
            "export_textures_mode": "NEW",
            "convert_orientation": True,
            "export_global_forward_selection": "NEGATIVE_Z",
            "export_global_up_selection": "Y",
            "export_subdivision": "IGNORE",
            "export_custom_properties": False,
            "convert_world_material": False,
            "export_lights": False,
            "export_cameras": False,
            "convert_scene_units": "METERS",
            "author_blender_name": False,
        },
    )


def _write_fbx(target: bpy.types.Object, path: Path, colors: Colors) -> None:
    _enable("io_scene_fbx", "FBX")
    # Centimeters in the file itself: some programs ignore the unit that an FBX file states.
    with _in_unit(target, CENTIMETERS):
        _call(
            bpy.ops.export_scene.fbx,
            {
                "filepath": str(path),
                "object_types": {"MESH"},
                "axis_forward": "-Z",
                "axis_up": "Y",
                "bake_space_transform": True,
                "apply_unit_scale": True,
                "mesh_smooth_type": "FACE",  # else some programs warn of missing smoothing groups
                "colors_type": "NONE",
                "path_mode": "COPY",
                "embed_textures": True,
                "bake_anim": False,
                "use_custom_props": False,
            },
        )


def _write_stl(target: bpy.types.Object, path: Path, colors: Colors) -> None:
    _call(
        bpy.ops.wm.stl_export,
        {
            "filepath": str(path),
            "ascii_format": False,
            "global_scale": MILLIMETERS,
            "forward_axis": "Y",
            "up_axis": "Z",
        },
    )


WRITERS: dict[str, Callable[[bpy.types.Object, Path, Colors], None]] = {
    ".glb": _write_gltf,
    ".usdz": _write_usd,
    ".usd": _write_usd,
    ".usdc": _write_usd,
    ".usda": _write_usd,
    ".fbx": _write_fbx,
    ".stl": _write_stl,
}


def _enable(module: str, label: str) -> None:
    """Enable an exporter that is an add-on."""
    if addon_utils.enable(module) is None:
        raise DependencyError(
            "Blender's {format} exporter is not there",
            "Install Blender again, or choose another target",
            format=label,
        )


def _call(
    operator: Callable[..., set[str]],
    settings: dict[str, object],
    newer: dict[str, object] | None = None,
) -> None:
    """Call an exporter, with those of the `newer` settings that this Blender's one has."""
    known = operator.get_rna_type().properties.keys()
    there = {name: value for name, value in (newer or {}).items() if name in known}
    operator(**settings, **there)


@contextmanager
def _in_unit(target: bpy.types.Object, per_meter: float) -> Iterator[None]:
    """Measures the object and the scene in a unit other than meters."""
    unit = bpy.context.scene.unit_settings
    target.data.transform(Matrix.Scale(per_meter, 4))
    unit.scale_length = 1 / per_meter
    try:
        yield
    finally:
        target.data.transform(Matrix.Scale(1 / per_meter, 4))
        unit.scale_length = 1.0
