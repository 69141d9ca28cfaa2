"""Converts the colors of any picture to those of a screen: sRGB, 8 bits, straight alpha.

Follows what the file says about its numbers: profile, color key, gamma, highest value.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import importing

with importing("Pillow"):
    from PIL import Image, ImageCms

log = logging.getLogger(__name__)

BITS_PER_SAMPLE, PHOTOMETRIC, SAMPLE_FORMAT = 258, 262, 339
HIGHEST = (281, 341)
"""Tags of TIFF; the last two are MaxSampleValue and SMaxSampleValue."""

PROFILE = 34675
"""The tag of TIFF that holds the color profile."""

WHITE_IS_ZERO = 0
"""The PhotometricInterpretation of a negative."""

SIGNED = 2
"""The SampleFormat of signed numbers."""

SENSOR_BITS = (8, 10, 12, 14)
"""Bits of the numbers that cameras and scanners write into 16-bit files, often unannounced."""

ROWS, SAMPLES = 256, 1_000_000
"""Number of rows that are converted at a time, and about how many numbers are sampled."""

EXTENDED_FORMATS = ("TGA", "BMP", "DIB", "ICO")
"""Formats whose fourth byte many programs leave at zero without meaning transparent."""

SRGB_PRIMARIES = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
"""x and y of white, red, green and blue."""

USUAL_GAMMA = 1 / 2.2
"""The gamma that PNG files of sRGB pictures state."""


def to_rgba(image: Image.Image, key_shift: int = 0, key_factor: int = 1) -> Image.Image:
    """The picture as 8-bit sRGB RGBA.

    Args:
        image: A loaded picture; its `info` holds what the file says about colors.
        key_shift, key_factor: Convert the color key from the file's numbers to Pillow's.
    """
    alpha = _alpha(image, key_shift, key_factor)
    # Through RGB, because Pillow gives LAB an arbitrary alpha when it makes it RGBA.
    rgba = _on_screen(_opaque(image), image.info).convert("RGB").convert("RGBA")
    if alpha is not None:
        rgba.putalpha(alpha)
    return rgba


def _alpha(image: Image.Image, shift: int, factor: int) -> Image.Image | None:
    """The picture's alpha, or None if it is opaque."""
    key = image.info.get("transparency")
    if image.mode in ("RGBA", "LA"):
        alpha = image.getchannel("A")
    elif image.mode == "La":
        alpha = image.convert("LA").getchannel("A")
    elif image.mode in ("RGBa", "PA", "P"):
        alpha = image.convert("RGBA").getchannel("A")
    elif key is None or isinstance(key, bytes):
        return None
    else:
        values = np.asarray(image.convert("L") if image.mode == "1" else image)
        wanted = (np.asarray(key) >> shift) * factor
        if values.shape[2:] != wanted.shape:
            return None
        is_key = values == wanted
        if is_key.ndim > 2:
            is_key = is_key.all(axis=-1)
        return Image.fromarray(np.where(is_key, 0, 255).astype(np.uint8))
    if image.format in EXTENDED_FORMATS and alpha.getextrema() == (0, 0):
        return None
    return alpha


def _opaque(image: Image.Image) -> Image.Image:
    """The picture without its alpha, in a mode that profiles are made for."""
    if image.mode.startswith("I") or image.mode == "F":
        return _gray_of_many_bits(image)
    if image.mode in ("L", "RGB", "CMYK", "LAB"):
        return image
    if image.mode == "1":
        return image.convert("L")
    if image.mode in ("LA", "La"):
        return image.convert("LA").getchannel("L")
    return image.convert("RGBA").convert("RGB")


def _on_screen(color: Image.Image, info: Mapping[Any, Any]) -> Image.Image:
    """The picture in sRGB, according to the profile or the gamma of its file."""
    if profile := info.get("icc_profile"):
        return _with_profile(color, profile)
    gamma = info.get("gamma")
    if gamma and "srgb" not in info and color.mode in ("L", "RGB"):
        return _with_gamma(color.convert("RGB"), gamma, info.get("chromaticity"))
    return color


def _with_profile(color: Image.Image, content: bytes) -> Image.Image:
    """Apply the embedded color profile: phones embed Display P3, printers CMYK."""
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(content))
        space = profile.profile.xcolor_space.strip()
        if space == "RGB" and color.mode == "L":
            color = color.convert("RGB")
        if {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}.get(space) != color.mode:
            log.info("Ignoring a %s profile of a picture that is %s", space, color.mode)
            return color
        screen = ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(color, profile, screen, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError) as error:
        log.info("Ignoring a color profile that cannot be applied: %s", error)
        return color
    return color if converted is None else converted


def _with_gamma(
    color: Image.Image, gamma: float, primaries: tuple[float, ...] | None
) -> Image.Image:
    """Apply the gamma and the primaries that a PNG file states."""
    is_usual = abs(gamma / USUAL_GAMMA - 1) < 0.05
    matrix = to_srgb_primaries(primaries)
    if (is_usual and matrix is None) or not 0.1 <= gamma <= 10:
        return color
    values = np.asarray(color, np.float32) / 255
    linear = srgb_to_linear(values) if is_usual else values ** (1 / gamma)
    if matrix is not None:
        linear = linear @ matrix
    return Image.fromarray(_to_8_bit(linear_to_srgb(linear)))


def to_srgb_primaries(primaries: tuple[float, ...] | None) -> NDArray[np.float32] | None:
    """The matrix from linear RGB (a row) with other primaries to that of sRGB.

    Args:
        primaries: x and y of white, red, green and blue.

    Returns:
        (3, 3), or None if there is nothing to convert or the numbers make no sense.
    """
    if primaries is None or np.allclose(primaries, SRGB_PRIMARIES, atol=2e-3):
        return None
    try:
        source, target = _to_xyz(primaries), _to_xyz(SRGB_PRIMARIES)
        # White stays white: both whites are scaled to one, as seen by the cones (Bradford).
        cones = np.array(
            ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))
        )
        scale = (cones @ target.sum(axis=1)) / (cones @ source.sum(axis=1))
        matrix = np.linalg.inv(target) @ np.linalg.inv(cones) @ (scale[:, None] * cones) @ source
    except (np.linalg.LinAlgError, ZeroDivisionError, ValueError) as error:
        log.info("Ignoring primaries that cannot be: %s", error)
        return None
    return matrix.T.astype(np.float32) if np.isfinite(matrix).all() else None


def _to_xyz(primaries: tuple[float, ...]) -> NDArray[np.float64]:
    """The matrix from linear RGB (a column) to XYZ."""
    white, *colors = (
        (x / y, 1.0, (1 - x - y) / y) for x, y in zip(*[iter(primaries)] * 2, strict=True)
    )
    columns = np.array(colors).T
    return np.asarray(columns * np.linalg.solve(columns, np.array(white)))


def linear_to_srgb(linear: NDArray[np.float32]) -> NDArray[np.float32]:
    """The transfer curve of IEC 61966-2-1; values above white become white."""
    linear = np.nan_to_num(linear).clip(0, 1)
    curved = 1.055 * linear ** (1 / 2.4) - 0.055
    return np.asarray(np.where(linear <= 0.0031308, 12.92 * linear, curved), np.float32)


def srgb_to_linear(values: NDArray[np.float32]) -> NDArray[np.float32]:
    curved = ((values + 0.055) / 1.055) ** 2.4
    return np.asarray(np.where(values <= 0.04045, values / 12.92, curved), np.float32)


def _to_8_bit(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    return (np.nan_to_num(values).clip(0, 1) * 255).round().astype(np.uint8)


def rgba_of_numbers(
    values: NDArray[Any],
    tags: Mapping[int, Any],
    is_light: bool = False,
    is_premultiplied: bool = False,
    primaries: tuple[float, ...] | None = None,
) -> Image.Image:
    """The picture of a decoded file's numbers.

    Args:
        values: (H, W, channels): gray or RGB, and alpha; or CMYK with alpha.
        tags: Tags of a TIFF file; empty for other files.
        is_light: Whether the numbers are amounts of light. RGB floats up to 1 are, in any case.
        is_premultiplied: Whether the colors are multiplied by alpha.
        primaries: Primaries of the light; see `to_srgb_primaries`.
    """
    is_float = values.dtype.kind == "f"
    count = {1: 1, 2: 1, 3: 3, 4: 3, 5: 4}[values.shape[2]]
    white = 1.0 if is_light else _white(values[..., :count], tags, is_float)
    is_light = is_light or (is_float and white == 1 and count == 3)
    matrix = to_srgb_primaries(primaries) if is_light and count == 3 else None
    # Floats up to 255 may have an alpha up to 1.
    full = 1.0 if is_float and values[..., count:].max(initial=0) <= 1 else white
    is_negative = bool(tags) and _stated(tags, PHOTOMETRIC, 1) == WHITE_IS_ZERO
    pixels = np.empty(values.shape, np.uint8)
    for top in range(0, len(values), ROWS):
        part = np.nan_to_num(values[top : top + ROWS].astype(np.float32))
        color, alpha = part[..., :count] / white, part[..., count:] / full
        if is_premultiplied and alpha.size:
            color = np.divide(color, alpha, out=np.zeros_like(color), where=alpha > 0)
        if is_negative:
            color = 1 - color
        if matrix is not None:
            color = color @ matrix
        if is_light:
            color = linear_to_srgb(color)
        pixels[top : top + ROWS] = _to_8_bit(np.concatenate((color, alpha), axis=-1))
    if count == 4:
        image = Image.merge("CMYK", [Image.fromarray(pixels[..., n]) for n in range(4)])
    else:
        image = Image.fromarray(pixels if pixels.shape[2] > 1 else pixels[..., 0])
    if not is_light and isinstance(profile := tags.get(PROFILE), bytes):
        image.info["icc_profile"] = profile
    rgba = to_rgba(image)
    if count == 4:
        rgba.putalpha(Image.fromarray(pixels[..., 4]))
    return rgba


def _gray_of_many_bits(image: Image.Image) -> Image.Image:
    """Gray pictures of 16 bits or floats; Pillow's own conversion clips instead of scaling."""
    tags = getattr(image, "tag_v2", {})
    values = np.asarray(image)
    if tags and values.dtype == np.int32 and _stated(tags, SAMPLE_FORMAT) != SIGNED:
        values = values.view(np.uint32)  # Pillow has no mode for unsigned ones
    is_float = image.mode == "F"
    if not tags and not is_float:
        tags = {HIGHEST[0]: 65535}  # of PNG and PGM, which Pillow stretches to 16 bits
    is_light = is_float and image.format == "PPM"
    return rgba_of_numbers(values[..., None], tags, is_light).getchannel("R")


def _white(values: NDArray[Any], tags: Mapping[int, Any], is_float: bool) -> float:
    """The number that stands for white: stated by the file, else guessed from the numbers."""
    if stated := max(_stated(tags, tag) for tag in HIGHEST):
        return stated
    if is_float:
        # Some light above white is usual, but not in half of the lit pixels.
        some = values.reshape(-1)[:: max(1, values.size // SAMPLES)]
        lit = some[np.isfinite(some) & (some > 0)]
        if not lit.size or np.median(lit) <= 1:
            return 1.0
        highest = float(values.max(where=np.isfinite(values), initial=0))
        return next((white for white in (255.0, 65535.0) if highest <= white), highest)
    highest = float(values.max(initial=0))
    own = int(_stated(tags, BITS_PER_SAMPLE, 16))
    likely = (*(SENSOR_BITS if own == 16 else (own,) if own < 16 else ()), 16)
    bits = next((number for number in likely if highest < 2**number), 32)
    is_signed = bits == own and _stated(tags, SAMPLE_FORMAT) == SIGNED
    return float(2 ** (bits - is_signed) - 1)


def _stated(tags: Mapping[int, Any], tag: int, otherwise: float = 0) -> float:
    """The number, or the highest of the numbers, that a TIFF file states in a tag."""
    found = tags.get(tag, ())
    numbers = [found] if isinstance(found, int | float) else found
    if not isinstance(numbers, list | tuple):
        return otherwise
    sane = [number for number in numbers if isinstance(number, int | float)]
    return float(max((number for number in sane if 0 <= number < np.inf), default=otherwise))
