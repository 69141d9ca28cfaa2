"""Any picture file becomes one upright 8-bit RGBA picture. No torch, no bpy.

Pillow decodes. Files that it refuses although other programs open them are repaired, or decoded by
OpenCV.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import InputError, TripoSRError, importing
from ..message import Message
from . import other_decoder, tiff
from .color import to_rgba
from .limits import MAX_PIXELS, too_large
from .repair import repaired

with importing("Pillow"):
    from PIL import ExifTags, Image, TiffImagePlugin, UnidentifiedImageError

log = logging.getLogger(__name__)

MIN_SIDE = 8
"""Shortest side in pixels: in a smaller picture, no subject can be recognized."""

FORMATS = (
    *("PNG", "JPEG", "WEBP", "AVIF", "GIF", "BMP", "DIB", "TIFF", "JPEG2000", "PPM", "ICO"),
    *("PSD", "DDS", "SGI", "QOI", "TGA"),
)
"""Formats that Pillow may decode. Some of its others start programs, such as Ghostscript."""

MAX_BYTES = 2 << 30
"""Most bytes that are read of a file that Pillow refuses, which may be a film. A picture of
MAX_PIXELS needs less.
"""

FAMILIAR = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8")
"""Starts of files of which we read all kinds: one that cannot be read is damaged."""

UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""Transposition that turns a picture upright, by its EXIF orientation."""


def digest_of(picture: Image.Image | Path | str | bytes) -> str:
    """SHA-256 of a file's content, or of the pixels of a picture that is no file."""
    _check_type(picture)
    if isinstance(picture, Image.Image):
        picture = picture.tobytes()
    if isinstance(picture, bytes):
        return hashlib.sha256(picture).hexdigest()
    with open(picture, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_turned(picture: Image.Image | Path | str | bytes) -> bool:
    """Whether a picture's EXIF says that it is to be turned, which Blender ignores.

    Args:
        picture: As for `open_picture`, which must have accepted it.
    """
    _check_type(picture)
    if isinstance(picture, bytes):
        picture = io.BytesIO(picture)  # type: ignore[assignment]
    try:
        if isinstance(picture, Image.Image):
            return _orientation(picture) in UPRIGHT
        with Image.open(picture, formats=FORMATS) as image:
            return _orientation(image) in UPRIGHT
    except Exception as error:  # a file that Pillow refuses, and that other code has decoded
        log.info("Its EXIF cannot be read: %r", error)
        return False


def open_picture(picture: Image.Image | Path | str | bytes) -> Image.Image:
    """Decode a picture: first frame, upright, sRGB, 8-bit RGBA.

    Args:
        picture: A picture, the path of a file, or a file's content: of PNG, JPEG, WebP, AVIF, TIFF,
            OpenEXR, Radiance and other formats; with or without alpha, palette, CMYK, 16-bit,
            floats, EXIF-rotated, animated.

    Raises:
        TypeError: It is something else.
        InputError: The file is missing, empty, truncated, too large, too small, or no picture.
    """
    _check_type(picture)
    if isinstance(picture, Image.Image):
        with _named_errors(Message("The picture")):
            return _decode(picture, Message("The picture"))
    if isinstance(picture, bytes):
        with _named_errors(Message("The picture")):
            return _read(picture, Message("The picture"))
    path = Path(os.fsdecode(picture))
    name = path.name or str(picture)  # "." has no name
    with _named_errors(name, path):
        _check_regular(path, name)
        return _read(path, name)


def _check_type(picture: object) -> None:
    if not isinstance(picture, Image.Image | os.PathLike | str | bytes):
        kind = type(picture)
        raise TypeError(
            "a picture is a PIL.Image.Image, the path of a file (str or pathlib.Path) or a file's"
            f" content (bytes), and not {kind.__module__}.{kind.__qualname__}"
        )


def _check_regular(path: Path, name: str) -> None:
    """Refuse a folder, or a pipe, for which reading would wait; a missing file is refused later."""
    if path.is_dir():
        raise InputError("{name} is a folder", "Choose a picture in it", name=name)
    if path.exists() and not path.is_file():
        raise InputError("{name} is not a file", "Choose the file of a picture", name=name)


@contextmanager
def _named_errors(name: str, path: Path | None = None) -> Iterator[None]:
    """Turn whatever goes wrong with a picture into an `InputError`."""
    try:
        # Pillow warns of large pictures, which MAX_PIXELS settles, and of what it ignores.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (TripoSRError, MemoryError):
        raise
    except FileNotFoundError as error:
        raise InputError(
            "{name} does not exist",
            "Choose another picture: there is none at {path}",
            name=name,
            path=os.path.abspath(path or name),
        ) from error
    except PermissionError as error:
        raise InputError(
            "{name} may not be read", "Allow reading it, or copy it", name=name
        ) from error
    except UnidentifiedImageError as error:
        raise InputError(
            "{name} is not a picture that can be read",
            "Choose a PNG, JPEG or WebP file",
            name=name,
        ) from error
    except Image.DecompressionBombError as error:
        raise too_large(name) from error
    except OSError as error:
        if error.errno is None:  # Pillow's own error for a file that ends too early
            raise _damaged(name, error) from error
        raise InputError(
            "{name:.60} cannot be read ({reason})",
            "Choose another picture, or copy it",
            name=name,
            reason=str(error.strerror),
        ) from error
    except Exception as error:  # Pillow's decoders raise nearly everything for damaged files
        raise _damaged(name, error) from error


def _damaged(name: str, error: Exception) -> InputError:
    log.info("Cannot decode %s: %r", name, error)
    return InputError(
        "{name} is damaged or incomplete", "Save or download the picture again", name=name
    )


def begins_as_picture(path: Path) -> bool:
    """Whether a file begins as a picture does, which may still be damaged."""
    try:
        with Image.open(path, formats=known_formats()):
            return True
    except Image.DecompressionBombError:
        return True
    except Exception as error:  # as in `_read`
        log.info("Pillow does not know %s: %r", path.name, error)
    try:
        with path.open("rb") as file:
            return other_decoder.header_of(file.read(other_decoder.HEADER)) is not None
    except OSError:  # raised again when it is decoded
        return False


def known_formats() -> list[str]:
    """Select the `FORMATS` that this Pillow decodes."""
    Image.init()  # or it would not list them all
    return [name for name in FORMATS if name in Image.OPEN]


def _read(source: Path | bytes, name: str) -> Image.Image:
    """Decode a file: by Pillow, else by Pillow after repairs, else by OpenCV."""
    kind = picture = None
    try:
        file = io.BytesIO(source) if isinstance(source, bytes) else source
        with Image.open(file, formats=known_formats()) as image:
            kind = image.format
            if isinstance(image, TiffImagePlugin.TiffImageFile) and tiff.is_for_us(image.tag_v2):
                picture = _read_unknown(_content(source), name, is_known=True)
            return picture or _decode(image, name)
    except (InputError, MemoryError, Image.DecompressionBombError):
        raise
    except Exception as error:  # Pillow's decoders raise nearly everything
        if isinstance(error, OSError) and error.errno is not None:
            raise  # an error of the file system
        log.info("Pillow refuses %s: %r", name, error)
        content = _content(source)
        if picture := _read_otherwise(content, kind, name):
            return picture
        if content.startswith(FAMILIAR):
            raise _damaged(name, error) from error
        raise


def _content(source: Path | bytes) -> bytes:
    if isinstance(source, bytes):
        return source
    with source.open("rb") as file:
        return file.read(MAX_BYTES)


def _read_otherwise(content: bytes, kind: str | None, name: str) -> Image.Image | None:
    """The picture, decoded after repairs or by OpenCV; None if both fail.

    Args:
        content: Content of the file.
        kind: Format as which Pillow opened the file, or None if it could not.
    """
    candidates = repaired(content, kind)
    while True:
        try:
            image = next(candidates, None)
            if image is None:
                break
            return _decode(image, name)
        except (InputError, MemoryError, Image.DecompressionBombError):
            raise
        except Exception as error:  # as above
            log.info("Repaired in vain: %r", error)
    # OpenCV decodes half a file to half a picture, so it gets only what Pillow does not know.
    return _read_unknown(content, name) if kind is None else None


def _read_unknown(content: bytes, name: str, is_known: bool = False) -> Image.Image | None:
    header = other_decoder.header_of(content)
    if header is None:
        return None
    _check_size(header.size, name)
    picture = other_decoder.decode(content, header, is_known)
    return picture and _upright(picture, picture)


def _check_size(size: tuple[int, int], name: str) -> None:
    width, height = size
    if width * height > MAX_PIXELS:
        raise too_large(name)
    if min(size) < MIN_SIDE:
        raise InputError(
            "{name} has only {width} × {height} pixels",
            "Choose a picture of at least 256 pixels a side",
            name=name,
            width=width,
            height=height,
        )


def _decode(image: Image.Image, name: str) -> Image.Image:
    _check_size(image.size, name)
    if image.tell() > 0 and image.format != "PSD":  # whose first frame is the whole
        image.seek(0)
    key_shift, key_factor = _key_scale(image)
    image.load()
    return _upright(to_rgba(image, key_shift, key_factor), image)


def _key_scale(image: Image.Image) -> tuple[int, int]:
    """Shift and factor that Pillow applies to the pixels of a PNG file, not to its color key."""
    tiles = getattr(image, "tile", None) or ((None,),)
    raw_mode = str(tiles[0][-1])
    return {"RGB;16B": (8, 1), "L;2": (0, 85), "L;4": (0, 17)}.get(raw_mode, (0, 1))


def _upright(picture: Image.Image, source: Image.Image) -> Image.Image:
    """The decoded picture, turned according to the EXIF of its source.

    What its file said of orientation, colors and transparency is done, and must not be done again
    when somebody opens the result.
    """
    method = UPRIGHT.get(_orientation(source))
    upright = picture if method is None else picture.transpose(method)
    upright.info = {}
    return upright


def _orientation(source: Image.Image) -> int:
    """The EXIF orientation, 1 if there is none."""
    try:
        return source.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception as error:  # damaged EXIF can raise anything
        log.info("Ignoring EXIF that cannot be read: %r", error)
        return 1
