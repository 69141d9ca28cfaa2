"""Measure one forward pass of several pictures against one of each, on one core.

    python tools/bench/batch_forward.py COUNT REPEATS

The last line is JSON: seconds a picture, by network and by number of pictures. They are about the
image tokenizer and the backbone; the rest of the network works on each picture alone.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator

import torch
from torch import nn

from triposr.inference import load_model
from triposr.inference.files.installation import PUBLISHED_CONFIG
from triposr.inference.machine.devices import choose_dtype
from triposr.inference.model.config import NetworkConfig, read_config
from triposr.inference.model.network import Network
from triposr.inference.model.weights import STARTER_FOLDER


def main(count: int, repeats: int) -> None:
    torch.set_num_threads(1)
    found = {}
    with torch.inference_mode():
        for name, network, config in networks():
            sizes = 1, count
            seconds(network, config, count)  # what is allocated once belongs to neither
            taken: dict[int, list[float]] = {size: [] for size in sizes}
            for _ in range(repeats):  # in turns: what else the machine does slows both
                for size in sizes:
                    taken[size].append(seconds(network, config, size) / size)
            found[name] = {str(size): min(taken[size]) for size in sizes}
    print(json.dumps(found))


def networks() -> Iterator[tuple[str, Network, NetworkConfig]]:
    """The starter model's network, and one of the published size with random weights."""
    starter = load_model(STARTER_FOLDER, "cpu")
    yield "starter", starter.network, starter.config
    config = read_config(PUBLISHED_CONFIG.parent)
    network = Network(config).eval()
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.02)
    yield "full", network.to(choose_dtype("auto", torch.device("cpu"))), config


def seconds(network: Network, config: NetworkConfig, count: int) -> float:
    """Seconds that so many pictures take in one forward pass."""
    side, dtype = config.image_size, network.tokenizer.embeddings.dtype
    pictures = torch.rand(count, 3, side, side).to(dtype)
    tokens = network.tokenizer().expand(count, -1, -1)
    begun = network.backbone.begin(network.tokenizer()).expand(count, -1, -1)
    started = time.perf_counter()
    image_tokens = network.image_tokenizer(pictures, lambda _done: None)
    network.backbone(tokens, image_tokens, lambda _done: None, begun)
    return time.perf_counter() - started


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
