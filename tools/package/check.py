"""Check that wheels fit their target: its platform, its Python, its numpy, and each other."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

from packaging.metadata import RawMetadata, parse_email
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version

from bundle import BLENDERS_OWN, LEFT_OUT, Target
from wheels import TAGS, environment


def check(target: Target, wheels: Mapping[str, RawMetadata]) -> None:
    """Check that all Blenders of a target can use the wheels, and use them together.

    Args:
        target: The Blenders that the wheels are for.
        wheels: The wheels' metadata by file name; see `metadata`.

    Raises:
        RuntimeError: Something does not fit; the message lists everything that does not.
    """
    versions = {}
    problems = []
    for wheel in wheels:
        name, version, _, tags = parse_wheel_filename(wheel)
        versions[name] = version
        if not tags & _accepted(target, name):
            problems.append(f"{wheel} is not for {target.name}")
        if name in BLENDERS_OWN:
            problems.append(f"{name} is Blender's own and must not be bundled")
    for wheel, data in wheels.items():
        problems += _unmet(target, wheel, data, versions)
    if problems:
        raise RuntimeError(f"The wheels of {target.name} do not fit:\n  " + "\n  ".join(problems))


def _accepted(target: Target, name: str) -> set[Tag]:
    platforms = list(TAGS[target.platform])
    if name == "pymcubes" and target.builds_pymcubes and target.platform == "linux-x64":
        # A wheel built here requires a glibc as new as the compiler's. Released zips hold one built
        # for glibc 2.28, and a distribution's Blender runs on the system that it was built on.
        newest = 34 if target.torch else 44
        platforms += [f"manylinux_2_{minor}_x86_64" for minor in range(29, newest + 1)]
        platforms += [] if target.torch else ["linux_x86_64"]
    interpreter = "cp{}{}".format(*target.python)
    return {
        *cpython_tags(target.python, [interpreter], platforms),
        *compatible_tags(target.python, interpreter, platforms),
    }


def _unmet(
    target: Target, wheel: str, data: RawMetadata, versions: Mapping[str, Version]
) -> list[str]:
    """List the requirements of a wheel that neither the bundle nor Blender meets."""
    problems = []
    python = "{}.{}".format(*target.python)
    if not SpecifierSet(data.get("requires_python", "")).contains(f"{python}.0"):
        problems.append(f"{wheel} needs Python {data['requires_python']}")
    for line in data.get("requires_dist", []):
        requirement = Requirement(line)
        values = {**environment(target), "extra": ""}
        if requirement.marker and not requirement.marker.evaluate(values):
            continue
        name = canonicalize_name(requirement.name)
        if name == "numpy":
            offered = list(map(Version, target.numpys))
        elif name in versions:
            offered = [versions[name]]
        elif name in (*BLENDERS_OWN, *LEFT_OUT, "torch"):  # torch may be the artist's own
            continue
        else:
            problems.append(f"{wheel} needs {requirement}, which is not bundled")
            continue
        problems += [
            f"{wheel} needs {requirement}, and gets {version}"
            for version in offered
            if not requirement.specifier.contains(version, prereleases=True)
        ]
    return problems


def metadata(wheel: Path) -> RawMetadata:
    """Read a wheel's metadata."""
    with zipfile.ZipFile(wheel) as archive:
        [name] = [n for n in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", n)]
        return parse_email(archive.read(name))[0]
