"""The matting method that needs no model: a subject in front of a plain or softly shaded backdrop.

The backdrop is a smooth color field fitted to the picture's rim. What differs from it is the
subject, or a shadow, which differs only by being darker: a small network that comes with the add-on
separates them. Anything that differs in another way is the subject, whatever the network says.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, importing
from .shadow import subject_probability

with importing("Pillow"):
    from PIL import Image

WORK_SIDE = 320
"""Longest side, in pixels, of the picture in which the outline is found."""

RIM = 0.03
"""Width of the rim to which the backdrop is fitted, relative to the shorter side."""

PLAIN_SHARE = 0.7
"""Part of the rim that must agree with the fitted backdrop. A subject may touch one side."""

TOLERANCE = (2.5, 9.0)
"""Distance in CIE Lab units up to which a pixel agrees with the backdrop: of a rendered backdrop
without noise, and of the noisiest that still counts as plain."""

LIGHTNESS_WEIGHT = 0.6
"""Weight of lightness in the distance: shadows on a backdrop change it more than they tint it."""

SHADOW_LIGHT = (0.25, 1.03)
"""Share of the backdrop's light that is left in a shadow; above 1 only by noise."""

SHADOW_TINT = 0.07
"""Largest difference in color, relative to the backdrop, of a shadow besides being darker."""

SURE = 2.5
"""Distance from the backdrop, in units of what still agrees with it, from which a pixel shows
something else: the subject or a shadow."""

PINHOLE = 0.0005
"""Holes in the subject smaller than this share of the picture are closed."""

SURE_SUBJECT = 0.8
"""Probability from which a pixel counts as surely the subject."""

DOUBTFUL_SHARE = 0.03
"""Share of a cut-out's area that must look like a shadow before the artist is warned."""


def cut_out_plain(picture: Image.Image) -> Image.Image:
    """Make the plain background of a picture transparent.

    Args:
        picture: RGBA, upright; its own alpha is ignored.

    Raises:
        InputError: The rim shows no plain background, or nothing stands in front of it.
        DependencyError: OpenCV cannot be imported.
    """
    with importing("opencv-python-headless"):
        import cv2

    rgb = np.asarray(picture.convert("RGB"))
    small = _small(rgb)
    excess, backdrop = excess_over_backdrop(small)
    probability = _subject(small, backdrop, excess)
    subject = probability > 0.5
    if not (subject & (excess > SURE)).any():
        raise _not_plain()
    share = float(subject.mean())
    if not 0.002 <= share <= 0.95:
        raise _not_plain()
    # Up again with a soft edge about as wide as one pixel of the small picture.
    alpha = cv2.resize(probability, rgb.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    alpha = (np.clip((alpha - 0.25) * 2, 0, 1) * 255).round().astype(np.uint8)
    return Image.fromarray(np.dstack((rgb, alpha)))


def has_doubtful_shadow(cutout: Image.Image) -> bool:
    """Return whether part of a cut-out (RGBA) looks like a shadow on a plain background.

    Raises:
        DependencyError: OpenCV cannot be imported.
    """
    with importing("opencv-python-headless"):
        import cv2

    small = _small(np.asarray(cutout.convert("RGB")))
    try:
        excess, backdrop = excess_over_backdrop(small)
    except InputError:  # a shadow does not stand out from a busy background
        return False
    alpha = cv2.resize(np.asarray(cutout.getchannel("A")), small.shape[1::-1])
    solid = cv2.erode((alpha > 127).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    unsure = subject_probability(small, backdrop, excess) < SURE_SUBJECT
    doubtful = solid & (excess > 1) & unsure & _may_be_shadow(small, backdrop)
    return bool(doubtful.sum() > DOUBTFUL_SHARE * solid.sum())


def _small(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    import cv2

    height, width = rgb.shape[:2]
    scale = min(1.0, WORK_SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA))


def excess_over_backdrop(
    rgb: NDArray[np.uint8],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return each pixel's distance from the backdrop, in units of what still agrees with it.

    Args:
        rgb: (H, W, 3).

    Returns:
        The excess (H, W), at most 1 where the pixel agrees with the backdrop; and the backdrop's
        color there (H, W, 3), RGB of 0 to 255.
    """
    import cv2

    lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB).astype(np.float32)
    height, width = lab.shape[:2]
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    terms = np.stack((np.ones_like(x), x, y, x * y, x * x, y * y), axis=-1)
    band = max(2, round(RIM * min(height, width)))
    rim = np.ones((height, width), bool)
    rim[band:-band, band:-band] = False
    rim_terms, rim_lab = terms[rim], lab[rim]
    # Robust least squares: start from the median color, then drop what does not fit, three times.
    agrees = _distance(rim_lab - np.median(rim_lab, axis=0)) < 3 * TOLERANCE[1]
    coefficients = np.zeros((terms.shape[-1], 3), np.float32)
    for _ in range(3):
        if agrees.mean() < PLAIN_SHARE:
            raise _not_plain()
        coefficients, *_ = np.linalg.lstsq(rim_terms[agrees], rim_lab[agrees], rcond=None)
        rim_distance = _distance(rim_lab - rim_terms @ coefficients)
        agrees = rim_distance < TOLERANCE[1]
    if agrees.mean() < PLAIN_SHARE:
        raise _not_plain()
    # Twice the distance that nearly all of the backdrop keeps.
    tolerance = np.clip(2 * np.percentile(rim_distance[agrees], 95), *TOLERANCE)
    fitted = terms @ coefficients
    excess = np.asarray(_distance(lab - fitted) / tolerance, np.float32)
    fitted = np.clip(fitted.round(), 0, 255).astype(np.uint8)
    return excess, cv2.cvtColor(fitted, cv2.COLOR_LAB2RGB).astype(np.float32)


def _distance(difference: NDArray[np.float32]) -> NDArray[np.float32]:
    weighted = difference * np.array((LIGHTNESS_WEIGHT * 100 / 255, 1, 1), np.float32)
    return np.asarray(np.linalg.norm(weighted, axis=-1), np.float32)


def _may_be_shadow(rgb: NDArray[np.uint8], backdrop: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return where (H, W) the color could be that of the backdrop in shadow."""
    import cv2

    smooth = cv2.GaussianBlur(rgb.astype(np.float32), (0, 0), 1.0)
    brightness = np.maximum(np.linalg.norm(backdrop, axis=-1), 1)
    light = (smooth * backdrop).sum(axis=-1) / brightness**2
    tint = np.linalg.norm(smooth - light[..., None] * backdrop, axis=-1) / brightness
    is_light = (light > SHADOW_LIGHT[0]) & (light < SHADOW_LIGHT[1])
    return np.asarray(is_light & (tint < SHADOW_TINT))


def _subject(
    rgb: NDArray[np.uint8], backdrop: NDArray[np.float32], excess: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the probability (H, W) that a pixel shows the subject, without specks or pinholes."""
    import cv2

    probability = subject_probability(rgb, backdrop, excess)
    # No shadow has such a color. Of an outline, which is blurred, the network knows more.
    colored = ((excess > SURE) & ~_may_be_shadow(rgb, backdrop)).astype(np.uint8)
    probability[cv2.erode(colored, np.ones((3, 3), np.uint8)) > 0] = 1
    subject = probability > 0.5
    cleaned = _without_islands(subject)
    return np.where(cleaned == subject, probability, cleaned).astype(np.float32)


def _without_islands(subject: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Remove specks of subject, and pinholes in it."""
    import cv2

    cleaned = subject
    for part in (True, False):
        _, labels, stats, _ = cv2.connectedComponentsWithStats((cleaned == part).astype(np.uint8))
        areas = stats[:, cv2.CC_STAT_AREA]
        areas[0] = 0
        limit = 0.01 * max(areas.max(initial=0), 1) if part else PINHOLE * subject.size
        small = areas < limit
        small[0] = False
        cleaned = np.where(small[labels], not part, cleaned)
    return cleaned


def _not_plain() -> InputError:
    return InputError(
        "The subject does not stand out from a plain background",
        "Give a picture with a transparent or plain background, or add a matting model",
    )
