"""This machine's means of computing: devices, torch, packages, folders. No bpy."""
