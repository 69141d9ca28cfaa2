"""Models come to this machine: downloads and installation. No bpy."""
