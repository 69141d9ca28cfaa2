"""The example does what it says, for twenty pictures and a bad one."""

import contextlib
import io
import runpy
import subprocess
import sys
import unittest.mock
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("arguments", [[], ["--"], ["--", "one"], ["--", "no folder", "x.blend"]])
def test_wrong_arguments_get_a_sentence(arguments: list[str]) -> None:
    example = runpy.run_path(str(ROOT / "examples" / "row_of_pictures.py"))
    said = io.StringIO()
    with (
        unittest.mock.patch.object(sys, "argv", ["blender", *arguments]),
        contextlib.redirect_stderr(said),
    ):
        assert example["main"]() == 2
    assert said.getvalue().startswith("usage: ") and said.getvalue().count("\n") == 1


def test_twenty_pictures_in_a_row(bpy, picture: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(20):
        (folder / f"truck {number:02}.png").write_bytes(picture.read_bytes())
    (folder / "broken.png").write_bytes(b"nothing")
    output = tmp_path / "row.blend"
    done = subprocess.run(
        [
            *(sys.executable, ROOT / "tools/background.py"),
            *(ROOT / "examples/row_of_pictures.py", folder, output),
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "20 of 21 pictures became objects" in done.stdout, done.stderr
    assert "broken.png is not a picture" in done.stderr
    with bpy.data.libraries.load(str(output)) as (there, _):
        assert len(there.objects) == len(there.meshes) == 20
