"""A folder in which the examples of the documentation run, and a Blender with the add-on."""

import os
import shutil
import sys
from pathlib import Path
from types import ModuleType

import background
import pytest
from blender_at_exit import pytest_sessionfinish, pytest_unconfigure  # noqa: F401
from fences import ROOT
from PIL import Image, ImageDraw

PICTURES = ("chair", "vase")

SHIMS = {
    # PyPI's bpy has no program of its own.
    "blender": 'exec "{python}" "{here}/blender_shim.py" "$@"',
    # Whether the Makefile can do it; doing it takes minutes.
    "make": 'exec /usr/bin/env make --no-print-directory -n -C "{root}" "$@" >/dev/null',
}


@pytest.fixture(scope="session")
def bpy(extension: Path) -> ModuleType:
    """bpy, in a private profile."""
    return background.start_blender()


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository as far as examples name it, with pictures and a place to write to."""
    folder = tmp_path_factory.mktemp("examples")
    for name in (".venv", "examples", "models", "tools"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "pictures").mkdir()
    for name in PICTURES:
        draw_picture(folder / f"{name}.png")
        draw_picture(folder / "pictures" / f"{name}.png")
    shutil.copy(ROOT / "tests" / "data" / "tiny" / "model.ckpt", folder)
    (folder / "home").mkdir()
    return folder


def draw_picture(path: Path) -> None:
    """Something like a chair, on a transparent ground."""
    image = Image.new("RGBA", (256, 256), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    for left, top, right, bottom in ((70, 40, 100, 220), (70, 130, 190, 160), (160, 150, 190, 220)):
        draw.rectangle((left, top, right, bottom), fill=(190, 60, 40, 255))
    image.save(path)


@pytest.fixture(scope="session")
def shell(folder: Path, extension: Path) -> dict[str, str]:
    """The environment of a shell in that folder: our `blender` and `make` come first."""
    binaries = folder / "bin"
    binaries.mkdir()
    for name, command in SHIMS.items():
        text = command.format(python=sys.executable, here=Path(__file__).parent, root=ROOT)
        path = "PATH=${PATH#*:}\n" if name == "make" else ""
        (binaries / name).write_text(f"#!/bin/bash\n{path}{text}\n")
        (binaries / name).chmod(0o755)
    path = os.pathsep.join([str(binaries), str(ROOT / ".venv/bin"), os.environ["PATH"]])
    return {**os.environ, "PATH": path, "HOME": str(folder / "home")}
