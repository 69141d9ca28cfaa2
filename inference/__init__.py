"""TripoSR outside Blender: one picture in, one colored triangle mesh out. No bpy.

    model = load_model(folder)
    mesh = image_to_mesh("chair.png", model)

Each public name is imported on first use, so importing this package loads neither torch nor
transformers.
"""

from importlib import import_module

_MODULES = {
    "model.checkpoint": ("load_model",),
    "picture.prepare": ("prepare_image",),
    "surface.extraction": ("extract_mesh",),
    "surface.field": ("color_at", "density_at"),
    "pipeline": ("image_to_mesh",),
    "types": ("MeshData", "Options", "PreparedImage"),
    "scene_code": ("SceneCode",),
    "errors": (
        *("DependencyError", "DeviceError", "DownloadError", "EmptySurfaceError", "InputError"),
        *("ModelFilesError", "TripoSRError"),
    ),
}
"""Public names, listed under the module that defines them."""

_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)
