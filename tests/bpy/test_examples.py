"""The example does what it says, for twenty pictures and a bad one."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


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
