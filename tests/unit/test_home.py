"""Users without a home folder, as containers and render farms have them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from matting_model import write_matting_model
from PIL import Image

from triposr.inference.machine.home import expanded, home_folder
from triposr.inference.model import catalog
from triposr.inference.picture.matting import matting_model_file
from triposr.inference.types import Options

ROOT = Path(__file__).resolve().parents[2]

NO_ACCOUNT = """
import pwd, sys
def nobody(uid):
    raise KeyError(f"getpwuid(): uid not found: {uid}")
pwd.getpwuid = nobody
"""
"""What Python sees of a user id that no account belongs to."""

GENERATE = """
from pathlib import Path
from triposr.inference import Options, image_to_mesh, load_model
starter, matting, *pictures = sys.argv[1:]
model = load_model(starter)
for picture in pictures:
    options = Options(resolution=32, matting_folder=Path(matting))
    print(len(image_to_mesh(picture, model, options).faces))
"""

FIND = """
from triposr.inference.model.catalog import hub_cache
from triposr.inference.machine.home import expanded, home_folder
from triposr.inference.model.weights import STARTER_FOLDER, find_model
print(home_folder(), expanded("~/x"), hub_cache(), find_model(None) == STARTER_FOLDER)
"""


def run(script: str, folder: Path, *arguments: object, **environment: str) -> str:
    """Run a script in a folder, without this process's environment; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        cwd=folder,
        env={"PATH": os.defpath, **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_user_without_a_home_makes_meshes(mug, cutout, tmp_path: Path) -> None:
    """With the packages' own ways of looking for a home; an opaque picture goes through rembg."""
    mug.save(tmp_path / "mug.png")
    cutout.save(tmp_path / "cutout.png")
    matting = write_matting_model(tmp_path)
    here = tmp_path / "here"
    here.mkdir()
    pictures = (tmp_path / "mug.png", tmp_path / "cutout.png")
    starter = ROOT / "models" / "starter"
    faces = run(NO_ACCOUNT + GENERATE, here, starter, matting, *pictures).split()
    assert len(faces) == 2
    assert min(map(int, faces)) > 0
    assert not list(here.iterdir()), "no folder named ~"


def test_without_a_home_nothing_is_found_in_it(tmp_path: Path) -> None:
    assert run(NO_ACCOUNT + FIND, tmp_path) == "None None None True"


def test_caches_may_lie_outside_of_a_home(tmp_path: Path) -> None:
    output = run(NO_ACCOUNT + FIND, tmp_path, HF_HOME=str(tmp_path))
    assert output == f"None None {tmp_path / 'hub'} True"


def test_a_home_that_cannot_be_looked_into_is_passed_over(
    mug: Image.Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As that of root for another user; this one's name is longer than any system allows."""
    for name in ("HF_HOME", "HF_HUB_CACHE", "U2NET_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / ("x" * 300)))
    monkeypatch.setenv("USERPROFILE", os.environ["HOME"])
    with pytest.raises(OSError, match="x"):
        (Path.home() / "file").stat()
    assert catalog.cached_triposr() is None
    assert matting_model_file(Options()) is None


def test_the_home_of_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("U2NET_HOME", "~nobody-has-this-name/models")
    monkeypatch.setenv("HF_HUB_CACHE", "~nobody-has-this-name/hub")
    assert matting_model_file(Options()) is None
    assert catalog.hub_cache() is None


def test_a_home_that_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert home_folder() == tmp_path
    assert expanded("~/x") == tmp_path / "x"
    assert expanded("/x") == Path("/x")
