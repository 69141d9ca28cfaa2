"""Check that the Blenders of a Windows target can load the libraries in its wheels.

Windows resolves an imported library by its name, and Blender has loaded its own copy of Microsoft's
C++ runtime before. A wheel that was built for a newer runtime does not bring its own: it fails when
it is imported, with WinError 1114 or 127. A library that is nowhere fails with 126. All that can be
read from the files: what they import, and with which linker they were made.

This cannot be read: whether a DLL that makes some of its mutexes at run time makes others at
compile time, and what a library does when it is initialized.
"""

from __future__ import annotations

import functools
import json
import re
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pefile
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from bundle import Target
from check import metadata
from runtime_symbols import SYMBOLS

X64 = 0x8664
"""The processor in a PE file's header."""

COMPILE_TIME = (
    # VS 2022 17.10, microsoft/STL #3824
    ("mutexes", {"_Mtx_lock", "_Mtx_trylock", "_Mtx_timedlock"}, "_Mtx_init", "14.40"),
    # VS 2022 17.12, microsoft/STL #4720
    ("condition variables", {"_Cnd_wait", "_Cnd_timedwait", "_Cnd_signal"}, "_Cnd_init", "14.40"),
)
"""Objects that newer compilers make at compile time: their name, the functions of msvcp140.dll that
use them, the start of the name of those that make them at run time, and the oldest runtime that
understands objects made by the compiler.

A DLL that imports one that uses them and none that makes them has them made by the compiler. In
older runtimes, the first use reads through a null pointer. Runtimes from 14.38 on are reported to
work; Microsoft promises it for runtimes as new as the compiler, so from 14.40 on.
"""

FOLDERS = {"torch": "torch/lib"}
"""Folders that packages pass to `os.add_dll_directory` when they are imported. Packages that were
repaired by delvewheel do so with PACKAGE.libs."""

MAY_BE_MISSING: dict[tuple[str, str], str] = {}
"""Delay-loaded libraries that a package can do without: {(package, library): the reason}."""

# mf, mfplat and mfreadwrite are Media Foundation, which the N editions of Windows lack until the
# artist installs the Media Feature Pack. OpenCV needs it.
WINDOWS = frozenset(
    f"{name}.dll"
    for name in (
        *("advapi32", "bcrypt", "bcryptprimitives", "comctl32", "comdlg32", "crypt32", "dbghelp"),
        *("dxgi", "gdi32", "imagehlp", "iphlpapi", "kernel32", "mf", "mfplat", "mfreadwrite"),
        *("msvcrt", "ncrypt", "ntdll", "ole32", "oleaut32", "powrprof", "psapi", "rpcrt4"),
        *("secur32", "setupapi", "shell32", "shlwapi", "user32", "userenv", "version", "winmm"),
        *("wintrust", "ws2_32", "wsock32"),
    )
)
"""Libraries of every Windows 10 and 11; the names of its API sets begin with api-ms-win-."""


@dataclass(frozen=True)
class Library:
    """A DLL or an extension module in a wheel.

    Attributes:
        package: The wheel's package.
        wheel: The wheel's file name.
        path: The library's path in the wheel.
        linker: Version of the linker that made it, such as (14, 38) for Visual Studio 2022 17.8.
        machine: Processor that it is for.
        imports: Names of imported symbols by library in lower case.
        delayed: The same for libraries that are loaded when a function of theirs is first called.
    """

    package: str
    wheel: str
    path: PurePosixPath
    linker: tuple[int, int]
    machine: int
    imports: Mapping[str, tuple[str, ...]]
    delayed: Mapping[str, tuple[str, ...]]


def check_dlls(target: Target, wheels: Sequence[Path]) -> str:
    """Check that all Blenders of a Windows target can load what is in the wheels.

    Args:
        target: The Blenders that the wheels are for; their `runtime` is compared with.
        wheels: All wheels of one zip.

    Returns:
        A table in Markdown: for each wheel with libraries, what these need.

    Raises:
        RuntimeError: A library would not be loaded; the message has one line for each.
    """
    libraries = [library for wheel in wheels for library in read_libraries(wheel)]
    needs = {canonicalize_name(parse_wheel_filename(w.name)[0]): _required(w) for w in wheels}
    problems = []
    rows: dict[str, list[tuple[Library, set[str]]]] = {}
    for library in libraries:
        origins, found = _resolve(target, library, libraries, needs[library.package])
        problems += found + _unserved(target, library)
        rows.setdefault(library.wheel, []).append((library, origins))
    if problems:
        raise RuntimeError(
            f"Blender on {target.name}, with Microsoft's C++ runtime {target.runtime}, would not"
            " load these:\n  " + "\n  ".join(problems)
        )
    return _table(target, rows)


@functools.cache
def read_libraries(wheel: Path) -> tuple[Library, ...]:
    """Read the headers of all DLLs and extension modules in a wheel.

    Raises:
        RuntimeError: One of them is no Windows library.
    """
    package = canonicalize_name(parse_wheel_filename(wheel.name)[0])
    found = []
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if not name.lower().endswith((".dll", ".pyd")):
                continue
            try:
                file = pefile.PE(data=archive.read(name), fast_load=True)
                file.parse_data_directories(
                    [
                        pefile.DIRECTORY_ENTRY["IMAGE_DIRECTORY_ENTRY_IMPORT"],
                        pefile.DIRECTORY_ENTRY["IMAGE_DIRECTORY_ENTRY_DELAY_IMPORT"],
                    ]
                )
            except pefile.PEFormatError as error:
                raise RuntimeError(f"{wheel.name}: {name} is no Windows library: {error}") from None
            header = file.OPTIONAL_HEADER
            found.append(
                Library(
                    package=package,
                    wheel=wheel.name,
                    path=PurePosixPath(name),
                    linker=(header.MajorLinkerVersion, header.MinorLinkerVersion),
                    machine=file.FILE_HEADER.Machine,
                    imports=_imported(getattr(file, "DIRECTORY_ENTRY_IMPORT", ())),
                    delayed=_imported(getattr(file, "DIRECTORY_ENTRY_DELAY_IMPORT", ())),
                )
            )
    return tuple(found)


def _imported(entries: Iterable[pefile.ImportDescData]) -> dict[str, tuple[str, ...]]:
    """Return {library in lower case: symbols}; several entries may be of one library."""
    found: dict[str, tuple[str, ...]] = {}
    for entry in entries:
        name = entry.dll.decode().lower()
        found[name] = found.get(name, ()) + tuple(
            symbol.name.decode() if symbol.name else f"#{symbol.ordinal}"
            for symbol in entry.imports
        )
    return found


def _required(wheel: Path) -> set[str]:
    """Return the names of the packages that a wheel needs, which are imported before it."""
    lines = metadata(wheel).get("requires_dist", [])
    return {canonicalize_name(Requirement(line).name) for line in lines}


def _resolve(
    target: Target, library: Library, libraries: Sequence[Library], needed: set[str]
) -> tuple[set[str], list[str]]:
    """Find where everything that a library imports comes from.

    Returns:
        Where from, and a sentence for each library that comes from nowhere.
    """
    here = f"{library.wheel}: {library.path}"
    if library.machine != X64:
        return set(), [f"{here} is for another processor"]
    origins, problems = set(), []
    for name in (*library.imports, *library.delayed):
        if origin := _origin(target, library, name, libraries, needed):
            origins.add(origin)
        elif name in library.imports or (library.package, name) not in MAY_BE_MISSING:
            problems.append(f"{here} needs {name}, which comes from nowhere")
    return origins, problems


def _origin(
    target: Target, library: Library, name: str, libraries: Sequence[Library], needed: set[str]
) -> str:
    """Return where Windows finds an imported library: what has it, or "" if nothing has."""
    if name in _symbols(target.runtime):
        return "Blender"  # the copy that is loaded already, even if the wheel has one
    if name in ("python3.dll", "python{}{}.dll".format(*target.python)):
        return "Blender"
    if name in WINDOWS or name.startswith("api-ms-win-"):
        return "Windows"
    for other in libraries:
        if other.path.name.lower() != name:
            continue
        folder = other.path.parent
        is_added = str(folder) == FOLDERS.get(other.package) or folder.name.endswith(".libs")
        if other.package == library.package and (folder == library.path.parent or is_added):
            return "itself"
        if other.package in needed and is_added:
            return other.package
    return ""


def _unserved(target: Target, library: Library) -> list[str]:
    """Return a sentence for each thing that a library needs and the target's runtime lacks."""
    here = f"{library.wheel}: {library.path}"
    problems = []
    for name, exported in _symbols(target.runtime).items():
        wanted = {*library.imports.get(name, ()), *library.delayed.get(name, ())}
        if missing := sorted(wanted - exported):
            more = f" and {len(missing) - 1} more" if missing[1:] else ""
            problems.append(f"{here} needs {missing[0]}{more} of a newer {name}")
    for what, needs in _made_by_the_compiler(library).items():
        if _version(needs) > _version(target.runtime):
            problems.append(
                f"{here} needs the C++ runtime {needs}: its {what} are made at compile time"
                " (linker {}.{})".format(*library.linker)
            )
    return problems


def _made_by_the_compiler(library: Library) -> dict[str, str]:
    """Return {objects that the compiler made: the oldest runtime that understands them}."""
    imported = set(library.imports.get("msvcp140.dll", ()))
    return {
        what: needs
        for what, uses, makes, needs in COMPILE_TIME
        if imported & uses and not any(name.startswith(makes) for name in imported)
    }


@functools.cache
def _symbols(runtime: str) -> dict[str, set[str]]:
    """Return {library: the symbols that it exports} of a version of the runtime."""
    added: dict[str, dict[str, list[str]]] = json.loads(SYMBOLS.read_text(encoding="utf-8"))
    known = {
        library: {
            name
            for version, names in versions.items()
            if _version(version) <= _version(runtime)
            for name in names
        }
        for library, versions in added.items()
    }
    return {library: names for library, names in known.items() if names}


def _version(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(".")))


def _table(target: Target, rows: Mapping[str, Sequence[tuple[Library, set[str]]]]) -> str:
    lines = [
        f"DLLs of {target.name}, for Microsoft's C++ runtime {target.runtime}:",
        "",
        "| wheel | files | linkers | runtime's symbols | oldest runtime | loads from |",
        "|---|--:|---|--:|---|---|",
    ]
    for wheel, found in rows.items():
        libraries = [library for library, _ in found]
        linkers = sorted({library.linker for library in libraries})
        of_runtime = {
            symbol
            for library in libraries
            for name, symbols in library.imports.items()
            if re.match("msvcp140|concrt140|vcruntime140", name)
            for symbol in symbols
        }
        needs = [v for library in libraries for v in _made_by_the_compiler(library).values()]
        origins = sorted(set().union(*(origin for _, origin in found)), key=str.lower)
        cells = (
            "-".join(wheel.split("-")[:2]),
            str(len(libraries)),
            " to ".join(dict.fromkeys("{}.{}".format(*one) for one in (linkers[0], linkers[-1]))),
            str(len(of_runtime) or "–"),
            max(needs, default="any 14" if of_runtime else "–"),
            ", ".join(origins),
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"
