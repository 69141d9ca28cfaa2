"""Print who made the objects of Sweet Home 3D's catalogs that a training used, as Markdown.

    python tools/starter/credits.py USED OBJECTS > credits.md

USED is the list used.sha256 of real_dataset.py, and OBJECTS the folder below which it names files.
A catalog is a folder with PluginFurnitureCatalog.properties, as in an unpacked .sh3f. All objects
of a catalog that is not of the public domain are named, and all others whose license asks for
attribution, which is looked for in license files beside and above them and at the head of OBJ and
MTL files. How many are not named goes to stderr.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from configparser import ConfigParser
from hashlib import sha256
from itertools import takewhile
from pathlib import Path

CATALOG = "PluginFurnitureCatalog.properties"
PUBLIC_DOMAIN = "Public domain"  # as a catalog's license
LICENSE_FILES = "*[Ll][Ii][Cc][Ee][Nn][Ss][Ee]*"
ATTRIBUTION = re.compile(
    r"Creative Commons Attribution|creativecommons\.org/licenses/by|\bCC[ -]BY\b", re.IGNORECASE
)
MORE = re.compile(  # than attribution
    r"creativecommons\.org/licenses/by-|\bCC[ -]BY[ -](?:NC|SA|ND)\b|Non-?Commercial|Share-?Alike"
    r"|No-?Deriv",
    re.IGNORECASE,
)
SOURCE = re.compile(r"https?://(?:www\.)?blendswap\.com/blends?/(?:view/)?\d+")
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


def terms_of(file: Path, objects: Path) -> str:
    """Return what the licenses of a model say: those at its head, beside it, and above it."""
    heads = [file, *sorted(file.parent.glob("*.mtl"))] if file.suffix.lower() == ".obj" else []
    texts = [_head(each) for each in heads]
    for folder in file.parents:
        found = [each for each in sorted(folder.glob(LICENSE_FILES)) if each.is_file()]
        texts += [_decoded(each.read_bytes()) for each in found]
        if folder == objects:
            break
    return "\n".join(texts)


def _head(file: Path) -> str:
    with file.open("rb") as lines:
        return _decoded(b"".join(takewhile(lambda line: line.startswith(b"#"), lines)))


def _decoded(text: bytes) -> str:
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        return text.decode("latin-1")


def named(
    catalog: Path, files: list[Path], terms: dict[Path, str]
) -> dict[Path, tuple[str, str, str]]:
    """Return name, author and source of those files of a catalog that ask for attribution.

    Raises:
        SystemExit: The catalog does not name one of them.
    """
    models, is_public = entries(catalog)
    asking = [file for file in files if not is_public or ATTRIBUTION.search(terms[file])]
    if missing := [str(file) for file in asking if file not in models]:
        raise SystemExit(f"{catalog} does not name {', '.join(missing)}: credit by hand")
    credit = {}
    for file in asking:
        name, author = models[file]
        credit[file] = name, as_written(author, terms[file]), source(terms[file])
    return credit


def as_written(author: str, terms: str) -> str:
    """Return an author's name with the capitals that the license has; catalogs add their own."""
    found = re.search(rf"(?<!\w){re.escape(author)}(?!\w)", terms, re.IGNORECASE)
    return found[0] if found else author


def source(terms: str) -> str:
    """Return the address of the object that its license names, or an empty text."""
    found = SOURCE.search(terms)
    return f"<{found[0]}>" if found else ""


def table(models: Iterable[tuple[str, str, str]]) -> str:
    """Return a table of authors with their objects, and where those come from."""
    rows: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name, author, address in models:
        rows[author, address].append(name)
    lines = [
        f"| {author} | {counted(names)} | {address} |"
        for (author, address), names in sorted(rows.items(), key=lambda row: row[0][0].lower())
    ]
    return "\n".join(["| author | objects | from |", "|---|---|---|", *lines])


def counted(names: list[str]) -> str:
    """Return names in order, each once, with its number if there are several."""
    return "; ".join(
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
    terms = {file: terms_of(file, options.objects) for file in rest}
    if demanding := [str(file) for file in rest if MORE.search(terms[file])]:
        raise SystemExit(f"Attribution is not enough for {', '.join(demanding)}: leave them out")
    for catalog in sorted(options.objects.rglob(CATALOG)):
        files = [file for file in rest if catalog.parent in file.parents]
        models = named(catalog, files, terms)
        rest = [file for file in rest if file not in models]
        if models:
            number = "1 object" if len(models) == 1 else f"{len(models)} objects"
            print(f"## {catalog.parent.name}: {number}\n\n{table(models.values())}\n")
    if asking := [str(file) for file in rest if ATTRIBUTION.search(terms[file])]:
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
