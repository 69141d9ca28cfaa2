"""OpenEXR files of several layers, which the tests write themselves."""

import struct

import numpy as np
import pytest
from broken_files import assert_told_or_read

from triposr.inference import InputError
from triposr.inference.picture.decode import open_picture
from triposr.inference.picture.other_decoder import is_plain_light

WIDTH, HEIGHT = 64, 48


def attribute(name: bytes, kind: bytes, value: bytes) -> bytes:
    return name + b"\0" + kind + b"\0" + struct.pack("<I", len(value)) + value


def written(channels: dict[str, float], chromaticities: tuple[float, ...] = ()) -> bytes:
    """An OpenEXR file, not compressed, whose channels hold one number each."""
    names = sorted(channels)
    each = struct.pack("<IIII", 2, 0, 1, 1)
    chlist = b"".join(name.encode() + b"\0" + each for name in names) + b"\0"
    box = struct.pack("<4i", 0, 0, WIDTH - 1, HEIGHT - 1)
    header = b"\x76\x2f\x31\x01" + struct.pack("<I", 2 | 0x400)
    header += attribute(b"channels", b"chlist", chlist)
    if chromaticities:
        value = struct.pack("<8f", *chromaticities)
        header += attribute(b"chromaticities", b"chromaticities", value)
    header += attribute(b"compression", b"compression", b"\0")
    header += attribute(b"dataWindow", b"box2i", box) + attribute(b"displayWindow", b"box2i", box)
    header += attribute(b"lineOrder", b"lineOrder", b"\0")
    header += attribute(b"pixelAspectRatio", b"float", struct.pack("<f", 1))
    header += attribute(b"screenWindowCenter", b"v2f", bytes(8))
    header += attribute(b"screenWindowWidth", b"float", struct.pack("<f", 1)) + b"\0"
    numbers = b"".join(np.full(WIDTH, channels[name], "<f4").tobytes() for name in names)
    start, step = len(header) + 8 * HEIGHT, 8 + len(numbers)
    offsets = b"".join(struct.pack("<Q", start + y * step) for y in range(HEIGHT))
    lines = b"".join(struct.pack("<iI", y, len(numbers)) + numbers for y in range(HEIGHT))
    return header + offsets + lines


def layer(name: str, red: float, green: float, blue: float, alpha: float | None) -> dict:
    values = {f"{name}.R": red, f"{name}.G": green, f"{name}.B": blue}
    return values if alpha is None else {**values, f"{name}.A": alpha}


def curve(value: float) -> float:
    return 255 * (1.055 * value ** (1 / 2.4) - 0.055)


SEEN = (curve(0.6), curve(0.2), curve(0.1))


@pytest.mark.parametrize(
    "others",
    [
        {},
        {"ViewLayer.Depth.Z": 5.0},
        layer("Another.Diffuse", 1, 1, 1, None),
        {**layer("ViewLayer.Noisy", 1, 1, 1, 1), "0.X": 3.0, "ViewLayer.Depth.Z": 1e10},
    ],
    ids=len,
)
@pytest.mark.parametrize("alpha", [None, 1.0, 0.5])
def test_the_picture_among_other_layers(others: dict, alpha: float | None) -> None:
    part = alpha or 1
    colors = layer("ViewLayer.Combined", 0.6 * part, 0.2 * part, 0.1 * part, alpha)
    picture = open_picture(written({**colors, **others}))
    assert np.allclose(picture.getpixel((9, 9)), (*SEEN, 255 * part), atol=1)


def test_the_first_layer_where_none_is_called_the_picture() -> None:
    layers = layer("Layer 1", 0.6, 0.2, 0.1, None) | layer("Layer 2", 1, 1, 1, 1)
    picture = open_picture(written(layers))
    assert np.allclose(picture.getpixel((9, 9)), (*SEEN, 255), atol=1)


def test_plain_channels_are_the_picture() -> None:
    plain = {"R": 0.6, "G": 0.2, "B": 0.1, **layer("x.Combined", 1, 1, 1, 1)}
    picture = open_picture(written(plain))
    assert np.allclose(picture.getpixel((9, 9)), (*SEEN, 255), atol=1)
    assert np.allclose(open_picture(written({"Y": 0.6})).getpixel((9, 9))[:3], SEEN[0], atol=1)


def test_primaries() -> None:
    exchanged = (0.3, 0.6, 0.64, 0.33, 0.15, 0.06, 0.3127, 0.329)
    picture = open_picture(written({"R": 0.2, "G": 0.6, "B": 0.1}, exchanged))
    assert np.allclose(picture.getpixel((9, 9)), (*SEEN, 255), atol=1)


def test_layers_without_a_picture() -> None:
    with pytest.raises(InputError, match="not a picture"):
        open_picture(written({"ViewLayer.Depth.Z": 5.0}))


def test_nonsense_in_the_header() -> None:
    content = written(layer("ViewLayer.Combined", 0.6, 0.2, 0.1, 1))
    assert_told_or_read(content, range(8, 420, 3))


def test_what_every_decoder_sees_alike() -> None:
    rgb = {"R": 0.6, "G": 0.2, "B": 0.1}
    srgb = (0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3127, 0.329)
    aces = (0.7347, 0.2653, 0.0, 1.0, 0.0001, -0.077, 0.32168, 0.33767)
    plain = written(rgb)
    for content in (plain, written({**rgb, "A": 0.5}), written(rgb, srgb)):
        assert is_plain_light(content)
    display = plain.replace(b"displayWindow", b"displayWindoh")
    cropped = bytearray(plain)
    cropped[plain.index(b"displayWindow\0box2i\0") + 24] = 8
    newer = bytearray(plain)
    newer[plain.index(b"compression\0compression\0") + 28] = 10
    parts = bytearray(plain)
    parts[5] |= 0x10
    others = [written(rgb, aces), written({**rgb, "Z": 5.0}), written({"Y": 1.0}), plain[:99], b""]
    for content in (*others, written(layer("Combined", 1, 1, 1, 1)), display):
        assert not is_plain_light(content)
    for content in (cropped, newer, parts):
        assert not is_plain_light(bytes(content))
    assert is_plain_light(b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 9 +X 9\n")
    assert not is_plain_light(b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n+X 9 -Y 9\n")
    assert not is_plain_light(b"\x89PNG\r\n\x1a\n")
