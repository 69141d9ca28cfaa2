"""Blender as an artist has it: its own packages, an empty profile, nothing of this project."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from build import ROOT
from lock import read_pins

LOCK = ROOT / "requirements" / "lock.txt"
BLENDER = ("bpy", "numpy", "requests", "urllib3", "certifi", "idna", "charset-normalizer")
"""Blender as a module, and what its official builds bring."""

PRELUDE = """
import contextlib, glob, io, json, os, sys

# When Blender starts, the packages of extensions come before its own.
extensions = os.environ["BLENDER_USER_RESOURCES"] + "/extensions"
sys.path[:0] = glob.glob(extensions + "/.local/lib/*/site-packages")
import bpy, addon_utils

MODULE = "bl_ext.user_default.triposr"
answer = {}

def install(path):
    with contextlib.redirect_stdout(io.StringIO()):
        bpy.ops.extensions.package_install_files(
            filepath=path, repo="user_default", enable_on_install=True
        )
        bpy.ops.wm.save_userpref()
    answer["extensions"] = [n for n in bpy.context.preferences.addons.keys() if "bl_ext" in n]

def uninstall(name):
    repos = bpy.context.preferences.extensions.repos
    index = next(i for i, repo in enumerate(repos) if repo.module == "user_default")
    bpy.ops.extensions.package_uninstall(repo_index=index, pkg_id=name)
    bpy.ops.wm.save_userpref()

def enable():
    # As Blender does with the artist's preferences when it starts; as a module it reads none.
    bpy.ops.wm.read_userpref()
    for name in bpy.context.preferences.addons.keys():
        if name.startswith("bl_ext."):
            addon_utils.enable(name)
    return bpy.context.preferences.addons[MODULE].preferences

def generate(path, **settings):
    bpy.ops.triposr.generate(filepath=path, resolution=48, **settings)
    mesh = bpy.context.object.data
    answer["object"] = bpy.context.object.name
    answer["vertices"] = len(mesh.vertices)
    answer["colors"] = mesh.color_attributes[0].name
"""

ENDING = """
print("ANSWER", json.dumps(answer), flush=True)
os._exit(0)  # Blender as a module may wait forever for its own threads at exit
"""


class CleanBlender:
    """Runs scripts in a Blender of its own each, one after the other in the same profile."""

    def __init__(self, python: Path, profile: Path) -> None:
        self.python = python
        self.profile = profile

    def run(self, script: str, **environment: str) -> dict[str, Any]:
        """Run a script, in which `install`, `enable`, `generate` and `answer` are defined.

        Blender stays offline: the script cannot open a connection.
        """
        block = "import socket\ndef refuse(*_): raise OSError('no network')\n"
        block += "socket.socket.connect = socket.getaddrinfo = refuse\n"
        with tempfile.NamedTemporaryFile("w", suffix=".py") as file:
            file.write(block + PRELUDE + script + ENDING)
            file.flush()
            done = subprocess.run(
                [self.python, "-I", file.name],
                env={
                    "PATH": os.environ["PATH"],
                    "HOME": str(self.profile),
                    "BLENDER_USER_RESOURCES": str(self.profile),
                    **environment,
                },
                cwd=self.profile,
                capture_output=True,
                text=True,
                timeout=600,
            )
        found = re.search(r"^ANSWER (.*)$", done.stdout, re.M)
        assert found, done.stdout[-3000:] + done.stderr[-3000:]
        return {**json.loads(found[1]), "output": done.stdout + done.stderr}

    def copied_to(self, profile: Path) -> CleanBlender:
        """The same Blender with a copy of the profile: quicker than to install into another."""
        subprocess.run(["cp", "-a", "--reflink=auto", self.profile, profile], check=True)
        return CleanBlender(self.python, profile)

    def left_behind(self) -> list[str]:
        """The files in the profile's extensions, without those that Blender leaves for itself.

        Among them is the bytecode of a package of one file (typing_extensions), in 4.5.
        """
        extensions = self.profile / "extensions"
        own = re.compile(
            r"\.cache/compat\.dat|[^/]+/\.blender_ext/.*|\.local/.*/__pycache__/.*\.pyc"
        )
        files = [path.relative_to(extensions) for path in extensions.rglob("*") if path.is_file()]
        return sorted(file.as_posix() for file in files if not own.fullmatch(file.as_posix()))


@dataclass(frozen=True)
class FirstUse:
    """A Blender into which an artist has dragged the zip, which she used at once.

    Tests copy it, and change their copy only: installing takes a minute.
    """

    blender: CleanBlender
    answer: dict[str, Any]


def clean_python() -> Path:
    """A Python with Blender and what Blender brings, made once, in the cache folder."""
    pins = {pin.partition("==")[0]: block for pin, block in read_pins(LOCK).items()}
    requirements = "\n".join(pins[name] for name in BLENDER)
    folder = cache() / f"clean-{hashlib.sha256(requirements.encode()).hexdigest()[:12]}"
    with one_at_a_time(folder):
        if not folder.is_dir():
            partial = folder.with_suffix(".partial")
            shutil.rmtree(partial, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", "--without-pip", partial], check=True)
            (partial / "requirements.txt").write_text(requirements)
            pip("install", "--require-hashes", "--requirement", partial / "requirements.txt",
                "--target", next(partial.glob("lib/python*/site-packages")))  # fmt: skip
            partial.rename(folder)
    return folder / "bin" / "python"


def pip(command: str, *arguments: str | Path) -> None:
    """Run pip for packages whose needs are all named."""
    done = subprocess.run(
        [sys.executable, "-m", "pip", command, "--quiet", "--no-deps", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout


def cache() -> Path:
    """Where what takes long to set up is kept."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base, "triposr-blender")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Let one process at a time set up what `path` names."""
    with path.with_suffix(".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
