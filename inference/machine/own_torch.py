"""Import of another build of torch from a folder: CUDA, ROCm, XPU. No torch.

`pip install --target FOLDER torch` fills such a folder, and so does *Use My GPU*. Only torch and
its own parts are imported from it, so nothing else that pip put there replaces packages of Blender
or the add-on. Blender's Python does not change, and its search path only while torch is imported.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import logging
import os
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import metadata
from importlib.machinery import EXTENSION_SUFFIXES, ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType

from ..errors import DependencyError
from ..message import Message

log = logging.getLogger(__name__)

PARTS = (
    "torch",
    "torchgen",
    "functorch",
    "triton",
    "nvidia",
    "pytorch_triton_rocm",
    "intel",
    "tcmlib",
)
"""Packages that belong to a build of torch and fit no other."""

UNKNOWN = Message("unknown")
"""Stands for a version that is not recorded."""

CPU_ONLY = Message("CPU only")
"""What the builds in most zips are made for."""


@dataclass(frozen=True)
class TorchBuild:
    """The build of torch in a folder.

    Attributes:
        version: Its version, such as `2.13.0+cu130`, or `UNKNOWN`.
        made_for: The kind of device that it computes on, a name or a message.
    """

    version: str
    made_for: str

    @property
    def uses_gpus(self) -> bool:
        """Whether it was made for a GPU of any kind."""
        return self.made_for != CPU_ONLY


def read_build(folder: Path) -> TorchBuild:
    """Describe the build of torch in a folder without importing it.

    Raises:
        DependencyError: There is no torch, or it does not fit this Python.
    """
    package = folder / "torch"
    try:
        text = (package / "version.py").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DependencyError(
            "There is no torch in the folder {folder!r}",
            "Choose the folder that pip install --target filled; it has a folder torch in it",
            folder=folder.name,
        ) from error
    if not any(os.path.isfile(package / f"_C{suffix}") for suffix in EXTENSION_SUFFIXES):
        raise DependencyError(
            "The torch in {folder!r} was made for another Python or system than Blender's"
            " Python {version}",
            "Install it with Blender's own Python, or with one of the same version",
            folder=folder.name,
            version=f"{sys.version_info.major}.{sys.version_info.minor}",
        )
    return TorchBuild(_assigned(text, "__version__") or UNKNOWN, _made_for(text))


def _made_for(version_py: str) -> str:
    named = (("cuda", "CUDA {}"), ("hip", "ROCm {}"), ("xpu", "Intel XPU {}"))
    found = [label.format(value) for name, label in named if (value := _assigned(version_py, name))]
    return found[0] if found else CPU_ONLY


def _assigned(text: str, name: str) -> str:
    """Return the string that torch's version.py assigns to a name, or "" for None."""
    found = re.search(rf"^{name}\b[^=\n]*=\s*['\"]([^'\"]+)['\"]", text, re.MULTILINE)
    return found[1] if found else ""


def read_usual_build() -> TorchBuild | None:
    """Describe the torch that Python finds by itself, without importing it; None without one."""
    spec = PathFinder.find_spec("torch")
    if spec is None or spec.origin is None:
        return None
    try:
        text = Path(spec.origin).with_name("version.py").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        log.warning("The installed torch cannot be read: %s", error)
        return None
    return TorchBuild(_assigned(text, "__version__") or UNKNOWN, _made_for(text))


def loaded_from() -> Path | None:
    """Return the folder that holds the torch of this process; None if it has not been imported."""
    loaded = sys.modules.get("torch")
    origin = None if loaded is None else _origin(loaded)
    return None if origin is None else origin.parent


def forget_failed_import() -> bool:
    """Forget a torch whose import failed; return whether another may be imported in this process.

    None may if a library of the failed one stays loaded: two with the same names do not coexist.
    """
    names = [name for name in sys.modules if name.partition(".")[0] in PARTS]
    is_loaded = any(name in sys.modules for name in ("torch._C", "functorch._C"))
    for name in names:
        del sys.modules[name]
    # Windows' loader takes libraries that are needed by name from those that are loaded already.
    return not is_loaded and sys.platform != "win32"


def use_torch_from(folder: Path | None) -> None:
    """Import torch from a folder from now on; None undoes that.

    Raises:
        DependencyError: The folder has no torch that fits, or another torch is already loaded.
    """
    if folder is None:
        _forget()
        return
    loaded = sys.modules.get("torch")
    if loaded is not None:
        if _origin(loaded) != (folder / "torch").resolve():
            raise DependencyError(
                "Another torch ({version}) is already loaded",
                "Restart Blender, and generate before another add-on loads its own",
                version=getattr(loaded, "__version__", UNKNOWN),
            )
        return
    build = read_build(folder)
    _forget()
    sys.meta_path.insert(0, _TorchFinder(folder))
    log.info("torch %s (%s) from %s", build.version, build.made_for, folder)


def _origin(module: ModuleType) -> Path | None:
    return Path(module.__file__).resolve().parent if module.__file__ else None


def _forget() -> None:
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, _TorchFinder)]
    importlib.invalidate_caches()


class _TorchFinder(metadata.DistributionFinder):
    """Finder of torch, its parts and their metadata in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in PARTS:
            return None
        # The package's own path finds the modules inside a package.
        spec = PathFinder.find_spec(name, [self._folder])
        if name == "torch" and spec is not None and spec.origin is not None:
            spec.loader = _TorchLoader(name, spec.origin)
        return spec

    def find_distributions(
        self, context: metadata.DistributionFinder.Context | None = None
    ) -> Iterable[metadata.Distribution]:
        """Find torch's metadata, in which libraries look up its version."""
        if context is None or context.name not in PARTS:
            return []
        there = metadata.DistributionFinder.Context(name=context.name, path=[self._folder])
        return metadata.MetadataPathFinder.find_distributions(there)


class _TorchLoader(SourceFileLoader):
    """Loader of torch that has its folder at the end of `sys.path` while torch is imported.

    torch looks for CUDA's libraries there, and nowhere else, if the system's loader does not find
    them (pytorch #138460, #145580). At the end, the folder replaces no other package.
    """

    def exec_module(self, module: ModuleType) -> None:
        folder = str(Path(self.path).parents[1])
        sys.path.append(folder)
        try:
            super().exec_module(module)
        finally:
            # Not the last one: torch or another thread may have changed the path. In one step, so
            # that no other thread sees the path in another order.
            positions = [at for at, entry in enumerate(sys.path) if entry == folder]
            if positions:
                del sys.path[positions[-1]]
