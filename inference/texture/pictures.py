"""The textures of a mesh, and what is asked of them. No torch, no bpy."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TextureOptions:
    """What to make.

    Attributes:
        size: Side of the square textures, in texels.
        normal_map: Whether to make a normal map.
        mirror_to_back: See `project_photo`.
    """

    size: int = 2048
    normal_map: bool = True
    mirror_to_back: bool = False


@dataclass(frozen=True, eq=False)
class Textures:
    """Textures of a mesh.

    Attributes:
        color: Content of a PNG file, display-referred sRGB.
        normals: Content of a PNG file, tangent space with green up, as OpenGL, Blender and glTF
            have it; None if not asked for.
        overlap: Area that the UV map covers once more, as a share of the covered area.
        found: Share of the texels whose place on the true surface was found.
    """

    color: bytes
    normals: bytes | None
    overlap: float
    found: float
