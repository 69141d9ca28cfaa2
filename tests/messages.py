"""English text that the add-on shows the artist, read from its source and its catalog."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

from triposr.inference.model.catalog import MODELS

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted(
    path
    for pattern in (
        *("*.py", "inference/**/*.py", "scene/**/*.py", "tasks/*.py", "operators/*.py"),
        "panels/*.py",
    )
    for path in ROOT.glob(pattern)
    if path.name != "command.py"  # a shell's command speaks English
)

MARKS = {"Message", "iface_", "tip_", "rpt_", "check_choice", "check_range", "check_whole"}
"""Calls whose first argument is a text for the artist."""

ERRORS = {
    *("TripoSRError", "InputError", "ModelFilesError", "DownloadError", "DependencyError"),
    *("DeviceError", "DeviceMemoryError", "EmptySurfaceError"),
}
"""Errors, which take a message and a hint."""


def trees() -> Iterator[tuple[Path, ast.Module]]:
    """The add-on's files, parsed."""
    for path in SOURCES:
        yield path, ast.parse(path.read_text(encoding="utf-8"))


def name_of(call: ast.Call) -> str:
    """Name of the called function, without the object that it belongs to."""
    function = call.func
    return getattr(function, "id", getattr(function, "attr", ""))


def literal(node: ast.AST | None) -> str | None:
    """The node's string, if it is one and not empty."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value or None
    return None


def messages() -> set[str]:
    """All texts to be translated, templates unformatted."""
    found = {text for _, tree in trees() for node in ast.walk(tree) for text in _texts(node)}
    found |= {model.purpose for model in MODELS}  # labels are names
    found |= {path.stem.replace("_", " ") for path in ROOT.glob("presets/triposr/*.py")}
    return found


def _texts(node: ast.AST) -> Iterator[str]:
    candidates: list[ast.AST | None] = []
    if isinstance(node, ast.Call):
        candidates += _of_call(node)
    elif isinstance(node, ast.Dict):  # arguments of a property that several classes declare
        keys = [literal(key) for key in node.keys]
        if "name" in keys:
            candidates += [
                value
                for key, value in zip(keys, node.values, strict=True)
                if key in ("name", "description")
            ]
    elif isinstance(node, ast.Tuple):
        candidates += _of_items(node)
    elif isinstance(node, ast.ClassDef):
        candidates += _of_class(node)
    for candidate in candidates:
        either = isinstance(candidate, ast.IfExp)
        branches = [candidate.body, candidate.orelse] if either else [candidate]
        yield from filter(None, map(literal, branches))


def _of_call(call: ast.Call) -> Iterator[ast.AST]:
    name = name_of(call)
    yield from call.args[: 2 if name in ERRORS else 1 if name in MARKS else 0]
    shown = {"text"}
    if name.endswith("Property"):
        shown |= {"name", "description"}
    elif name == "Setting":
        shown |= {"label", "description"}
    yield from (keyword.value for keyword in call.keywords if keyword.arg in shown)


def _of_items(node: ast.Tuple) -> Iterator[ast.AST]:
    """Labels and descriptions of an enumeration's items: (identifier, label, description)."""
    items = [item for item in node.elts if not isinstance(item, ast.Starred)]
    if all(isinstance(item, ast.Tuple) and _is_item(item) for item in items):
        for item in items:
            yield from item.elts[1:]


def _is_item(item: ast.Tuple) -> bool:
    return len(item.elts) == 3 and all(
        isinstance(part, ast.Constant) and isinstance(part.value, str) for part in item.elts
    )


def _of_class(node: ast.ClassDef) -> Iterator[ast.AST]:
    """Texts of a class that Blender shows, such as an operator's docstring or its description."""
    shown = {
        target.id: line.value
        for line in node.body
        if isinstance(line, ast.Assign)
        for target in line.targets
        if isinstance(target, ast.Name) and target.id in ("bl_label", "bl_description")
    }
    yield from shown.values()
    is_operator = any(getattr(base, "attr", "") == "Operator" for base in node.bases)
    if is_operator and "bl_description" not in shown:
        first = node.body[0]
        assert isinstance(first, ast.Expr), f"{node.name} has no tooltip"
        yield first.value


def placeholders(template: str) -> list[tuple[str, str | None, str | None]]:
    """Values that a template asks for, with conversion and format, sorted."""
    parts = Formatter().parse(template)
    return sorted((name, how, kind) for _, name, how, kind in parts if name is not None)
