"""Who may import whom, read from the source, and what importing really loads."""

import ast
import subprocess
import sys
import tomllib
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ADDON = sorted(
    path
    for pattern in (
        *("*.py", "inference/**/*.py", "scene/**/*.py", "tasks/*.py", "operators/*.py"),
        *("panels/*.py", "translations/*.py", "batch/*.py"),
    )
    for path in ROOT.glob(pattern)
)

# Our own modules that each room of the house may import, besides those of its own folder.
ALLOWED = {
    "inference": set(),
    "scene": {"inference"},
    "settings": {"inference"},
    "properties": {"inference", "settings"},
    "texts": {"inference"},
    "preferences": {"inference", "texts"},
    "tasks": {"batch", "inference", "scene", "settings", "properties", "preferences", "texts"},
    "operators": {"inference", "scene", "tasks", "settings", "properties", "preferences", "texts"},
    "panels": {"inference", "scene", "tasks", "properties", "preferences", "texts"},
    "api": {"inference", "scene", "tasks", "preferences", "settings"},
    "shell": {"settings"},
    "command": {"api", "inference", "scene", "settings", "shell", "tasks"},
    "batch": {"inference", "scene", "settings", "shell"},
    "translations": set(),
    "__init__": {
        *("operators", "panels", "properties", "command", "scene", "tasks", "translations"),
    },
}
# The rooms of inference/, each with those that it may use besides errors, messages and values.
INFERENCE = {
    "machine": set(),
    "model": {"machine"},
    "files": {"model", "machine"},
    "picture": {"model", "machine"},
    "surface": {"machine"},
    "texture": {"surface", "machine"},
}

BESIDE_BLENDER = {
    *(ROOT / name for name in ("settings.py", "shell.py", "scene/placement.py")),
    *(ROOT / "batch").glob("*.py"),
    *(ROOT / "tasks" / f"{name}.py" for name in ("job", "queue", "meter", "stages")),
    ROOT / "tasks" / "batch_index.py",
}
"""Modules that neither import Blender nor need it."""

MAY_USE_PATH = {ROOT / "inference" / "machine" / name for name in ("own_torch.py", "trial.py")}
"""One restores sys.path after torch's import, which needs it; one hands it to another process."""

HEAVY = {"torch", "transformers", "rembg", "mcubes", "onnxruntime", "cv2"}


def part(path: Path) -> str:
    """The room of the house that a file belongs to."""
    first = path.relative_to(ROOT).parts[0]
    return first.removesuffix(".py")


def imports(path: Path, top_level: bool = False) -> Iterator[tuple[str, int]]:
    """The modules that a file imports, with their relative level."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = top_level_nodes(tree) if top_level else ast.walk(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((alias.name, 0) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.module is None:
                yield from ((alias.name, node.level) for alias in node.names)
            else:
                yield node.module, node.level


def top_level_nodes(tree: ast.Module) -> Iterator[ast.AST]:
    """Imports at module level: not in functions, not under TYPE_CHECKING."""
    for node in tree.body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        if not isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield from ast.walk(node)


def test_the_addon_is_found() -> None:
    assert {part(path) for path in ADDON} == set(ALLOWED)


@pytest.mark.parametrize("path", ADDON, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_follow_the_house(path: Path) -> None:
    depth = len(path.relative_to(ROOT).parts) - 1
    for module, level in imports(path):
        root = module.partition(".")[0]
        assert root not in {"triposr", *ALLOWED} or level, f"{module} is ours: import it relatively"
        if level == depth + 1:  # it climbs to the root of the add-on
            assert root in ALLOWED[part(path)] | {part(path)}, f"{part(path)} may not use {module}"
        assert level <= depth + 1


ACROSS = {
    "batch": {"scene": {"scene.placement"}},
    "tasks": {"batch": {"batch.rows"}},
}
"""Rooms that may use another room's modules without Blender, or without Ray, alone."""


@pytest.mark.parametrize("path", ADDON, ids=lambda path: str(path.relative_to(ROOT)))
def test_little_passes_between_batch_and_blender(path: Path) -> None:
    depth = len(path.relative_to(ROOT).parts) - 1
    for module, level in imports(path):
        room = module.partition(".")[0]
        if level == depth + 1 and room in ACROSS.get(part(path), {}):
            assert module in ACROSS[part(path)][room], f"{part(path)} may not use {module}"
    if part(path) == "batch":
        assert not any(module.partition(".")[0] == "bpy" for module, _ in imports(path))


def test_the_zip_has_no_more_of_batch_than_blender_needs(extension: Path) -> None:
    with zipfile.ZipFile(extension) as archive:
        names = {name for name in archive.namelist() if name.startswith("batch/")}
    assert names - {"batch/"} == {"batch/__init__.py", "batch/rows.py"}


@pytest.mark.parametrize("room", INFERENCE)
def test_rooms_of_the_inference(room: str) -> None:
    files = list((ROOT / "inference" / room).glob("*.py"))
    assert len(files) > 1
    for path in files:
        for module, level in imports(path):
            root = module.partition(".")[0]
            if level == 2 and root in INFERENCE:
                assert root in INFERENCE[room], f"{room} may not use {module}"
            elif level == 2:
                assert root in {"errors", "message", "scene_code", "types"}, f"{path}: {module}"


def test_nothing_imports_itself_in_a_circle() -> None:
    """Not even in functions: code that two modules need belongs into one below both."""
    uses = {path: set(imported_files(path)) for path in ADDON}
    while leaves := {path for path, used in uses.items() if not used & set(uses)}:
        uses = {path: used for path, used in uses.items() if path not in leaves}
    assert not uses, sorted(str(path.relative_to(ROOT)) for path in uses)


@pytest.mark.parametrize("path", ADDON, ids=lambda path: str(path.relative_to(ROOT)))
def test_blender_stays_out_of_the_inference(path: Path) -> None:
    roots = {module.partition(".")[0] for module, level in imports(path) if not level}
    if part(path) == "inference" or path in BESIDE_BLENDER:
        assert "bpy" not in roots
    if part(path) not in ("inference", "batch"):
        assert not roots & HEAVY
        top = {module.partition(".")[0] for module, _ in imports(path, top_level=True)}
        assert not top & {*HEAVY, "PIL"}


def imported_files(path: Path) -> Iterator[Path]:
    """Our files that a file imports anywhere, except for types alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for_types = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level and node not in for_types:
            folder = path.parents[node.level - 1].joinpath(*(node.module or "").split("."))
            for alias in node.names:
                named = (folder / f"{alias.name}.py", folder / alias.name / "__init__.py")
                whole = (folder.with_suffix(".py"), folder / "__init__.py")
                yield next(file for file in (*named, *whole) if file.is_file())


def loaded_with(path: Path) -> set[Path]:
    """Our files that importing a file loads, itself included."""
    found, waiting = set(), [path]
    while waiting:
        file = waiting.pop()
        if file in found:
            continue
        found.add(file)
        for module, level in imports(file, top_level=True):
            if level:
                there = file.parents[level - 1].joinpath(*module.split("."))
                names = (there.with_suffix(".py"), there / "__init__.py")
                waiting += [name for name in names if name.is_file()]
    return found


def test_enabling_leads_to_nothing_heavy() -> None:
    """Enabling the add-on imports all files except those imported in functions."""
    beside = ("inference", "translations", "batch")
    blender_side = [path for path in ADDON if part(path) not in beside]
    picture = ROOT / "inference" / "picture"
    assert picture / "decode.py" in loaded_with(picture / "prepare.py")
    for path in blender_side:
        for file in loaded_with(path):
            roots = {module.partition(".")[0] for module, _ in imports(file, top_level=True)}
            assert not roots & {*HEAVY, "PIL", "scipy"}, f"{path.name} leads to {file.name}"


@pytest.mark.parametrize("path", ADDON, ids=lambda path: str(path.relative_to(ROOT)))
def test_manners(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), "a module says what it is for"
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id != "print", "log instead"
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            is_path = (node.value.id, node.attr) == ("sys", "path")
            assert not is_path or path in MAY_USE_PATH, "leave sys.path alone"
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None, "no bare except"
            assert not all(isinstance(line, ast.Pass) for line in node.body), "no swallowed error"


def test_importing_inference_loads_neither_blender_nor_torch() -> None:
    script = (
        "import sys, triposr.inference, triposr.tasks.job, triposr.tasks.queue;"
        f"print(sorted(set(sys.modules) & {HEAVY | {'bpy', 'PIL'}!r}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_public_names_are_there() -> None:
    import triposr.inference as public

    assert all(getattr(public, name) is not None for name in public.__all__)
    with pytest.raises(AttributeError):
        _ = public.no_such_name


def test_versions_agree() -> None:
    import tomllib

    manifest = tomllib.loads((ROOT / "blender_manifest.toml").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert manifest["version"] == project["project"]["version"]


def test_modules_of_bare_names_do_not_hide_each_other():
    pytest_settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]
    folders = pytest_settings["ini_options"]["pythonpath"]
    modules = [path for folder in folders for path in sorted((ROOT / folder).glob("*.py"))]
    # Tests are not imported by name, and each folder of them may have a conftest.
    modules = [path for path in modules if path.name[:5] not in ("test_", "conft")]
    assert len(modules) > 50
    names = Counter(path.stem for path in modules)
    assert [name for name, count in names.items() if count > 1] == []
    assert set(names) & set(sys.stdlib_module_names) == set()
