"""The models that can be downloaded: where they are published, how large, under which license.

Sizes and SHA-256 are those of the published files; those of rembg's release were compared with what
its own source asks for.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from ..machine.home import expanded

HUB = "https://huggingface.co"
GITHUB = "https://github.com"

_TRIPOSR = f"{HUB}/stabilityai/TripoSR/resolve/5b521936b01fbe1890f6f9baed0254ab6351c04a"
_REMBG = f"{GITHUB}/danielgatis/rembg/releases/download/v0.0.0"


@dataclass(frozen=True)
class ModelFile:
    """A file as it was published.

    Attributes:
        url: Where it is.
        size: Bytes.
        sha256: Of its content, hexadecimal.
        saved_as: The name under which it is kept; empty: the last part of `url`.
    """

    url: str
    size: int
    sha256: str
    saved_as: str = ""

    @property
    def name(self) -> str:
        """The name under which it is kept."""
        return self.saved_as or PurePosixPath(urlsplit(self.url).path).name


@dataclass(frozen=True)
class PublishedModel:
    """A model that can be downloaded.

    Attributes:
        name: By which settings and scripts know it.
        label: What the artist reads.
        purpose: What it is for, one sentence without a final period.
        license: Of the weights.
        files: All that it needs.
    """

    name: str
    label: str
    purpose: str
    license: str
    files: tuple[ModelFile, ...]

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(file.size for file in self.files)


TRIPOSR = PublishedModel(
    "triposr",
    "TripoSR",
    "The published network: detailed meshes of nearly anything",
    "MIT",
    (
        ModelFile(
            f"{_TRIPOSR}/config.yaml",
            987,
            "74ca708ce086bf68e97709ea6b3d91f14717921c04691e84043f0eb8fcc68e62",
        ),
        ModelFile(
            f"{_TRIPOSR}/model.ckpt",
            1_677_246_742,
            "429e2c6b22a0923967459de24d67f05962b235f79cde6b032aa7ed2ffcd970ee",
        ),
    ),
)


def _matting(
    name: str,
    label: str,
    purpose: str,
    license: str,
    size: int,
    sha256: str,
    published_as: str = "",
) -> PublishedModel:
    """A model of rembg's release; rembg looks for it under `name`."""
    url = f"{_REMBG}/{published_as or name}.onnx"
    return PublishedModel(
        name, label, purpose, license, (ModelFile(url, size, sha256, f"{name}.onnx"),)
    )


MATTING_MODELS = (
    _matting(
        "birefnet-general",
        "BiRefNet",
        "The finest outlines, hair and fur included; takes long and 6 GB of memory",
        "MIT",
        972_666_916,
        "58f621f00f5d756097615970a88a791584600dcf7c45b18a0a6267535a1ebd3c",
        "BiRefNet-general-epoch_244",
    ),
    _matting(
        "birefnet-general-lite",
        "BiRefNet Lite",
        "Fine outlines in less time and memory than BiRefNet",
        "MIT",
        224_005_088,
        "5600024376f572a557870a5eb0afb1e5961636bef4e1e22132025467d0f03333",
        "BiRefNet-general-bb_swin_v1_tiny-epoch_232",
    ),
    _matting(
        "isnet-general-use",
        "IS-Net",
        "Good outlines of nearly anything in a second or two",
        "Apache-2.0",
        178_648_008,
        "60920e99c45464f2ba57bee2ad08c919a52bbf852739e96947fbb4358c0d964a",
    ),
    _matting(
        "u2net",
        "U²-Net",
        "What the published TripoSR uses: soft outlines, quick",
        "Apache-2.0",
        175_997_641,
        "8d10d2f3bb75ae3b6d527c77944fc5e7dcd94b29809d47a739a7a728a912b491",
    ),
    _matting(
        "silueta",
        "Silueta",
        "U²-Net at a quarter of its size, nearly as good",
        "Apache-2.0",
        44_173_029,
        "75da6c8d2f8096ec743d071951be73b4a8bc7b3e51d9a6625d63644f90ffeedb",
    ),
    _matting(
        "u2netp",
        "U²-Net Small",
        "The smallest and quickest: rough outlines",
        "Apache-2.0",
        4_574_861,
        "309c8469258dda742793dce0ebea8e6dd393174f89934733ecc8b14c76f4ddd8",
    ),
)
"""The best first."""

MODELS = (TRIPOSR, *MATTING_MODELS)


def published_model(name: str) -> PublishedModel:
    """The model of that name; raises KeyError if there is none."""
    return {model.name: model for model in MODELS}[name]


def hub_address() -> str:
    """Where Hugging Face is reached from here, as its own tools take it from the environment."""
    return os.environ.get("HF_ENDPOINT") or HUB


def at_mirror(file: ModelFile, hub: str = "", github: str = "") -> ModelFile:
    """The file as another host offers it, under the same path.

    Args:
        file: As published.
        hub: Address that stands for https://huggingface.co; empty: `hub_address()`.
        github: Address that stands for https://github.com; empty: that one.
    """
    for original, mirror in ((HUB, hub or hub_address()), (GITHUB, github or GITHUB)):
        if file.url.startswith(f"{original}/"):
            return replace(file, url=mirror.rstrip("/") + file.url.removeprefix(original))
    return file


def hub_cache() -> Path | None:
    """Where Hugging Face's own tools keep what they have downloaded on this machine, if they can
    keep anything.
    """
    home = os.environ.get("HF_HOME") or "~/.cache/huggingface"
    return expanded(os.environ.get("HF_HUB_CACHE") or f"{home}/hub")


def cached_triposr() -> Path | None:
    """The folder in which such a tool has left the published TripoSR, whole, or None."""
    cache = hub_cache()
    if cache is None:
        return None
    owner, name, _, revision = urlsplit(_TRIPOSR).path.strip("/").split("/")
    folder = cache / f"models--{owner}--{name}" / "snapshots" / revision
    # os.path: another user's home, which HOME may name, must not be looked into.
    is_whole = all(
        os.path.isfile(folder / file.name) and os.path.getsize(folder / file.name) == file.size
        for file in TRIPOSR.files
    )
    return folder if is_whole else None
