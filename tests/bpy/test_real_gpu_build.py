"""The real CUDA build of torch for Linux: installed by Use My GPU, then imported as the torch.

It has no card here, so it computes on the CPU. `make test-all` runs this; pip downloads the files
once, into the cache folder, checked against the catalog's hashes.
"""

import hashlib
import json
import mmap
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import fake_driver
import pytest
from file_server import serving

from triposr.inference.machine.gpu_builds import CATALOG, Wheel, all_builds

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "triposr-blender"
WHEELS = CACHE / "torch-cuda"
VERSION = "2.8.0+cu128"

PIPS_TORCH = "c12fa219f51a933d5f80eeb3a7a5d0cbe9168c0a14bbb4055f1979431660879b"
"""SHA-256 of the same release as pip gets it, which is not the file on PyTorch's own server."""

SET_UP = """
import bpy, json, sys
from bl_ext.user_default.triposr import preferences
from bl_ext.user_default.triposr.inference.engine import engine
from bl_ext.user_default.triposr.inference.machine import driver, gpu_builds
library, catalog, mirror, models, picture = sys.argv[sys.argv.index("--") + 1 :]
driver.LIBRARIES[sys.platform] = library
gpu_builds._catalog = lambda: json.loads(open(catalog).read())
chosen = preferences.preferences(bpy.context)
chosen.pytorch_mirror, chosen.model_folder = mirror, models
bpy.context.preferences.system.use_online_access = True
"""
INSTALL = "bpy.ops.triposr.use_gpu()\nprint('loaded:', 'torch' in sys.modules)"
GENERATE = """
bpy.ops.triposr.detect_devices()
bpy.ops.triposr.generate(filepath=picture, resolution=64)
import torch
print("torch:", torch.__version__, torch.version.cuda, torch.__file__)
print("uses the build:", engine.uses_gpu_build(), engine.torch_problem)
print("problem:", [device.problem for device in engine.devices if device.problem])
print("object:", bpy.context.object.name, len(bpy.context.object.data.polygons))
"""


@pytest.fixture(scope="module")
def wheels(request: pytest.FixtureRequest) -> list[tuple[Wheel, Path]]:
    """The files of the catalog's build for this Python, in the cache folder."""
    if not request.config.getoption("real_build"):
        pytest.skip("only with --real-build, as in `make test-all`")
    [build] = [b for b in all_builds() if (b.system, b.python) == ("linux-x64", "cp311")]
    assert build.version == VERSION
    nvidia = {file.name: file for file in build.files[1:]}
    if not all((WHEELS / name).exists() for name in nvidia):
        _download(list(nvidia.values()))
    [torch] = WHEELS.glob("torch-2.8.0-*.whl")
    return [(build.files[0], torch), *((file, WHEELS / name) for name, file in nvidia.items())]


def _download(nvidia: list[Wheel]) -> None:
    WHEELS.mkdir(parents=True, exist_ok=True)
    lines = [f"torch==2.8.0 --hash=sha256:{PIPS_TORCH}"]
    for file in nvidia:
        name, version, *_ = file.name.split("-")
        lines.append(f"{name.replace('_', '-')}=={version} --hash=sha256:{file.sha256}")
    wanted = WHEELS / "requirements.txt"
    wanted.write_text("\n".join(lines))
    pip = (sys.executable, "-m", "pip", "download", "--quiet", "--no-cache-dir", "--no-deps")
    subprocess.run([*pip, "--require-hashes", "-d", WHEELS, "-r", wanted], check=True)


@pytest.fixture(scope="module")
def mirror(wheels: list[tuple[Wheel, Path]], tmp_path_factory) -> Iterator[tuple[str, Path]]:
    """A server with all files under the catalog's paths; the catalog, with this torch's hash."""
    catalog = json.loads(CATALOG.read_text(encoding="utf-8"))
    with ExitStack() as opened:
        content = {}
        for file, path in wheels:
            stream = opened.enter_context(path.open("rb"))
            data = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
            content[urlsplit(file.url).path] = memoryview(data)
        torch = wheels[0][0]
        digest = hashlib.sha256(content[urlsplit(torch.url).path]).hexdigest()
        assert digest == PIPS_TORCH
        for build in catalog["builds"]:
            for file in build["files"]:
                if file["address"] == torch.url:
                    file |= {"sha256": digest, "size": len(content[urlsplit(torch.url).path])}
        path = tmp_path_factory.mktemp("catalog") / "catalog.json"
        path.write_text(json.dumps(catalog))
        server = opened.enter_context(serving(content))  # type: ignore[arg-type]
        yield server.url, path


@pytest.fixture
def models(tmp_path: Path) -> Iterator[Path]:
    """Folder for models, deleted at once: pytest keeps temporary folders, and this has 6 GB."""
    yield tmp_path / "models"
    shutil.rmtree(tmp_path / "models", ignore_errors=True)


def test_the_real_build(mirror: tuple[str, Path], models: Path, picture: Path) -> None:
    url, catalog = mirror
    library = fake_driver.build(models.parent, [fake_driver.RTX_3060])

    def in_blender(code: str) -> str:
        script = models.parent / "script.py"
        script.write_text(SET_UP + code)
        command = (sys.executable, ROOT / "tools/background.py", script)
        done = subprocess.run(
            [*map(str, (*command, library, catalog, url, models, picture))],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    said = in_blender(INSTALL)
    assert f"torch {VERSION} is ready, but does not use NVIDIA GeForce RTX 3060" in said
    assert "loaded: False" in said, "only the second Blender has imported it"
    [installed] = (models / "torch").iterdir()
    names = {path.name for path in installed.rglob("*")}
    assert {"libtorch_cuda.so", "libcudnn.so.9", "torch_shm_manager", "LICENSE"} <= names
    assert not {"include", "share", "test_jit"} & {path.name for path in installed.glob("torch/*")}

    said = in_blender(GENERATE)
    assert f"torch: {VERSION} 12.8 {installed}" in said
    assert "uses the build: True \n" in said
    assert f"NVIDIA GeForce RTX 3060 is not used: the installed torch {VERSION} does not" in said
    assert "object: toy truck" in said
