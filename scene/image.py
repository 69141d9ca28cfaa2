"""A Blender image becomes a picture that a thread may read."""

from __future__ import annotations

import io
import logging
import os
import re
import struct
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import bpy
import numpy as np

from ..inference.errors import InputError, TripoSRError, importing
from ..inference.picture.limits import DISPLAY_SUFFIXES, LINEAR_SUFFIXES, MAX_PIXELS, too_large
from .paths import path_of
from .temporary import in_temporary_place

if TYPE_CHECKING:
    from PIL import Image

log = logging.getLogger(__name__)

SCENE_RESULTS = ("RENDER_RESULT", "COMPOSITING")
"""Types of images that Blender renders, without pixels that a script could read."""

MANAGED_SUFFIXES = (*LINEAR_SUFFIXES, ".dpx", ".cin")
"""Endings of files whose colors only Blender's color management can tell."""

MOST_PIXELS = 4096
"""Longest side of a picture that is made an image; the network sees 512."""

Picture = Callable[[], "Path | Image.Image | bytes"]
"""Gives the picture; called on the worker, because large pixels take long to convert."""

FILE_SETTINGS = (
    *("media_type", "file_format", "color_mode", "color_depth", "compression"),
    *("views_format", "color_management"),
)
VIEW_SETTINGS = (
    *("view_transform", "look", "exposure", "gamma", "use_curve_mapping", "use_white_balance"),
    *("white_balance_temperature", "white_balance_tint"),
)
"""What is changed when an image is written, each before those whose choices it decides."""


def picture_of(image: bpy.types.Image, user: bpy.types.ImageUser | None = None) -> Picture:
    """What the artist sees in an image data-block, detached from Blender.

    Args:
        user: Says which frame of a sequence or movie is shown; else the scene's present frame is.

    Returns:
        Gives the file, or its packed content, of an image that is unchanged since it was read, so
        that its EXIF rotation and color profile are applied; what Blender's color management makes
        of one that is not in the usual color space of 8-bit pictures; else the pixels.

    Raises:
        InputError: The image has no pixels, or too many.
    """
    if image.type in SCENE_RESULTS:
        return _rendered(image)
    path = path_of(image)
    if image.source == "MOVIE" and os.path.isfile(path):
        return _of_movie(image, path, _frame_number(user) - 1)
    if image.source == "SEQUENCE" and not image.is_dirty:
        frame = _file_of_frame(path, _frame_number(user))
        if os.path.isfile(frame):
            with _opened(frame, image) as single:
                return _of_single(single, frame)
    return _of_single(image, path)


def picture_of_file(path: Path) -> Picture:
    """A picture's file; as an image data-block of it where Blender alone can tell its colors, or
    which of its frames the scene is at.

    What is wrong with it is raised when it is read: several may wait for their turn.
    """
    if os.path.isfile(path):
        try:
            image = bpy.data.images.load(str(path), check_existing=False)
        except (RuntimeError, UnicodeError) as error:  # told when it is decoded
            log.info("Blender cannot open %r: %s", path, error)
            return lambda: path
        try:
            if image.source == "MOVIE" and not _is_plain(path):  # of a GIF the first is taken
                return picture_of(image)
            is_usual = image.colorspace_settings.name in ("", usual_space())
            is_managed = path.suffix.lower() in MANAGED_SUFFIXES
            if (is_managed or not is_usual) and all(image.size):
                return _of_single(image, path)
        except InputError as error:
            return partial(_refuse, error)
        finally:
            bpy.data.images.remove(image)
    return lambda: path


def _refuse(error: InputError) -> Path:
    raise error


def _of_single(image: bpy.types.Image, path: Path) -> Picture:
    """An image of a single frame, whose file is at a path."""
    has_alpha = image.alpha_mode in ("STRAIGHT", "PREMUL")
    is_usual = image.colorspace_settings.name in ("", usual_space())
    # Only Blender divides a picture into views; Pillow knows nothing of alpha that is to be
    # ignored.
    is_plain = is_usual and _is_plain(path) and has_alpha and not image.use_multiview
    if image.source in ("FILE", "TILED") and is_plain and not image.is_dirty:
        tile = _tile(image)
        for packed in image.packed_files:
            if packed.tile_number == tile or not tile:
                content = bytes(packed.packed_file.data)
                return lambda: content
        path = Path(re.sub("<(UDIM|UVTILE)>", lambda mark: _tile_name(tile, mark[1]), str(path)))
        if os.path.isfile(path):
            return lambda: path
    _check_size(image)
    is_composed = image.type == "MULTILAYER" or image.source == "TILED" or image.use_multiview
    if is_composed or image.is_float or not is_usual:
        return partial(_from_file, _as_displayed(image), has_alpha)
    return partial(_from_pixels, _pixels(image), has_alpha)


def _is_plain(path: Path) -> bool:
    """Whether a file's name promises colors as they are displayed, and a format that we read."""
    return path.suffix.lower() in DISPLAY_SUFFIXES


def _tile(image: bpy.types.Image) -> int:
    """The number of the active tile of a tiled image, else 0."""
    if image.source != "TILED":
        return 0
    return (image.tiles.active or image.tiles[0]).number


def _tile_name(tile: int, mark: str) -> str:
    """What stands in the name of a tile's file, in Mari's way or in that of ZBrush."""
    number = tile - 1001
    return str(tile) if mark == "UDIM" else f"u{number % 10 + 1}_v{number // 10 + 1}"


def shown_part(image: bpy.types.Image) -> tuple[int, int]:
    """What `picture_of` takes of an image that is several pictures: its frame, and its tile."""
    is_moving = image.source in ("SEQUENCE", "MOVIE")
    return (_frame_number(None) if is_moving else 0, _tile(image))


def _frame_number(user: bpy.types.ImageUser | None) -> int:
    """The frame that is shown, counted as Blender does: the number in the name of its file."""
    frame = bpy.context.scene.frame_current
    if user is None:
        return frame
    if not user.use_auto_refresh:
        return user.frame_current
    # As Blender computes it when it draws: what it keeps may be of another frame.
    frame, length = frame - user.frame_start + 1, max(user.frame_duration, 1)
    if user.use_cyclic:
        frame = (frame - 1) % length + 1
    return min(max(frame, 0), length) + user.frame_offset


def _file_of_frame(path: Path, number: int) -> Path:
    """The file of a frame of a sequence, given that of any; that one if there is no such file."""
    name = re.sub(r"\d+(?=\D*$)", lambda digits: f"{number:0{len(digits[0])}d}", path.stem, count=1)
    frame = path.with_name(name + path.suffix)
    return frame if os.path.isfile(frame) else path


@contextmanager
def _opened(path: Path, like: bpy.types.Image) -> Iterator[bpy.types.Image]:
    """A file as a data-block of its own for a while, set as another image is."""
    image = bpy.data.images.load(str(path), check_existing=False)
    try:
        space = like.colorspace_settings.name
        if space not in ("", image.colorspace_settings.name):
            image.colorspace_settings.name = space
        image.alpha_mode = like.alpha_mode
        yield image
    finally:
        bpy.data.images.remove(image)


def _of_movie(image: bpy.types.Image, path: Path, index: int) -> Picture:
    """A frame of a movie or of an animated picture, which Blender takes for a movie."""
    if _is_plain(path) and index <= 0:
        return lambda: path
    frame = partial(_movie_frame, path, index, image.frame_duration)
    if image.colorspace_settings.name in ("", usual_space()):
        return frame
    single = new_image(np.asarray(frame().convert("RGBA")), image.name)
    try:
        single.colorspace_settings.name = image.colorspace_settings.name
        return partial(_from_file, _as_displayed(single), has_alpha=True)
    finally:
        bpy.data.images.remove(single)


def _movie_frame(path: Path, index: int, duration: int) -> Image.Image:
    """A frame by its number from 0. No bpy: this runs on the worker."""
    with importing("Pillow"):
        from ..inference.picture.movie import frame_of_animation, frame_of_movie

    if _is_plain(path):  # Blender counts its frames by time
        return frame_of_animation(path, index / max(duration, 1))
    return frame_of_movie(path, index)


@cache
def usual_space() -> str:
    """The name of the color space of 8-bit pictures; studios have configurations of their own."""
    image = bpy.data.images.new("", 1, 1)
    try:
        return image.colorspace_settings.name
    finally:
        bpy.data.images.remove(image)


def _as_displayed(image: bpy.types.Image) -> bytes:
    """An image as an sRGB display shows it, without a tone curve: a PNG file."""
    display, view = _plain_view()
    with _restored() as scene:
        return _saved(image, scene, display, view)


@cache
def _plain_view() -> tuple[str, str]:
    """The display and the view that give the colors of 8-bit pictures back as they were: sRGB,
    without a tone curve. Found by trying, because each configuration names them in its own way;
    where none does, the nearest one.
    """
    with importing("Pillow"):
        from PIL import Image

    rgba = np.full((1, 5, 4), 255, np.uint8)
    rgba[0, :, :3] = (203, 48, 48), (48, 203, 48), (48, 48, 203), (20, 20, 20), (200, 200, 200)
    # Floats: Blender hands bytes to a view without colors, such as Raw, as they are.
    sample = bpy.data.images.new("", 5, 1, float_buffer=True)
    sample.pixels.foreach_set((rgba / np.float32(255)).ravel())
    sample.pack()
    sample.colorspace_settings.name = usual_space()
    best, least = ("", ""), 256
    try:
        with _restored() as scene:
            for display, view in _views(scene):
                with Image.open(
                    io.BytesIO(_saved(sample, scene, display, view)), formats=("PNG",)
                ) as shown:
                    off = int(np.abs(np.asarray(shown.convert("RGBA"), int) - rgba).max())
                if off < least:
                    best, least = (display, view), off
                if off <= 1:
                    break
    finally:
        bpy.data.images.remove(sample)
    return best


def _views(scene: bpy.types.Scene) -> list[tuple[str, str]]:
    """All displays with their views, those that are called as Blender's own calls them first."""
    found = []
    for display in _choices(scene.display_settings, "display_device"):
        scene.display_settings.display_device = display
        views = _choices(scene.view_settings, "view_transform")
        found += [(display, view) for view in views]
    return sorted(found, key=lambda names: ("srgb" not in names[0].lower(), names[1] != "Standard"))


def _choices(owner: bpy.types.bpy_struct, name: str) -> list[str]:
    """What an enumeration offers at present; Blender tells it only when it refuses a value."""
    try:
        setattr(owner, name, "\n")
    except TypeError as refusal:
        return re.findall("'([^']+)'", str(refusal).rpartition(" not found in ")[2])
    return []


def _rendered(image: bpy.types.Image) -> Picture:
    """A render as the artist sees it: with the scene's view transform, look and exposure, on an
    sRGB display, because that is what a file without a color profile is taken for.
    """
    display, plain = _plain_view()
    with _restored() as scene:
        views = scene.view_settings
        if scene.display_settings.display_device != display:
            view, look = views.view_transform, views.look
            scene.display_settings.display_device = display
            views.view_transform = _like(view, _choices(views, "view_transform"), plain)
            views.look = look if views.view_transform == view else "None"
        content = _saved(image, scene)
    return lambda: content


def _like(view: str, choices: list[str], plain: str) -> str:
    """The view of a display that does what another display's view does: that of its name, or of the
    beginning of it, as "AgX" is of "AgX - HDR 1000 nits"; else the plain one.
    """
    beginnings = [choice for choice in choices if view.startswith(f"{choice} - ")]
    return view if view in choices else max(beginnings, key=len, default=plain)


def _saved(
    image: bpy.types.Image, scene: bpy.types.Scene, display: str = "", view: str = ""
) -> bytes:
    """An image as Blender writes it: an 8-bit PNG file. Changes the scene's settings for that.

    Args:
        display, view: To use plainly, instead of all that the scene's color management says.

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
        # The choice of views is that of the scene's display, for the override, too.
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
        OSError: Nothing can be written there.
        InputError: The image has no pixels.
    """
    name, tile = "picture.png", _tile(image)
    if tile:
        name = "picture.<UDIM>.png"
    views = [f"picture{view.file_suffix}.png" for view in scene.render.views if view.use]
    try:
        image.save_render(str(folder / name), scene=scene)
        views.insert(0, f"picture.{tile}.png" if tile else name)
    except RuntimeError as error:
        # Blender says so of several views, too, which it has written.
        if str(folder) not in str(error):
            raise _without_pixels(image) from error
        log.info("Blender says: %s", error)
    there = {file.name: file for file in sorted(folder.iterdir()) if file.name != "picture.png"}
    for name in (*views, *there):
        if os.path.isfile(folder / name):
            return _bare((folder / name).read_bytes())
    raise OSError(f"Nothing was written into {folder}")


def _bare(content: bytes) -> bytes:
    """A PNG file without all that is no pixels.

    Blender 5 writes the color profile that the image had before it was converted; and the time of
    a render would make another picture of the same one.
    """
    kept, start = [content[:8]], 8
    while start < len(content):
        length, kind = struct.unpack_from(">I4s", content, start)
        end = start + length + 12
        if kind in (b"IHDR", b"IDAT", b"IEND"):
            kept.append(content[start:end])
        start = end
    return b"".join(kept)


@contextmanager
def _restored() -> Iterator[bpy.types.Scene]:
    """The scene, whose settings for files and colors may be changed for a while."""
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
        if hasattr(owner, name)  # some are newer than the oldest Blender
    ]
    try:
        yield scene
    finally:
        for owner, name, value in before:
            # Nothing stands for a name that this color configuration does not have.
            if value not in ("", getattr(owner, name)):
                setattr(owner, name, value)


def _without_pixels(image: bpy.types.Image) -> InputError:
    if image.type in SCENE_RESULTS:
        return InputError(
            "The image {name!r} holds no picture yet", "Render the scene first", name=image.name
        )
    return InputError(
        "The image {name!r} has no pixels", "Save it as a PNG file, and open that", name=image.name
    )


def open_image(path: Path) -> bpy.types.Image | None:
    """The image data-block of a picture file, or None if it cannot be read."""
    if not os.path.isfile(path):  # Blender would wait for a pipe
        return None
    known = set(bpy.data.images)
    try:
        image = bpy.data.images.load(str(path), check_existing=True)
    except RuntimeError:  # the file is missing or may not be read
        return None
    if all(image.size):  # which reads the file
        return image
    if image not in known:
        bpy.data.images.remove(image)
    return _decoded(path)


def _decoded(path: Path) -> bpy.types.Image | None:
    """A packed image data-block of a picture file that only we can read, or None."""
    try:
        with importing("Pillow"):
            from ..inference.picture.decode import open_picture
        picture = open_picture(path)
    except TripoSRError as error:
        log.info("Cannot read %s: %s", path.name, error)
        return None
    picture.thumbnail((MOST_PIXELS, MOST_PIXELS))
    return new_image(np.asarray(picture), path.name)


def matte_of(image: bpy.types.Image) -> np.ndarray:
    """A painted matte: (H, W) uint8, top row first, 255 where the subject is.

    Raises:
        InputError: The image has no pixels, or too many.
    """
    values = _pixels(image)[::-1]
    gray = values[..., :3].mean(axis=-1) if image.channels >= 3 else values[..., 0]
    return (gray.clip(0, 1) * 255).round().astype(np.uint8)


def white_matte(image: bpy.types.Image) -> np.ndarray:
    """A matte that takes all of a picture for the subject: (H, W) uint8.

    Raises:
        InputError: The picture has no pixels.
    """
    width, height = image.size
    if not width * height:
        raise _without_pixels(image)
    return np.full((height, width), 255, np.uint8)


def new_matte(alpha: np.ndarray, name: str) -> bpy.types.Image:
    """An image data-block to paint on, from a matte (H, W) uint8, top row first; packed."""
    height, width = alpha.shape
    rgba = np.full((height, width, 4), 255, np.uint8)
    rgba[..., :3] = alpha[..., None]
    return new_image(rgba, name, is_color=False)


def new_image(rgba: np.ndarray, name: str, is_color: bool = True) -> bpy.types.Image:
    """A packed image data-block of pixels (H, W, 4) uint8, top row first."""
    height, width, _ = rgba.shape
    image = bpy.data.images.new(name, width, height, alpha=is_color, is_data=not is_color)
    image.pixels.foreach_set((rgba[::-1] / np.float32(255)).ravel())
    image.pack()
    return image


def _check_size(image: bpy.types.Image) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise too_large(image.name)


def _pixels(image: bpy.types.Image) -> np.ndarray:
    """A copy of the pixels: (H, W, channels) float32, bottom row first."""
    _check_size(image)
    if not len(image.pixels):
        raise _without_pixels(image)
    width, height = image.size
    values = np.empty(width * height * image.channels, np.float32)
    image.pixels.foreach_get(values)
    return values.reshape(height, width, image.channels)


def _from_file(content: bytes, has_alpha: bool) -> Image.Image | bytes:
    """The picture of a PNG file that Blender wrote. No bpy: this runs on the worker."""
    if has_alpha:
        return content
    with importing("Pillow"):
        from PIL import Image

    with Image.open(io.BytesIO(content), formats=("PNG",)) as image:
        return image.convert("RGB")


def _from_pixels(values: np.ndarray, has_alpha: bool) -> Image.Image:
    """The picture of such pixels. No bpy: this runs on the worker."""
    with importing("Pillow"):
        from PIL import Image

    height, width, channels = values.shape
    rgba = np.ones((height, width, 4), np.float32)
    # Blender's rows run from the bottom up, Pillow's from the top down.
    if channels < 3:
        rgba[..., :3] = values[::-1, :, :1]
    else:
        rgba[..., :channels] = values[::-1]
    if not has_alpha:
        rgba[..., 3] = 1
    return Image.fromarray((rgba.clip(0, 1) * 255).round().astype(np.uint8))
