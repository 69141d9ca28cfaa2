"""Every package that the add-on imports is declared, and a missing one is reported by name."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from messages import ROOT

from bundle import BLENDERS_OWN, PACKAGES
from triposr.inference.errors import NETWORK_PACKAGES

ADDON = [
    path
    for pattern in ("*.py", *(f"{folder}/**/*.py" for folder in ("inference", "scene")))
    for path in sorted(ROOT.glob(pattern))
] + [
    path
    for folder in ("tasks", "operators", "panels", "translations")
    for path in (ROOT / folder).glob("*.py")
]

BLENDER = {
    "bpy",
    "blf",
    "bmesh",
    "mathutils",
    "bl_ui",
    "bl_operators",
    "bpy_extras",
    "pxr",
    "addon_utils",
    "io_scene_fbx",
    "io_scene_gltf2",
}

KNOWN_AS = {
    "PIL": "Pillow",
    "cv2": "opencv-python-headless",
    "mcubes": "PyMCubes",
    "yaml": "PyYAML",
}
"""What pip calls a module, where that is another name."""

ASKED_FOR = {"packaging"}
"""Modules that are used only where `find_spec` finds them."""

ALWAYS_THERE = {"numpy"}
"""Blender brings it, and cannot do without it itself."""


def guarded_by(node: ast.With) -> str:
    """The package whose import a `with importing("package")` guards, or ""."""
    for item in node.items:
        call = item.context_expr
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "importing":
            return getattr(call.args[0], "value", "")
    return ""


def third_party(
    node: ast.AST, guards: tuple[str, ...] = (), is_inside: bool = False
) -> Iterator[tuple[str, tuple[str, ...], bool]]:
    """(module, what guards its import, whether it is inside a function) of all that is imported."""
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
        return
    if isinstance(node, ast.With):
        guards = (*guards, guarded_by(node))
    is_inside = is_inside or isinstance(node, ast.FunctionDef)
    names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
    if isinstance(node, ast.ImportFrom) and not node.level:
        names = [node.module or ""]
    for name in names:
        root = name.partition(".")[0]
        if root not in sys.stdlib_module_names | BLENDER | ASKED_FOR:
            yield root, guards, is_inside
    for child in ast.iter_child_nodes(node):
        yield from third_party(child, guards, is_inside)


IMPORTS = {path: list(third_party(ast.parse(path.read_text(encoding="utf-8")))) for path in ADDON}
MODULES = {module for found in IMPORTS.values() for module, _, _ in found}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared() -> set[str]:
    """What pyproject.toml asks for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return {re.split(r"[<>=!~ ]", line)[0] for line in project["dependencies"]}


def test_what_is_imported_is_declared() -> None:
    assert {KNOWN_AS.get(module, module) for module in MODULES} == declared()


def test_what_the_batch_command_imports_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extra = {re.split(r"[<>=!~\[ ]", line)[0] for line in project["optional-dependencies"]["batch"]}
    found = {
        KNOWN_AS.get(module, module).replace("_", "-")
        for path in (ROOT / "batch").glob("*.py")
        for module, _, _ in third_party(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert extra <= found and found <= extra | declared()


def test_what_is_declared_comes_with_the_zips_and_into_the_report() -> None:
    names = {canonical(name) for name in declared()}
    assert names <= {*PACKAGES, *BLENDERS_OWN, "torch"}
    tree = ast.parse((ROOT / "operators" / "diagnostics.py").read_text(encoding="utf-8"))
    [reported] = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "PACKAGES"
    ]
    assert declared() <= set(reported)
    [command] = re.findall(
        r"pip install (torch .*?)\n```", (ROOT / "CONTRIBUTING.md").read_text(), re.S
    )
    assert declared() - ALWAYS_THERE == set(command.replace("\\", " ").split())


@pytest.mark.parametrize("path", ADDON, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_are_guarded(path: Path) -> None:
    """By `importing`, there or in a function of the same file that comes before."""
    of_network = set(NETWORK_PACKAGES.values()) if ROOT / "inference" in path.parents else set()
    somewhere = {name for _, guards, _ in IMPORTS[path] for name in guards}
    for module, _, is_inside in IMPORTS[path]:
        if module in ALWAYS_THERE or (module in of_network and not is_inside):
            continue
        if module == "torch" and of_network:
            continue  # code that gets a loaded model, and torch with it
        assert KNOWN_AS.get(module, module) in somewhere, (
            f"{module} is imported without `importing`"
        )


def test_the_rules_can_be_broken() -> None:
    source = "import a.b\nwith importing('c'):\n    import c\ndef f():\n    from d import e\n"
    found = list(third_party(ast.parse(source)))
    assert found == [("a", (), False), ("c", ("c",), False), ("d", (), True)]


WITHOUT = '''
import sys
from importlib.machinery import PathFinder
from pathlib import Path

class Without(PathFinder):
    """Finds all but one package, as if it was not installed."""

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name.partition(".")[0] == sys.argv[1]:
            return None
        return PathFinder.find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Without
from triposr.inference.engine import Engine
from triposr.inference.files.installation import import_model
from triposr.inference.scene_code import SceneCode
from triposr.inference.types import Machine, Options, ignore_progress
picture, starter, model, there = map(Path, sys.argv[2:])

def prepare():
    from triposr.inference.picture.prepare import prepare_image
    prepare_image(picture)

def reconstruct():
    def work(model):
        from triposr.inference.pipeline import reconstruct
        return reconstruct(picture, model, Options(resolution=16), ignore_progress)

    Engine().run(work, starter, Machine("cpu"), ignore_progress)

for work in (prepare, reconstruct, lambda: SceneCode.from_bytes(b""),
             lambda: import_model(model, there)):
    try:
        work()
        print("works")
    except Exception as error:
        print(type(error).__name__, error.args[0])
'''


@pytest.mark.parametrize(
    ("module", "fails"),
    [
        ("PIL", (0, 1)),
        ("cv2", (0, 1)),
        ("mcubes", (1,)),
        ("safetensors", (1, 2, 3)),
        ("transformers", (1, 3)),
        ("yaml", (1, 3)),
        ("torch", (1, 3)),
    ],
)
def test_a_missing_package_is_told_by_its_name(
    module: str, fails: tuple[int, ...], mug, tiny_folder: Path, tmp_path: Path
) -> None:
    mug.save(tmp_path / "mug.png")
    places = (tmp_path / "mug.png", ROOT / "models" / "starter", tiny_folder, tmp_path / "models")
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, module, *map(str, places)],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    name = KNOWN_AS.get(module, module)
    for number in fails:
        assert lines[number].startswith(f"DependencyError The package {name} cannot be"), lines
    assert "Unexpected" not in done.stdout
    others = [line for number, line in enumerate(lines) if number not in fails]
    assert not [line for line in others if "No module" in line], lines
