"""Print who made the objects of Sweet Home 3D's catalogs that a training used, as Markdown.

    python tools/starter/credits.py REAL FOLDER... > credits.md

REAL is the folder of real_dataset.py, and the other folders are those that it was given, in the
same order. A catalog is a folder with PluginFurnitureCatalog.properties, as in an unpacked .sh3f.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter, defaultdict
from configparser import ConfigParser
from pathlib import Path

CATALOG = "PluginFurnitureCatalog.properties"
PUBLIC_DOMAIN = "Public domain"  # as a catalog's license
SOURCE = re.compile(r"Downloaded from (https?://\S+)")


def used_files(real: Path, folders: list[Path]) -> list[Path]:
    """Return the files that were used.

    Raises:
        SystemExit: The data are of another number of folders.
    """
    listed = json.loads((real / "files.json").read_text(encoding="utf-8"))
    if len(folders) != len(listed["settings"]["folders"]):
        names = ", ".join(listed["settings"]["folders"])
        raise SystemExit(f"{real} was made of other folders: pass {names}, in this order")
    return [folders[one["folder"]] / one["path"] for one in listed["files"] if not one["problem"]]


def entries(catalog: Path) -> dict[Path, tuple[str, str]]:
    """Return the name and the author of each model of a catalog, by its file.

    A catalog of the public domain asks for no credits: nothing is returned for it.
    """
    parser = ConfigParser(
        delimiters="=", comment_prefixes="#", interpolation=None, strict=False, allow_no_value=True
    )
    parser.optionxform = str  # Keep capitals.
    # Java's property files are Latin-1, with \uXXXX for other characters.
    parser.read_string("[all]\n" + catalog.read_text(encoding="latin-1"))
    values = {
        key: re.sub(r"\\u([0-9a-fA-F]{4})", _character, value or "")
        for key, value in parser["all"].items()
    }
    if values.get("license") == PUBLIC_DOMAIN:
        return {}
    numbers = [key.partition("#")[2] for key in values if key.startswith("model#")]
    return {
        catalog.parent / values[f"model#{n}"].lstrip("/"): (
            values[f"name#{n}"],
            values.get(f"creator#{n}", "author not named"),
        )
        for n in numbers
    }


def _character(escape: re.Match[str]) -> str:
    return chr(int(escape[1], 16))


def source(file: Path) -> str:
    """Return the address that the license beside a model names, or an empty text."""
    for license_file in sorted(file.parent.glob("*[Ll][Ii][Cc][Ee][Nn][Ss][Ee]*")):
        if found := SOURCE.search(license_file.read_text(encoding="latin-1")):
            return found[1]
    return ""


def table(used: dict[Path, tuple[str, str]]) -> str:
    """Return a table of authors with their objects, and where those come from."""
    rows: dict[tuple[str, str], list[str]] = defaultdict(list)
    for file, (name, author) in used.items():
        rows[author, source(file)].append(name)
    lines = [
        f"| {author} | {counted(names)} | {f'<{address}>' if address else ''} |"
        for (author, address), names in sorted(rows.items(), key=lambda row: row[0][0].lower())
    ]
    return "\n".join(["| author | objects | from |", "|---|---|---|", *lines])


def counted(names: list[str]) -> str:
    """Return names in order, each once, with its number if there are several."""
    return ", ".join(
        name if count == 1 else f"{name} ({count})"
        for name, count in sorted(Counter(names).items())
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("real", type=Path)
    parser.add_argument("folders", nargs="+", type=Path)
    options = parser.parse_args()
    files = set(used_files(options.real, options.folders))
    catalogs = sorted(found for folder in options.folders for found in folder.rglob(CATALOG))
    for catalog in catalogs:
        all_models = entries(catalog)
        used = {file: all_models[file] for file in sorted(files & all_models.keys())}
        if used:
            print(f"## {catalog.parent.name}: {len(used)} objects\n\n{table(used)}\n")


if __name__ == "__main__":
    main()
