"""Small network that separates a subject from the shadow it casts on a plain backdrop.

It comes with the add-on, `tools/shadow` trains it, and OpenCV runs it. No torch.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..errors import importing
from ..model.weights import STARTER_FOLDER

NETWORK = STARTER_FOLDER.with_name("shadow") / "shadow.onnx"
"""The network's file, which ships with the add-on."""

CHANNELS = 4
"""Channels of the network's input."""

MULTIPLE = 32
"""The network halves its input five times, so the sides in pixels must be multiples of this."""

DARKNESS = 16.0
"""Added to the picture and to the backdrop (0 to 255), so that noise in the dark has no weight."""

RATIO_RANGE = (-2.5, 1.0)
"""Limits of the logarithm of the picture over the backdrop."""

FARTHEST = 6.0
"""Upper limit of the distance from the backdrop, in units of what still agrees with it."""


def network_input(
    rgb: NDArray[np.uint8], backdrop: NDArray[np.float32], excess: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the network's input (4, H, W), which does not depend on the backdrop's own color.

    Args:
        rgb: (H, W, 3).
        backdrop: (H, W, 3), RGB of 0 to 255.
        excess: (H, W), distance from the backdrop in units of what still agrees with it.
    """
    ratio = np.log((rgb.astype(np.float32) + DARKNESS) / (backdrop + DARKNESS))
    seen = np.dstack((np.clip(ratio, *RATIO_RANGE), np.minimum(excess, FARTHEST) / FARTHEST))
    return np.ascontiguousarray(seen.transpose(2, 0, 1), np.float32)


def subject_probability(
    rgb: NDArray[np.uint8], backdrop: NDArray[np.float32], excess: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the probability (H, W) that a pixel shows the subject, and not the backdrop.

    Takes the arguments of `network_input`.
    """
    with importing("opencv-python-headless"):
        import cv2

    seen = network_input(rgb, backdrop, excess)
    height, width = excess.shape
    # The padding shows bare backdrop.
    padded = np.pad(seen, ((0, 0), (0, -height % MULTIPLE), (0, -width % MULTIPLE)))
    # Read the file each time, which takes milliseconds: two threads cannot share a network.
    network = cv2.dnn.readNetFromONNX(np.fromfile(NETWORK, np.uint8))
    # Where the network is unsure, it judges the mirrored picture differently: average both.
    network.setInput(np.ascontiguousarray(np.stack((padded, padded[..., ::-1]))))
    there, mirrored = network.forward()[:, 0]
    logits = (there + mirrored[:, ::-1])[:height, :width] / 2
    return np.asarray(1 / (1 + np.exp(-logits)), np.float32)
