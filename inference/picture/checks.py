"""Problems of a cut-out that will spoil the mesh, found before anything is generated."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import importing
from ..message import Message

if TYPE_CHECKING:
    from PIL import Image

Kind = Literal["edge", "tiny", "several", "shadow", "opaque"]

SOLID = 128
"""Alpha (of 255) from which a pixel belongs to the subject."""

EDGE_SHARE = 0.05
"""Part of one side of the picture that the subject must touch to be cut off there."""

SMALLEST = 128
"""Longest side in pixels below which the network, which sees 512, is shown a blur."""

OTHER_SUBJECT = 0.1
"""Area of another part, relative to the largest, from which it is a subject of its own."""

NEARLY_ALL = 0.95
"""Part of the picture from which the subject is more likely the picture itself."""

CORNER = 0.25
"""Side of the largest rounded corner, relative to the shorter side: that of an app's icon."""

NO_HOLES = 0.9995
"""Part of a picture, besides its corners, that is solid if it was rounded and not cut out."""


@dataclass(frozen=True)
class Finding:
    """Something to look at before generating.

    Attributes:
        kind: By which a remedy is chosen.
        message: For the artist, one sentence without a final period.
    """

    kind: Kind
    message: Message


def check_cutout(cutout: Image.Image) -> tuple[Finding, ...]:
    """Find the problems of a cut-out (RGBA, not cropped), the worst first.

    Raises:
        DependencyError: OpenCV cannot be imported.
    """
    from .plain_background import has_doubtful_shadow

    solid = np.asarray(cutout.getchannel("A")) >= SOLID
    if not solid.any():
        return ()  # That is an error, which prepare_image raises.
    if solid.mean() >= NEARLY_ALL or is_picture_itself(solid):
        return (Finding("opaque", Message("Nearly the whole picture is taken for the subject")),)
    found = []
    if edges := _touched_edges(solid):
        message = Message("The subject is cut off at the {edges}", edges=reduce(_and, edges))
        found.append(Finding("edge", message))
    if (count := _subjects(solid)) > 1:
        message = Message("There are {count} separate subjects", count=count)
        found.append(Finding("several", message))
    if has_doubtful_shadow(cutout):
        found.append(Finding("shadow", Message("Part of the subject may be its shadow")))
    rows, columns = np.nonzero(solid)
    side = 1 + max(int(np.ptp(rows)), int(np.ptp(columns)))
    if side < SMALLEST:
        message = Message("The subject is only {side} pixels large", side=side)
        found.append(Finding("tiny", message))
    return tuple(found)


def is_picture_itself(solid: NDArray[np.bool_]) -> bool:
    """Whether all but the corners and a narrow margin is solid, as in a screenshot of a window."""
    rows, columns = np.flatnonzero(solid.any(axis=1)), np.flatnonzero(solid.any(axis=0))
    if not len(rows):
        return False
    inner = solid[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    if min(np.divide(inner.shape, solid.shape)) < NEARLY_ALL or min(inner.shape) < 3:
        return False
    corner = max(1, round(CORNER * min(inner.shape)))
    beside = inner[corner:-corner].mean(), inner[:, corner:-corner].mean()
    return bool(min(beside) >= NO_HOLES)


def _touched_edges(solid: NDArray[np.bool_]) -> list[Message]:
    edges = {
        Message("top"): solid[0],
        Message("bottom"): solid[-1],
        Message("left"): solid[:, 0],
        Message("right"): solid[:, -1],
    }
    return [name for name, edge in edges.items() if edge.mean() >= EDGE_SHARE]


def _and(these: Message, that: Message) -> Message:
    return Message("{these} and {that}", these=these, that=that)


def _subjects(solid: NDArray[np.bool_]) -> int:
    with importing("opencv-python-headless"):
        import cv2

    _, _, stats, _ = cv2.connectedComponentsWithStats(solid.astype(np.uint8))
    areas = stats[1:, cv2.CC_STAT_AREA]
    return int((areas >= OTHER_SUBJECT * areas.max()).sum())
