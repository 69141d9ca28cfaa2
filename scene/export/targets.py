"""What each target of an export needs. No bpy."""

from __future__ import annotations

from dataclasses import dataclass

from ...inference.message import Message


@dataclass(frozen=True)
class Target:
    """Needs of one target.

    Attributes:
        name: Name in scripts; `settings.TARGET` has its label.
        endings: Endings that a path may have, the default one first; a page is a folder: "".
        ready: What the report says the file is ready for.
        triangles, vertices, size: Highest numbers of triangles, of vertices as exported (split at
            the seams of the UV map), and of bytes; 0 for no limit.
        side: Highest number of pixels along a texture's side; 0 for no limit.
        jpeg: Whether opaque color textures become JPEG files, to be loaded quickly.
        is_for_phones: Whether viewers on phones show it, which read one UV map.
        shows_vertex_colors: Endings of the formats in which the target shows vertex colors.
    """

    name: str
    endings: tuple[str, ...]
    ready: Message
    triangles: int = 0
    vertices: int = 0
    size: int = 0
    side: int = 0
    jpeg: bool = False
    is_for_phones: bool = False
    shows_vertex_colors: tuple[str, ...] = ()


PHONE_SIDE = 2048
"""Pixels along the side of a texture set that phones show: Apple's and Google's recommendation."""

TARGETS = {
    target.name: target
    for target in (
        Target(
            "web",
            (".glb",),
            Message("ready for the web"),
            jpeg=True,
            shows_vertex_colors=(".glb",),
        ),
        Target(
            "engine",
            (".glb", ".fbx"),
            Message("ready for game engines"),
        ),
        # AR Quick Look: Apple recommends at most 100,000 polygons and one set of textures.
        Target(
            "iphone",
            (".usdz",),
            Message("ready for AR"),
            triangles=100_000,
            side=PHONE_SIDE,
            jpeg=True,
            is_for_phones=True,
        ),
        # Scene Viewer: Google recommends at most 30,000 vertices and 10 MB.
        Target(
            "android",
            (".glb",),
            Message("ready for AR"),
            vertices=30_000,
            size=10_000_000,
            side=PHONE_SIDE,
            jpeg=True,
            is_for_phones=True,
        ),
        Target("maya", (".fbx", ".usd", ".usdc", ".usda"), Message("ready for Maya and Unreal")),
        # A slicer prints no colors.
        Target("print", (".stl",), Message("ready to print"), shows_vertex_colors=(".stl",)),
        Target("page", ("",), Message("ready for your web server"), is_for_phones=True),
    )
}
