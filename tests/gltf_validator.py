"""Khronos' glTF validator, fetched once from npm's registry into the cache folder."""

import base64
import hashlib
import json
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

import pytest
from clean_blender import cache, one_at_a_time

PACKAGE = "gltf-validator@2.0.0-dev.3.10"
INTEGRITY = (
    "odJ4k0tRkGXiDGn78yDBg+fBbAIvBnXxh3RwAta0emSxGtyagFE8B4xELB1oYe3S5RD8Ci3uZAsZaascH2LAEQ=="
)
"""SHA-512 of the package's archive, as in a package-lock.json."""

PROGRAM = """
const { validateBytes } = require(process.argv[1]);
const content = new Uint8Array(require("fs").readFileSync(process.argv[2]));
validateBytes(content).then((report) => console.log(JSON.stringify(report)));
"""


def validate(path: Path) -> dict:
    """What the validator says about a GLB file; skips the test on machines without Node."""
    if not shutil.which("node"):
        pytest.skip("Node runs the glTF validator")
    done = subprocess.run(
        ["node", "-e", PROGRAM, str(_package()), str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def _package() -> Path:
    folder = cache() / f"gltf-validator-{hashlib.sha256(INTEGRITY.encode()).hexdigest()[:12]}"
    with one_at_a_time(folder):
        if not folder.is_dir():
            with tempfile.TemporaryDirectory(dir=cache()) as place:
                subprocess.run(
                    ["npm", "pack", "--silent", PACKAGE], cwd=place, check=True, capture_output=True
                )
                [archive] = Path(place).glob("*.tgz")
                digest = hashlib.sha512(archive.read_bytes()).digest()
                assert base64.b64encode(digest).decode() == INTEGRITY
                with tarfile.open(archive) as content:
                    content.extractall(Path(place, "out"), filter="data")
                Path(place, "out", "package").rename(folder)
    return folder
