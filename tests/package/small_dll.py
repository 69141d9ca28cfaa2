"""DLLs of a few hundred bytes, made by the tests: headers and import tables, but no code."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

Imports = Mapping[str, Sequence[str]]
"""Names of imported symbols by library."""

SECTION = 0x1000  # where the only section lies in memory
HEADERS = 0x200  # where it lies in the file


def small_dll(
    imports: Imports,
    delayed: Imports | None = None,
    linker: tuple[int, int] = (14, 38),
    machine: int = 0x8664,
) -> bytes:
    """The bytes of a PE32+ file that imports symbols.

    Args:
        imports, delayed: What it imports when it is loaded, and when it first calls it.
        linker: The version of the linker that its header names.
        machine: The processor that its header names.
    """
    section = _Section()
    tables = {1: section.import_table(imports)}
    if delayed:
        tables[13] = section.delay_table(delayed)
    content = section.content.ljust(0x200 * (len(section.content) // 0x200 + 1), b"\0")
    directories = b"".join(struct.pack("<II", *tables.get(number, (0, 0))) for number in range(16))
    optional = struct.pack(
        "<HBBIIIIIQIIHHHHHHIIIIHHQQQQII",
        *(0x20B, *linker, 0, len(content), 0, 0, SECTION, 0x180000000, SECTION, HEADERS),
        *(6, 0, 0, 0, 6, 0, 0, SECTION + 0x1000 * (len(content) // 0x1000 + 1), HEADERS, 0, 2, 0),
        *(1 << 20, 1 << 12, 1 << 20, 1 << 12, 0, 16),
    )
    characteristics = 0x2022  # a DLL, executable, for large addresses
    file_header = struct.pack(
        "<HHIIIHH", machine, 1, 0, 0, 0, len(optional) + len(directories), characteristics
    )
    readable = 0x40000040
    table = struct.pack(
        "<8sIIIIIIHHI",
        *(b".rdata", len(content), SECTION, len(content), HEADERS, 0, 0, 0, 0, readable),
    )
    dos = b"MZ".ljust(0x3C, b"\0") + struct.pack("<I", 0x40)
    headers = dos + b"PE\0\0" + file_header + optional + directories + table
    return headers.ljust(HEADERS, b"\0") + content


class _Section:
    """The content of a section, and where in memory each part of it will lie."""

    def __init__(self) -> None:
        self.content = b""

    def add(self, data: bytes) -> int:
        """Append data at a multiple of 8 bytes; return its address."""
        self.content = self.content.ljust(-(-len(self.content) // 8) * 8, b"\0")
        address = SECTION + len(self.content)
        self.content += data
        return address

    def thunks(self, symbols: Sequence[str]) -> int:
        names = [self.add(struct.pack("<H", 0) + s.encode() + b"\0") for s in symbols]
        return self.add(struct.pack(f"<{len(names) + 1}Q", *names, 0))

    def import_table(self, imports: Imports) -> tuple[int, int]:
        entries = b""
        for library, symbols in imports.items():
            name = self.add(library.encode() + b"\0")
            lookup, bound = self.thunks(symbols), self.thunks(symbols)
            entries += struct.pack("<IIIII", lookup, 0, 0, name, bound)
        entries += bytes(20)
        return self.add(entries), len(entries)

    def delay_table(self, imports: Imports) -> tuple[int, int]:
        entries = b""
        for library, symbols in imports.items():
            name = self.add(library.encode() + b"\0")
            handle = self.add(bytes(8))
            bound, lookup = self.thunks(symbols), self.thunks(symbols)
            entries += struct.pack("<IIIIIIII", 1, name, handle, bound, lookup, 0, 0, 0)
        entries += bytes(32)
        return self.add(entries), len(entries)


def wheel(folder: Path, name: str, files: Mapping[str, bytes], needs: Sequence[str] = ()) -> Path:
    """Write a wheel of version 1.0 for Windows and Python 3.11."""
    path = folder / f"{name}-1.0-cp311-cp311-win_amd64.whl"
    lines = ["Metadata-Version: 2.1", f"Name: {name}", "Version: 1.0"]
    lines += [f"Requires-Dist: {need}" for need in needs]
    with zipfile.ZipFile(path, "w") as archive:
        for file, content in files.items():
            archive.writestr(file, content)
        archive.writestr(f"{name}-1.0.dist-info/METADATA", "\n".join(lines) + "\n")
    return path
