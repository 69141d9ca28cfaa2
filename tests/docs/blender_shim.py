"""What the examples call `blender`, done by Blender as a module with the add-on installed."""

import importlib
import os
import sys
import tempfile
from pathlib import Path

# `background.run` removes it again.
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

import background


def main(arguments: list[str]) -> int:
    match arguments:
        case ["--command", "extension", *rest]:
            with tempfile.TemporaryDirectory() as profile:
                os.environ["BLENDER_USER_RESOURCES"] = profile
                importlib.import_module("bpy")
                return importlib.import_module("bl_pkg").cli_extension(rest)
        case ["--command", "triposr", *rest]:
            background.start_blender()
            return importlib.import_module(f"{background.MODULE}.command").run(rest)
        case ["-b", "--python", script, "--", *rest]:
            background.start_blender()
            return background.run(script, rest)
        case ["-b", "--python-expr", code]:
            bpy = background.start_blender()
            bpy.ops.wm.read_homefile(use_empty=True)
            with tempfile.TemporaryDirectory() as folder:
                script = Path(folder) / "expression.py"
                script.write_text(code)
                return background.run(str(script), [])
    sys.stderr.write(f"The tests do not know this way to call Blender: {arguments}\n")
    return 2


if __name__ == "__main__":
    try:
        status = main(sys.argv[1:])
    except SystemExit as stop:
        status = int(stop.code or 0)
    if "bpy" not in sys.modules:
        sys.exit(status)
    background.leave(status)
