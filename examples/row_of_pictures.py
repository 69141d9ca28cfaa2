"""Build an object from each picture of a folder, in a row, and save them as a .blend.

    blender -b --python examples/row_of_pictures.py -- FOLDER OUT.blend

A picture that fails is reported, and the others go on. The exit code is 1 if any failed,
and 2 if the arguments are wrong.
"""

import importlib
import sys
from pathlib import Path

import bpy

PICTURES = {".png", ".jpg", ".jpeg", ".webp"}
SIZE = 1.0  # longest side, in scene units
SPACING = 1.5


def main() -> int:
    arguments = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else []
    if len(arguments) != 2 or not Path(arguments[0]).is_dir():
        print("usage: blender -b --python row_of_pictures.py -- FOLDER OUT.blend", file=sys.stderr)
        return 2
    folder, output = map(Path, arguments)
    # The module's name depends on the repository that the extension was installed from.
    module = next(a.module for a in bpy.context.preferences.addons if a.module.endswith(".triposr"))
    api = importlib.import_module(f"{module}.api")

    bpy.ops.wm.read_homefile(use_empty=True)
    pictures = sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURES)
    failed = []
    for number, picture in enumerate(pictures):
        try:
            made = api.image_to_object(
                picture, resolution=128, size=SIZE, location=(number * SPACING, 0, 0)
            )
        except api.TripoSRError as error:
            failed.append(f"{picture.name}: {error}")
            continue
        print(f"{picture.name}: {len(made.data.polygons):,} triangles")
    bpy.ops.wm.save_as_mainfile(filepath=str(output.absolute()))
    print(f"{len(pictures) - len(failed)} of {len(pictures)} pictures became objects in {output}")
    for line in failed:
        print(line, file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
