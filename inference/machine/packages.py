"""Python packages that other add-ons and Blender install beside ours. Imports none of them.

Blender unpacks the wheels of all extensions into one folder, where the highest version of each
package wins. So any package may be newer than the one we bundle. Two packages that no longer fit
together are reported by name, with the extension that brought the newer one.
"""

from __future__ import annotations

import importlib.util
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

NAMELESS = ("numpy", "requests", "urllib3", "certifi", "idna", "charset-normalizer")
"""Packages that official builds of Blender for Linux bundle without pip's metadata."""

VERSION = re.compile(
    r"""(?:^_*(?:short_)?version_*\b[^"'\n]*=|"version":)\s*["']([\w.+!]+)["']""", re.M
)
"""Matches a package's version in its own files; the second form is versioneer's."""

WINDOWS_LIMIT = 260
"""Characters that a path may have on Windows, unless long paths were turned on."""

DEEPEST = {(3, 11): 119, (3, 13): 167}
"""Characters of the longest path inside the packages by Python: one of torch 2.8 and of 2.13."""


def are_paths_too_long(extensions: Path | None = None, system: str = sys.platform) -> bool:
    """Return whether the folder to which Blender unpacks packages is too deep for Windows.

    Args:
        extensions: Blender's folder of extensions; if None, the one that the add-on lies in.
        system: The system's name, as in `sys.platform`.
    """
    extensions = extensions or Path(__file__).resolve().parents[4]
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    shared = f"{extensions}/.local/lib/{version}/site-packages/"
    deepest = DEEPEST.get(sys.version_info[:2], max(DEEPEST.values()))
    return system == "win32" and len(shared) + deepest >= WINDOWS_LIMIT


def name_the_nameless() -> None:
    """Provide metadata for Blender's own packages, from which libraries read versions.

    transformers refuses to be imported when it finds numpy without metadata.
    """
    forget_the_nameless()
    # The finder goes last, so that it answers only where no other does.
    sys.meta_path.append(_VersionFinder())


def forget_the_nameless() -> None:
    """Undo `name_the_nameless`, even that of another copy of this module."""
    ours = (_VersionFinder.__module__, _VersionFinder.__qualname__)
    sys.meta_path[:] = [
        finder
        for finder in sys.meta_path
        if (type(finder).__module__, type(finder).__qualname__) != ours
    ]


class _VersionFinder(metadata.DistributionFinder):
    """Finder of metadata for packages that can be imported but have none."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Find no modules."""

    def find_distributions(
        self, context: metadata.DistributionFinder.Context | None = None
    ) -> Iterable[metadata.Distribution]:
        name = _canonical(context.name) if context is not None and context.name else ""
        if name in NAMELESS and (version := _written_version(name)):
            yield _Described(name, version)


class _Described(metadata.Distribution):
    """Metadata of a package of which only the name and the version are known."""

    def __init__(self, name: str, version: str) -> None:
        self._text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"

    def read_text(self, filename: str) -> str | None:
        return self._text if filename == "METADATA" else None

    def locate_file(self, path: object) -> Path:
        raise FileNotFoundError(f"nobody knows where {path} is")


def _written_version(name: str) -> str:
    """Return the version that a package states, without importing it; empty if it states none."""
    module = name.replace("-", "_")
    if stated := getattr(sys.modules.get(module), "__version__", ""):
        return str(stated)
    spec = importlib.util.find_spec(module)
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        for file in (
            "version.py",
            "__version__.py",
            "_version.py",
            "package_data.py",
            "__init__.py",
        ):
            path = Path(folder, file)
            found = VERSION.search(path.read_text(encoding="utf-8")) if path.is_file() else None
            if found:
                return found[1]
    return ""


class Clash(NamedTuple):
    """Two packages that do not fit together.

    Attributes:
        needing: The package that needs the other, such as "transformers 4.57.6".
        needed: What it needs, such as "huggingface-hub<1.0".
        there: The installed version of the other.
        extension: The extension that brought the other, or "" if unknown.
    """

    needing: str
    needed: str
    there: str
    extension: str


def find_clash(package: str) -> Clash | None:
    """Return the first unmet requirement of `package` or of the packages that it needs, or None."""
    if importlib.util.find_spec("packaging") is None:
        return None
    for needing, requirement, found in _unmet(package, set()):
        return Clash(needing, requirement, found.version, _brought_by(found))
    return None


def _unmet(package: str, seen: set[str]) -> Iterator[tuple[str, str, metadata.Distribution]]:
    """Yield (package in need, its requirement, what is installed instead), from `package` down."""
    from packaging.requirements import InvalidRequirement, Requirement

    seen.add(_canonical(package))
    try:
        distribution = metadata.distribution(package)
    except metadata.PackageNotFoundError:
        return
    for line in distribution.requires or ():
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue  # The package is damaged in more ways than this.
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            found = metadata.distribution(requirement.name)
        except metadata.PackageNotFoundError:
            continue  # A missing package is reported when it is imported.
        if not found.version:
            continue  # This is an empty leftover of an uninstalled package.
        if not requirement.specifier.contains(found.version, prereleases=True):
            needing = f"{distribution.name} {distribution.version}"
            yield needing, f"{requirement.name}{requirement.specifier}", found
        elif _canonical(requirement.name) not in seen:
            yield from _unmet(requirement.name, seen)


def _brought_by(distribution: metadata.Distribution) -> str:
    """Return the name, as the artist sees it, of the extension that brought a package, or ""."""
    if isinstance(distribution, _Described):
        return ""  # Blender's own
    # <extensions>/.local/lib/python3.11/site-packages
    place = Path(str(distribution.locate_file("")))
    local = next((parent for parent in place.parents if parent.name == ".local"), None)
    if local is None:
        return ""
    for path in sorted(local.parent.glob("*/*/blender_manifest.toml")):
        try:
            manifest = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue  # Blender itself reports another extension's broken manifest.
        for wheel in manifest.get("wheels", ()):
            name, version, *_ = Path(wheel).name.split("-")
            if (_canonical(name), version) == (_canonical(distribution.name), distribution.version):
                return str(manifest.get("name", path.parent.name))
    return ""


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
