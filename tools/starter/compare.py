"""Show what models make of pictures, side by side, on one sheet.

    python tools/starter/compare.py PICTURE... --models FOLDER... --out sheet.png

A column is a picture as the network sees it, and below it each model's result from the front and
from three quarters.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import raster
from figures import RESOLUTION, THRESHOLD, box_window
from sheet import BACKGROUND, GAP, MARGIN, TILE, tile
from triposr.inference import (
    EmptySurfaceError,
    Options,
    TripoSRError,
    extract_mesh,
    load_model,
    prepare_image,
)
from triposr.inference.model.network import Model
from views import Camera, Light

CAMERAS = (Camera(0.0, 0.0, 40.0), Camera(40.0, 20.0, 40.0))
SEEN = 0.6  # half the side of the box that is shown, in model units


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pictures", nargs="+", type=Path)
    parser.add_argument("--models", nargs="+", type=Path, required=True, help="folders")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    try:
        models = [load_model(path, "cpu", "fp32") for path in options.models]
        columns = [column(path, models) for path in options.pictures]
    except TripoSRError as error:
        raise SystemExit(str(error)) from error
    compose([path.name for path in options.models], columns).save(options.out)
    print(f"See {options.out}")


def column(path: Path, models: list[Model]) -> list[Image.Image]:
    """Return a picture, and below it two views of each model's result."""
    prepared = prepare_image(path, Options())
    square = Image.fromarray((255 * prepared.rgb).round().astype(np.uint8))
    found = [square.resize((TILE, TILE), Image.Resampling.LANCZOS)]
    for model in models:
        code = model.encode(prepared.rgb)
        try:
            mesh = extract_mesh(code, RESOLUTION, THRESHOLD, device="cpu")
        except EmptySurfaceError:
            found += [Image.new("RGB", (TILE, TILE), BACKGROUND)] * len(CAMERAS)
            continue
        for camera in CAMERAS:
            view = raster.render(mesh, camera, Light(), 2 * TILE, box_window(camera, SEEN))
            found.append(tile(view))
    return found


def compose(names: list[str], columns: list[list[Image.Image]]) -> Image.Image:
    """Put columns side by side, with the models' names on the left."""
    rows = ["picture", *(name for name in names for _ in CAMERAS)]
    sheet = Image.new(
        "RGB", (MARGIN + len(columns) * (TILE + GAP), len(rows) * (TILE + GAP) + GAP), "white"
    )
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=16)
    for row, name in enumerate(rows):
        top = GAP + row * (TILE + GAP)
        draw.text((GAP, top + TILE / 2), name, "black", font, anchor="lm")
        for number, tiles in enumerate(columns):
            sheet.paste(tiles[row], (MARGIN + number * (TILE + GAP), top))
    return sheet


if __name__ == "__main__":
    main()
