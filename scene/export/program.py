"""Program of the second Blender: loads this package under a name of its own and exports.

It does not import relatively, because Blender runs it as a script.
"""

import importlib
import importlib.util
import os
import shutil
import sys
from pathlib import Path

import bpy

ROOT = Path(__file__).resolve().parents[2]


def main(folder: Path) -> None:
    """Export the mesh in `folder`; see work.py."""
    spec = importlib.util.spec_from_file_location(
        "triposr", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
    )
    assert spec is not None and spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = package
    spec.loader.exec_module(package)
    importlib.import_module("triposr.scene.export.work").main(folder)


if __name__ == "__main__":
    main(Path(sys.argv[-1]))
    if not bpy.app.binary_path:
        # Destructors of Blender as a module may crash after a render (4.2), or wait forever (4.5).
        shutil.rmtree(bpy.app.tempdir, ignore_errors=True)
        sys.stdout.flush()
        os._exit(0)
