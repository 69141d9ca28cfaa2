"""Contents of the packaged zips: the Blenders they are for, the packages they bundle or omit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Platform = Literal["linux-x64", "windows-x64", "macos-arm64"]
"""Platform names of Blender's manifest."""

Kind = Literal["standard", "light", "full"]
"""`standard` computes on the CPU (on a Mac also on the GPU) with nothing else installed, `light`
leaves torch out, `full` is standard with the published weights."""

KINDS: tuple[Kind, ...] = ("standard", "light", "full")


@dataclass(frozen=True)
class Target:
    """The Blenders that one zip is for.

    Attributes:
        python: Version of their Python, such as (3, 11).
        first, end: The first Blender that it is for, and the first after those.
        blenders: The same range, as written in the file's name.
        numpys: Releases of numpy that these Blenders bring.
        torch: Whether PyTorch publishes a build that fits; otherwise there is only a light zip.
        runtime: On Windows, the version of Microsoft's C++ runtime that these Blenders bring.
        budget: Limit in bytes for the standard zip, which a slow line still downloads within a
            coffee break.
    """

    platform: Platform
    python: tuple[int, int]
    first: str
    end: str | None
    blenders: str
    numpys: tuple[str, ...]
    torch: bool = True
    runtime: str = ""
    budget: float = 350e6

    @property
    def builds_pymcubes(self) -> bool:
        """Whether PyMCubes has to be built, because 0.1.6 is not published for this Python."""
        return self.python > (3, 12)

    @property
    def name(self) -> str:
        """The target's short name, for the command line and the folder below wheels/."""
        system = "" if self.torch else "-system"
        return f"{self.platform}{system}-py{self.python[0]}{self.python[1]}"


def _official(platform: Platform) -> tuple[Target, Target]:
    """Return the targets of official builds of Blender, one per Python since 4.2."""
    return (
        Target(platform, (3, 11), "4.2.0", "5.1.0", "blender-4.2-to-5.0", ("1.24.3", "1.26.4")),
        Target(platform, (3, 13), "5.1.0", None, "blender-5.1-or-newer", ("2.3.4",)),
    )


def _windows() -> tuple[Target, Target]:
    """Return the targets of official builds of Blender for Windows."""
    older, newer = _official("windows-x64")
    # More than half of torch 2.8.0 for Windows are static libraries that nothing here needs.
    return replace(older, runtime="14.29", budget=380e6), replace(newer, runtime="14.44")


def _distribution(python: tuple[int, int], numpy: str) -> Target:
    """Return the target of a Linux distribution's Blender, which uses the system's packages."""
    name = f"distribution-python-{python[0]}.{python[1]}"
    return Target("linux-x64", python, "4.2.0", None, name, (numpy,), torch=False)


TARGETS: dict[str, Target] = {
    target.name: target
    for target in (
        *_official("linux-x64"),
        *_windows(),
        *_official("macos-arm64"),
        _distribution((3, 13), "2.2.4"),
        _distribution((3, 14), "2.4.4"),
    )
}

OFFICIAL = tuple(name for name, target in TARGETS.items() if target.torch)
"""Targets that `make package` builds by default."""

PACKAGES = (
    # The network, and the requirements of transformers.
    *("transformers", "tokenizers", "safetensors", "huggingface-hub", "regex", "pyyaml", "tqdm"),
    *("packaging", "filelock", "fsspec", "typing-extensions"),
    # The other requirements of torch.
    *("sympy", "mpmath"),
    # Picture in, surface out.
    *("pillow", "pymcubes", "scipy", "onnxruntime", "opencv-python-headless", "rembg"),
    *("pooch", "platformdirs"),
)
"""Packages in every zip, at the versions in requirements/lock.txt, which the tests use."""

BLENDERS_OWN = (
    "numpy",
    "requests",
    "urllib3",
    "certifi",
    "idna",
    "charset-normalizer",
    "zstandard",
)
"""Packages that are never bundled: Blender brings them, and two copies in one process conflict."""

LEFT_OUT = {
    "pymatting": "the add-on puts it off: importing it compiles for 43 seconds",
    "scikit-image": "rembg needs it for nothing that the add-on asks of it",
    "jsonschema": "the add-on puts it off: rembg needs it for one model of others",
    "coloredlogs": "for onnxruntime's own command line",
    "flatbuffers": "for onnxruntime's own command line",
    "protobuf": "for onnxruntime's own command line",
    "hf-xet": "for downloads by huggingface-hub, of which the add-on asks none",
    "httpx": "for downloads by huggingface-hub, of which the add-on asks none",
    "networkx": "for torch.compile",
    "jinja2": "for torch.compile",
    "setuptools": "for torch.compile",
    "colorama": "colors in a terminal on Windows",
}
"""Requirements of the bundled packages that the zips omit, each with the reason."""
