"""Files that other programs open, and what they say of their colors."""

import ast
import io
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin, TiffImagePlugin

from triposr.inference import InputError, image_to_mesh, prepare_image
from triposr.inference.picture.decode import digest_of, open_picture
from triposr.inference.picture.limits import DISPLAY_SUFFIXES, FILE_SUFFIXES, MAX_PIXELS

RED, BLUE = (200, 40, 30), (30, 60, 190)


def halves(width: int = 64, height: int = 48) -> Image.Image:
    """Left half red, right half blue."""
    picture = Image.new("RGB", (width, height), RED)
    picture.paste(BLUE, (width // 2, 0, width, height))
    return picture


def saved(picture: Image.Image, kind: str = "PNG", **settings: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **settings)
    return buffer.getvalue()


def seen(content: bytes) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The colors at the left and at the right."""
    picture = open_picture(content)
    colors = picture.getpixel((8, 8)), picture.getpixel((picture.width - 8, 8))
    assert isinstance(colors[0], tuple) and isinstance(colors[1], tuple)
    return colors


def check_halves(content: bytes, tolerance: int = 3) -> None:
    left, right = seen(content)
    assert np.allclose(left, (*RED, 255), atol=tolerance)
    assert np.allclose(right, (*BLUE, 255), atol=tolerance)


def exchanging() -> bytes:
    """A profile with the primaries of red and green exchanged."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exchanged = srgb.replace(b"rXYZ", b"TEMP", 1).replace(b"gXYZ", b"rXYZ", 1)
    return exchanged.replace(b"TEMP", b"gXYZ", 1)


def chunk(kind: bytes, data: bytes, flaw: int = 0) -> bytes:
    checksum = zlib.crc32(kind + data) ^ flaw
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)


def with_chunk(content: bytes, *chunks: bytes) -> bytes:
    """A PNG file with more chunks after its header."""
    return b"".join((content[:33], *chunks, content[33:]))


def profile_chunk(profile: bytes, flaw: int = 0) -> bytes:
    return chunk(b"iCCP", b"name\0\0" + zlib.compress(profile), flaw)


LONG = bytes(3_000_000)


@pytest.mark.parametrize(
    "extra",
    [
        chunk(b"tEXt", b"Software\0a camera", flaw=1),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(LONG)),
        chunk(b"iTXt", b"Title\0\0\0\0\0title", flaw=1),
        chunk(b"zTXt", b"Comment\0\0" + zlib.compress(LONG)),
        chunk(b"zTXt", b"Comment\0\7" + zlib.compress(b"by a method that there is not")),
        chunk(b"eXIf", b"MM\0*nonsense", flaw=1),
        chunk(b"eXIf", b"MM\0*nonsense"),
        chunk(b"pHYs", b"\0\0", flaw=0),
        chunk(b"acTL", b"\0"),
        chunk(b"gAMA", b"\0"),
        chunk(b"tRNS", b"\0"),
        chunk(b"abCd", b"private", flaw=1),
        profile_chunk(exchanging(), flaw=1),
        profile_chunk(LONG * 8),
    ],
    ids=lambda extra: repr(extra[4:24]),
)
def test_what_stands_beside_a_png_is_not_minded(extra: bytes) -> None:
    check_halves(with_chunk(saved(halves()), extra))


def test_large_and_repaired_profiles_are_applied() -> None:
    large = bytearray(exchanging() + bytes(2_000_000))
    large[:4] = struct.pack(">I", len(large))
    flaw = chunk(b"tEXt", b"Software\0a camera", flaw=1)
    for content in (
        with_chunk(saved(halves()), profile_chunk(bytes(large))),
        with_chunk(saved(halves()), profile_chunk(exchanging()), flaw),
    ):
        assert np.allclose(seen(content)[0], (40, 200, 30, 255), atol=2)


def test_repaired_files_stay_turned() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    flaw = chunk(b"tEXt", b"Software\0a camera", flaw=1)
    picture = open_picture(with_chunk(saved(halves(), exif=exif), flaw))
    assert picture.size == (48, 64)
    short = saved(halves(320, 240), "JPEG", exif=exif)[:-12]
    assert open_picture(short).size == (240, 320)


def test_a_png_that_lacks_much_is_damaged() -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (400, 64, 3), np.uint8))
    content = saved(noise)
    whole = np.asarray(open_picture(content))
    kept = np.asarray(open_picture(content[: int(len(content) * 0.97)]))
    assert (kept[:380] == whole[:380]).all()
    assert (kept[-1] == kept[-5]).all()  # what is lost repeats what is above it
    for broken in (content[: int(len(content) * 0.8)], content[:20], content[:50]):
        with pytest.raises(InputError, match=r"damaged|not a picture"):
            open_picture(broken)
    flawed = bytearray(content)
    flawed[len(content) // 2] ^= 255
    with pytest.raises(InputError, match="damaged"):
        open_picture(bytes(flawed))


def test_extras_of_a_jpeg_are_not_minded() -> None:
    content = saved(halves(), "JPEG", quality=95, icc_profile=exchanging(), subsampling=0)
    exif = b"Exif\0\0MM\0*" + b"\xff" * 400
    for data in (exif, b"http://ns.adobe.com/xap/1.0/\0<broken", b"Exif\0\0"):
        segment = b"\xff\xe1" + struct.pack(">H", len(data) + 2) + data
        mpf = b"\xff\xe2" + struct.pack(">H", 12) + b"MPF\0\xff\xff\xff\xff\xff\xff"
        left, _ = seen(content[:2] + segment + mpf + content[2:])
        assert np.allclose(left, (40, 200, 30, 255), atol=6)


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_jpeg_that_lacks_few_bytes(progressive: bool, mode: str) -> None:
    x, y = np.meshgrid(np.arange(320), np.arange(240))
    wave = Image.fromarray((60 + 20 * np.sin(x / 5) * np.cos(y / 7)).astype(np.uint8))
    content = saved(wave.convert(mode), "JPEG", progressive=progressive)
    whole = np.asarray(open_picture(content), np.int16)
    for lost in (2, 3, 40):
        kept = np.asarray(open_picture(content[:-lost]), np.int16)
        assert np.abs(kept - whole).mean() < 1
        assert (np.abs(kept - whole)[-20:].max(axis=-1) > 50).sum() < 64, "a gray corner is left"
    for share in (0.2, 0.3 if progressive else 0.7):
        with pytest.raises(InputError, match="damaged"):
            open_picture(content[: int(len(content) * share)])


def test_a_png_whose_palette_is_damaged() -> None:
    content = bytearray(palette())
    content[content.index(b"PLTE") + 4] ^= 1
    with pytest.raises(InputError, match="damaged"):
        open_picture(bytes(content))


@pytest.mark.parametrize("alpha", [255, 99])
@pytest.mark.parametrize("lossless", [False, True])
def test_extras_of_a_webp_are_not_minded(alpha: int, lossless: bool) -> None:
    picture = halves(320, 240).convert("RGBA")
    picture.putalpha(alpha)
    settings = {"lossless": lossless, "quality": 95, "exact": True}
    exif = Image.Exif()
    exif[0x0112] = 3
    whole = saved(picture, "WEBP", icc_profile=exchanging(), exif=exif, xmp=b"<x" * 99, **settings)
    larger = whole[:4] + struct.pack("<I", len(whole) + 999) + whole[8:]
    for content in (whole, whole[:-7], larger, saved(picture, "WEBP", **settings)[:-1]):
        left, right = seen(content)
        red, blue = RED, BLUE
        if b"ICCP" in content:
            left, right = right, left  # it is turned by 180 degrees
            red, blue = (40, 200, 30), (60, 30, 190)
        assert np.allclose(left, (*red, alpha), atol=8)
        assert np.allclose(right, (*blue, alpha), atol=8)
    with pytest.raises(InputError, match="damaged"):
        open_picture(whole[: len(whole) // 2])


@pytest.mark.parametrize("kind", ["BMP", "TGA", "PPM"])
def test_plain_files_that_lack_few_bytes(kind: str) -> None:
    content = saved(halves(), kind)
    check_halves(content[:-20])
    with pytest.raises(InputError, match="damaged"):
        open_picture(content[: len(content) // 2])


def floats(scale: float = 1.0) -> np.ndarray:
    """The halves as OpenCV wants them: float BGR, and the gray that they become."""
    return np.asarray(halves(), np.float32)[..., ::-1] / 255 * scale


def curve(value: float) -> float:
    return 255 * (1.055 * (value / 255) ** (1 / 2.4) - 0.055)


def encoded(ending: str, values: np.ndarray, *settings: int) -> bytes:
    os.environ["OPENCV_IO_ENABLE_OPENEXR"] = "1"
    return cv2.imencode(ending, values, list(settings))[1].tobytes()


@pytest.mark.parametrize("ending", [".exr", ".hdr", ".tiff", ".pfm"])
def test_light_becomes_colors(ending: str, tmp_path: Path) -> None:
    content = encoded(ending, floats())
    left, right = seen(content)
    assert np.allclose(left[:3], [curve(value) for value in RED], atol=4)
    assert np.allclose(right[:3], [curve(value) for value in BLUE], atol=4)
    assert left[3] == right[3] == 255
    (tmp_path / f"a{ending}").write_bytes(content)
    assert open_picture(tmp_path / f"a{ending}").size == (64, 48)


def test_alpha_of_light_is_taken_out_of_the_colors() -> None:
    bgra = np.concatenate((floats() / 2, np.full((48, 64, 1), 0.5, np.float32)), axis=-1)
    left, _ = seen(encoded(".exr", bgra))
    assert np.allclose(left, (*(curve(value) for value in RED), 127.5), atol=2)


@pytest.mark.parametrize("ending", [".exr", ".hdr", ".tiff", ".pfm"])
def test_size_is_looked_at_before_light_is_decoded(
    ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = encoded(ending, np.zeros((48, 64, 3), np.float32))
    side = struct.pack("<i", 60_000)
    if ending == ".exr":
        at = content.index(b"dataWindow\0box2i\0") + 21
        content = content[: at + 8] + side * 2 + content[at + 16 :]
    elif ending == ".tiff":
        for tag in (b"\x00\x01", b"\x01\x01"):  # width, length
            for size, wide in ((b"\x03\0", b"\x60\xea\0\0"), (b"\x04\0", side)):
                at = content.find(tag + size + b"\1\0\0\0")
                if at >= 0:
                    content = content[: at + 8] + wide + content[at + 12 :]
    else:
        content = content.replace(b"48", b"60000", 1).replace(b"64", b"60000", 1)
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("it was decoded"))
    with pytest.raises(InputError, match="million pixels"):
        open_picture(content)


def test_half_a_file_of_light_is_refused() -> None:
    noise = np.random.default_rng(0).random((64, 64, 3)).astype(np.float32)
    for ending in (".exr", ".hdr", ".tiff", ".pfm"):
        content = encoded(ending, noise)
        with pytest.raises(InputError, match=r"not a picture|damaged"):
            open_picture(content[: len(content) // 2])


@pytest.mark.parametrize("kind", ["EPS", "PDF"])
def test_no_program_is_started_for_a_picture(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from PIL import EpsImagePlugin

    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *_: pytest.fail("it was looked for"))
    with pytest.raises(InputError, match="not a picture"):
        open_picture(saved(halves(), kind))


@pytest.mark.parametrize(
    ("mode", "color", "expected"),
    [
        ("1", 1, (255, 255, 255, 255)),
        ("La", (50, 128), (100, 100, 100, 128)),
        ("RGBa", (100, 20, 10, 128), (199, 40, 20, 128)),
        ("RGBX", (200, 40, 30, 0), (200, 40, 30, 255)),
        ("LAB", (128, 128, 128), (119, 119, 119, 255)),
        ("HSV", (0, 0, 200), (200, 200, 200, 255)),
        ("YCbCr", (200, 128, 128), (200, 200, 200, 255)),
        ("I;16B", 100 * 257, (100, 100, 100, 255)),
    ],
)
def test_modes_of_pictures(
    mode: str, color: int | tuple[int, ...], expected: tuple[int, ...]
) -> None:
    picture = open_picture(Image.new(mode, (16, 16), color))
    assert np.allclose(picture.getpixel((3, 3)), expected, atol=2)


def palette(**settings: object) -> bytes:
    return saved(halves().quantize(4), **settings)


def gray(value: int = 100, mode: str = "L") -> Image.Image:
    return Image.new(mode, (64, 48), value)


@pytest.mark.parametrize(
    "make",
    [
        lambda profile: palette(icc_profile=profile),
        lambda profile: palette(icc_profile=profile, transparency=bytes((255, 255, 9, 9))),
        lambda profile: saved(halves(), icc_profile=profile, transparency=BLUE),
        lambda profile: saved(halves().convert("RGBA"), icc_profile=profile),
        lambda profile: saved(halves(), "TIFF", icc_profile=profile),
        lambda profile: saved(halves(), "WEBP", icc_profile=profile, lossless=True),
    ],
)
def test_profiles_of_all_modes(make: Callable[[bytes], bytes]) -> None:
    plain = seen(make(b""))
    exchanged = seen(make(exchanging()))
    for before, after in zip(plain, exchanged, strict=True):
        red, green, blue, alpha = before
        assert np.allclose(after, (green, red, blue, alpha), atol=2)
    nonsense = seen(make(b"no profile at all"))
    assert nonsense == plain


def gray_profile(gamma: float) -> bytes:
    """A profile of gray with a gamma: header, white point and curve."""
    white = b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)
    steps = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    name = b"desc\0\0\0\0" + struct.pack(">I", 2) + b"g\0" + bytes(78)
    parts = ((b"desc", name), (b"wtpt", white), (b"kTRC", steps))
    at, table, body = 128 + 4 + 12 * len(parts), b"", b""
    for tag, data in parts:
        data += bytes(-len(data) % 4)
        table += tag + struct.pack(">II", at + len(body), len(data))
        body += data
    rest = struct.pack(">I", len(parts)) + table + body
    header = struct.pack(">I4sI", 128 + len(rest), b"lcms", 0x02400000) + b"mntrGRAYXYZ "
    header += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    return header.ljust(128, b"\0") + rest


@pytest.mark.parametrize("mode", ["L", "LA", "I;16"])
def test_gray_with_a_gray_profile(mode: str) -> None:
    values = {"L": 100, "LA": (100, 77), "I;16": 100 * 257}
    content = saved(Image.new(mode, (64, 48), values[mode]), icc_profile=gray_profile(1.0))
    value, _, _, alpha = seen(content)[0]
    assert abs(value - curve(100)) < 4
    assert alpha == (77 if mode == "LA" else 255)


def test_a_profile_of_other_colors_is_ignored() -> None:
    check_halves(saved(halves(), icc_profile=gray_profile(1.0)))
    value = seen(saved(gray(), icc_profile=exchanging()))[0][:3]
    assert value == (100, 100, 100)


def keyed_png(bits: int, colors: int, sample: int, other: int, key: bytes) -> bytes:
    """Left half of one sample, right half of another; no interlace, no filters."""
    channels = 3 if colors == 2 else 1
    width, height = 64, 48
    per_pixel = bits * channels
    row = 0
    for x in range(width):
        for _ in range(channels):
            row = (row << bits) | (sample if x < width // 2 else other)
    line = b"\0" + row.to_bytes(width * per_pixel // 8, "big")
    header = struct.pack(">IIBBBBB", width, height, bits, colors, 0, 0, 0)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", header),
            chunk(b"tRNS", key),
            chunk(b"IDAT", zlib.compress(line * height)),
            chunk(b"IEND", b""),
        )
    )


@pytest.mark.parametrize(
    ("bits", "colors"), [(1, 0), (2, 0), (4, 0), (8, 0), (16, 0), (8, 2), (16, 2)]
)
def test_color_keys_of_all_depths(bits: int, colors: int) -> None:
    sample, other = (1 << bits) - 1, 0
    key = struct.pack(">H", sample) * (3 if colors == 2 else 1)
    left, right = seen(keyed_png(bits, colors, sample, other, key))
    assert (left, right) == ((255, 255, 255, 0), (0, 0, 0, 255))


def tiff(values: np.ndarray, **tags: float) -> bytes:
    ifd = TiffImagePlugin.ImageFileDirectory_v2()
    for name, value in tags.items():
        number = {"MaxSampleValue": 281, "SMaxSampleValue": 341}[name]
        ifd.tagtype[number] = 3 if number == 281 else 11
        ifd[number] = value
    return saved(Image.fromarray(values), "TIFF", tiffinfo=ifd)


def ramp(highest: float, kind: type) -> np.ndarray:
    return np.tile(np.linspace(0, highest, 64), (48, 1)).astype(kind)


@pytest.mark.parametrize(
    ("highest", "kind", "tags"),
    [
        (255, np.uint16, {}),
        (1023, np.uint16, {}),
        (4095, np.uint16, {}),
        (16383, np.uint16, {}),
        (65535, np.uint16, {}),
        (3000, np.uint16, {"MaxSampleValue": 3000}),
        (65535, np.int32, {}),
        (2_000_000_000, np.int32, {}),
        (1, np.float32, {}),
        (255, np.float32, {}),
        (65535, np.float32, {}),
        (100, np.float32, {"SMaxSampleValue": 100}),
    ],
)
def test_white_is_what_the_file_says(highest: float, kind: type, tags: dict[str, float]) -> None:
    picture = np.asarray(open_picture(tiff(ramp(highest, kind), **tags)))
    expected = np.linspace(0, 255, 64)
    if highest == 2_000_000_000:
        expected = expected * highest / (2**31 - 1)
    assert np.abs(picture[8, :, 0] - expected).max() <= 1.5


@pytest.mark.parametrize("highest", [1, 15, 255, 1023, 4095, 65535])
def test_highest_value_of_pgm(highest: int) -> None:
    values = ramp(highest, np.uint16 if highest > 255 else np.uint8)
    body = values.astype(">u2").tobytes() if highest > 255 else values.tobytes()
    picture = np.asarray(open_picture(b"P5 64 48 %d\n" % highest + body))
    assert np.abs(picture[8, :, 0] - values[8] / highest * 255).max() <= 1.5


def test_twelve_bits_packed() -> None:
    values = ramp(4095, np.uint16)
    pairs = values.reshape(-1, 2).astype(np.uint32)
    packed = np.stack((pairs[:, 0] >> 4, (pairs[:, 0] & 15) << 4 | pairs[:, 1] >> 8, pairs[:, 1]))
    data = (packed & 255).T.astype(np.uint8).tobytes()
    entries = ((256, 64), (257, 48), (258, 12), (259, 1), (262, 1), (273, 8), (277, 1), (278, 48))
    entries = (*entries, (279, len(data)))
    directory = struct.pack("<H", len(entries))
    directory += b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    content = b"II*\0" + struct.pack("<I", 8 + len(data)) + data + directory + bytes(4)
    picture = np.asarray(open_picture(content))
    assert np.abs(picture[8, :, 0] - np.linspace(0, 255, 64)).max() <= 1.5


def test_gamma_and_primaries_of_a_png() -> None:
    content = saved(halves())
    linear = chunk(b"gAMA", struct.pack(">I", 100_000))
    usual = chunk(b"gAMA", struct.pack(">I", 45_455))
    swapped = (0.3127, 0.329, 0.3, 0.6, 0.64, 0.33, 0.15, 0.06)
    primaries = chunk(b"cHRM", struct.pack(">8I", *(round(x * 100_000) for x in swapped)))
    assert np.allclose(seen(with_chunk(content, linear))[0][:3], [curve(x) for x in RED], atol=2)
    check_halves(with_chunk(content, usual))
    check_halves(with_chunk(content, linear, chunk(b"sRGB", b"\0")))
    left, _ = seen(with_chunk(content, usual, primaries))
    assert np.allclose(left, (40, 200, 30, 255), atol=3)
    check_halves(with_chunk(content, chunk(b"gAMA", bytes(4))))
    check_halves(with_chunk(content, usual, chunk(b"cHRM", bytes(32))))


def test_gamma_keeps_transparency() -> None:
    content = saved(halves(), transparency=RED)
    left, right = seen(with_chunk(content, chunk(b"gAMA", struct.pack(">I", 100_000))))
    assert (left[3], right[3]) == (0, 255)


@pytest.mark.parametrize("kind", ["TGA", "ICO", "BMP"])
def test_fourth_byte_that_means_nothing(kind: str) -> None:
    picture = halves(64, 64).convert("RGBA")
    picture.putalpha(0)
    settings = {"bitmap_format": "bmp"} if kind == "ICO" else {}
    check_halves(saved(picture, kind, **settings))
    picture.putpixel((40, 40), (*BLUE, 255))
    if kind != "BMP":  # which Pillow writes without alpha
        assert seen(saved(picture, kind, **settings))[0][3] == 0
    assert seen(saved(Image.new("RGBA", (64, 64))))[0][3] == 0, "a PNG file means it"


@pytest.mark.parametrize(
    "thing",
    [None, 5, 1.5, bytearray(9), memoryview(b"123"), np.zeros((9, 9, 3), np.uint8), [1], object()],
    ids=lambda thing: type(thing).__name__,
)
def test_what_is_no_picture_by_its_type(thing: object) -> None:
    for take in (open_picture, digest_of, prepare_image, lambda x: image_to_mesh(x, None)):
        with pytest.raises(TypeError, match=r"PIL\.Image\.Image.*str.*bytes.*not \w+\.\w+"):
            take(thing)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_only_files_are_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(InputError, match=r"pipe\.png is not a file"):
        open_picture(tmp_path / "pipe.png")
    with pytest.raises(InputError, match="null is not a file"):
        open_picture(os.devnull)
    (tmp_path / "link.png").symlink_to(tmp_path / "real.png")
    halves().save(tmp_path / "real.png")
    assert open_picture(tmp_path / "link.png").size == (64, 48)


@pytest.mark.parametrize("name", ["nowhere.png", "~/nowhere.png", "file:///tmp/nowhere.png"])
def test_where_a_missing_picture_was_looked_for(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"nowhere\.png does not exist") as caught:
        open_picture(name)
    assert str(tmp_path / Path(name)) in caught.value.hint


def test_damaged_header_of_a_bomb() -> None:
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    content = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"tEXt", b"a\0b", flaw=1)
    assert MAX_PIXELS < 60_000**2
    with pytest.raises(InputError, match="million pixels"):
        open_picture(content + chunk(b"IDAT", zlib.compress(bytes(999))))


def test_a_profile_that_is_a_bomb_is_not_unpacked() -> None:
    bomb = zlib.compress(bytes(200_000_000), 9)
    check_halves(with_chunk(saved(halves()), chunk(b"iCCP", b"name\0\0" + bomb)))


def test_info_of_png_is_used_by_name() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("gamma", "of no number")
    info.add_text("transparency", "none")
    check_halves(saved(halves(), pnginfo=info))


def test_all_endings_that_are_offered_are_decoded(tmp_path: Path) -> None:
    kinds = {".dib": "DIB", ".mpo": "MPO", ".rgb": "SGI", ".qoi": "QOI"}
    for ending in FILE_SUFFIXES:
        path = tmp_path / f"a{ending}"
        if ending not in DISPLAY_SUFFIXES:
            path.write_bytes(encoded(ending, floats()))
        elif ending != ".psd":  # which Pillow does not write
            halves().save(path, kinds.get(ending))
        else:
            continue
        picture = open_picture(path)
        assert picture.getpixel((4, 4))[0] > 150 > picture.getpixel((4, 4))[2]


def test_every_way_to_pillow_limits_its_formats() -> None:
    """Any file may have any name: what is opened without a list may start other programs."""
    root = Path(__file__).resolve().parents[2]
    calls = [
        (path.name, node)
        for folder in ("inference", "scene", "operators", "panels")
        for path in (root / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Image.open"
    ]
    assert len(calls) >= 4
    for name, call in calls:
        assert "formats" in {keyword.arg for keyword in call.keywords}, name
