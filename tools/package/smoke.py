"""Try a zip in a fresh Blender: install, generate, disable, uninstall.

    python3 tools/package/smoke.py BLENDER ZIP PICTURE

It runs the same commands as dragging the zip into Blender, offline, in a profile of its own. It
needs only Python, on any platform; if something fails, it says what and exits with 1.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

MODULE = "bl_ext.user_default.triposr"

CHOOSE_MODELS = f"""
import bpy, sys
preferences = bpy.context.preferences.addons[{MODULE!r}].preferences
preferences.model_folder = sys.argv[sys.argv.index("--") + 1]
bpy.ops.wm.save_userpref()
"""

GENERATE = """
import bpy, sys
picture = sys.argv[sys.argv.index("--") + 1]
bpy.ops.triposr.generate(filepath=picture, resolution=64)
mesh = bpy.context.object.data
print("vertices:", len(mesh.vertices), "colors:", mesh.color_attributes[0].name)
import mcubes, numpy, onnxruntime, torch, transformers
for module in (torch, transformers, mcubes, onnxruntime, numpy):
    print(module.__name__, module.__version__ if hasattr(module, "__version__") else "",
          "from", module.__file__)
assert len(mesh.vertices) > 100
"""

WITHOUT_TORCH = """
import bpy, sys
try:
    bpy.ops.triposr.generate(filepath=sys.argv[sys.argv.index("--") + 1], resolution=64)
except RuntimeError as error:
    assert "torch cannot be imported: it is not installed" in str(error), error
else:
    raise AssertionError("it generated without torch")
"""

DISABLE = f"""
import bpy, addon_utils, sys
addon_utils.disable({MODULE!r}, default_set=True)
assert not hasattr(bpy.types.Scene, "triposr")
assert not [name for name in dir(bpy.types) if name.startswith("TRIPOSR")]
assert not [finder for finder in sys.meta_path if "triposr" in type(finder).__module__]
bpy.ops.wm.save_userpref()
"""


TIMEOUT = 600.0
"""Seconds after which Blender counts as hanging."""


def smoke(blender: str, archive: Path, picture: Path, profile: Path, has_torch: bool) -> str:
    """Run the add-on's whole life cycle in a profile; return Blender's output.

    Args:
        blender: Blender's executable.
        archive: A zip of `make package`.
        picture: The picture to generate from.
        profile: An empty folder.
        has_torch: Whether the zip or Blender brings torch; if not, generating must report that.

    Raises:
        RuntimeError: A step failed, or the add-on left something behind.
    """

    def run(*arguments: str | Path) -> str:
        done = subprocess.run(
            [blender, *arguments],
            env={**os.environ, "BLENDER_USER_RESOURCES": str(profile)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=TIMEOUT,
        )
        if done.returncode:
            raise RuntimeError(f"{arguments} ended with {done.returncode}:\n{done.stdout}")
        return done.stdout

    extension = ("--command", "extension")
    offline = ("--background", "--offline-mode", "--python-exit-code", "1", "--python-expr")
    printed = run(*extension, "validate", archive)
    # If Blender refuses the zip, it prints why and exits with 0.
    printed += run(*extension, "install-file", "-r", "user_default", "--enable", archive)
    if not (profile / "extensions" / "user_default" / "triposr").is_dir():
        raise RuntimeError(f"Blender did not install {archive.name}:\n{printed}")
    models = profile / "the artist's models"
    models.mkdir()
    (models / "downloaded.onnx").write_bytes(b"for an hour")
    printed += run(*offline, CHOOSE_MODELS, "--", models)
    printed += run(*offline, GENERATE if has_torch else WITHOUT_TORCH, "--", picture)
    printed += run(*offline, DISABLE)
    printed += run(*extension, "remove", "triposr")
    if left := left_behind(profile):
        raise RuntimeError("left behind:\n" + "\n".join(left))
    if [path.name for path in models.iterdir()] != ["downloaded.onnx"]:
        raise RuntimeError(f"the artist's models are gone from {models}")
    return printed


def left_behind(profile: Path) -> list[str]:
    """List files of the add-on and of packages, except bytecode, which Blender itself leaves."""
    extensions = profile / "extensions"
    files = [path.relative_to(extensions) for path in extensions.rglob("*") if path.is_file()]
    return sorted(
        path.as_posix()
        for path in files
        if "__pycache__" not in path.parts
        and ("triposr" in path.parts or path.parts[0] in (".local", ".user"))
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("blender", help="its executable")
    parser.add_argument("archive", type=Path, metavar="ZIP")
    parser.add_argument("picture", type=Path)
    parser.add_argument("--without-torch", action="store_true", help="nothing there brings it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        try:
            has_torch = not options.without_torch
            print(
                smoke(options.blender, options.archive, options.picture, Path(profile), has_torch)
            )
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            print(error, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
