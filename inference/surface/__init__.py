"""A scene code becomes a colored triangle mesh. No bpy."""
