"""A GPU build of torch in a few kilobytes: wheels with the layout of the real ones."""

from __future__ import annotations

import hashlib
import importlib.machinery
import io
import platform
import sys
import zipfile
from collections.abc import Mapping
from urllib.parse import quote

SUFFIX = importlib.machinery.EXTENSION_SUFFIXES[0]
TAG = f"cp{sys.version_info.major}{sys.version_info.minor}"

TORCH = '''
"""Enough of torch for a trial. Like the real one, it looks for CUDA's libraries on sys.path."""
import os, sys
from types import SimpleNamespace
from . import version
from .version import __version__
CARDS = []
if not [path for path in sys.path if os.path.isfile(f"{path}/nvidia/cublas/lib/libcublas.so.12")]:
    raise OSError("libcublas.so.12: cannot open shared object file: No such file or directory")

class Square:
    def __init__(self, side, value): self.side, self.value = side, value
    def __matmul__(self, other): return Square(self.side, self.side * self.value * other.value)
    def __eq__(self, other): return Square(self.side, self.value == other)
    def all(self): return self.value
    def sum(self): return SimpleNamespace(item=lambda: self.side**2 * self.value)

def ones(*shape, device="cpu"): return Square(shape[-1], 1)
def conv2d(image, kernel): return Square(image.side - kernel.side + 1, kernel.side**2)
nn = SimpleNamespace(functional=SimpleNamespace(conv2d=conv2d))
def get_num_threads(): return 2
device = str
float32, bfloat16, float16 = "float32", "bfloat16", "float16"
OutOfMemoryError = MemoryError
cuda = SimpleNamespace(
    is_available=lambda: bool(CARDS),
    device_count=lambda: len(CARDS),
    get_device_properties=lambda at: SimpleNamespace(name=CARDS[at], total_memory=12_000_000_000),
)
xpu = SimpleNamespace(is_available=lambda: False)
backends = SimpleNamespace(mps=xpu)
'''

DRIVING = TORCH.replace("CARDS = []", "CARDS = ['NVIDIA GeForce RTX 3060']")
"""Text of `torch/__init__.py` that claims to drive that card."""

VERSION = """
from typing import Optional
__version__ = '2.8.0+cu128'
cuda: Optional[str] = '12.8'
hip: Optional[str] = None
"""

LIBRARY = bytes(range(256)) * 400
"""Content of a library: 100 kB."""

TORCH_FILES = {
    "torch/__init__.py": TORCH,
    "torch/version.py": VERSION,
    f"torch/_C{SUFFIX}": "",
    "torch/lib/libtorch_cuda.so": LIBRARY,
    "torch/bin/torch_shm_manager": "#!/bin/sh\n",
    "torch/bin/protoc": "not needed",
    "torch/include/ATen/ops/a_very_long_name.h": "not needed",
    "torch/test/test_api": "not needed",
    "torch/share/cmake/Torch/TorchConfig.cmake": "not needed",
    "torch/lib/torch.lib": "not needed",
    "torchgen/__init__.py": "",
    "torchgen/packaged/autograd/templates/Functions.cpp": "not needed",
    "torch-2.8.0+cu128.dist-info/METADATA": (
        "Metadata-Version: 2.1\nName: torch\nVersion: 2.8.0+cu128\n"
    ),
    "torch-2.8.0+cu128.dist-info/licenses/LICENSE": "BSD",
    "torch-2.8.0+cu128.dist-info/licenses/third_party/fmt/LICENSE": "not needed",
    "torch-2.8.0+cu128.data/purelib/functorch/__init__.py": "",
    "torch-2.8.0+cu128.data/scripts/torchrun": "not needed",
}

CUBLAS_FILES = {
    "nvidia/__init__.py": "",
    "nvidia/cublas/__init__.py": "",
    "nvidia/cublas/lib/libcublas.so.12": LIBRARY,
    "nvidia/cublas/include/cublas.h": "not needed",
    "nvidia_cublas_cu12-12.8.4.1.dist-info/License.txt": "NVIDIA",
}

TORCH_WHEEL = f"torch-2.8.0+cu128-{TAG}-{TAG}-manylinux_2_28_x86_64.whl"
CUBLAS_WHEEL = "nvidia_cublas_cu12-12.8.4.1-py3-none-manylinux_2_27_x86_64.whl"


def wheel(files: Mapping[str, str | bytes]) -> bytes:
    """A wheel with these files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = (0o100755 if "/bin/" in name else 0o100644) << 16
            archive.writestr(info, content)
    return buffer.getvalue()


def small_build(changes: Mapping[str, str | bytes | None] | None = None) -> dict[str, bytes]:
    """Wheels of the build by the paths under which servers have them.

    Args:
        changes: Other content of files of torch's, by name; None leaves a file out.
    """
    changed = {**TORCH_FILES, **(changes or {})}
    torch = {name: text for name, text in changed.items() if text is not None}
    return {
        f"/whl/cu128/{quote(TORCH_WHEEL)}": wheel(torch),
        f"/nvidia-cublas-cu12/{CUBLAS_WHEEL}": wheel(CUBLAS_FILES),
    }


def entries(content: Mapping[str, bytes], url: str = "") -> list[dict]:
    """The files as gpu_builds.json has them."""
    hosts = {"whl": "https://download.pytorch.org", "nvidia-cublas-cu12": "https://pypi.nvidia.com"}
    return [
        {
            "address": (url or hosts[path.split("/")[1]]) + path,
            "size": len(data),
            "sha256": hashlib.sha256(data).hexdigest(),
        }
        for path, data in content.items()
    ]


def catalog(content: Mapping[str, bytes], url: str = "", **changes: object) -> dict:
    """A catalog with this one build for this system and Python."""
    systems = {"Linux": "linux-x64", "Windows": "windows-x64"}
    build = {
        "version": "2.8.0+cu128",
        "system": systems[platform.system()],
        "python": TAG,
        "capability": [[7, 0], [12, 1]],
        "driver_api": 12000,
        "unpacked": 1_000_000,
        "files": entries(content, url),
    }
    return {"drivers": {"12000": "525"}, "builds": [build | changes]}
