"""Evaluate how well the plain-background method separates subjects from their shadows.

Measures subjects that were never trained with, on white, with a shadow of each kind that takes 45 %
of the light; and any pictures with alpha that it is given. `--publish` puts the table into the
model's card.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from drawn import DRAWERS, THIN, make_drawn
from layers import Layer, as_layer, make_layer
from triposr.inference.errors import InputError
from triposr.inference.picture.plain_background import cut_out_plain
from triposr.inference.picture.shadow import NETWORK

ROOT = Path(__file__).resolve().parents[2]
TABLES = ("<!-- make shadow-eval: -->\n", "<!-- end -->\n")  # marks in the card

FIRST_SEED = 20_000_000
"""Training takes its solids from seeds far below, and its drawn subjects from other numbers."""

SUBJECTS = 16  # of each kind
SIDE = 640  # pixels, of given pictures
WHITE = 255.0
STRENGTH = 0.45  # part of the light that a shadow takes
TILE = 96  # pixels, of a picture on the sheet

SHADOWS = {
    # The subject's outline, sheared, squashed and moved (2, 3), and blurred. Lengths are relative
    # to the side; rows count from the subject's foot.
    "drop": (((1, 0, 0.05), (0, 1, 0.05)), 0.025),
    "wide": (((1, 0, 0.03), (0, 1, 0.04)), 0.06),
    "floor": (((1, 0, 0), (0, 0.25, 0)), 0.025),
    "cast": (((1, -0.7, 0), (0, 0.4, 0)), 0.025),
}
KINDS = ("none", *SHADOWS, "contact")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subjects", type=int, default=SUBJECTS, help="of each kind")
    parser.add_argument("--pictures", type=Path, help="folder of pictures with alpha")
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "shadow")
    parser.add_argument("--publish", action="store_true", help="into the card of the model")
    options = parser.parse_args()
    if options.subjects < 1:
        parser.error("there must be a subject to evaluate")
    groups = {
        name: [make(FIRST_SEED + number) for number in range(options.subjects)]
        for name, make in GROUPS.items()
    }
    for path in sorted(options.pictures.iterdir()) if options.pictures else ():
        if (given := read_picture(path)) is not None:
            groups[path.stem] = [given]
    options.out.mkdir(parents=True, exist_ok=True)
    text, tiles = report(groups)
    Image.fromarray(np.vstack(tiles)).save(options.out / "sheet.png")
    (options.out / "report.md").write_text(text, encoding="utf-8")
    print(text)
    if options.publish:
        card = NETWORK.with_name("README.md")
        before, _, rest = card.read_text(encoding="utf-8").partition(TABLES[0])
        _, _, after = rest.partition(TABLES[1])
        card.write_text(before + TABLES[0] + text + TABLES[1] + after, encoding="utf-8")


def solid(seed: int) -> Layer:
    """A solid as it is."""
    return as_layer(make_layer(seed))


def gray_solid(seed: int) -> Layer:
    """A solid in grays, from those of a deep shadow to nearly white."""
    layer = solid(seed + 1_000_000)
    gray = layer.color.mean(axis=-1, keepdims=True)
    return Layer(np.repeat(80 + 0.6 * gray, 3, axis=-1), layer.alpha)


def drawn(seed: int) -> Layer:
    """A drawn subject."""
    return make_drawn(np.random.default_rng(seed), SIDE // 2, DRAWERS)


def thin(seed: int) -> Layer:
    """A drawn subject of thin parts."""
    return make_drawn(np.random.default_rng(seed), SIDE // 2, THIN)


GROUPS: dict[str, Callable[[int], Layer]] = {
    "solids": solid,
    "gray solids": gray_solid,
    "drawn": drawn,
    "drawn, thin": thin,
}
"""Kinds of generated subjects."""


def read_picture(path: Path) -> Layer | None:
    """A picture with alpha, SIDE pixels square; none if the file is something else."""
    try:
        with Image.open(path) as opened:
            if "A" not in opened.getbands():
                return None
            picture = ImageOps.contain(opened, (SIDE, SIDE))
            square = Image.new("RGBA", (SIDE, SIDE))
            square.paste(picture, ((SIDE - picture.width) // 2, (SIDE - picture.height) // 2))
    except OSError:
        return None
    rgba = np.asarray(square).astype(np.float32)
    return Layer(rgba[..., :3], rgba[..., 3] / 255)


def report(groups: dict[str, list[Layer]]) -> tuple[str, list[NDArray[np.uint8]]]:
    """Markdown, and the rows of a sheet: each kind's first subject, with its mattes."""
    digest = hashlib.sha256(NETWORK.read_bytes()).hexdigest()
    lines = [
        f"Network {digest[:16]}, {len(groups['solids'])} subjects of each kind. Intersection over",
        "union of the matte and the truth, 1 is perfect; *kept* is the part of the subject that is",
        "in the matte.",
        "",
        f"| subjects | {' | '.join(KINDS)} | mean | kept |",
        "|---|" + "--:|" * (len(KINDS) + 2),
    ]
    rows, tiles = [], []
    for name, layers in groups.items():
        results = np.array([[overlap_and_kept(layer, kind) for kind in KINDS] for layer in layers])
        overlaps, kept = results[..., 0].mean(axis=0), results[..., 1].mean()
        rows.append(overlaps)
        cells = [*overlaps, overlaps.mean(), kept]
        lines.append(f"| {name} | " + " | ".join(f"{cell:.3f}" for cell in cells) + " |")
        tiles.append(np.hstack([tile(layers[0], kind) for kind in KINDS]))
    return "\n".join(lines) + "\n", tiles


def overlap_and_kept(layer: Layer, kind: str) -> tuple[float, float]:
    """IoU of the matte with the truth, and the part of the subject that is in the matte."""
    truth, found = layer.alpha > 0.5, matte(photo(layer, kind))
    both = (found & truth).sum()
    return float(both / max((found | truth).sum(), 1)), float(both / max(truth.sum(), 1))


def matte(rgb: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return the pixels (H, W) that the add-on takes for the subject; maybe none."""
    try:
        cutout = cut_out_plain(Image.fromarray(rgb).convert("RGBA"))
    except InputError:
        return np.zeros(rgb.shape[:2], bool)
    return np.asarray(cutout.getchannel("A")) > 127


def photo(layer: Layer, kind: str) -> NDArray[np.uint8]:
    """The picture (H, W, 3) of a subject on white, with one shadow."""
    cover = layer.alpha[..., None]
    behind = WHITE * (1 - STRENGTH * shadow(layer.alpha, kind))[..., None]
    pixels = behind * (1 - cover) + layer.color * cover
    return np.asarray(pixels.clip(0, 255).round(), np.uint8)


def shadow(alpha: NDArray[np.float32], kind: str) -> NDArray[np.float32]:
    """A shadow (H, W) of 0 to 1."""
    cast = np.zeros_like(alpha)
    rows, columns = np.nonzero(alpha > 0.5)
    if kind == "none" or not len(rows):
        return cast
    side, foot = len(alpha), float(rows.max())
    if kind == "contact":
        half = max(1, int(np.ptp(columns) / 2)), round(0.035 * side)
        cv2.ellipse(cast, (int(columns.mean()), int(foot)), half, 0, 0, 360, 1, -1)
        return np.asarray(cv2.GaussianBlur(cast, (0, 0), 0.02 * side))
    move, blur = SHADOWS[kind]
    warp = np.array(move, np.float64)
    warp[:, 2] = warp[:, 2] * side + (0, foot) - warp[:, 1] * foot
    cast = cv2.warpAffine(alpha, warp, (side, side))
    return np.asarray(cv2.GaussianBlur(cast, (0, 0), blur * side))


def tile(layer: Layer, kind: str) -> NDArray[np.uint8]:
    """A picture and its matte on magenta, side by side and small."""
    rgb = photo(layer, kind)
    cut = np.where(matte(rgb)[..., None], rgb, np.array((255, 0, 255), np.uint8))
    both = [cv2.resize(x, (TILE, TILE), interpolation=cv2.INTER_AREA) for x in (rgb, cut)]
    return np.hstack(both)


if __name__ == "__main__":
    main()
