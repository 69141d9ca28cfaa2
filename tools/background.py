"""Run a script in Blender as a module, with the add-on of this checkout installed and enabled.

    .venv/bin/python tools/background.py SCRIPT [ARGS...]

does what `blender -b --python SCRIPT -- ARGS` does after the zip is installed, in a temporary
profile. Blender's timers never fire this way: call operators, do not invoke them.
"""

import argparse
import atexit
import contextlib
import io
import os
import runpy
import shutil
import sys
import tempfile
import traceback
from pathlib import Path
from types import ModuleType
from typing import NoReturn

from build import build

MODULE = "bl_ext.user_default.triposr"

ZIP = "TRIPOSR_ZIP"
"""Environment variable with the path of a zip to install instead of building one."""


def start_blender() -> ModuleType:
    """Import bpy, install the add-on's zip through Blender's own operator and return bpy.

    Call it before anything else imports bpy, which reads the profile's location on import. Call it
    once per process, because a process can hold only one Blender. End the process with `leave()`.

    Raises RuntimeError if the add-on does not build or does not register.
    """
    if "bpy" in sys.modules:
        raise RuntimeError("bpy is already imported, with the user's own profile")
    profile = Path(tempfile.mkdtemp(prefix="triposr-profile-"))
    atexit.register(shutil.rmtree, profile, ignore_errors=True)
    os.environ["BLENDER_USER_RESOURCES"] = str(profile)
    archive = os.environ.get(ZIP) or build(profile / "zip")

    import bpy

    atexit.register(shutil.rmtree, bpy.app.tempdir, ignore_errors=True)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            bpy.ops.extensions.package_install_files(
                filepath=str(archive), repo="user_default", enable_on_install=True
            )
    except RuntimeError:
        import addon_utils

        addon_utils.enable(MODULE)  # Prints the traceback; the operator reports the error only.
        raise
    if MODULE not in bpy.context.preferences.addons:
        raise RuntimeError("Blender did not enable the add-on")
    return bpy


def leave(status: int) -> NoReturn:
    """Disable the add-ons, clean up and end the process without Blender's C++ destructors.

    The destructors can wait forever (seen in 4.5 after loading a file, and after exporting a glTF
    with torch imported): bpy outlives Python's own clean-up, so Blender's threads still run.
    """
    import addon_utils

    addon_utils.disable_all()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def run(script: str, arguments: list[str]) -> int:
    """Run a script as Blender's command line would and return its exit status."""
    sys.path.remove(str(Path(__file__).resolve().parent))
    sys.argv = ["blender", "--background", "--python", script, "--", *arguments]
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as stop:
        if stop.code is None or isinstance(stop.code, int):
            return stop.code or 0
        print(stop.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("script", metavar="SCRIPT")
    parser.add_argument("arguments", metavar="ARGS", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    if not Path(options.script).is_file():
        parser.error(f"{options.script} is not a file")
    try:
        start_blender()
    except Exception:
        traceback.print_exc()
        leave(1)
    leave(run(options.script, options.arguments))


if __name__ == "__main__":
    main()
