"""Every kind of picture file, good and bad, decoded or refused with one sentence."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from triposr.inference import InputError, prepare_image
from triposr.inference.picture.decode import open_picture
from triposr.inference.picture.encode import png_of
from triposr.inference.picture.limits import MAX_PIXELS


def pixel(picture: Image.Image, x: int, y: int) -> tuple[int, ...]:
    value = picture.getpixel((x, y))
    assert isinstance(value, tuple)
    return value


@pytest.fixture
def halves() -> Image.Image:
    """Left half red, right half blue, wider than high."""
    picture = Image.new("RGB", (64, 32), (255, 0, 0))
    picture.paste((0, 0, 255), (32, 0, 64, 32))
    return picture


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.bmp", "a.tiff", "a.tga", "a.gif"])
def test_formats(halves: Image.Image, tmp_path: Path, name: str) -> None:
    halves.save(tmp_path / name)
    picture = open_picture(tmp_path / name)
    assert (picture.mode, picture.size) == ("RGBA", (64, 32))
    assert np.allclose(pixel(picture, 8, 16), (255, 0, 0, 255), atol=6)
    assert np.allclose(pixel(picture, 56, 16), (0, 0, 255, 255), atol=6)


def test_exif_rotation(halves: Image.Image, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it turned by 90° clockwise
    halves.save(tmp_path / "phone.jpg", exif=exif)
    picture = open_picture(tmp_path / "phone.jpg")
    assert picture.size == (32, 64)
    assert np.allclose(pixel(picture, 16, 8), (255, 0, 0, 255), atol=6)
    assert np.allclose(pixel(picture, 16, 56), (0, 0, 255, 255), atol=6)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P"])
def test_an_opened_picture_can_be_opened_again(halves: Image.Image, mode: str) -> None:
    """What its file says, such as how to turn it, is done once."""
    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    halves.convert(mode).save(file, "PNG", exif=exif)
    picture = open_picture(file.getvalue())
    again = open_picture(picture)
    assert picture.size == again.size == (32, 64)
    assert (np.asarray(picture) == np.asarray(again)).all()


def test_16_bit_gray_is_scaled_and_not_clipped(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 64 * 32).reshape(32, 64).astype(np.uint16)
    Image.fromarray(ramp).save(tmp_path / "deep.png")
    picture = np.asarray(open_picture(tmp_path / "deep.png"))
    assert np.allclose(picture[..., 0], ramp / 257, atol=1)
    assert (picture[..., 3] == 255).all()


def test_float_gray() -> None:
    values = np.linspace(0, 1, 16 * 16, dtype=np.float32).reshape(16, 16)
    picture = np.asarray(open_picture(Image.fromarray(values)))
    assert np.allclose(picture[..., 1], values * 255, atol=1)


def test_palette_with_transparency(tmp_path: Path) -> None:
    picture = Image.new("P", (16, 16), 0)
    picture.putpalette([0, 0, 0, 255, 0, 0])
    picture.paste(1, (4, 4, 12, 12))
    picture.save(tmp_path / "palette.png", transparency=0)
    opened = open_picture(tmp_path / "palette.png")
    assert pixel(opened, 0, 0)[3] == 0
    assert pixel(opened, 8, 8) == (255, 0, 0, 255)


def test_cmyk(tmp_path: Path) -> None:
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(tmp_path / "print.jpg")
    red, green, blue, alpha = pixel(open_picture(tmp_path / "print.jpg"), 8, 8)
    assert red > 200
    assert max(green, blue) < 60
    assert alpha == 255


def test_gray_with_alpha() -> None:
    assert pixel(open_picture(Image.new("LA", (16, 16), (100, 50))), 3, 3) == (100, 100, 100, 50)


def test_first_frame_of_an_animation(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (16, 16), color) for color in ((255, 0, 0), (0, 255, 0))]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    assert pixel(open_picture(tmp_path / "moving.gif"), 8, 8)[:3] == (255, 0, 0)


def test_embedded_profile_is_applied(tmp_path: Path) -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    # The same profile with its red and green primaries exchanged.
    exchanged = srgb.replace(b"rXYZ", b"TEMP", 1).replace(b"gXYZ", b"rXYZ", 1)
    exchanged = exchanged.replace(b"TEMP", b"gXYZ", 1)
    picture = Image.new("RGB", (16, 16), (120, 60, 30))
    for profile, expected in ((srgb, (120, 60, 30, 255)), (exchanged, (60, 120, 30, 255))):
        picture.save(tmp_path / "tagged.png", icc_profile=profile)
        opened = open_picture(tmp_path / "tagged.png")
        assert np.allclose(pixel(opened, 8, 8), expected, atol=2)
    picture.save(tmp_path / "broken.png", icc_profile=b"no profile")
    assert pixel(open_picture(tmp_path / "broken.png"), 8, 8) == (120, 60, 30, 255)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "not a picture"),
        (b"hello, this is text and no picture at all", "not a picture"),
        (b"<html><body>404</body></html>", "not a picture"),
    ],
)
def test_files_that_are_no_picture(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(content)
    with pytest.raises(InputError, match=sentence):
        open_picture(path)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.tiff"])
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_truncated(halves: Image.Image, tmp_path: Path, name: str, share: float) -> None:
    noisy = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))
    noisy.save(tmp_path / name)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: int(len(content) * share)])
    with pytest.raises(InputError, match=r"damaged or incomplete|not a picture"):
        open_picture(tmp_path / name)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        open_picture(tmp_path / "nowhere.png")
    with pytest.raises(InputError, match=r"a{60} cannot be read \(File name too long\)"):
        open_picture(tmp_path / ("a" * 300 + ".png"))
    with pytest.raises(InputError, match=r"^\. is a folder"):
        open_picture(".")
    with pytest.raises(InputError, match="is a folder"):
        open_picture(tmp_path)


def huge_png(side: int) -> bytes:
    """A few hundred bytes that claim to be `side`² pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 999))
    )


@pytest.mark.parametrize("side", [11_000, 60_000])
def test_decompression_bomb(tmp_path: Path, side: int) -> None:
    assert side**2 > MAX_PIXELS
    (tmp_path / "bomb.png").write_bytes(huge_png(side))
    with pytest.raises(InputError, match="million pixels"):
        open_picture(tmp_path / "bomb.png")


def test_file_that_may_not_be_read(tmp_path: Path, monkeypatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "no")

    monkeypatch.setattr(Image, "open", refuse)
    with pytest.raises(InputError, match="may not be read"):
        open_picture(tmp_path / "secret.png")


def test_content_of_a_file(halves: Image.Image) -> None:
    buffer = io.BytesIO()
    halves.save(buffer, "PNG")
    opened = open_picture(buffer.getvalue())
    assert opened.size == (64, 32)
    assert np.array_equal(opened.convert("RGB"), halves)
    with pytest.raises(InputError, match="not a picture"):
        open_picture(b"nothing")


def test_one_pixel() -> None:
    with pytest.raises(InputError, match="1 × 1 pixels"):
        open_picture(Image.new("RGB", (1, 1)))


def test_fully_transparent() -> None:
    with pytest.raises(InputError, match="fully transparent"):
        prepare_image(Image.new("RGBA", (64, 64), (255, 0, 0, 0)))


def test_the_callers_picture_is_not_changed(cutout: Image.Image) -> None:
    buffer = io.BytesIO()
    cutout.save(buffer, "PNG")
    prepare_image(cutout)
    after = io.BytesIO()
    cutout.save(after, "PNG")
    assert buffer.getvalue() == after.getvalue()


def test_a_picture_is_encoded_as_it_is_or_smaller() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (30, 60, 4), np.uint8)
    picture = Image.fromarray(pixels)
    same = Image.open(io.BytesIO(png_of(picture, 60)))
    assert same.format == "PNG" and np.array_equal(np.asarray(same), pixels)
    assert Image.open(io.BytesIO(png_of(picture, 20))).size == (20, 10)
    assert picture.size == (60, 30)
