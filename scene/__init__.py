"""The only code that writes `bpy.data`: pictures in, objects out."""
