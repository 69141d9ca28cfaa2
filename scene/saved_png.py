"""Images as Blender saves them, with its color management applied: 8-bit PNG files."""

from __future__ import annotations

import logging
import os
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import bpy

from .frames import active_tile
from .pixels import without_pixels
from .temporary import in_temporary_place

log = logging.getLogger(__name__)

FILE_SETTINGS = (
    *("media_type", "file_format", "color_mode", "color_depth", "compression"),
    *("views_format", "color_management"),
)
VIEW_SETTINGS = (
    *("view_transform", "look", "exposure", "gamma", "use_curve_mapping", "use_white_balance"),
    *("white_balance_temperature", "white_balance_tint"),
)
"""Settings that change when an image is saved. A setting stands before those whose choices depend
on it.
"""


@contextmanager
def restored_settings() -> Iterator[bpy.types.Scene]:
    """Gives the scene, and restores its settings for files and colors afterwards."""
    scene = bpy.context.scene
    settings = scene.render.image_settings
    kept = [(settings, FILE_SETTINGS)]
    for owner in (settings, scene):
        kept.append((owner.display_settings, ("display_device",)))
        kept.append((owner.view_settings, VIEW_SETTINGS))
    before = [
        (owner, name, getattr(owner, name))
        for owner, names in kept
        for name in names
        if hasattr(owner, name)  # the oldest Blender that we support lacks some
    ]
    try:
        yield scene
    finally:
        for owner, name, value in before:
            # Blender gives "" for a name that the present color configuration lacks.
            if value not in ("", getattr(owner, name)):
                setattr(owner, name, value)


def saved_png(
    image: bpy.types.Image, scene: bpy.types.Scene, display: str = "", view: str = ""
) -> bytes:
    """The content of the PNG file that Blender saves of an image; changes the scene's settings.

    Args:
        image: Any image, also a render.
        scene: The scene that `restored_settings` gives.
        display, view: If given, they replace the scene's color management: no look, no exposure.

    Raises:
        InputError: The image has no pixels.
    """
    settings = scene.render.image_settings
    if hasattr(settings, "media_type"):  # in Blender 5 it decides which file formats there are
        settings.media_type = "IMAGE"
    settings.file_format, settings.color_mode, settings.color_depth = "PNG", "RGBA", "8"
    settings.views_format = "INDIVIDUAL"
    settings.compression, settings.color_management = 0, "OVERRIDE" if display else "FOLLOW_SCENE"
    if display:
        views = settings.view_settings
        # The scene's display decides which views there are, even for the override.
        for owner in (scene, settings):
            if owner.display_settings.display_device != display:
                owner.display_settings.display_device = display
        views.view_transform, views.look, views.exposure, views.gamma = view, "None", 0.0, 1.0
        views.use_curve_mapping = views.use_white_balance = False
    return in_temporary_place(partial(_saved_in, image, scene))


def _saved_in(image: bpy.types.Image, scene: bpy.types.Scene, place: str) -> bytes:
    with tempfile.TemporaryDirectory(dir=place, ignore_cleanup_errors=True) as folder:
        return _written(image, scene, Path(folder))


def _written(image: bpy.types.Image, scene: bpy.types.Scene, folder: Path) -> bytes:
    """The content of the file that Blender writes into a folder; of the first view, if several.

    Raises:
        OSError: Blender cannot write there.
        InputError: The image has no pixels.
    """
    name, tile = "picture.png", active_tile(image)
    if tile:
        name = "picture.<UDIM>.png"
    views = [f"picture{view.file_suffix}.png" for view in scene.render.views if view.use]
    try:
        image.save_render(str(folder / name), scene=scene)
        views.insert(0, f"picture.{tile}.png" if tile else name)
    except RuntimeError as error:
        # Blender reports an error for an image of several views, too, although it writes them.
        if str(folder) not in str(error):
            raise without_pixels(image) from error
        log.info("Blender says: %s", error)
    there = {file.name: file for file in sorted(folder.iterdir()) if file.name != "picture.png"}
    for name in (*views, *there):
        if os.path.isfile(folder / name):
            return _bare((folder / name).read_bytes())
    raise OSError(f"Nothing was written into {folder}")


def _bare(content: bytes) -> bytes:
    """A PNG file with its pixels only.

    Blender 5 writes the color profile that the image had before the conversion. The date of a
    render would make the same pixels another picture.
    """
    kept, start = [content[:8]], 8
    while start < len(content):
        length, kind = struct.unpack_from(">I4s", content, start)
        end = start + length + 12
        if kind in (b"IHDR", b"IDAT", b"IEND"):
            kept.append(content[start:end])
        start = end
    return b"".join(kept)
