"""Tasks beside Blender: copy data out of bpy, work without it, deliver the result into it."""
