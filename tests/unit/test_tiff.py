"""TIFF files of all depths, layouts and numbers of channels, which the tests write themselves."""

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from broken_files import assert_told_or_read
from numpy.typing import NDArray
from PIL import Image, ImageCms

from triposr.inference import InputError
from triposr.inference.picture.decode import open_picture

COLOR = np.array((200, 40, 30, 127.5)) / 255
FORMATS = {"u": 1, "i": 2, "f": 3}


def written(
    values: NDArray,
    order: str = "<",
    planes: bool = False,
    packed: bool = False,
    tile: int = 0,
    rows: int = 20,
    **tags: int | bytes,
) -> bytes:
    """A TIFF file of numbers (H, W, channels)."""
    height, width, channels = values.shape
    kind = values.dtype
    separate = [values[..., [n]] for n in range(channels)] if planes else [values]
    content = bytearray((b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 0))
    offsets, lengths = [], []
    for plane in separate:
        if tile:
            padding = (-height % tile, -width % tile)
            plane = np.pad(plane, ((0, padding[0]), (0, padding[1]), (0, 0)))
            parts = [
                plane[top : top + tile, left : left + tile]
                for top in range(0, height, tile)
                for left in range(0, width, tile)
            ]
        else:
            parts = [plane[top : top + rows] for top in range(0, height, rows)]
        for part in parts:
            data = np.ascontiguousarray(part, kind.newbyteorder(order)).tobytes()
            data = zlib.compress(data) if packed else data
            offsets.append(len(content))
            lengths.append(len(data))
            content += data
    entries: dict[int, tuple[int, list[int]]] = {
        256: (4, [width]),
        257: (4, [height]),
        258: (3, [kind.itemsize * 8] * channels),
        259: (3, [8 if packed else 1]),
        262: (3, [2 if channels >= 3 else 1]),
        277: (3, [channels]),
        284: (3, [2 if planes else 1]),
        324 if tile else 273: (4, offsets),
        325 if tile else 279: (4, lengths),
        339: (3, [FORMATS[kind.kind]] * channels),
    }
    entries |= {322: (3, [tile]), 323: (3, [tile])} if tile else {278: (4, [rows])}
    if channels in (2, 4):
        entries[338] = (3, [2])
    for name, value in tags.items():
        is_bytes = isinstance(value, bytes)
        entries[int(name[1:])] = (7, list(value)) if is_bytes else (3, [value])  # type: ignore
    records = b""
    for tag, (size, numbers) in sorted(entries.items()):
        data = struct.pack(order + f"{len(numbers)}{ {3: 'H', 4: 'I', 7: 'B'}[size] }", *numbers)
        if len(data) > 4:
            content += data
            data = struct.pack(order + "I", len(content) - len(data))
        records += struct.pack(order + "HHI", tag, size, len(numbers)) + data.ljust(4, b"\0")
    content[4:8] = struct.pack(order + "I", len(content))
    return bytes(content) + struct.pack(order + "H", len(entries)) + records + bytes(4)


def halves(channels: int, kind: str, white: float = 1) -> NDArray:
    """Left half colored, right half white, in numbers up to `white`; 60 wide and 50 high."""
    kept = {1: [0], 2: [0, 3], 3: [0, 1, 2], 4: [0, 1, 2, 3]}[channels]
    values = np.ones((50, 60, channels)) * white
    values[:, :30] = COLOR[kept] * white
    return values.astype(kind) if kind[0] == "f" else values.round().astype(kind)


def curve(value: float) -> float:
    return 255 * (1.055 * value ** (1 / 2.4) - 0.055)


def expected(channels: int, is_light: bool = False) -> list[float]:
    color = [curve(value) if is_light else value * 255 for value in COLOR[:3]]
    if channels < 3:
        color = [200.0] * 3
    return [*color, 127.5 if channels in (2, 4) else 255]


WHITES = {"u2": 65535, "u4": 2**32 - 1, "i2": 2**15 - 1, "f2": 1, "f4": 1, "f8": 1}


@pytest.mark.parametrize("kind", WHITES)
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize(
    "layout",
    [
        {},
        {"order": ">"},
        {"planes": True},
        {"packed": True, "order": ">"},
        {"tile": 16, "planes": True, "packed": True},
    ],
    ids=str,
)
def test_numbers_of_all_kinds(kind: str, channels: int, layout: dict) -> None:
    picture = open_picture(written(halves(channels, kind, WHITES[kind]), **layout))
    assert picture.size == (60, 50)
    is_light = kind[0] == "f" and channels >= 3
    for y in (2, 47):
        assert np.allclose(picture.getpixel((3, y)), expected(channels, is_light), atol=1)
        assert np.allclose(picture.getpixel((57, y)), 255)


@pytest.mark.parametrize("white", [255, 1023, 4095, 16383])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_numbers_of_cameras(white: int, channels: int) -> None:
    picture = open_picture(written(halves(channels, "u2", white)))
    assert np.allclose(picture.getpixel((3, 3)), expected(channels), atol=2)


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_floats_up_to_255(channels: int) -> None:
    picture = open_picture(written(halves(channels, "f4", 255)))
    assert np.allclose(picture.getpixel((3, 3)), expected(channels), atol=1)


def test_gray_with_alpha_in_planes_of_8_bits() -> None:
    picture = open_picture(written(halves(2, "u1", 255), planes=True))
    assert np.allclose(picture.getpixel((3, 3)), (200, 200, 200, 127.5), atol=1)


def test_negative() -> None:
    picture = open_picture(written(halves(1, "u2", 65535), t262=0))
    assert np.allclose(picture.getpixel((3, 3)), (55, 55, 55, 255), atol=1)


def test_alpha_in_the_colors() -> None:
    values = halves(4, "u2", 65535)
    values[..., :3] //= 2
    picture = open_picture(written(values, t338=1))
    assert np.allclose(picture.getpixel((3, 3)), expected(4), atol=2)


def test_a_fourth_channel_of_no_meaning() -> None:
    picture = open_picture(written(halves(4, "u2", 65535), t338=0))
    assert np.allclose(picture.getpixel((3, 3)), expected(3), atol=1)


@pytest.mark.parametrize(("kind", "white"), [("u1", 255), ("u2", 65535)])
@pytest.mark.parametrize("planes", [False, True])
def test_cmyk_keeps_its_alpha(kind: str, white: int, planes: bool) -> None:
    values = np.zeros((50, 60, 5))
    values[:, :30] = (0, 0.8, 0.9, 0.1, 0.5)
    values[:, 30:, 4] = 1
    content = written((values * white).round().astype(kind), planes=planes, t262=5, t338=2)
    red, green, blue, alpha = open_picture(content).getpixel((3, 3))
    assert red > 200 > 80 > max(green, blue)
    assert abs(alpha - 127.5) < 1
    assert open_picture(content).getpixel((50, 3)) == (255, 255, 255, 255)


def test_turned() -> None:
    assert open_picture(written(halves(3, "f4"), t274=6)).size == (50, 60)


def test_profile() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exchanged = srgb.replace(b"rXYZ", b"TEMP", 1).replace(b"gXYZ", b"rXYZ", 1)
    exchanged = exchanged.replace(b"TEMP", b"gXYZ", 1)
    picture = open_picture(written(halves(4, "u2", 65535), t34675=exchanged))
    assert np.allclose(picture.getpixel((3, 3)), (40, 200, 30, 127.5), atol=2)


@pytest.mark.parametrize("kind", ["u2", "f4"])
def test_differences(kind: str) -> None:
    noise = np.random.default_rng(0).random((50, 60, 3))
    values = (noise * WHITES[kind]).astype(kind)
    settings = [cv2.IMWRITE_TIFF_COMPRESSION, 8, cv2.IMWRITE_TIFF_PREDICTOR, 2]
    content = cv2.imencode(".tiff", values[..., ::-1], settings)[1].tobytes()
    assert np.array_equal(
        np.asarray(open_picture(content)), np.asarray(open_picture(written(values)))
    )


def test_differences_of_floats() -> None:
    values = np.random.default_rng(0).random((50, 60)).astype(np.float32)
    buffer = io.BytesIO()
    settings = {317: 3}
    Image.fromarray(values).save(
        buffer, "TIFF", compression="tiff_adobe_deflate", tiffinfo=settings
    )
    gray = np.asarray(open_picture(buffer.getvalue()))[..., 0]
    assert np.abs(gray - values * 255).max() <= 1


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("packed", [False, True])
def test_half_a_file_is_refused(channels: int, packed: bool) -> None:
    noise = np.random.default_rng(0).random((200, 60, channels)).astype(np.float32)
    content = bytearray(written(noise, packed=packed))
    # The directory stays, but what it names is cut out.
    at = struct.unpack_from("<I", content, 4)[0]
    directory = content[at:]
    content[4:8] = struct.pack("<I", 4000)
    with pytest.raises(InputError, match=r"damaged|not a picture"):
        open_picture(bytes(content[:4000] + directory))


def test_nonsense_in_the_directory() -> None:
    content = written(halves(3, "f4"))
    assert_told_or_read(content, range(len(content) - 150, len(content), 3))
