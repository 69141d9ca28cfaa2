"""Any picture file becomes one upright 8-bit RGBA picture. No torch, no bpy."""

from __future__ import annotations

import hashlib
import io
import logging
import warnings
from pathlib import Path

import numpy as np

from .errors import InputError, importing
from .limits import MAX_PIXELS, too_large
from .message import Message

with importing("Pillow"):
    from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

log = logging.getLogger(__name__)

MIN_SIDE = 8
"""Below this no subject can be told."""


def digest_of(picture: Image.Image | Path | str | bytes) -> str:
    """SHA-256 of a file's content, or of the pixels of a picture that is no file."""
    if isinstance(picture, Image.Image):
        picture = picture.tobytes()
    if isinstance(picture, bytes):
        return hashlib.sha256(picture).hexdigest()
    with open(picture, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def open_picture(picture: Image.Image | Path | str | bytes) -> Image.Image:
    """Decode a picture: first frame, upright, sRGB, 8-bit RGBA.

    Args:
        picture: A picture, the path of a file, or a file's content; anything that Pillow opens:
            with or without alpha, palette, CMYK, 16-bit, EXIF-rotated, animated.

    Raises:
        InputError: The file is missing, empty, truncated, too large, too small, or no picture.
    """
    name: str = Message("The picture")
    if isinstance(picture, Path | str):
        name = Path(picture).name or str(picture)  # "." has no name
    try:
        if isinstance(picture, Image.Image):
            return _decode(picture, name)
        # Pillow's warning about large pictures is settled by MAX_PIXELS.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            file = io.BytesIO(picture) if isinstance(picture, bytes) else picture
            with Image.open(file) as image:
                return _decode(image, name)
    except (InputError, MemoryError):
        raise
    except FileNotFoundError as error:
        raise InputError("{name} does not exist", "Choose another picture", name=name) from error
    except IsADirectoryError as error:
        raise InputError("{name} is a folder", "Choose a picture in it", name=name) from error
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
        if error.errno is None:  # Pillow's own, of a file that ends too early
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


def _decode(image: Image.Image, name: str) -> Image.Image:
    if image.width * image.height > MAX_PIXELS:
        raise too_large(name)
    if min(image.size) < MIN_SIDE:
        raise InputError(
            "{name} has only {width} × {height} pixels",
            "Choose a picture of at least 256 pixels a side",
            name=name,
            width=image.width,
            height=image.height,
        )
    if getattr(image, "n_frames", 1) > 1:
        image.seek(0)
    image.load()
    profile = image.info.get("icc_profile")
    return _to_rgba(_to_srgb(ImageOps.exif_transpose(image), profile))


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Apply the embedded color profile: phones embed Display P3, printers CMYK."""
    if not profile or image.mode not in ("RGB", "RGBA", "CMYK"):
        return image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = "RGBA" if image.mode == "RGBA" else "RGB"
        converted = ImageCms.profileToProfile(
            image, source, ImageCms.createProfile("sRGB"), outputMode=mode
        )
    except (ImageCms.PyCMSError, OSError) as error:
        log.info("Ignoring a color profile that cannot be applied: %s", error)
        return image
    return image if converted is None else converted


def _to_rgba(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        return _scaled_to_8_bit(image).convert("RGBA")
    return image.convert("RGBA")


def _scaled_to_8_bit(image: Image.Image) -> Image.Image:
    """Gray pictures of 16 bits or floats; Pillow's own conversion clips instead of scaling."""
    values = np.nan_to_num(np.asarray(image, np.float32))
    if image.mode != "F":
        values /= 65535.0
    return Image.fromarray((values.clip(0, 1) * 255).round().astype(np.uint8), mode="L")
