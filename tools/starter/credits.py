"""Print who made the objects of Sweet Home 3D's catalogs that a training used, as Markdown.

    python tools/starter/credits.py USED OBJECTS > credits.md

USED is the list used.sha256 of real_dataset.py, and OBJECTS the folder below which it names files.
A catalog is a folder with PluginFurnitureCatalog.properties, as in an unpacked .sh3f. All objects
of a catalog that is not of the public domain are named, and those of other catalogs whose own
license asks for attribution. How many are not named goes to stderr.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter, defaultdict
from configparser import ConfigParser
from hashlib import sha256
from pathlib import Path

CATALOG = "PluginFurnitureCatalog.properties"
PUBLIC_DOMAIN = "Public domain"  # as a catalog's license
LICENSE_FILES = "*[Ll][Ii][Cc][Ee][Nn][Ss][Ee]*"  # beside a model
ATTRIBUTION = re.compile(r"Creative Commons Attribution|creativecommons\.org/licenses/by")
SOURCE = re.compile(r"https?://www\.blendswap\.com/blends/view/\d+")
LISTED = re.compile(r"([0-9a-f]{64})  (.+)")  # a line of sha256sum


def used_files(used: Path, objects: Path) -> list[Path]:
    """Return the files of a list, below the folder of objects.

    Raises:
        SystemExit: The list cannot be read, or a file is missing or another one than was used.
    """
    try:
        lines = used.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SystemExit(f"{used} cannot be read: {error}") from error
    files = []
    for line in lines:
        found = LISTED.fullmatch(line)
        if not found:
            raise SystemExit(f"{used} is no list of sha256sum: {line[:80]!r}")
        file = objects / found[2]
        if not file.is_file():
            raise SystemExit(f"There is no {file}: pass the folder below which {used} names files")
        if sha256(file.read_bytes()).hexdigest() != found[1]:
            raise SystemExit(f"{file} is another file than the one that was used")
        files.append(file)
    return files


def entries(catalog: Path) -> tuple[dict[Path, tuple[str, str]], bool]:
    """Return name and author of each model of a catalog, by its file.

    Return also whether the catalog is of the public domain.
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
    numbers = [key.partition("#")[2] for key in values if key.startswith("model#")]
    models = {
        catalog.parent / values[f"model#{n}"].lstrip("/"): (
            values[f"name#{n}"],
            values.get(f"creator#{n}", "author not named"),
        )
        for n in numbers
    }
    return models, values.get("license") == PUBLIC_DOMAIN


def _character(escape: re.Match[str]) -> str:
    return chr(int(escape[1], 16))


def named(catalog: Path, files: list[Path]) -> dict[Path, tuple[str, str]]:
    """Return name and author of those files of a catalog that ask for attribution.

    Raises:
        SystemExit: The catalog does not name one of them.
    """
    models, is_public = entries(catalog)
    asking = [file for file in files if not is_public or ATTRIBUTION.search(license_of(file))]
    if missing := [str(file) for file in asking if file not in models]:
        raise SystemExit(f"{catalog} does not name {', '.join(missing)}: credit by hand")
    return {file: models[file] for file in asking}


def license_of(file: Path) -> str:
    """Return the text of the licenses beside a model."""
    found = sorted(file.parent.glob(LICENSE_FILES))
    return "\n".join(each.read_text(encoding="latin-1") for each in found)


def source(file: Path) -> str:
    """Return the address that the license beside a model names, or an empty text."""
    found = SOURCE.search(license_of(file))
    return f"<{found[0]}>" if found else ""


def table(models: dict[Path, tuple[str, str]]) -> str:
    """Return a table of authors with their objects, and where those come from."""
    rows: dict[tuple[str, str], list[str]] = defaultdict(list)
    for file, (name, author) in models.items():
        rows[author, source(file)].append(name)
    lines = [
        f"| {author} | {counted(names)} | {address} |"
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
    parser.add_argument("used", type=Path)
    parser.add_argument("objects", type=Path)
    options = parser.parse_args()
    rest = sorted(used_files(options.used, options.objects))
    catalogs = sorted(options.objects.rglob(CATALOG))
    if not catalogs:
        raise SystemExit(f"There is no {CATALOG} in {options.objects}")
    for catalog in catalogs:
        files = [file for file in rest if catalog.parent in file.parents]
        models = named(catalog, files)
        rest = [file for file in rest if file not in models]
        if models:
            print(f"## {catalog.parent.name}: {len(models)} objects\n\n{table(models)}\n")
    if asking := [str(file) for file in rest if ATTRIBUTION.search(license_of(file))]:
        raise SystemExit(f"No catalog says who made {', '.join(asking)}: credit by hand")
    for folder, count in Counter(_origin(file, options.objects) for file in rest).items():
        print(f"not named: {count} of {folder}", file=sys.stderr)


def _origin(file: Path, objects: Path) -> str:
    """Return the catalog of a file, or the folder of its collection."""
    catalogs = [parent for parent in file.parents if (parent / CATALOG).exists()]
    found = catalogs[0] if catalogs else objects / file.relative_to(objects).parts[0]
    return found.relative_to(objects).as_posix()


if __name__ == "__main__":
    main()
