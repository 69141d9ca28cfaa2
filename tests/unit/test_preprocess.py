"""Framing and matting: where the subject ends up in the network's square."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matting_model import write_matting_model
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from triposr.inference import InputError, ModelFilesError, Options, prepare_image
from triposr.inference.picture.checks import check_cutout


def subject_box(rgb: NDArray[np.float32]) -> tuple[int, int, int, int]:
    """First and last row, first and last column that are not gray."""
    rows, columns = np.nonzero(np.abs(rgb - 0.5).max(axis=-1) > 0.02)
    return rows.min(), rows.max(), columns.min(), columns.max()


@pytest.mark.parametrize("ratio", [0.5, 0.85, 1.0])
def test_subject_is_whole_centered_and_as_large_as_asked(cutout: Image.Image, ratio: float) -> None:
    rgb = prepare_image(cutout, Options(foreground_ratio=ratio)).rgb
    side = len(rgb)
    assert rgb.shape == (side, side, 3)
    assert rgb.dtype == np.float32
    top, bottom, left, right = subject_box(rgb)
    assert (bottom - top + 1, right - left + 1) == (60, 100), "the last row and column are kept"
    assert side == int(100 / ratio)
    assert abs((top + bottom + 1) - side) <= 1
    assert abs((left + right + 1) - side) <= 1
    assert np.allclose(rgb[0, 0], 0.5) or ratio == 1.0
    assert np.allclose(rgb[side // 2, side // 2], (1, 0, 0))


def test_published_crop_loses_the_last_row_and_column(cutout: Image.Image) -> None:
    rgb = prepare_image(cutout, Options(crop="published")).rgb
    top, bottom, left, right = subject_box(rgb)
    assert (bottom - top + 1, right - left + 1) == (59, 99)


def test_stray_pixels_do_not_shrink_the_subject(cutout: Image.Image) -> None:
    clean = prepare_image(cutout).rgb
    for x, y, alpha in ((3, 3, 255), (190, 150, 255), (10, 140, 9), (100, 5, 12)):
        cutout.putpixel((x, y), (0, 0, 255, alpha))
    assert np.array_equal(prepare_image(cutout).rgb, clean)
    published = prepare_image(cutout, Options(crop="published")).rgb
    assert len(published) > len(clean), "the published crop counts every pixel"


def test_separate_parts_of_a_subject_stay(cutout: Image.Image) -> None:
    ImageDraw.Draw(cutout).rectangle((60, 20, 75, 35), fill=(0, 0, 255, 255))
    top, bottom, _, _ = subject_box(prepare_image(cutout).rgb)
    assert bottom - top + 1 == 90


def test_soft_edges_are_mixed_with_gray() -> None:
    picture = Image.new("RGBA", (64, 64), (255, 255, 255, 0))
    picture.paste((255, 255, 255, 102), (8, 8, 56, 56))
    rgb = prepare_image(picture).rgb
    assert np.allclose(rgb[len(rgb) // 2, len(rgb) // 2], 0.5 + 0.5 * 0.4, atol=1e-3)


def test_none_takes_the_picture_as_it_is(mug: Image.Image) -> None:
    prepared = prepare_image(mug, Options(background="none"))
    assert prepared.rgb.shape == (320, 320, 3)
    assert np.allclose(prepared.rgb[0], 0.5), "padded to a square"
    assert np.allclose(prepared.rgb[40:280], np.asarray(mug, np.float32) / 255)


def test_large_pictures_are_scaled_down_before_the_matte() -> None:
    picture = Image.new("RGBA", (5000, 3000), (0, 0, 0, 0))
    picture.paste((255, 255, 0, 255), (1000, 500, 4000, 2500))
    prepared = prepare_image(picture)
    assert max(prepared.cutout.size) == 2048
    # Neither the hidden black nor gray bleeds into the subject's edge.
    center = len(prepared.rgb) // 2
    assert np.allclose(prepared.rgb[center, center], (1, 1, 0))


@pytest.mark.parametrize("setting", [{}, {"crop": "published"}, {"background": "none"}])
def test_extremely_wide_pictures(setting: dict) -> None:
    strip = Image.new("RGBA", (60_000, 8), (9, 9, 9, 0))
    strip.paste((200, 0, 0, 255), (100, 0, 59_000, 8))
    if setting.get("crop") == "published":
        with pytest.raises(InputError, match="million pixels"):
            prepare_image(strip, Options(**setting))
    else:
        assert len(prepare_image(strip, Options(**setting)).rgb) <= 2048 / 0.85


def test_extremely_wide_opaque_picture() -> None:
    strip = Image.new("RGB", (40_000, 8), (250, 250, 250))
    strip.paste((200, 0, 0), (1000, 2, 30_000, 6))
    assert len(prepare_image(strip).rgb) <= 2048 / 0.85


def test_plain_background(mug: Image.Image) -> None:
    cutout = np.asarray(prepare_image(mug).cutout)
    alpha = cutout[..., 3] / 255
    truth = np.zeros((240, 320))
    truth_picture = Image.fromarray(truth.astype(np.uint8))
    draw = ImageDraw.Draw(truth_picture)
    draw.ellipse((190, 90, 250, 160), outline=1, width=14)
    draw.rectangle((100, 60, 210, 200), fill=1)
    truth = np.asarray(truth_picture) > 0
    overlap = ((alpha > 0.5) & truth).sum() / ((alpha > 0.5) | truth).sum()
    assert overlap > 0.97
    assert alpha[125, 225] < 0.1, "one can see through the handle"


def test_plain_background_needs_no_model(mug: Image.Image, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("U2NET_HOME", str(tmp_path))
    auto = prepare_image(mug, Options(background="auto"))
    plain = prepare_image(mug, Options(background="plain"))
    assert np.array_equal(auto.rgb, plain.rgb), "and the same picture gives the same matte"


@pytest.mark.parametrize("background", ["auto", "plain"])
def test_busy_background_says_what_to_do(monkeypatch, tmp_path: Path, background: str) -> None:
    monkeypatch.setenv("U2NET_HOME", str(tmp_path))
    noise = np.random.default_rng(3).integers(0, 256, (128, 128, 3), np.uint8)
    with pytest.raises(InputError, match="plain background") as caught:
        prepare_image(Image.fromarray(noise), Options(background=background))
    assert "transparent" in caught.value.hint


def test_empty_picture_says_so() -> None:
    with pytest.raises(InputError, match="stand out"):
        prepare_image(Image.new("RGB", (64, 64), (250, 250, 250)))


def test_alpha_insisted_on_but_absent(mug: Image.Image) -> None:
    with pytest.raises(InputError, match="no transparent background"):
        prepare_image(mug, Options(background="alpha"))


def test_alpha_that_says_nothing_is_not_used(mug: Image.Image) -> None:
    rgba = mug.convert("RGBA")
    rgba.putpixel((0, 0), (0, 0, 0, 250))
    assert prepare_image(rgba).cutout.getpixel((5, 5))[3] < 10


def test_only_veils_are_an_empty_matte() -> None:
    with pytest.raises(InputError, match="No subject"):
        prepare_image(Image.new("RGBA", (64, 64), (9, 9, 9, 5)))


@pytest.mark.parametrize(
    "setting",
    [
        {"foreground_ratio": 0.1},
        {"foreground_ratio": float("nan")},
        {"resolution": 5000},
        {"resolution": 100.5},
        {"resolution": "256"},
        {"threshold": None},
        {"threshold": -1.0},
        {"background": "magic"},
        {"crop": "tight"},
    ],
)
def test_options_out_of_range(setting: dict) -> None:
    [name] = setting
    with pytest.raises(InputError) as caught:
        Options(**setting)
    label = {"threshold": "Density Threshold"}.get(name, name.replace("_", " ").title())
    assert caught.value.message.startswith(f"{label} is ")
    assert caught.value.hint.startswith("Choose ")


@pytest.fixture
def model_folder(tmp_path: Path) -> Path:
    """A folder with a u2net.onnx that finds the red mug."""
    return write_matting_model(tmp_path)


@pytest.mark.parametrize("background", ["auto", "model"])
@pytest.mark.parametrize("where", ["folder", "home"])
def test_rembg_model(mug, model_folder: Path, monkeypatch, background: str, where: str) -> None:
    """rembg and onnxruntime run for real; only the network is tiny."""
    folder = model_folder if where == "folder" else None
    monkeypatch.setenv("U2NET_HOME", str(model_folder if where == "home" else model_folder / "no"))
    options = Options(background=background, matting_folder=folder)
    alpha = np.asarray(prepare_image(mug, options).cutout)[..., 3]
    assert alpha[130, 150] > 200, "the mug"
    assert alpha[125, 225] < 55, "the backdrop, seen through the handle"


def test_a_network_cuts_out_the_same_picture_once(mug, model_folder: Path, monkeypatch) -> None:
    import rembg

    calls = []
    remove = rembg.remove
    monkeypatch.setattr(rembg, "remove", lambda *a, **k: (calls.append(1), remove(*a, **k))[1])
    wide, tight = (
        prepare_image(mug, Options(matting_folder=model_folder, foreground_ratio=ratio))
        for ratio in (0.6, 0.9)
    )
    assert len(calls) == 1
    assert np.array_equal(np.asarray(wide.cutout), np.asarray(tight.cutout))
    assert wide.rgb.shape != tight.rgb.shape or not np.array_equal(wide.rgb, tight.rgb)
    other = mug.copy()
    other.putpixel((0, 0), (1, 2, 3))
    prepare_image(other, Options(matting_folder=model_folder))
    assert len(calls) == 2
    file = model_folder / "u2net.onnx"
    os.utime(file, (0, 0))  # another file of the same name
    prepare_image(other, Options(matting_folder=model_folder))
    assert len(calls) == 3


def test_a_chosen_model_that_is_gone_is_not_passed_over(mug, model_folder: Path) -> None:
    options = Options(matting_folder=model_folder, matting_model="silueta")
    with pytest.raises(ModelFilesError, match="silueta is not on this machine"):
        prepare_image(mug, options)


def test_transparency_wins_over_the_model(cutout: Image.Image, model_folder: Path) -> None:
    prepared = prepare_image(cutout, Options(matting_folder=model_folder))
    assert np.array_equal(np.asarray(prepared.cutout), np.asarray(cutout))


def test_model_that_is_not_there_is_not_downloaded(mug, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("U2NET_HOME", str(tmp_path))
    with pytest.raises(ModelFilesError, match="no matting model on this machine") as caught:
        prepare_image(mug, Options(background="model"))
    assert "Download one" in caught.value.hint
    with pytest.raises(ModelFilesError, match="u2netp is not on this machine"):
        prepare_image(mug, Options(background="model", matting_model="u2netp"))
    assert not list(tmp_path.iterdir())


def test_damaged_and_unknown_models(mug: Image.Image, tmp_path: Path) -> None:
    for name, error in (("u2net", ModelFilesError), ("no-such-model", InputError)):
        (tmp_path / f"{name}.onnx").write_bytes(b"<html>")
        options = Options(background="model", matting_model=name, matting_folder=tmp_path)
        with pytest.raises(error):
            prepare_image(mug, options)


IMPORT_REMBG = """
import sys
{before}
from triposr.inference.errors import DependencyError
from triposr.inference.picture.matting import _import_rembg
try:
    _import_rembg()
    print("imported", [name for name in sys.modules if name.startswith(("numba", "pymatting"))])
except DependencyError as error:
    print(error.message)
"""


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("", "imported []"),
        ("sys.modules['onnxruntime'] = None", "onnxruntime"),
        ("sys.modules['rembg'] = None", "rembg cannot be imported"),
    ],
)
def test_importing_rembg(before: str, expected: str) -> None:
    """Without pymatting, which would compile itself for most of a minute."""
    script = IMPORT_REMBG.format(before=before)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=dict(os.environ)
    )
    assert expected in done.stdout, done.stderr


USE_REMBG = """
import sys
sys.path.insert(0, sys.argv[1])
from triposr.inference.picture.matting import _import_rembg
from PIL import Image
rembg = _import_rembg()
assert "pymatting" not in sys.modules and "jsonschema" not in sys.modules
try:
    rembg.bg.alpha_matting_cutout(Image.new("RGB", (9, 9)), Image.new("L", (9, 9)), 240, 10, 0)
except ArithmeticError as error:
    print(error)
"""


def test_others_in_the_same_blender_get_what_is_installed(tmp_path: Path) -> None:
    """Alpha matting, which we have put off, works for another add-on that asks rembg for it."""
    for name in ("alpha/estimate_alpha_cf", "foreground/estimate_foreground_ml", "util/util"):
        file = tmp_path / "pymatting" / f"{name}.py"
        file.parent.mkdir(parents=True)
        file.write_text(
            "def estimate_alpha_cf(image, trimap):\n"
            "    raise ArithmeticError(f'installed: {trimap.shape}')\n"
        )
    done = subprocess.run(
        [sys.executable, "-c", USE_REMBG, tmp_path], capture_output=True, text=True
    )
    assert done.stdout == "installed: (9, 9)\n", done.stderr


def rounded(picture: Image.Image, radius: int, margin: int = 0) -> Image.Image:
    """As a window or an icon: with transparent corners, that hide black, and a narrow margin."""
    alpha = Image.new("L", picture.size)
    right, bottom = picture.width - 1 - margin, picture.height - 1 - margin
    ImageDraw.Draw(alpha).rounded_rectangle((margin, margin, right, bottom), radius, fill=255)
    black = Image.new("RGB", picture.size)
    shown = Image.composite(picture, black, alpha)
    shown.putalpha(alpha)
    return shown


@pytest.mark.parametrize("background", ["auto", "plain"])
@pytest.mark.parametrize(("radius", "margin"), [(16, 0), (55, 0), (16, 2)])
def test_rounded_corners_are_no_cut_out(
    mug: Image.Image, radius: int, margin: int, background: str
) -> None:
    screenshot = rounded(mug, radius, margin)
    options = Options(background=background)
    expected = np.asarray(prepare_image(mug, options).cutout)[..., 3] > 127
    prepared = prepare_image(screenshot, options)
    found = np.asarray(prepared.cutout)[..., 3] > 127
    assert (found != expected).mean() < 0.01
    assert check_cutout(prepared.cutout) == check_cutout(prepare_image(mug, options).cutout)


def test_thing_with_round_corners_that_fills_its_picture() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
    phone = rounded(Image.fromarray(noise), 50)
    prepared = prepare_image(phone)
    assert (np.asarray(prepared.cutout) == np.asarray(phone)).all()
    assert [finding.kind for finding in check_cutout(prepared.cutout)] == ["opaque"]


def test_cut_outs_that_nearly_fill_their_picture_stay() -> None:
    disc = Image.new("RGBA", (200, 200))
    ImageDraw.Draw(disc).ellipse((0, 0, 199, 199), fill=(200, 40, 40, 255))
    assert (np.asarray(prepare_image(disc).cutout) == np.asarray(disc)).all()
