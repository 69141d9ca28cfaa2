"""Settings for a quick look."""

import bpy

settings = bpy.context.scene.triposr

settings.keep_largest = False
settings.foreground_ratio = 0.85
settings.resolution = 96
settings.threshold = 25.0
settings.closed = True
