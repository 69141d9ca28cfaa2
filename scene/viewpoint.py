"""Places in a 3D viewport: the point under the mouse, and the direction of the viewer."""

from __future__ import annotations

import math

import bpy
from bpy_extras import view3d_utils
from mathutils import Vector
from mathutils.geometry import intersect_line_plane

STEEP = 0.1
"""Downward part of the line of sight above which the artist looks at the floor, not along it."""


def point_under(context: bpy.types.Context, x: int, y: int) -> tuple[float, float, float]:
    """The place in world space under a point of the viewport's region.

    It lies on the surface that is seen there; else on the floor, if the artist looks down on it;
    else as far away as the 3D cursor.

    Args:
        context: Its region is that of a 3D viewport.
        x, y: Pixels from the region's lower left corner.
    """
    region, view = context.region, context.region_data
    origin = view3d_utils.region_2d_to_origin_3d(region, view, (x, y))
    sight = view3d_utils.region_2d_to_vector_3d(region, view, (x, y))
    is_hit, point, *_ = context.scene.ray_cast(context.evaluated_depsgraph_get(), origin, sight)
    if not is_hit:
        point = _on_floor(origin, sight)
    if point is None:
        cursor = context.scene.cursor.location
        point = view3d_utils.region_2d_to_location_3d(region, view, (x, y), cursor)
    return tuple(point)


def _on_floor(origin: Vector, sight: Vector) -> Vector | None:
    """Where a line of sight meets the floor, if the viewer looks down on it."""
    if sight.z > -STEEP or origin.z <= 0:
        return None
    return intersect_line_plane(origin, origin + sight, Vector(), Vector((0, 0, 1)))


def turn_to_viewer(view: bpy.types.RegionView3D) -> float:
    """Turn about Z, in radians, after which an object that faced -Y faces the viewer."""
    return turn_of(view.view_rotation @ Vector((0, 0, 1)), view.view_rotation @ Vector((0, -1, 0)))


def turn_of(facing: Vector, instead: Vector | None = None) -> float:
    """Turn about Z, in radians, after which an object that faced -Y faces along a vector.

    Args:
        facing: Seen from above.
        instead: What to face if `facing` points up or down; without it, the turn is then 0.
    """
    if math.hypot(facing.x, facing.y) < STEEP:
        return 0.0 if instead is None else turn_of(instead)
    return math.atan2(facing.x, -facing.y)
