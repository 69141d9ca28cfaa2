"""Extraction of a colored triangle mesh from a scene code. No bpy."""
