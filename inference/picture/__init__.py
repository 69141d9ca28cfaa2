"""A picture file becomes the square picture that the network sees. No bpy."""
