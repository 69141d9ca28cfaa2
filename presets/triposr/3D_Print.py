"""Settings for a single closed part."""

import bpy

settings = bpy.context.scene.triposr

settings.keep_largest = True
settings.foreground_ratio = 0.85
settings.resolution = 384
settings.threshold = 25.0
settings.closed = True
