"""A light zip in the Blender of a Linux distribution, with that distribution's own torch."""

import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from root_session import RootSession
from roots import SUITES, blender_root, unavailable

from bundle import TARGETS, Target
from package import package
from wheels import WHEELS, download_source

PYTHONS = {"4.3": "linux-x64-system-py313", "5.2": "linux-x64-system-py314"}
MODULE = "bl_ext.user_default.triposr"

GENERATE = """
import bpy, sys
bpy.ops.triposr.generate(filepath={picture!r}, resolution=64)
print("OBJECT", bpy.context.object.name, len(bpy.context.object.data.vertices) > 100)
import torch, transformers
print("FROM", torch.__file__, transformers.__file__)
"""


@pytest.fixture(params=SUITES)
def version(request: pytest.FixtureRequest) -> str:
    if reason := unavailable():
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
    return request.param


@pytest.fixture
def root(version: str) -> Iterator[Path]:
    with blender_root(SUITES[version]) as root:
        yield root


def build_pymcubes(target: Target, root: Path, folder: Path) -> None:
    """Put a wheel of PyMCubes for a distribution's Python where `make package` looks for one."""
    wheels = WHEELS / target.name
    wheels.mkdir(parents=True, exist_ok=True)
    if list(wheels.glob("[Pp]y[Mm][Cc]ubes-*.whl")):
        return
    with closing(RootSession(root)) as session:
        source = session.put(download_source(target, "pymcubes", folder))
        build = ("pip", "wheel", "--no-index", "--no-deps", "--no-build-isolation")
        session.run(*build, "--wheel-dir", "/session/files", source)
        [wheel] = (session.folder / "files").glob("*.whl")
        shutil.copy(wheel, wheels)


def test_install_generate_uninstall(
    version: str, root: Path, picture: Path, tmp_path: Path
) -> None:
    """With Blender's own commands, as an artist's drag runs them; no window, no network."""
    target = TARGETS[PYTHONS[version]]
    build_pymcubes(target, root, tmp_path)
    archive = package("light", target, tmp_path / "dist")
    with closing(RootSession(root, bare=True)) as session:
        extension = ("blender", "--command", "extension")
        offline = ("blender", "--background", "--offline-mode", "--python-exit-code", "3")
        script = session.folder / "files" / "generate.py"
        script.write_text(GENERATE.format(picture=session.put(picture)))

        session.run(*extension, "validate", session.put(archive))
        zip_inside = f"/session/files/{archive.name}"
        session.run(*extension, "install-file", "-r", "user_default", "--enable", zip_inside)
        told = session.run(*offline, "--python", f"/session/files/{script.name}").decode()
        assert "OBJECT mug True" in told
        [line] = [line for line in told.splitlines() if line.startswith("FROM")]
        _, torch, transformers = line.split()
        assert torch.startswith("/usr/lib/python3/")
        assert "/extensions/.local/" in transformers

        session.run(*extension, "remove", "triposr")
        left = {
            path.relative_to(session.folder / "blender" / "extensions").as_posix()
            for path in (session.folder / "blender" / "extensions").rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
        assert not {name for name in left if "triposr" in name or name.startswith(".local")}
