"""Work beside Blender: copy out of bpy, work without it, deliver into it."""
