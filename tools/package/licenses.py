"""Collect the licenses of everything that a zip brings from others."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path, PurePosixPath

from check import metadata

TEXTS = Path(__file__).parent / "license-texts"
"""Licenses, as NAME.txt, from the sources of packages whose wheels carry none."""

WEB = Path(__file__).resolve().parents[2] / "web"

BESIDE_WHEELS = {
    "model-viewer": (
        WEB / "model-viewer-LICENSE.txt",
        "| model-viewer | 4.4.0 | Apache-2.0 | Shows 3D models on web pages; in exported pages |",
    ),
}
"""What the add-on brings from others besides wheels: its license, and its row in the list."""

LICENSE_FILE = re.compile(r"(licen[cs]e|copying|notice|authors|third.?party)[^/]*", re.I)


def collect(wheels: list[Path], folder: Path) -> None:
    """Write licenses/NAME/... for each wheel, and licenses/README.md, which lists them.

    Raises:
        RuntimeError: Neither a wheel nor license-texts/ has its license.
    """
    rows = []
    for wheel in wheels:
        data = metadata(wheel)
        texts = _texts(wheel, data["name"])
        for place, text in texts.items():
            path = folder / data["name"] / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text)
        rows.append(
            f"| {data['name']} | {data['version']} | {_license(data)} | {data.get('summary', '')} |"
        )
    for name, (text, row) in BESIDE_WHEELS.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / "LICENSE.txt").write_bytes(text.read_bytes())
        rows.append(row)
    head = (
        "# Third-party packages in this zip\n\n"
        "Unmodified, as their authors publish them; PyMCubes is built from its unmodified\n"
        "sources where it is not published for Blender's Python. TripoSR for Blender itself is\n"
        "GPL-3.0-or-later.\n\n"
        "| package | version | license | what it is |\n|---|---|---|---|\n"
    )
    (folder / "README.md").write_text(head + "\n".join(rows) + "\n", encoding="utf-8")


def _texts(wheel: Path, name: str) -> dict[str, bytes]:
    """Return {path below the package's folder: text}."""
    with zipfile.ZipFile(wheel) as archive:
        found = {
            re.sub(r"^[^/]+\.dist-info/(licenses/)?", "", member): archive.read(member)
            for member in archive.namelist()
            if _is_license(member)
        }
    own = TEXTS / f"{name}.txt"
    if not found and own.is_file():
        found = {"LICENSE.txt": own.read_bytes()}
    if not found:
        raise RuntimeError(f"{wheel.name} carries no license: put its text into {own.name}")
    return found


def _is_license(member: str) -> bool:
    path = PurePosixPath(member)
    if re.match(r"[^/]+\.dist-info/licenses/", member):
        return not member.endswith("/")
    return bool(LICENSE_FILE.match(path.name)) and path.suffix.lower() in (
        "",
        ".txt",
        ".md",
        ".rst",
    )


def _license(data: dict) -> str:
    """Return a package's license: its SPDX expression, or else what it declares otherwise."""
    if expression := data.get("license_expression"):
        return expression
    classifiers = [c for c in data.get("classifiers", []) if c.startswith("License :: ")]
    if classifiers:
        return ", ".join(c.rpartition(" :: ")[2] for c in classifiers)
    return (data.get("license", "") or "see its text").splitlines()[0][:60]
