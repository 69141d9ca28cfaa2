"""What enabling the add-on costs, in a Blender of its own."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

SCRIPT = """
import sys, bpy, addon_utils
name = "bl_ext.user_default.triposr"
heavy = {"torch", "transformers", "rembg", "mcubes", "onnxruntime", "cv2", "PIL"}
print("enabled:", sorted(heavy & set(sys.modules)))
for _ in range(2):
    addon_utils.disable(name)
    addon_utils.enable(name)
bpy.ops.triposr.generate(filepath=sys.argv[sys.argv.index("--") + 1], resolution=32)
print("object:", bpy.context.object.name)
"""


def test_enabling_loads_nothing_heavy_and_can_be_repeated(picture: Path, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    command = [sys.executable, str(ROOT / "tools/background.py"), str(script), str(picture)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "enabled: []" in done.stdout
    assert "object: toy truck" in done.stdout


def test_background_script_exit_codes(tmp_path: Path) -> None:
    for source, code in (("raise SystemExit(7)", 7), ("1 / 0", 1), ("", 0)):
        (tmp_path / "script.py").write_text(source)
        command = [sys.executable, str(ROOT / "tools/background.py"), str(tmp_path / "script.py")]
        assert subprocess.run(command, capture_output=True).returncode == code
