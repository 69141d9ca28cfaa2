"""Extensions of others that bring what ours brings too, in other versions."""

from __future__ import annotations

import hashlib
import re
import zipfile
from pathlib import Path

from build import ROOT
from clean_blender import cache, one_at_a_time, pip

MANIFEST = """\
schema_version = "1.0.0"
id = "{id}"
version = "1.0.0"
name = "{name}"
tagline = "Brings packages of its own"
maintainer = "Somebody"
type = "add-on"
blender_version_min = "4.2.0"
license = ["SPDX:GPL-3.0-or-later"]
wheels = [{wheels}]
"""

HERE = Path(__file__).parent
NEWER = (ROOT / "requirements" / "transformers-5.txt", HERE / "newer-numpy.txt")
OLDEST_NUMPY = HERE / "oldest-numpy.txt"


def newer_wheels() -> dict[str, Path]:
    """{distribution: wheel} of newer packages than ours."""
    return {re.split(r"-\d", path.name)[0]: path for path in downloaded(*NEWER)}


def downloaded(*requirements: Path) -> list[Path]:
    """The wheels that files of requirements name, downloaded once into the cache folder."""
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in requirements)).hexdigest()
    folder = cache() / f"hostile-{digest[:12]}"
    with one_at_a_time(folder):
        if not folder.is_dir():
            partial = folder.with_suffix(".partial")
            for file in requirements:
                pip("download", "--require-hashes", "--only-binary=:all:",
                    "--requirement", file, "--dest", partial)  # fmt: skip
            partial.rename(folder)
    return sorted(folder.glob("*.whl"))


def extension(name: str, brought: list[Path], folder: Path) -> Path:
    """The zip of an extension that does nothing but bring wheels."""
    identifier = name.lower().replace(" ", "_")
    path = folder / f"{identifier}.zip"
    listed = ", ".join(f'"./wheels/{wheel.name}"' for wheel in brought)
    with zipfile.ZipFile(path, "w") as archive:
        text = MANIFEST.format(id=identifier, name=name, wheels=listed)
        archive.writestr("blender_manifest.toml", text)
        archive.writestr("__init__.py", "def register(): pass\ndef unregister(): pass\n")
        for wheel in brought:
            archive.write(wheel, f"wheels/{wheel.name}")
    return path
