"""Stages of each kind of task: label, and share of the progress bar."""

from __future__ import annotations

from ..inference.message import Message

PICTURE_STAGES = {
    "load": (Message("Loading the model"), 0.15),
    "prepare": (Message("Removing the background"), 0.10),
    "encode": (Message("Reading the picture"), 0.40),
    "extract": (Message("Extracting the surface"), 0.25),
    "color": (Message("Coloring"), 0.05),
    "match": (Message("Matching the picture"), 0.05),
}
DOWNLOAD_STAGES = {
    "download": (Message("Downloading"), 0.85),
    "verify": (Message("Verifying"), 0.05),
    "convert": (Message("Converting"), 0.10),
}
GPU_STAGES = {
    "download": (Message("Downloading"), 0.75),
    "verify": (Message("Verifying"), 0.05),
    "unpack": (Message("Unpacking"), 0.15),
    "try": (Message("Trying it in a second Blender"), 0.05),
}
REMOVE_STAGES = {"remove": (Message("Removing"), 1.0)}
IMPORT_STAGES = {"verify": (Message("Verifying"), 0.2), "copy": (Message("Copying"), 0.8)}
PREVIEW_STAGES = {"prepare": (Message("Removing the background"), 1.0)}
PASTE_STAGES = {"prepare": (Message("Reading the clipboard"), 1.0)}
REFINE_STAGES = {
    "extract": (Message("Extracting the surface"), 0.9),
    "color": (Message("Coloring"), 0.1),
}
RECOLOR_STAGES = {"color": (Message("Coloring"), 1.0)}
PHOTO_STAGES = {
    "color": (Message("Coloring"), 0.4),
    "prepare": (Message("Removing the background"), 0.2),
    "match": (Message("Matching the picture"), 0.2),
    "photo": (Message("Projecting the photo"), 0.2),
}
EDIT_STAGES = {
    "edit": (Message("Editing the mesh"), 0.8),
    "color": (Message("Coloring"), 0.2),
}
TEXTURE_STAGES = {
    "edit": (Message("Unwrapping the mesh"), 0.20),
    "prepare": (Message("Removing the background"), 0.05),
    "match": (Message("Matching the picture"), 0.05),
    "snap": (Message("Finding the surface"), 0.25),
    "color": (Message("Coloring"), 0.30),
    "photo": (Message("Projecting the photo"), 0.10),
    "save": (Message("Drawing the textures"), 0.05),
}
CAMERA_STAGES = {
    "prepare": (Message("Removing the background"), 0.7),
    "match": (Message("Matching the picture"), 0.3),
}
BATCH_STAGES = {
    "load": (Message("Reading the index"), 0.05),
    "copy": (Message("Importing objects"), 0.95),
}
EXPORT_STAGES = {"export": (Message("Exporting"), 1.0)}
DETECT_STAGES = {"load": (Message("Looking for devices"), 1.0)}
