"""The matting method that needs no model: a subject in front of a plain or softly shaded backdrop.

The backdrop is a smooth color field fitted to the picture's rim. What differs from it is the
subject, to which GrabCut then fits the outline. A soft shadow differs too, but only by being
darker, and without an edge towards the backdrop: it goes with the backdrop.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, importing

with importing("Pillow"):
    from PIL import Image

WORK_SIDE = 320
"""Longest side in pixels at which the outline is found: a third of a second on two cores."""

RIM = 0.03
"""Width of the rim that is looked at, relative to the shorter side."""

PLAIN_SHARE = 0.7
"""Part of the rim that must agree with the fitted backdrop. A subject may touch one side."""

TOLERANCE = (2.5, 9.0)
"""Distance in CIE Lab units up to which a pixel agrees with the backdrop: of a rendered backdrop
without noise, and of the noisiest that still counts as plain."""

LIGHTNESS_WEIGHT = 0.6
"""Weight of lightness in the distance: shadows on a backdrop change it more than they tint it."""

SHADOW_LIGHT = (0.25, 1.03)
"""Part of the backdrop's light that is left in a shadow: in the deepest, and, but for noise, none
missing."""

SHADOW_TINT = 0.07
"""Difference in color, relative to the backdrop, that a shadow may have besides being darker."""

SHADOW_STEPS = (
    (0.035, 3),
    (0.027, 3),
    (0.02, 3),
    (0.027, 7),
    (0.02, 7),
    (0.014, 4),
)
"""How a shadow is told from the subject, tried in this order: the part of the backdrop's light by
which it changes at most from one pixel to the next at WORK_SIDE (what changes faster is an
outline), and half the width of a gap in an outline through which it is not followed into the
subject."""

FAINT_SLOPE = (0.008, 0.2)
"""How fast a faint shadow changes at most: what noise makes, and relative to how dark it is nearby.
The outline of something pale is as sharp as any."""

CRACK_WIDTH = 9
"""Width in pixels up to which a line with shadow on both sides is an outline that was bypassed."""

CRACK_SHARE = 0.1
"""Area of such lines, per pixel of the border of what is left of the subject, from which the shadow
is not trusted."""

DOUBTFUL_SHARE = 0.03
"""Part of a cut-out's area that must look like a shadow before the artist is asked to look."""


def cut_out_plain(picture: Image.Image) -> Image.Image:
    """The picture with its plain background made transparent.

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
    excess, backdrop = _excess_over_backdrop(small)
    light = _light(small, backdrop)
    shadow = _trusted_shadow(light, excess)
    subject = _outline(small, excess, shadow)
    share = float(subject.mean())
    if not 0.002 <= share <= 0.95:
        raise _not_plain()
    # Up again with a soft edge about as wide as one pixel of the small picture.
    soft = cv2.GaussianBlur(subject.astype(np.float32), (0, 0), 0.7)
    alpha = cv2.resize(soft, rgb.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    alpha = (np.clip((alpha - 0.25) * 2, 0, 1) * 255).round().astype(np.uint8)
    return Image.fromarray(np.dstack((rgb, alpha)))


def has_doubtful_shadow(cutout: Image.Image) -> bool:
    """Whether part of a cut-out (RGBA) looks like the shadow of the subject on a plain background.

    Raises:
        DependencyError: OpenCV cannot be imported.
    """
    with importing("opencv-python-headless"):
        import cv2

    small = _small(np.asarray(cutout.convert("RGB")))
    try:
        excess, backdrop = _excess_over_backdrop(small)
    except InputError:  # a shadow cannot be told from a busy background
        return False
    alpha = cv2.resize(np.asarray(cutout.getchannel("A")), small.shape[1::-1])
    solid = cv2.erode((alpha > 127).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    light = _light(small, backdrop)
    shadow = _trusted_shadow(light, excess)
    if not shadow.any():
        shadow = _shadow(light, excess, *SHADOW_STEPS[0])
    doubtful = solid & shadow & (excess > 1)
    return bool(doubtful.sum() > DOUBTFUL_SHARE * solid.sum())


def _small(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    import cv2

    height, width = rgb.shape[:2]
    scale = min(1.0, WORK_SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA))


def _excess_over_backdrop(
    rgb: NDArray[np.uint8],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Distance of each pixel from the backdrop over the distance that still agrees with it.

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


def _light(rgb: NDArray[np.uint8], backdrop: NDArray[np.float32]) -> NDArray[np.float32]:
    """Part of the backdrop's light (H, W) that is left; 0 where it is no shadow by its color."""
    import cv2

    smooth = cv2.GaussianBlur(rgb.astype(np.float32), (0, 0), 1.0)
    brightness = np.maximum(np.linalg.norm(backdrop, axis=-1), 1)
    light = (smooth * backdrop).sum(axis=-1) / brightness**2
    tint = np.linalg.norm(smooth - light[..., None] * backdrop, axis=-1) / brightness
    is_shadow = (tint < SHADOW_TINT) & (light > SHADOW_LIGHT[0]) & (light < SHADOW_LIGHT[1])
    return np.where(is_shadow, light, 0).astype(np.float32)


def _trusted_shadow(light: NDArray[np.float32], excess: NDArray[np.float32]) -> NDArray[np.bool_]:
    """The shadow (H, W), found so strictly that it does not run into the subject; or none."""
    import cv2

    near = np.ones((CRACK_WIDTH, CRACK_WIDTH), np.uint8)
    for slope, leak in SHADOW_STEPS:
        shadow = _shadow(light, excess, slope, leak)
        filled = shadow.astype(np.uint8)
        closed = cv2.morphologyEx(filled, cv2.MORPH_CLOSE, near) > 0
        cracks = closed & ~shadow & (light > 0)
        border = cv2.dilate(filled, np.ones((3, 3), np.uint8)) > filled
        if cracks.sum() <= CRACK_SHARE * border.sum() and (excess > 2.5)[~closed].any():
            return shadow
    return np.zeros_like(excess, bool)


def _shadow(
    light: NDArray[np.float32], excess: NDArray[np.float32], slope: float, leak: int
) -> NDArray[np.bool_]:
    """Where one gets (H, W) from the bare backdrop through shadow, and the bare backdrop itself."""
    import cv2

    change = np.hypot(
        cv2.Sobel(light, cv2.CV_32F, 1, 0, scale=1 / 8),
        cv2.Sobel(light, cv2.CV_32F, 0, 1, scale=1 / 8),
    )
    darkest = 1 - cv2.erode(light, np.ones((9, 9), np.uint8))
    limit = np.minimum(slope, np.maximum(FAINT_SLOPE[0], FAINT_SLOPE[1] * darkest))
    passable = ((light > 0) & (change < limit)).astype(np.uint8)
    # Opened, no path is narrower than a leak. The picture's rim is no wall.
    wide = cv2.copyMakeBorder(passable, leak, leak, leak, leak, cv2.BORDER_REPLICATE)
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * leak + 1, 2 * leak + 1))
    opened = cv2.morphologyEx(wide, cv2.MORPH_OPEN, disk)[leak:-leak, leak:-leak]
    _, parts = cv2.connectedComponents(np.ascontiguousarray(opened))
    is_bare = np.bincount(parts.ravel(), (excess < 0.5).ravel()) > 0.001 * excess.size
    is_bare[0] = False
    return np.asarray(is_bare[parts])


def _outline(
    rgb: NDArray[np.uint8], excess: NDArray[np.float32], shadow: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """The subject (H, W): GrabCut, told what is surely backdrop and what is surely not."""
    import cv2

    # Between a shadow and the subject's outline lies a blurred band, which GrabCut shares out.
    beside_shadow = cv2.dilate((shadow & (excess > 1)).astype(np.uint8), np.ones((5, 5), np.uint8))
    sure_subject = (excess > 2.5) & (beside_shadow == 0)
    if not sure_subject.any():
        raise _not_plain()
    labels = np.where(excess < 1, cv2.GC_PR_BGD, cv2.GC_PR_FGD).astype(np.uint8)
    labels[(excess < 0.3) | shadow] = cv2.GC_BGD
    labels[cv2.erode(sure_subject.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0] = cv2.GC_FGD
    models = np.zeros((1, 65)), np.zeros((1, 65))
    # GrabCut seeds itself from OpenCV's shared random numbers: same picture, same outline.
    cv2.setRNGSeed(0)
    if (labels == cv2.GC_FGD).any() and (labels == cv2.GC_BGD).any():
        bgr = np.ascontiguousarray(rgb[..., ::-1])
        cv2.grabCut(bgr, labels, None, *models, 3, cv2.GC_INIT_WITH_MASK)
    subject = (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
    return _without_islands(subject)


def _without_islands(subject: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Without specks of subject, and without pinholes in it."""
    import cv2

    cleaned = subject
    for part in (True, False):
        _, labels, stats, _ = cv2.connectedComponentsWithStats((cleaned == part).astype(np.uint8))
        areas = stats[:, cv2.CC_STAT_AREA]
        areas[0] = 0
        limit = 0.01 * max(areas.max(initial=0), 1) if part else 0.0005 * subject.size
        small = areas < limit
        small[0] = False
        cleaned = np.where(small[labels], not part, cleaned)
    return cleaned


def _not_plain() -> InputError:
    return InputError(
        "The subject does not stand out from a plain background",
        "Give a picture with a transparent or plain background, or add a matting model",
    )
