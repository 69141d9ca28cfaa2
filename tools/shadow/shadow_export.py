"""Write a network as the ONNX file that the add-on runs with OpenCV.

Of several checkpoints of one run, it is the one with the mean of their weights.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import cv2
import numpy as np
import torch

from shadow_train import CHECKPOINT
from triposr.inference.picture.shadow import CHANNELS, MULTIPLE, NETWORK
from unet import ShadowNetwork

OPSET = 13  # what OpenCV 4.8 reads without complaint
LARGEST_ERROR = 1e-3  # of a logit


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, nargs="+", default=[CHECKPOINT])
    parser.add_argument("--file", type=Path, default=NETWORK)
    options = parser.parse_args()
    network = ShadowNetwork()
    weights = [torch.load(path, weights_only=True)["network"] for path in options.checkpoint]
    network.load_state_dict(
        {name: torch.stack([w[name].float() for w in weights]).mean(0) for name in weights[0]}
    )
    export(network, options.file)
    print(f"{options.file}: {options.file.stat().st_size / 1e3:.0f} kB")


def export(network: ShadowNetwork, path: Path) -> None:
    """Write `network` to `path`, and see that OpenCV computes the same at another size.

    Raises:
        SystemExit: It does not.
    """
    network.eval()
    path.parent.mkdir(parents=True, exist_ok=True)
    sides = {0: "batch", 2: "height", 3: "width"}
    with warnings.catch_warnings():
        # The other exporter needs one more package for the same file.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            network,
            (torch.zeros(1, CHANNELS, 8 * MULTIPLE, 10 * MULTIPLE),),
            str(path),
            dynamo=False,
            opset_version=OPSET,
            input_names=["seen"],
            output_names=["logits"],
            dynamic_axes={"seen": sides, "logits": sides},
        )
    seen = torch.randn(2, CHANNELS, 3 * MULTIPLE, 5 * MULTIPLE, generator=torch.Generator())
    shipped = cv2.dnn.readNetFromONNX(np.fromfile(path, np.uint8))
    shipped.setInput(seen.numpy())
    with torch.no_grad():
        error = float(np.abs(shipped.forward() - network(seen).numpy()).max())
    if error > LARGEST_ERROR:
        raise SystemExit(f"OpenCV computes something else than torch: {error} off")


if __name__ == "__main__":
    main()
