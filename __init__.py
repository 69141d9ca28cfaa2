"""Registers TripoSR for Blender, the add-on that turns a picture into a colored mesh.

Outside Blender the same folder is the package `triposr`, of which only `triposr.inference` is used,
so `bpy` is imported when Blender calls `register()` and not before.
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
    """What Blender is told of, in order: a class comes after those that it names."""
    from . import operators, panels, properties
    from .tasks import live_refine

    return (
        *properties.classes,
        *live_refine.classes,
        *operators.classes,
        *panels.classes,
    )


def _modules() -> tuple:
    """Those with handlers, timers, menus or properties to add, in order."""
    from . import command, operators, panels, properties, translations
    from .panels import thumbnails
    from .scene import source, usd
    from .tasks import inventory, live_refine, preview, session

    return (
        *(translations, properties, source, usd, thumbnails, preview, session, live_refine),
        *(inventory, operators.places, panels.presets, command),
    )
