"""The Python packages that other add-ons and Blender put beside ours. No package is imported.

Blender unpacks the wheels of all extensions into one place, where the highest version of each
package wins. So any of ours may turn out newer than what we brought, and two that no longer fit
together are told by name, with the extension that brought the newer one.
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
"""Packages that official builds of Blender for Linux bring without what pip writes about them."""

VERSION = re.compile(
    r"""(?:^_*(?:short_)?version_*\b[^"'\n]*=|"version":)\s*["']([\w.+!]+)["']""", re.M
)
"""Where a package's own files say what version it is; the second is versioneer's way."""

WINDOWS_LIMIT = 260
"""Characters that a path of Windows may have, unless long ones were turned on."""

DEEPEST = 152
"""Characters of the longest path inside the packages: torch's (2.13)."""


def are_paths_too_long(extensions: Path | None = None, system: str = sys.platform) -> bool:
    """Whether the place to which Blender unpacks packages is too deep for Windows.

    Args:
        extensions: Blender's folder of extensions; else the one that the add-on lies in.
        system: As `sys.platform` names it.
    """
    extensions = extensions or Path(__file__).resolve().parents[4]
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    shared = f"{extensions}/.local/lib/{version}/site-packages/"
    return system == "win32" and len(shared) + DEEPEST >= WINDOWS_LIMIT


def name_the_nameless() -> None:
    """Let libraries ask for the versions of Blender's own packages, from now on.

    transformers refuses to be imported when it finds numpy without its metadata.
    """
    forget_the_nameless()
    # The last one: it only answers where nobody else does.
    sys.meta_path.append(_VersionFinder())


def forget_the_nameless() -> None:
    """Undo that, also what another copy of this module has done."""
    ours = (_VersionFinder.__module__, _VersionFinder.__qualname__)
    sys.meta_path[:] = [
        finder
        for finder in sys.meta_path
        if (type(finder).__module__, type(finder).__qualname__) != ours
    ]


class _VersionFinder(metadata.DistributionFinder):
    """Describes packages that can be imported but are described nowhere."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """It finds no modules."""

    def find_distributions(
        self, context: metadata.DistributionFinder.Context | None = None
    ) -> Iterable[metadata.Distribution]:
        name = _canonical(context.name) if context is not None and context.name else ""
        if name in NAMELESS and (version := _written_version(name)):
            yield _Described(name, version)


class _Described(metadata.Distribution):
    """A package of which only the name and the version are known."""

    def __init__(self, name: str, version: str) -> None:
        self._text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"

    def read_text(self, filename: str) -> str | None:
        return self._text if filename == "METADATA" else None

    def locate_file(self, path: object) -> Path:
        raise FileNotFoundError(f"nobody knows where {path} is")


def _written_version(name: str) -> str:
    """The version that a package states, without importing it; empty if it states none."""
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
        needing: Which one needs the other, such as "transformers 4.57.6".
        needed: What it needs, such as "huggingface-hub<1.0".
        there: The other's version.
        extension: Who brought the other, or "" where nobody knows.
    """

    needing: str
    needed: str
    there: str
    extension: str


def find_clash(package: str) -> Clash | None:
    """The first of the packages that `package` needs whose version it cannot use, or None."""
    if importlib.util.find_spec("packaging") is None:
        return None
    for needing, requirement, found in _unmet(package, set()):
        return Clash(needing, requirement, found.version, _brought_by(found))
    return None


def _unmet(package: str, seen: set[str]) -> Iterator[tuple[str, str, metadata.Distribution]]:
    """(who needs it, what it needs, what is there instead), from the package downwards."""
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
            continue  # of a package that is damaged in more ways than this
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            found = metadata.distribution(requirement.name)
        except metadata.PackageNotFoundError:
            continue  # what is missing says so itself
        if not found.version:
            continue  # an empty leftover of an uninstalled package
        if not requirement.specifier.contains(found.version, prereleases=True):
            needing = f"{distribution.name} {distribution.version}"
            yield needing, f"{requirement.name}{requirement.specifier}", found
        elif _canonical(requirement.name) not in seen:
            yield from _unmet(requirement.name, seen)


def _brought_by(distribution: metadata.Distribution) -> str:
    """The extension whose wheel was unpacked, by the name that the artist sees; else ""."""
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
            continue  # another extension's, which Blender tells about
        for wheel in manifest.get("wheels", ()):
            name, version, *_ = Path(wheel).name.split("-")
            if (_canonical(name), version) == (_canonical(distribution.name), distribution.version):
                return str(manifest.get("name", path.parent.name))
    return ""


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
