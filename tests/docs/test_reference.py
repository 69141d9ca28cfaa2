"""The reference pages name everything, and quote the code's messages word for word."""

import ast
import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from types import ModuleType

import background
import pytest
from fences import ROOT, without_blocks
from messages import messages

SCRIPTING = without_blocks(ROOT / "docs" / "scripting.md")
PANELS = without_blocks(ROOT / "docs" / "panels.md")
TROUBLESHOOTING = ROOT / "docs" / "troubleshooting.md"

# Properties that Blender adds to operators, or that only its file browser fills in.
NOT_OURS = {"rna_type", "filter_glob", "remove_name", "remove_active", "menu_idname"}


def classes(bpy: ModuleType, base: str) -> Iterator[type]:
    """The add-on's registered classes of a kind."""
    for package in ("operators", "properties"):
        module = importlib.import_module(f"{background.MODULE}.{package}")
        names = getattr(module, "classes", ())
        yield from (cls for cls in names if issubclass(cls, getattr(bpy.types, base)))


def missing(names: set[str], page: str) -> set[str]:
    """Names that the page does not contain as code."""
    return {name for name in names if not re.search(rf"`[^`]*\b{re.escape(name)}\b[^`]*`", page)}


def own_settings(cls: type) -> set[str]:
    """Properties that an operator and its base classes declare."""
    return {name for base in cls.__mro__ for name in inspect.get_annotations(base)}


def test_operators_and_their_settings(bpy: ModuleType) -> None:
    found = list(classes(bpy, "Operator"))
    assert len(found) > 30
    names = {cls.bl_idname for cls in found}
    for cls in found:
        names |= own_settings(cls) - NOT_OURS
    assert not missing(names, SCRIPTING)


def test_functions() -> None:
    tree = ast.parse((ROOT / "api.py").read_text(encoding="utf-8"))
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert not missing({f"api.{name}" for name in functions if name[0] != "_"}, SCRIPTING)


def test_names_without_blender() -> None:
    inference = importlib.import_module("triposr.inference")
    options = set(inference.Options.__dataclass_fields__)
    mesh = set(inference.MeshData.__dataclass_fields__)
    assert not missing({*inference.__all__, *options, *mesh}, SCRIPTING)


def test_options_of_the_command(bpy: ModuleType) -> None:
    parser = sys.modules[f"{background.MODULE}.command"]._parser()
    options = {name for action in parser._actions for name in action.option_strings}
    absent = {name for name in options if f"`{name}" not in SCRIPTING}
    assert options and not absent


def settings(bpy: ModuleType, name: str) -> list[object]:
    module, _, group = name.rpartition(".")
    rna = getattr(sys.modules[f"{background.MODULE}.{module}"], group).bl_rna
    base = {
        "PropertyGroup": bpy.types.PropertyGroup,
        "AddonPreferences": bpy.types.AddonPreferences,
    }
    inherited = {p.identifier for b in base.values() for p in b.bl_rna.properties}
    return [p for p in rna.properties if p.identifier not in inherited]


@pytest.mark.parametrize(
    "name", ["properties.TripoSRSettings", "panels.preferences.TripoSRPreferences"]
)
def test_settings(bpy: ModuleType, name: str) -> None:
    found = settings(bpy, name)
    assert not missing({p.identifier for p in found}, SCRIPTING)
    visible = [p for p in found if not p.is_hidden]
    assert {p.name for p in visible if p.name not in PANELS} == set()
    enums = [item for p in visible if p.type == "ENUM" for item in p.enum_items]
    shown = PANELS + (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    if name == "properties.TripoSRSettings":
        assert {item.name for item in enums if item.name not in shown} == set()
        assert not missing({item.identifier for item in enums}, SCRIPTING)


def strings(node: ast.AST) -> str:
    """A string's or f-string's constant parts, with … for what is filled in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.sub(r"{[^}]*}", "…", node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(strings(part) or "…" for part in node.values)
    return ""


def test_every_button_is_explained() -> None:
    texts = set()
    for path in (ROOT / "panels").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "text":
                texts.add(strings(node.value))
    labels = {text for text in texts if text and "…" not in text}
    assert len(labels) > 25
    exempt = {  # headings, and labels that need no explanation
        "Open, paste or drop a picture to begin",
        "Reading the clipboard",
        "Updating the preview",
        "Looking for models",
        "Model: Starter (Draft)",
        "Model: TripoSR",
        "Device and Memory",
    }
    assert labels - exempt - {label for label in labels if label in PANELS} == set()


def test_messages_are_those_of_the_code() -> None:
    """Each first cell below `what it says` is a message of the add-on."""
    said = {re.sub(r"{[^}]*}", "…", message) for message in messages()}
    quoted = set()
    is_quoting = False
    for line in TROUBLESHOOTING.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|"):
            is_quoting = False
        elif cells[0] == "what it says":
            is_quoting = True
        elif is_quoting and not cells[0].startswith("---"):
            quoted.add(cells[0])
    assert len(quoted) > 40
    assert sorted(quoted - said) == []


def test_the_house_is_shown_whole() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    modules = {path.name for path in ROOT.glob("*.py")}
    folders = {path.parent.name + "/" for path in ROOT.glob("*/__init__.py")}
    tests = {
        f"tests/{path.name}" for path in (ROOT / "tests").iterdir() if any(path.glob("test_*"))
    }
    assert {name for name in modules | folders | tests if f"`{name}`" not in page} == set()
