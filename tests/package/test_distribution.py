"""A light zip in the Blender of a Linux distribution, with that distribution's own torch."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from root_session import RootSession
from roots import SUITES, blender_root, unavailable

import smoke
import wheels
from bundle import TARGETS, Target
from package import package
from wheels import download_source

PYTHONS = {"4.3": "linux-x64-system-py313", "5.2": "linux-x64-system-py314"}


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
    """Put a wheel of PyMCubes for a distribution's Python where `package` looks for one."""
    with closing(RootSession(root)) as session:
        source = session.put(download_source(target, folder))
        build = ("pip", "wheel", "--no-index", "--no-deps", "--no-build-isolation")
        session.run(*build, "--wheel-dir", "/session/files", source)
        [wheel] = (session.folder / "files").glob("*.whl")
        (wheels.WHEELS / target.name).mkdir(parents=True)
        shutil.copy(wheel, wheels.WHEELS / target.name)


def test_install_generate_disable_uninstall(
    version: str, root: Path, picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With Blender's own commands, as an artist's drag runs them; no window, no network."""
    target = TARGETS[PYTHONS[version]]
    monkeypatch.setattr(wheels, "WHEELS", tmp_path / "wheels")
    build_pymcubes(target, root, tmp_path)
    archive = package("light", target, tmp_path / "dist")
    with closing(RootSession(root, bare=True)) as session:
        files = [session.put(path) for path in (Path(smoke.__file__), archive, picture)]
        output = session.run("python3", files[0], "blender", *files[1:], timeout=1200).decode()
    found = dict(re.findall(r"^(\w+) .* from (.*)$", output, re.M))
    assert found["torch"].startswith("/usr/lib/python3/")
    for package_name in ("transformers", "mcubes", "onnxruntime"):
        assert "/extensions/.local/" in found[package_name]


def test_a_zip_that_blender_refuses_is_told(version: str, root: Path, picture: Path) -> None:
    """Not a zip at all: Blender itself exits with 0."""
    with closing(RootSession(root, bare=True)) as session:
        files = [session.put(path) for path in (Path(smoke.__file__), picture, picture)]
        with pytest.raises(RuntimeError, match="exited with 1"):
            session.run("python3", files[0], "blender", *files[1:])
