"""TripoSR outside Blender: one picture in, one colored triangle mesh out. No bpy.

    model = load_model(folder)
    mesh = image_to_mesh("chair.png", model)

The public names are looked up when they are first used, so that importing this package imports
neither torch nor transformers.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .checkpoint import load_model
    from .errors import (
        DependencyError,
        DeviceError,
        DownloadError,
        EmptySurfaceError,
        InputError,
        ModelFilesError,
        TripoSRError,
    )
    from .extraction import extract_mesh
    from .pipeline import image_to_mesh
    from .preprocess import prepare_image
    from .types import MeshData, Options, PreparedImage, SceneCode

_MODULE_OF = {
    "load_model": "checkpoint",
    "prepare_image": "preprocess",
    "extract_mesh": "extraction",
    "image_to_mesh": "pipeline",
    "MeshData": "types",
    "Options": "types",
    "PreparedImage": "types",
    "SceneCode": "types",
    "DependencyError": "errors",
    "DeviceError": "errors",
    "DownloadError": "errors",
    "EmptySurfaceError": "errors",
    "InputError": "errors",
    "ModelFilesError": "errors",
    "TripoSRError": "errors",
}

__all__ = [
    "DependencyError",
    "DeviceError",
    "DownloadError",
    "EmptySurfaceError",
    "InputError",
    "MeshData",
    "ModelFilesError",
    "Options",
    "PreparedImage",
    "SceneCode",
    "TripoSRError",
    "extract_mesh",
    "image_to_mesh",
    "load_model",
    "prepare_image",
]


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)
