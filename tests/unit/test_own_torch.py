"""Another torch, from a folder: found there, checked first, and nothing else from that folder."""

import importlib.machinery
import subprocess
import sys
from pathlib import Path

import pytest

from triposr.inference.errors import DependencyError
from triposr.inference.machine.own_torch import read_build, use_torch_from

SUFFIX = importlib.machinery.EXTENSION_SUFFIXES[0]
VERSION = """
from typing import Optional
__version__ = '2.13.0+cu130'
debug = False
cuda: Optional[str] = '13.0'
hip: Optional[str] = None
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What pip install --target leaves, all but the torch in it."""
    package = tmp_path / "torch"
    (package / "inner").mkdir(parents=True)
    (package / "__init__.py").write_text("from .version import __version__\nMINE = True\n")
    (package / "version.py").write_text(VERSION)
    (package / "inner" / "__init__.py").write_text("WHERE = __file__\n")
    (package / f"_C{SUFFIX}").touch()
    (tmp_path / "numpy").mkdir()
    (tmp_path / "numpy" / "__init__.py").write_text("raise ImportError('not this one')\n")
    info = tmp_path / "torch-2.13.0+cu130.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: torch\nVersion: 2.13.0+cu130\n")
    return tmp_path


def test_the_build_is_read_without_importing_it(folder: Path) -> None:
    assert read_build(folder).version == "2.13.0+cu130"
    assert read_build(folder).made_for == "CUDA 13.0"
    (folder / "torch" / "version.py").write_text("__version__ = '2.13.0+cpu'\ncuda = None\n")
    assert read_build(folder).made_for == "CPU only"


def test_other_folders_are_told_apart(folder: Path, tmp_path_factory) -> None:
    with pytest.raises(DependencyError, match="no torch in the folder"):
        read_build(tmp_path_factory.mktemp("empty"))
    (folder / "torch" / f"_C{SUFFIX}").rename(folder / "torch" / "_C.cpython-38-other.so")
    with pytest.raises(DependencyError, match="another Python"):
        read_build(folder)
    (folder / "torch" / "version.py").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DependencyError, match="no torch in the folder"):
        read_build(folder)


def test_torch_comes_from_there_and_all_else_does_not(folder: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from importlib import metadata\n"
        "from triposr.inference.machine.own_torch import use_torch_from\n"
        "before = list(sys.path)\n"
        "use_torch_from(Path(sys.argv[1]))\n"
        "import torch, torch.inner, numpy\n"
        "assert torch.MINE and torch.inner.WHERE.startswith(sys.argv[1])\n"
        "assert metadata.version('torch') == '2.13.0+cu130'\n"
        "assert metadata.version('numpy') == numpy.__version__\n"
        "assert sys.path == before\n"
        "use_torch_from(Path(sys.argv[1]))\n"
    )
    done = subprocess.run([sys.executable, "-c", script, folder], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_loaded_torch_is_not_replaced(folder: Path) -> None:
    import torch

    before = list(sys.meta_path)
    with pytest.raises(DependencyError, match=f"Another torch .{torch.__version__.split('+')[0]}"):
        use_torch_from(folder)
    assert sys.meta_path == before
    use_torch_from(None)
