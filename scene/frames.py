"""Which frame of a sequence or movie is shown, and which tile of a tiled image."""

from __future__ import annotations

import os
import re
from pathlib import Path

import bpy


def shown_part(image: bpy.types.Image) -> tuple[int, int]:
    """Frame and tile that `picture_of` takes of an image that is several pictures."""
    is_moving = image.source in ("SEQUENCE", "MOVIE")
    return (frame_number(None) if is_moving else 0, active_tile(image))


def frame_number(user: bpy.types.ImageUser | None) -> int:
    """The frame that is shown, counted as Blender does: the number in the name of its file.

    Args:
        user: Says which frame the artist sees; without one, it is the scene's current frame.
    """
    frame = bpy.context.scene.frame_current
    if user is None:
        return frame
    if not user.use_auto_refresh:
        return user.frame_current
    # Computed as Blender does when it draws: the number that it stores may be out of date.
    frame, length = frame - user.frame_start + 1, max(user.frame_duration, 1)
    if user.use_cyclic:
        frame = (frame - 1) % length + 1
    return min(max(frame, 0), length) + user.frame_offset


def file_of_frame(path: Path, number: int) -> Path:
    """The file of one frame of a sequence.

    Args:
        path: The file of any frame; it is returned if the wanted frame has no file.
        number: The wanted frame.
    """
    name = re.sub(r"\d+(?=\D*$)", lambda digits: f"{number:0{len(digits[0])}d}", path.stem, count=1)
    frame = path.with_name(name + path.suffix)
    return frame if os.path.isfile(frame) else path


def active_tile(image: bpy.types.Image) -> int:
    """The number of the active tile of a tiled image, else 0."""
    if image.source != "TILED":
        return 0
    return (image.tiles.active or image.tiles[0]).number


def file_of_tile(path: Path, tile: int) -> Path:
    """The file of one tile: the path of a tiled image with the tile's name in place of the mark."""
    return Path(re.sub("<(UDIM|UVTILE)>", lambda mark: _tile_name(tile, mark[1]), str(path)))


def _tile_name(tile: int, mark: str) -> str:
    """The part of a file's name that stands for a tile, as Mari (UDIM) or ZBrush writes it."""
    number = tile - 1001
    return str(tile) if mark == "UDIM" else f"u{number % 10 + 1}_v{number // 10 + 1}"
