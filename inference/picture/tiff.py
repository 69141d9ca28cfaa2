"""Decodes TIFF files of more than 8 bits to numbers: floats, 16 and 32 bits, any channels.

Pillow reduces them to 8 bits before their range is known, or refuses them. OpenCV mixes up the
channels if each has a plane of its own.
"""

from __future__ import annotations

import io
import logging
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import importing

with importing("Pillow"):
    from PIL import TiffImagePlugin

log = logging.getLogger(__name__)

MAGICS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

BITS, COMPRESSION, PHOTOMETRIC, CHANNELS, PLANES, PREDICTOR = 258, 259, 262, 277, 284, 317
STRIP_OFFSETS, STRIP_ROWS, STRIP_LENGTHS = 273, 278, 279
TILE_WIDTH, TILE_ROWS, TILE_OFFSETS, TILE_LENGTHS = 322, 323, 324, 325
EXTRA, FORMAT = 338, 339
"""Tags of TIFF."""

PLAIN, DEFLATED = (1,), (8, 32946)
"""Compressions of TIFF."""

COLORS = {0: 1, 1: 1, 2: 3, 5: 4}
"""Number of color channels, by the photometric interpretation: gray, RGB, CMYK."""

CMYK = 5
"""Photometric interpretation of CMYK; only such files with alpha are decoded here."""

NO_PREDICTOR, DIFFERENCES, FLOAT_DIFFERENCES = 1, 2, 3
PREMULTIPLIED, STRAIGHT = 1, 2
SEPARATE = 2
KINDS = {1: "u", 2: "i", 3: "f"}
"""NumPy's letter for a kind of number, by the SampleFormat."""


@dataclass(frozen=True)
class Layout:
    """How a file holds its numbers.

    Attributes:
        size: Width and height.
        part: Width and height of a strip or tile.
        channels: Number of channels in the file.
        planes: Number of planes: one, or one for each channel.
        kind: Type of the numbers in the file.
        alpha: Index of the alpha channel, or None.
        is_premultiplied: Whether the colors are multiplied by alpha.
    """

    size: tuple[int, int]
    part: tuple[int, int]
    channels: int
    planes: int
    kind: np.dtype[Any]
    alpha: int | None
    is_premultiplied: bool


def tags_of(content: bytes) -> dict[int, Any]:
    """The tags of a file's first picture."""
    file = io.BytesIO(content)
    is_big = content[2:4] in (b"+\0", b"\0+")
    directory = TiffImagePlugin.ImageFileDirectory_v2(file.read(16 if is_big else 8))
    file.seek(directory.next)
    directory.load(file)
    return dict(directory)


def is_for_us(tags: Mapping[int, Any]) -> bool:
    """Whether a file may be of a kind that Pillow does not decode well."""
    return has_planes(tags) or any(bits != 8 for bits in _numbers(tags, BITS, 1))


def has_planes(tags: Mapping[int, Any]) -> bool:
    """Whether each channel has a plane of its own."""
    return _number(tags, PLANES, 1) == SEPARATE and _number(tags, CHANNELS, 1) > 1


def numbers_of(content: bytes, tags: Mapping[int, Any]) -> tuple[NDArray[Any], bool] | None:
    """The picture's numbers, and whether they are premultiplied.

    Returns:
        (H, W, channels): gray, RGB or CMYK, and alpha if there is one. None if they have 8 bits,
        which Pillow decodes well, if they are stored in an unknown way, or if some are missing.
    """
    try:
        layout = _layout(content, tags)
        if layout is None:
            return None
        width, height = layout.size
        values = np.empty((height, width, layout.channels), layout.kind.newbyteorder("="))
        for plane, left, top, part in _parts(content, tags, layout):
            rows, columns = min(len(part), height - top), min(part.shape[1], width - left)
            channels = slice(None) if layout.planes == 1 else slice(plane, plane + 1)
            place = values[top : top + rows, left : left + columns, channels]
            place[:] = part[:rows, :columns]
    except (ValueError, TypeError, IndexError, OverflowError, KeyError, zlib.error) as error:
        log.info("Cannot read the numbers: %r", error)
        return None
    kept = list(range(COLORS[_number(tags, PHOTOMETRIC)]))
    if layout.alpha is not None:
        kept.append(layout.alpha)
    if kept != list(range(layout.channels)):
        values = values[..., kept]
    return values, layout.is_premultiplied


def _layout(content: bytes, tags: Mapping[int, Any]) -> Layout | None:
    bits, formats = _numbers(tags, BITS, 1), _numbers(tags, FORMAT, 1)
    photometric = _number(tags, PHOTOMETRIC)
    channels = _number(tags, CHANNELS, 1)
    kind = KINDS.get(formats[0])
    colors = COLORS.get(photometric, 0)
    if (
        not 0 < colors <= channels <= 8
        or (photometric == CMYK and (channels < 5 or kind != "u"))
        or len(set(bits)) > 1
        or len(set(formats)) > 1
        or kind is None
        or bits[0] not in ((16, 32, 64) if kind == "f" else (8, 16, 32))
        or _number(tags, COMPRESSION, 1) not in PLAIN + DEFLATED
    ):
        return None
    planes = channels if has_planes(tags) else 1
    is_for_pillow = bits[0] == 8 and kind == "u" and (planes == 1 or channels == 3)
    if is_for_pillow and photometric != CMYK:
        return None
    order = "<" if content[:2] == b"II" else ">"
    width = _number(tags, TiffImagePlugin.IMAGEWIDTH)
    height = _number(tags, TiffImagePlugin.IMAGELENGTH)
    part = (width, min(height, _number(tags, STRIP_ROWS, height)))
    if TILE_OFFSETS in tags:
        part = (_number(tags, TILE_WIDTH), _number(tags, TILE_ROWS))
    extra = _numbers(tags, EXTRA, STRAIGHT) if channels > colors else (0,)
    alpha = next((n for n, use in enumerate(extra) if use in (PREMULTIPLIED, STRAIGHT)), None)
    if photometric == CMYK and alpha is None:
        return None
    return Layout(
        size=(width, height),
        part=part,
        channels=channels,
        planes=planes,
        kind=np.dtype(f"{order}{kind}{bits[0] // 8}"),
        alpha=None if alpha is None else colors + alpha,
        is_premultiplied=alpha is not None and extra[alpha] == PREMULTIPLIED,
    )


def _parts(
    content: bytes, tags: Mapping[int, Any], layout: Layout
) -> Iterator[tuple[int, int, int, NDArray[Any]]]:
    """Plane, left, top and numbers of each strip or tile."""
    is_tiled = TILE_OFFSETS in tags
    offsets = iter(_numbers(tags, TILE_OFFSETS if is_tiled else STRIP_OFFSETS))
    lengths = iter(_numbers(tags, TILE_LENGTHS if is_tiled else STRIP_LENGTHS))
    (width, height), (part_width, part_height) = layout.size, layout.part
    is_packed = _number(tags, COMPRESSION, 1) in DEFLATED
    for plane in range(layout.planes):
        for top in range(0, height, part_height):
            for left in range(0, width, part_width):
                at, length = next(offsets, 0), next(lengths, 0)
                data = content[at : at + length]
                rows = part_height if is_tiled else min(part_height, height - top)
                shape = (rows, part_width, layout.channels // layout.planes)
                whole = int(np.prod(shape)) * layout.kind.itemsize
                if is_packed:
                    data = zlib.decompressobj().decompress(data, whole)
                part = np.frombuffer(data, np.uint8, whole)  # raises if there are too few
                predictor = _number(tags, PREDICTOR, NO_PREDICTOR)
                yield plane, left, top, _unpredicted(part, shape, layout.kind, predictor)


def _unpredicted(
    part: NDArray[np.uint8], shape: tuple[int, ...], kind: np.dtype[Any], predictor: int
) -> NDArray[Any]:
    """The numbers of a strip or tile; with a predictor, it holds differences of neighbors."""
    if predictor == NO_PREDICTOR:
        return part.view(kind).reshape(shape)
    rows, columns, channels = shape
    if predictor == DIFFERENCES:
        whole = np.dtype(f"{kind.str[0]}u{kind.itemsize}")
        same = whole.newbyteorder("=")
        sums = part.view(whole).reshape(shape).astype(same).cumsum(axis=1, dtype=same)
        return sums.view(kind.newbyteorder("="))
    if predictor == FLOAT_DIFFERENCES:
        # The differences are of bytes: first the highest of all numbers in a row, last the lowest.
        bytes_ = part.reshape(rows, columns * kind.itemsize, channels).cumsum(
            axis=1, dtype=np.uint8
        )
        planes = bytes_.reshape(rows, kind.itemsize, columns * channels).transpose(0, 2, 1)
        return np.ascontiguousarray(planes).view(kind.newbyteorder(">")).reshape(shape)
    raise ValueError(f"there is no predictor {predictor}")


def _numbers(tags: Mapping[int, Any], tag: int, otherwise: int | None = None) -> tuple[int, ...]:
    found = tags[tag] if otherwise is None else tags.get(tag, otherwise)
    return tuple(int(number) for number in (found if isinstance(found, tuple) else (found,)))


def _number(tags: Mapping[int, Any], tag: int, otherwise: int | None = None) -> int:
    return _numbers(tags, tag, otherwise)[0]
