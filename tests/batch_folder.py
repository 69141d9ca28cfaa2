"""Output folders of batches, with objects that the starter model makes of pictures."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import trimesh
from numpy.typing import NDArray
from PIL import Image
from trimesh.exchange.gltf import export_glb
from trimesh.visual import TextureVisuals
from trimesh.visual.material import PBRMaterial

from triposr.batch.rows import LINES, RUN, Row
from triposr.inference import Options, load_model
from triposr.inference.pipeline import Reconstruction, reconstruct
from triposr.inference.texture.camera_fit import fit_camera
from triposr.scene.placement import Placement, placed
from triposr.settings import OBJECT, defaults_of

ROOT = Path(__file__).resolve().parents[1]


@cache
def model():
    return load_model(ROOT / "models" / "starter", "cpu")


def to_gltf(points: NDArray) -> NDArray:
    return np.stack((points[:, 0], points[:, 2], -points[:, 1]), axis=1)


def to_linear(colors: NDArray) -> NDArray:
    return np.where(colors <= 0.04045, colors / 12.92, ((colors + 0.055) / 1.055) ** 2.4)


def glb(vertices: NDArray, faces: NDArray, colors: NDArray) -> bytes:
    """A GLB file with vertex colors of 16 bits; vertices (V, 3) in Blender's frame."""
    rgba = np.full((len(colors), 4), 65535, np.uint16)
    rgba[:, :3] = np.rint(65535 * to_linear(np.clip(colors, 0, 1)))
    mesh = trimesh.Trimesh(to_gltf(vertices), faces, process=False, visual=_material())
    mesh.vertex_attributes["_COLOR_0"] = rgba

    def standard(tree: dict) -> None:
        attributes = tree["meshes"][0]["primitives"][0]["attributes"]
        attributes["COLOR_0"] = attributes.pop("_COLOR_0")
        tree["accessors"][attributes["COLOR_0"]]["normalized"] = True

    return export_glb(trimesh.Scene(mesh), include_normals=True, tree_postprocessor=standard)


def _material() -> TextureVisuals:
    return TextureVisuals(material=PBRMaterial(metallicFactor=0.0, roughnessFactor=0.8))


def textured_glb(vertices: NDArray, faces: NDArray, uv: NDArray, picture: Image.Image) -> bytes:
    """A GLB file with a texture; uv (V, 2) with v upward."""
    material = PBRMaterial(baseColorTexture=picture, metallicFactor=0.0, roughnessFactor=0.8)
    visual = TextureVisuals(uv=uv, material=material)
    mesh = trimesh.Trimesh(to_gltf(vertices), faces, process=False, visual=visual)
    return export_glb(trimesh.Scene(mesh), include_normals=True)


def write_batch(folder: Path, pictures: Sequence[Path], **settings: object) -> list[Row]:
    """Write a folder as the batch command does."""
    chosen = defaults_of(OBJECT) | settings
    names = {"background", "foreground_ratio", "resolution", "threshold", "closed"}
    options = Options(**{name: chosen[name] for name in names})
    digest = hashlib.sha256(json.dumps(chosen, sort_keys=True).encode()).hexdigest()
    for name in ("objects", "scene_codes", "thumbnails"):
        (folder / name).mkdir(parents=True)
    run = {"format": 1, "settings": chosen, "digest": digest, "weights": "", "is_draft": True}
    (folder / RUN).write_text(json.dumps(run | {"model": "starter"}))
    rows = []
    for number, picture in enumerate(pictures):
        made = reconstruct(picture, model(), options)
        placement, _ = placed(made.mesh, chosen["size"], chosen["measure"], chosen["origin"])
        row = _row(made, placement, picture, digest, number)
        (folder / row.code).write_bytes(made.code.to_bytes(half=True))
        content = glb(placement.place(made.mesh.vertices), made.mesh.faces, made.mesh.colors)
        (folder / row.file).write_bytes(content)
        rows.append(row)
    write_index(folder, rows)
    return rows


def _row(
    made: Reconstruction, placement: Placement, picture: Path, digest: str, number: int
) -> Row:
    fitted = fit_camera(
        *(made.mesh.vertices, made.mesh.faces, np.asarray(made.prepared.cutout)[..., 3]),
        size=made.prepared.size,
    )
    camera = fitted.camera
    return Row(
        picture=str(picture),
        digest=hashlib.sha256(picture.read_bytes()).hexdigest(),
        settings=digest,
        file=f"objects/{number}.glb",
        code=f"scene_codes/{number}.safetensors",
        faces=len(made.mesh.faces),
        match=fitted.match,
        camera=(
            *(camera.elevation, camera.azimuth, camera.fov, camera.distance, *camera.center),
            *(float(camera.width), float(camera.height)),
        ),
        scale=placement.scale,
        base=placement.base,
    )


def write_index(folder: Path, rows: Sequence[Row]) -> None:
    (folder / LINES).write_text("".join(f"{row.to_json()}\n" for row in rows), encoding="utf-8")
