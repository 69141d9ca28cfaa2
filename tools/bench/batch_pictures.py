"""Folder of different pictures of a few rendered objects, for the batch benchmark."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

from PIL import Image, PngImagePlugin

sys.path.append(str(Path(__file__).resolve().parents[1] / "starter"))

FIRST_SEED = 80_000_000
"""Objects from here on are in no training and in no other measurement."""

OBJECTS = 12
SIZES = (512, 768, 1024)
"""Sides of the pictures, in pixels."""

GROUND = (205, 203, 200)
"""Color behind the objects that have no alpha, whose background is removed."""


def pictures(folder: Path, count: int) -> list[Path]:
    """Write `count` pictures into a folder, no two files alike, and return their paths.

    Every other one has alpha; the rest are JPEGs with a plain background.
    """
    folder.mkdir(parents=True)
    paths = []
    for number, view in zip(
        range(count), itertools.cycle(_views(min(count, OBJECTS))), strict=False
    ):
        path = folder / f"{number:06}.png"
        if number // OBJECTS % 2:
            ground = Image.new("RGB", view.size, GROUND)
            ground.paste(view, mask=view)
            path = path.with_suffix(".jpg")
            ground.save(path, quality=92, comment=str(number).encode())
        else:
            about = PngImagePlugin.PngInfo()
            about.add_text("Title", str(number))
            view.save(path, pnginfo=about)
        paths.append(path)
    return paths


def _views(count: int) -> list[Image.Image]:
    from families import FAMILIES
    from figures import SolidTruth, scene

    views = []
    for number, family in zip(range(count), itertools.cycle(list(FAMILIES)), strict=False):
        solid, camera, light = scene(FIRST_SEED + number, family)
        size = SIZES[number % len(SIZES)]
        view = SolidTruth(solid).render(camera, light, size, camera.window(solid))
        views.append(Image.fromarray(view.rgba))
    return views
