"""Settings for the finest surface that a laptop builds in seconds."""

import bpy

settings = bpy.context.scene.triposr

settings.keep_largest = False
settings.foreground_ratio = 0.85
settings.resolution = 512
settings.threshold = 25.0
settings.closed = True
