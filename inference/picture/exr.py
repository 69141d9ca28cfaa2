"""Headers of OpenEXR files: the size, the primaries, and which layer is the picture."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

MAGIC = b"\x76\x2f\x31\x01"

START = 8
"""Bytes before the first attribute: the magic and the version."""

LONGEST = 600
"""Most bytes of an attribute's name and type."""

CHANNEL = 16
"""Bytes after a channel's name: its type and how it is sampled."""

COLORS = (b"A", b"B", b"G", b"R")
"""The channels that decoders take for the picture, in the file's order."""

SEVERAL = 0x18
"""Bits of the second byte of the version: not flat pixels, and several parts."""

NEWEST = 9
"""The highest compression that all decoders know: DWAB."""

FILLER = b"_\0string\0"
"""Name and type of an attribute that only fills space."""


@dataclass(frozen=True)
class Attribute:
    """One entry of a header.

    Attributes:
        start, value, end: Offsets at which it, its value and the next attribute begin.
    """

    name: bytes
    start: int
    value: int
    end: int


def attributes_of(content: bytes) -> dict[bytes, Attribute]:
    """The attributes of the first part's header, by their names."""
    return {attribute.name: attribute for attribute in _attributes(content)}


def _attributes(content: bytes) -> Iterator[Attribute]:
    at = START
    while content[at]:  # an empty name ends the header
        name, kind, _ = content[at : at + LONGEST].split(b"\0", 2)
        length = at + len(name) + len(kind) + 2
        end = length + 4 + struct.unpack_from("<I", content, length)[0]
        yield Attribute(name, at, length + 4, end)
        at = end


def size_of(content: bytes, attributes: dict[bytes, Attribute]) -> tuple[int, int]:
    """Width and height in pixels."""
    left, top, right, bottom = struct.unpack_from("<4i", content, attributes[b"dataWindow"].value)
    return right - left + 1, bottom - top + 1


def primaries_of(content: bytes, attributes: dict[bytes, Attribute]) -> tuple[float, ...] | None:
    """x and y of white, red, green and blue; None where the file does not say."""
    if b"chromaticities" not in attributes:
        return None
    *colors, white_x, white_y = struct.unpack_from(
        "<8f", content, attributes[b"chromaticities"].value
    )
    return (white_x, white_y, *colors)


def is_plain(content: bytes) -> bool:
    """Whether a file holds one flat picture, whole, with the names that decoders look for."""
    attributes = attributes_of(content)
    try:
        channels, data, display, compression = (
            content[entry.value : entry.end]
            for entry in (
                attributes[name]
                for name in (b"channels", b"dataWindow", b"displayWindow", b"compression")
            )
        )
    except KeyError:
        return False
    names = tuple(name for name, _ in _channels(channels[:-1]))
    is_whole = data == display and not content[5] & SEVERAL
    return is_whole and names in (COLORS, COLORS[1:]) and compression[0] <= NEWEST


def with_plain_names(content: bytes) -> bytes:
    """A file whose picture is one of its layers, with the channel names that decoders look for.

    All that follows the header stays in its place, and the channels keep the order of their names.
    """
    attribute = attributes_of(content)[b"channels"]
    channels = _channels(content[attribute.value : attribute.end - 1])
    names = [name for name, _ in channels]
    if b"R" in names or b"Y" in names:
        return content
    first, count = _picture_in(names)
    if not count:
        return content
    renamed = [
        *(b"0%03d" % number for number in range(first)),
        *COLORS[-count:],
        *(b"Z%03d" % number for number in range(len(names) - first - count)),
    ]
    entries = zip(renamed, channels, strict=True)
    chlist = b"".join(name + b"\0" + rest for name, (_, rest) in entries) + b"\0"
    entry = b"channels\0chlist\0" + struct.pack("<I", len(chlist)) + chlist
    room = attribute.end - attribute.start - len(entry) - len(FILLER) - 4
    if room < 0:
        return content
    filler = FILLER + struct.pack("<I", room) + b" " * room
    return content[: attribute.start] + entry + filler + content[attribute.end :]


def _channels(chlist: bytes) -> list[tuple[bytes, bytes]]:
    """Name and description of each channel."""
    found, at = [], 0
    while at < len(chlist):
        end = chlist.index(b"\0", at)
        found.append((chlist[at:end], chlist[end + 1 : end + 1 + CHANNEL]))
        at = end + 1 + CHANNEL
    return found


def _picture_in(names: list[bytes]) -> tuple[int, int]:
    """Index of the picture's first channel, and number of its channels; 0 without a picture."""
    layers = [(name.rpartition(b".")[0], name.rpartition(b".")[2].upper()) for name in names]
    groups = []
    for count in (4, 3):
        for first in range(len(names) - count + 1):
            group = layers[first : first + count]
            is_one = len({layer for layer, _ in group}) == 1
            if is_one and tuple(color for _, color in group) == COLORS[-count:]:
                groups.append((first, count))
    # Renderers give the picture one of these names; else it is the first of the layers.
    named = (at for at in groups if re.search(rb"(?i)combined|composite|beauty", layers[at[0]][0]))
    return next(named, min(groups, default=(0, 0), key=lambda at: (at[0], -at[1])))
