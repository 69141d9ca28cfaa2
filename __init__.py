"""Registers TripoSR for Blender, the add-on that turns a picture into a colored mesh.

Outside Blender the same folder is the package `triposr`, of which only `triposr.inference` is used,
so `bpy` is imported when Blender calls `register()` and not before.
"""


def register() -> None:
    import bpy

    from . import command, operators, panels, preferences, preview, properties, session

    for cls in (*preferences.classes, *properties.classes, *operators.classes, *panels.classes):
        bpy.utils.register_class(cls)
    properties.attach()
    preview.register()
    session.register()
    operators.places.register()
    command.register()


def unregister() -> None:
    import bpy

    from . import command, operators, panels, preferences, preview, properties, session

    command.unregister()
    operators.places.unregister()
    session.unregister()
    preview.unregister()
    properties.detach()
    classes = (*preferences.classes, *properties.classes, *operators.classes, *panels.classes)
    for cls in reversed(classes):
        bpy.utils.unregister_class(cls)
