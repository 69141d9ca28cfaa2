"""The matting method that needs no model: a subject in front of a plain or softly shaded backdrop.

The backdrop is a smooth color field fitted to the picture's rim. What differs from it is the
subject, to which GrabCut then fits the outline.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .errors import InputError, importing

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
    scale = min(1.0, WORK_SIDE / max(rgb.shape[:2]))
    size = [max(1, round(side * scale)) for side in picture.size]
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    excess = _excess_over_backdrop(cv2.cvtColor(small, cv2.COLOR_RGB2LAB).astype(np.float32))
    subject = _outline(small, excess)
    share = float(subject.mean())
    if not 0.002 <= share <= 0.95:
        raise _not_plain()
    # Up again with a soft edge about as wide as one pixel of the small picture.
    soft = cv2.GaussianBlur(subject.astype(np.float32), (0, 0), 0.7)
    alpha = cv2.resize(soft, rgb.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    alpha = (np.clip((alpha - 0.25) * 2, 0, 1) * 255).round().astype(np.uint8)
    return Image.fromarray(np.dstack((rgb, alpha)))


def _excess_over_backdrop(lab: NDArray[np.float32]) -> NDArray[np.float32]:
    """Distance of each pixel from the backdrop over the distance that still agrees with it.

    Args:
        lab: (H, W, 3) in OpenCV's 8-bit Lab.

    Returns:
        (H, W): at most 1 where the pixel agrees with the backdrop.
    """
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
    return np.asarray(_distance(lab - terms @ coefficients) / tolerance, np.float32)


def _distance(difference: NDArray[np.float32]) -> NDArray[np.float32]:
    weighted = difference * np.array((LIGHTNESS_WEIGHT * 100 / 255, 1, 1), np.float32)
    return np.asarray(np.linalg.norm(weighted, axis=-1), np.float32)


def _outline(rgb: NDArray[np.uint8], excess: NDArray[np.float32]) -> NDArray[np.bool_]:
    """The subject (H, W): GrabCut, told what is surely backdrop and what is surely not."""
    import cv2

    sure_subject = excess > 2.5
    if not sure_subject.any():
        raise _not_plain()
    labels = np.where(excess < 1, cv2.GC_PR_BGD, cv2.GC_PR_FGD).astype(np.uint8)
    labels[excess < 0.3] = cv2.GC_BGD
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
