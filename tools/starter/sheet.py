"""A contact sheet of results beside the truth."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import raster
from figures import Truth
from triposr.inference import MeshData
from views import Camera, Light, View, Window

TILE = 144  # pixels, the side of one picture
GAP = 10
CAPTION = 26
MARGIN = 76  # left of the rows, for their names
BACKGROUND = (236, 236, 236)
TITLE = (
    "Above: the input picture, and the same object from three quarters."
    " Below: the result, seen alike. Numbers: volume IoU."
)


def block(
    truth: Truth, mesh: MeshData, looks: list[tuple[Camera, Light, Window]], caption: str
) -> Image.Image:
    """Compose one object: the truth above, the result below, a column per look, and a caption."""
    picture = Image.new("RGB", (TILE * len(looks), 2 * TILE + CAPTION), "white")
    for column, (camera, light, window) in enumerate(looks):
        # Render at twice the size, because not every renderer smooths edges.
        shown = truth.render(camera, light, 2 * TILE, window)
        result = raster.render(mesh, camera, light, 2 * TILE, window)
        for row, view in enumerate((shown, result)):
            picture.paste(tile(view), (column * TILE, row * TILE))
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(size=14)
    draw.text((picture.width / 2, 2 * TILE + 4), caption, "black", font, anchor="ma")
    return picture


def tile(view: View) -> Image.Image:
    """Return a view at the size of a tile, on the sheet's gray."""
    colors = np.where(view.mask[..., None], view.rgba[..., :3], np.uint8(BACKGROUND))
    return Image.fromarray(colors).resize((TILE, TILE), Image.Resampling.BOX)


def compose(rows: dict[str, list[Image.Image]]) -> Image.Image:
    """Stack rows of blocks, each with its name on the left."""
    width, height = next(iter(rows.values()))[0].size
    columns = max(map(len, rows.values()))
    title = GAP + CAPTION
    size = (MARGIN + columns * (width + GAP), title + len(rows) * (height + GAP))
    sheet = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=16)
    draw.text((MARGIN, GAP), TITLE, "black", font)
    for row, (name, blocks) in enumerate(rows.items()):
        top = title + row * (height + GAP)
        draw.text((GAP, top + TILE), name, "black", font, anchor="lm")
        for column, picture in enumerate(blocks):
            sheet.paste(picture, (MARGIN + column * (width + GAP), top))
    return sheet
