"""Render the pictures in examples/pictures/: the demo's subjects, each from three sides.

.venv/bin/python tools/background.py tools/example_pictures.py
"""

import sys
import tempfile
from pathlib import Path

import bpy
from PIL import Image

sys.path.append(str(Path(__file__).resolve().parent))  # Blender's --python does not.

from demo import SUBJECTS, render, set_up_studio

FOLDER = Path(__file__).resolve().parent.parent / "examples" / "pictures"
SIDE = 256  # pixels
TURNS = {"left": -25, "front": 0, "right": 25}  # degrees from the demo's view

BACKGROUND = (245, 245, 240)
"""Behind those from the right, which are JPEGs: shops' pictures have no transparency."""


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    set_up_studio()
    with tempfile.TemporaryDirectory() as folder:
        for name, subject in SUBJECTS.items():
            for side, turn in TURNS.items():
                path = Path(folder) / "picture.png"
                model = subject.add()
                render(model, subject.azimuth + turn, subject.elevation, SIDE, path)
                bpy.data.objects.remove(model)
                bpy.data.orphans_purge()
                picture = Image.open(path).convert("RGBA")
                stem = FOLDER / f"{name.lower()}-{side}"
                if side == "right":
                    opaque = Image.new("RGB", picture.size, BACKGROUND)
                    opaque.paste(picture, (0, 0), picture)
                    opaque.save(stem.with_suffix(".jpg"), quality=92)
                else:
                    picture.save(stem.with_suffix(".png"), optimize=True)


if __name__ == "__main__":
    main()
