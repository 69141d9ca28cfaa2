"""What is odd about a cut-out."""

import pytest
from PIL import Image, ImageDraw

from triposr.inference import InputError, Options, prepare_image
from triposr.inference.picture.checks import check_cutout


def drawn(*boxes: tuple[int, int, int, int], size: int = 400) -> Image.Image:
    picture = Image.new("RGBA", (size, size), (0, 0, 0, 0))
    for box in boxes:
        ImageDraw.Draw(picture).rectangle(box, fill=(200, 40, 40, 255))
    return picture


@pytest.mark.parametrize(
    ("picture", "kinds", "words"),
    [
        (drawn((80, 80, 320, 320)), [], ""),
        (drawn((80, 0, 320, 399)), ["edge"], "top and bottom"),
        (drawn((0, 80, 320, 320)), ["edge"], "left"),
        (drawn((180, 180, 220, 220)), ["tiny"], "41 pixels"),
        (drawn((40, 40, 190, 190), (250, 250, 360, 360)), ["several"], "2 separate"),
        (drawn((40, 40, 190, 190), (250, 250, 260, 260)), [], ""),
        (drawn((0, 0, 399, 395)), ["opaque"], "whole picture"),
        (drawn(), [], ""),
    ],
)
def test_findings(picture: Image.Image, kinds: list[str], words: str) -> None:
    found = check_cutout(picture)
    assert [finding.kind for finding in found] == kinds
    assert all(words in finding.message for finding in found)


def test_only_the_largest_part_is_kept() -> None:
    picture = drawn((40, 40, 190, 190), (250, 250, 360, 360))
    both = prepare_image(picture, Options(background="alpha"))
    one = prepare_image(picture, Options(background="alpha", keep_largest=True))
    assert len(check_cutout(both.cutout)) == 1
    assert check_cutout(one.cutout) == ()
    # Alone, it is larger in the square.
    assert (one.rgb[..., 1] < 0.3).sum() > (both.rgb[..., 1] < 0.3).sum() / 2 * 1.2


def test_a_painted_matte_stands_for_the_background() -> None:
    picture = Image.new("RGB", (300, 200), (200, 40, 40))
    matte = Image.new("L", (75, 50), 0)
    ImageDraw.Draw(matte).rectangle((20, 10, 50, 40), fill=255)
    import numpy as np

    prepared = prepare_image(picture, Options(background="none"), matte=np.asarray(matte))
    alpha = np.asarray(prepared.cutout.getchannel("A"))
    assert alpha.shape == (200, 300)
    assert alpha[100, 140] == 255 and alpha[10, 10] == 0
    with pytest.raises(InputError, match="No subject"):
        prepare_image(picture, matte=np.zeros((50, 75), np.uint8))
