"""Register TripoSR for Blender, the add-on that turns a picture into a colored mesh.

Outside Blender, the same folder is the package `triposr`, which offers `triposr.inference` alone.
Therefore `bpy` is imported only when Blender calls `register()`.
"""


def register() -> None:
    import bpy

    for cls in _classes():
        bpy.utils.register_class(cls)
    for module in _modules():
        module.register()


def unregister() -> None:
    import bpy

    for module in reversed(_modules()):
        module.unregister()
    for cls in reversed(_classes()):
        bpy.utils.unregister_class(cls)


def _classes() -> tuple[type, ...]:
    """Classes to register, in order: each class follows the classes that it refers to."""
    from . import operators, panels, properties
    from .tasks import live_refine

    return (
        *properties.classes,
        *live_refine.classes,
        *operators.classes,
        *panels.classes,
    )


def _modules() -> tuple:
    """Modules that add handlers, timers, menus or properties, in order."""
    from . import command, operators, panels, properties, translations
    from .panels import batch as batch_panel
    from .panels import thumbnails
    from .scene import camera, source, usd, viewports
    from .tasks import gpu, inventory, live_refine, preview, session

    return (
        *(translations, properties, camera, source, usd, viewports, thumbnails, preview, session),
        *(live_refine, inventory, gpu, operators.places, panels.presets, panels.export),
        *(batch_panel, command),
    )
