"""Write runtime_symbols.json: the symbols that Microsoft's C++ runtimes export, for `dlls.py`.

    .venv/bin/python tools/package/runtime_symbols.py

The runtimes are those of the package msvc-runtime, which contains Microsoft's own files. Only the
names of their symbols are kept. The versions are those of the runtimes that Blender brings.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path, PurePosixPath

import pefile

SYMBOLS = Path(__file__).with_name("runtime_symbols.json")

RUNTIMES = {
    "14.29": (
        "msvc-runtime==14.29.30133",
        "3.10",
        "1f1be3e62b94f824a695b5091de56a4e22cc682ba398e066ab4314a5bf43a696",
    ),
    "14.44": (
        "msvc-runtime==14.44.35112",
        "3.11",
        "aba7fbe71897d25ed53fbb7f391e9f50289378a8a9ae218ba18530c663448391",
    ),
}
"""The wheel of each runtime, oldest first: requirement, Python version, SHA-256."""

LIBRARIES = (
    "concrt140.dll",
    "msvcp140.dll",
    "msvcp140_1.dll",
    "msvcp140_2.dll",
    "msvcp140_atomic_wait.dll",
    "msvcp140_codecvt_ids.dll",
    "vcruntime140.dll",
    "vcruntime140_1.dll",
)
"""The libraries in Blender's folder blender.crt, besides those that are Windows' own by now."""


def main() -> None:
    found: dict[str, dict[str, list[str]]] = {library: {} for library in LIBRARIES}
    for version in RUNTIMES:
        exports = read_exports(download(version))
        for library, added in found.items():
            known = {name for names in added.values() for name in names}
            if lost := known - exports[library]:
                raise RuntimeError(f"{library} of {version} lost {', '.join(sorted(lost))}")
            if new := exports[library] - known:
                added[version] = sorted(new)
    SYMBOLS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(f"{SYMBOLS.name}: {sum(len(n) for a in found.values() for n in a.values())} symbols")


def download(version: str) -> bytes:
    """Return the wheel of a runtime."""
    requirement, python, sha256 = RUNTIMES[version]
    with tempfile.TemporaryDirectory() as folder:
        pins = Path(folder, "requirements.txt")
        pins.write_text(f"{requirement} --hash=sha256:{sha256}\n")
        subprocess.run(
            [
                *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"),
                *("--only-binary=:all:", "--platform=win_amd64", f"--python-version={python}"),
                *("--require-hashes", f"--requirement={pins}", f"--dest={folder}"),
            ],
            check=True,
        )
        [wheel] = Path(folder).glob("*.whl")
        return wheel.read_bytes()


def read_exports(wheel: bytes) -> dict[str, set[str]]:
    """Return {library: the names that it exports} for a runtime's wheel."""
    exports = {}
    with tempfile.TemporaryFile() as file:
        file.write(wheel)
        with zipfile.ZipFile(file) as archive:
            for name in archive.namelist():
                library = PurePosixPath(name).name.lower()
                if library in LIBRARIES:
                    table = pefile.PE(data=archive.read(name)).DIRECTORY_ENTRY_EXPORT
                    exports[library] = {s.name.decode() for s in table.symbols if s.name}
    return exports


if __name__ == "__main__":
    main()
