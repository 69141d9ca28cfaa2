"""The models that can be downloaded: where they are published, how large, under which license.

Sizes and SHA-256 are those of the published files; for rembg's release, they were compared with the
checksums in rembg's source.
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
    """A published file.

    Attributes:
        url: Its address.
        size: Its size in bytes.
        sha256: SHA-256 of its content, hexadecimal.
        saved_as: Name to save it under; if empty, the last part of `url`.
    """

    url: str
    size: int
    sha256: str
    saved_as: str = ""

    @property
    def name(self) -> str:
        """The name under which the file is saved."""
        return self.saved_as or PurePosixPath(urlsplit(self.url).path).name


@dataclass(frozen=True)
class PublishedModel:
    """A model that can be downloaded.

    Attributes:
        name: Its name in settings and scripts.
        label: Its name in the interface.
        purpose: What it is for, one sentence without a final period.
        license: License of the weights.
        files: All files that it needs.
    """

    name: str
    label: str
    purpose: str
    license: str
    files: tuple[ModelFile, ...]

    @property
    def size(self) -> int:
        """The size of all files together, in bytes."""
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
    """Describe a model of rembg's release; rembg looks for it under `name`."""
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
"""rembg's models, best first."""

MODELS = (TRIPOSR, *MATTING_MODELS)


def published_model(name: str) -> PublishedModel:
    """Return the model named `name`; raises KeyError if there is none."""
    return {model.name: model for model in MODELS}[name]


def hub_address() -> str:
    """Return the address of Hugging Face: HF_ENDPOINT, which its own tools use, or `HUB`."""
    return os.environ.get("HF_ENDPOINT") or HUB


def at_mirror(file: ModelFile, hub: str = "", github: str = "") -> ModelFile:
    """Return the file with its address on a mirror, under the same path.

    Args:
        file: The published file.
        hub: Address to use instead of https://huggingface.co; if empty, `hub_address()`.
        github: Address to use instead of https://github.com; if empty, that one.
    """
    for original, mirror in ((HUB, hub or hub_address()), (GITHUB, github or GITHUB)):
        if file.url.startswith(f"{original}/"):
            return replace(file, url=mirror.rstrip("/") + file.url.removeprefix(original))
    return file


def hub_cache() -> Path | None:
    """Return the folder of Hugging Face's own tools for downloads; None without a home folder."""
    home = os.environ.get("HF_HOME") or "~/.cache/huggingface"
    return expanded(os.environ.get("HF_HUB_CACHE") or f"{home}/hub")


def cached_triposr() -> Path | None:
    """Return the folder in `hub_cache()` that holds all of the published TripoSR, or None."""
    cache = hub_cache()
    if cache is None:
        return None
    owner, name, _, revision = urlsplit(_TRIPOSR).path.strip("/").split("/")
    folder = cache / f"models--{owner}--{name}" / "snapshots" / revision
    # Unlike pathlib, os.path returns False without access: HOME may name another user's home.
    is_whole = all(
        os.path.isfile(folder / file.name) and os.path.getsize(folder / file.name) == file.size
        for file in TRIPOSR.files
    )
    return folder if is_whole else None
