"""From a mesh to a textured asset. No bpy."""
