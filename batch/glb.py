"""From a mesh to the content of a GLB file. No Ray, no torch, no bpy."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import trimesh
from numpy.typing import NDArray
from PIL import Image
from trimesh.exchange.gltf import export_glb
from trimesh.visual import TextureVisuals
from trimesh.visual.material import PBRMaterial

from ..inference.picture.color import srgb_to_linear
from ..inference.texture.pictures import Textures
from .unwrap import Unwrapped

UNSIGNED_SHORT = 5123
"""glTF's componentType: 8 bits are too few for linear colors, whose dark ones would show steps."""

ROUGHNESS = 0.8
"""Of the material, as the add-on's in Blender."""


def to_gltf_frame(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Convert vectors (N, 3) from Blender's frame, z up, to glTF's, y up; both are right-handed.

    What faces -Y in Blender, the front view, then faces +Z, as glTF asks for.
    """
    return np.stack((vectors[:, 0], vectors[:, 2], -vectors[:, 1]), axis=1)


def colored_glb(
    vertices: NDArray[np.float32],
    faces: NDArray[np.int32],
    colors: NDArray[np.float32],
    name: str,
) -> bytes:
    """Return the content of a GLB file with one mesh with vertex colors.

    Args:
        vertices: (V, 3) in the object's space, in Blender's frame.
        faces: (F, 3), counterclockwise as seen from outside.
        colors: (V, 3) in [0, 1], display-referred sRGB; the file holds them as linear, 16 bits.
        name: Of the mesh.
    """
    material = PBRMaterial(name=name, metallicFactor=0.0, roughnessFactor=ROUGHNESS)
    mesh = trimesh.Trimesh(
        to_gltf_frame(vertices), faces, process=False, visual=TextureVisuals(material=material)
    )
    linear = srgb_to_linear(np.clip(colors, 0, 1))
    rgba = np.full((len(linear), 4), 65535, np.uint16)
    rgba[:, :3] = np.rint(linear * 65535)
    mesh.vertex_attributes["_COLOR_0"] = rgba
    return _exported(mesh, name)


def textured_glb(mesh: Unwrapped, textures: Textures, name: str) -> bytes:
    """Return the content of a GLB file with one mesh with a texture and, if there is one, a normal
    map.
    """
    material = PBRMaterial(
        name=name,
        metallicFactor=0.0,
        roughnessFactor=ROUGHNESS,
        baseColorTexture=_image(textures.color),
        normalTexture=_image(textures.normals),
    )
    visual = TextureVisuals(uv=mesh.uv, material=material)
    points, normals = to_gltf_frame(mesh.points), to_gltf_frame(mesh.normals)
    made = trimesh.Trimesh(points, mesh.faces, vertex_normals=normals, process=False, visual=visual)
    tangents = np.column_stack((to_gltf_frame(mesh.tangents[:, :3]), mesh.tangents[:, 3]))
    made.vertex_attributes["_TANGENT"] = tangents.astype(np.float32)
    return _exported(made, name)


def _image(content: bytes | None) -> Image.Image | None:
    return None if content is None else Image.open(io.BytesIO(content))


def _exported(mesh: trimesh.Trimesh, name: str) -> bytes:
    scene = trimesh.Scene()
    scene.add_geometry(mesh, node_name=name, geom_name=name)
    return bytes(export_glb(scene, include_normals=True, tree_postprocessor=_with_standard_names))


def _with_standard_names(tree: dict[str, Any]) -> None:
    """Give trimesh's custom attributes the names and types of the standard."""
    for mesh in tree["meshes"]:
        for primitive in mesh["primitives"]:
            attributes = primitive["attributes"]
            for name in ("_COLOR_0", "_TANGENT"):
                if name in attributes:
                    attributes[name.removeprefix("_")] = attributes.pop(name)
            if "COLOR_0" in attributes:
                accessor = tree["accessors"][attributes["COLOR_0"]]
                assert accessor["componentType"] == UNSIGNED_SHORT
                accessor["normalized"] = True
