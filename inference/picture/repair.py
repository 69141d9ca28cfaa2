"""Repairs files that every viewer opens and Pillow refuses: they are written anew.

Pillow refuses files with damage beside the picture, as in a text or profile, and files that lack
their last bytes.
"""

from __future__ import annotations

import io
import logging
import re
import struct
import zlib
from collections.abc import Iterator

import numpy as np

from ..errors import importing

with importing("Pillow"):
    from PIL import Image

log = logging.getLogger(__name__)

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
JPEG_START, JPEG_END, JPEG_SCAN = b"\xff\xd8\xff", b"\xff\xd9", 0xDA

JPEG_EXTRAS = (*range(0xE1, 0xEE), 0xEF, 0xFE)
"""Markers of data beside the picture, but not JFIF's and Adobe's, which are about colors."""

JPEG_FINEST = rb"\xff\xda..\x01..[\x01-\x3f]\x3f[\x00\x10\x20\x30]"
"""Pattern of a scan of one component up to the highest frequency, to the last bit."""

PNG_KEPT = (b"IHDR", b"PLTE", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"IDAT", b"IEND")
"""Chunks that define the picture's colors; the others describe or animate it."""

PNG_CRITICAL = (b"IHDR", b"PLTE")
"""Chunks without which the numbers have no meaning."""

PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Numbers per pixel, by the color type in the header."""

PNG_SHORTEST = {b"gAMA": 4, b"cHRM": 32, b"sRGB": 1}
PNG_SHORTEST_KEYS = {0: 2, 2: 6}
"""Fewest bytes of a chunk; of tRNS, by the color type."""

PNG_AS_ABOVE = b"\x02"
"""The filter of a row that holds differences from the row above."""

WEBP_FRAME, WEBP_ALPHA = 16, b"\x10"
"""Bytes before the chunks of an animation's frame, and the flag of a picture with alpha."""

MOST_PROFILE = 16 << 20
"""Most bytes of a color profile; the largest ones of printers have some three million."""

MOST_LOST_ROWS, MOST_LOST = 32, 0.1
"""Most rows that may be lost at the bottom of a picture: their number, and as a fraction."""

MOST_PADDING, PADDING = 4096, 0.01
"""Most bytes that may be lost at the end of a file: their number, and as a fraction."""

FILLER = 128
"""The gray that Pillow puts where a JPEG file holds no data."""

FEWEST_LOST, JPEG_BROKEN = 4, 16
"""Pixels at the end of a row: how many must be filler to count as lost, and how many before them
belong to a block that may be broken.
"""


def repaired(content: bytes, kind: str | None) -> Iterator[Image.Image]:
    """Repaired pictures to try one after the other.

    Ask for the next one only after the size of the one before has proved small enough to decode.
    Their `info` holds the profile and the EXIF, which were taken out of the file.

    Args:
        content: Content of the file.
        kind: Format as which Pillow opened the file, or None if it could not.
    """
    if content.startswith(PNG_SIGNATURE):
        stream, profile, exif = _without_png_extras(content)
        if not stream:
            return
        yield _opened(stream, "PNG", profile, exif)
        if completed := _completed_png(stream):
            yield _opened(completed, "PNG", profile, exif)
    elif content.startswith(JPEG_START):
        stream, profile, exif = _without_jpeg_extras(content)
        yield _opened(stream, "JPEG", profile, exif)
        image = _opened(stream + JPEG_END, "JPEG", profile, exif)
        image.load()
        if _fill_end(image, stream):
            yield image
    elif content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        stream, profile, exif = _without_webp_extras(content)
        yield _opened(stream, "WEBP", profile, exif)
    elif kind is not None:
        yield _opened(content + _padding(content), kind)


def _opened(stream: bytes, kind: str, profile: bytes = b"", exif: bytes = b"") -> Image.Image:
    image = Image.open(io.BytesIO(stream), formats=(kind,))
    if profile:
        image.info["icc_profile"] = profile
    if exif:
        image.info["exif"] = exif
    return image


def _without_png_extras(content: bytes) -> tuple[bytes, bytes, bytes]:
    """Three contents: the PNG file without texts and other extras; its color profile; its EXIF."""
    stream, profile, exif = [PNG_SIGNATURE], b"", b""
    shortest = dict(PNG_SHORTEST)
    for kind, data, is_sound in _png_chunks(content):
        if kind == b"IHDR" and is_sound and len(data) > 9:
            shortest[b"tRNS"] = PNG_SHORTEST_KEYS.get(data[9], 1)
        is_sound = is_sound and len(data) >= shortest.get(kind, 0)
        if kind in PNG_CRITICAL and not is_sound:
            return b"", b"", b""  # no other program would show it
        if kind == b"IDAT" or (kind in PNG_KEPT and is_sound):
            stream.append(_png_chunk(kind, data))
        elif kind == b"iCCP" and is_sound:
            profile = _unpacked_profile(data)
        elif kind == b"eXIf" and is_sound:
            exif = b"Exif\0\0" + data
    return b"".join(stream), profile, exif


def _png_chunks(content: bytes) -> Iterator[tuple[bytes, bytes, bool]]:
    """Kind and data of each chunk, and whether its checksum is right."""
    at = len(PNG_SIGNATURE)
    while at + 8 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, at)
        data = content[at + 8 : at + 8 + length]
        checksum = content[at + 8 + length : at + 12 + length]
        yield kind, data, checksum == struct.pack(">I", zlib.crc32(kind + data))
        at += 12 + length


def _png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _unpacked_profile(data: bytes) -> bytes:
    _, _, packed = data.partition(b"\0")
    unpack = zlib.decompressobj()
    try:
        profile = unpack.decompress(packed[1:], MOST_PROFILE)
    except zlib.error as error:
        log.info("Ignoring a color profile that cannot be unpacked: %s", error)
        return b""
    return profile if unpack.eof else b""


def _completed_png(stream: bytes) -> bytes | None:
    """A PNG file without its last rows, completed by copies of the last whole row; None if too many
    are lost.
    """
    chunks = [(kind, data) for kind, data, _ in _png_chunks(stream)]
    width, height, bits, colors, _, _, is_interlaced = struct.unpack_from(">IIBBBBB", chunks[0][1])
    if is_interlaced:
        return None
    row = 1 + (width * bits * PNG_CHANNELS[colors] + 7) // 8
    packed = b"".join(data for kind, data in chunks if kind == b"IDAT")
    rows = zlib.decompressobj().decompress(packed, row * height)
    lost = height - len(rows) // row
    if not _is_little(lost, height):
        return None
    rows = rows[: len(rows) // row * row] + (PNG_AS_ABOVE + bytes(row - 1)) * lost
    kept = [_png_chunk(*chunk) for chunk in chunks if chunk[0] not in (b"IDAT", b"IEND")]
    return b"".join(
        (
            PNG_SIGNATURE,
            *kept,
            _png_chunk(b"IDAT", zlib.compress(rows, 1)),
            _png_chunk(b"IEND", b""),
        )
    )


def _is_little(lost: int, height: int) -> bool:
    return lost <= min(MOST_LOST_ROWS, MOST_LOST * height)


def _without_jpeg_extras(content: bytes) -> tuple[bytes, bytes, bytes]:
    """Three contents: the JPEG file without texts and other extras; its color profile; its EXIF."""
    stream, profile, exif = [content[:2]], {}, b""
    at = 2
    while (at := content.find(b"\xff", at)) >= 0 and at + 4 <= len(content):
        marker = content[at + 1]
        if marker in (0xFF, 0x00):  # padding, or no marker
            at += 1
            continue
        if marker == JPEG_SCAN:
            stream.append(content[at:])
            break
        (length,) = struct.unpack_from(">H", content, at + 2)
        data = content[at + 4 : at + 2 + length]
        if marker == 0xE1 and data.startswith(b"Exif\0\0"):
            exif = exif or data
        elif marker == 0xE2 and data.startswith(b"ICC_PROFILE\0") and len(data) > 14:
            profile[data[12]] = data[14:]
        elif marker not in JPEG_EXTRAS:
            stream.append(content[at : at + 2 + length])
        at += 2 + length
    return b"".join(stream), b"".join(profile[number] for number in sorted(profile)), exif


def _without_webp_extras(content: bytes) -> tuple[bytes, bytes, bytes]:
    """Three contents: a WebP file of the (first) picture only; its color profile; its EXIF."""
    content += _padding(content)
    found: dict[bytes, bytes] = {}
    at = 12
    while at + 8 <= len(content):
        kind, length = struct.unpack_from("<4sI", content, at)
        data = content[at + 8 : at + 8 + length]
        if kind == b"ANMF":  # a frame: its place and time, then chunks like these
            at += 8 + WEBP_FRAME
            continue
        if len(data) == length:
            found.setdefault(kind, data)
        at += 8 + length + length % 2
    kinds: tuple[bytes, ...] = (b"ALPH", b"VP8 ", b"VP8L")
    chunks = [(kind, found[kind]) for kind in kinds if kind in found]
    if b"ALPH" in found and b"VP8X" in found:
        chunks.insert(0, (b"VP8X", WEBP_ALPHA + found[b"VP8X"][1:]))
    body = b"WEBP" + b"".join(
        struct.pack("<4sI", kind, len(data)) + data + bytes(len(data) % 2) for kind, data in chunks
    )
    stream = b"RIFF" + struct.pack("<I", len(body)) + body
    return stream, found.get(b"ICCP", b""), found.get(b"EXIF", b"")


def _padding(content: bytes) -> bytes:
    """Zeros in place of the lost end of a file."""
    return bytes(min(MOST_PADDING, int(len(content) * PADDING)))


def _fill_end(image: Image.Image, stream: bytes) -> bool:
    """Fill the lost end of a JPEG picture with the row above it; False if too much is lost.

    The decoder leaves it gray, which would look like another subject.
    """
    scans = [at.start() for at in re.finditer(b"\xff\xda", stream)]
    if "progressive" in image.info:
        # The last scan only adds the finest differences of brightness: nothing is left gray.
        return bool(re.match(JPEG_FINEST, stream[scans[-1] :], re.DOTALL))
    if len(scans) > 1:
        return False  # colors may be missing
    pixels = np.asarray(image if image.mode == "CMYK" else image.convert("L"), np.int16)
    is_filler = np.abs(pixels.reshape(image.height, image.width, -1) - FILLER).max(axis=2) <= 1
    # The column after which each row is filler.
    ends = image.width - np.logical_and.accumulate(is_filler[:, ::-1], axis=1).sum(axis=1)
    whole = np.flatnonzero(ends > image.width - FEWEST_LOST)
    if not len(whole) or not _is_little(image.height - 1 - int(whole[-1]), image.height):
        return False
    above = int(whole[-1])
    for row in range(above + 1, image.height):
        start = max(0, int(ends[row]) - JPEG_BROKEN)
        image.paste(image.crop((start, above, image.width, above + 1)), (start, row))
    return True
