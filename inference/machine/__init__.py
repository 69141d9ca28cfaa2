"""What this machine computes with: devices, torch, packages, folders. No bpy."""
