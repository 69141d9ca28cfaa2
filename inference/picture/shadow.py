"""The small network that tells a subject from the shadow it casts on a plain backdrop.

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
"""Of what the network sees."""

MULTIPLE = 32
"""What the sides of its picture are multiples of, in pixels: it halves them five times."""

DARKNESS = 16.0
"""Added to the picture and to the backdrop (0 to 255), so that noise in the dark has no weight."""

RATIO_RANGE = (-2.5, 1.0)
"""Of the logarithm of the picture over the backdrop."""

FARTHEST = 6.0
"""Distance from the backdrop, in units of what still agrees with it, above which all are alike."""


def network_input(
    rgb: NDArray[np.uint8], backdrop: NDArray[np.float32], excess: NDArray[np.float32]
) -> NDArray[np.float32]:
    """What the network sees (4, H, W): the backdrop's own color drops out.

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
    """How probably (H, W) a pixel is the subject, and not the backdrop, in shadow or not.

    Arguments as for `network_input`.
    """
    with importing("opencv-python-headless"):
        import cv2

    seen = network_input(rgb, backdrop, excess)
    height, width = excess.shape
    # Beyond the picture the backdrop goes on.
    padded = np.pad(seen, ((0, 0), (0, -height % MULTIPLE), (0, -width % MULTIPLE)))
    # Read anew each time, which takes milliseconds: a network cannot serve two threads at once.
    network = cv2.dnn.readNetFromONNX(np.fromfile(NETWORK, np.uint8))
    # What it is unsure of, it says otherwise of the mirrored picture: the mean is right more often.
    network.setInput(np.ascontiguousarray(np.stack((padded, padded[..., ::-1]))))
    there, mirrored = network.forward()[:, 0]
    logits = (there + mirrored[:, ::-1])[:height, :width] / 2
    return np.asarray(1 / (1 + np.exp(-logits)), np.float32)
