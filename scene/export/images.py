"""Textures of the copy in the second Blender, as PNG and JPEG files of a limited size."""

from __future__ import annotations

from pathlib import Path

import bpy

from ...inference.message import Message
from .nodes import nodes_of
from .targets import Target

JPEG_QUALITY = 92
"""Percent. A texture of 2048² pixels takes about 1 MB, without blocks that one sees."""

SAVE = bpy.types.Image.bl_rna.functions["save"]

SMALLEST = 512
"""Pixels along the side below which textures are not reduced to save bytes."""


class Images:
    """The pictures that a mesh's materials show, and the files in their place.

    Args:
        data: The mesh.
        unsaved: Files with the present pixels of images, by name.
        folder: Where to write files.
        stem: Beginning of their names: a texture beside its model must not replace another's.
        remarks: Receives a message about each picture that is missing.
    """

    def __init__(
        self,
        data: bpy.types.Mesh,
        unsaved: dict[str, str],
        folder: Path,
        stem: str,
        remarks: list[Message],
    ) -> None:
        self._folder = folder / "textures"
        self._folder.mkdir()
        self._stem = stem
        self._is_lossy = False
        self._nodes = _image_nodes(data)
        self._shown: list[bpy.types.Image] = []
        for image in dict.fromkeys(node.image for node in self._nodes):
            _use_pixels(image, unsaved.get(image.name))
            if 0 in image.size:
                remarks.append(
                    Message("The picture {name} is missing, so it was left out", name=image.name)
                )
                self._replace(image, None)
            else:
                self._shown.append(image)
        self._files = dict.fromkeys(self._shown)

    def side(self) -> int:
        """Pixels along the longest side of all textures; 0 if there are none."""
        return max((max(image.size) for image in self._shown), default=0)

    def prepare(self, target: Target) -> None:
        """Put files in place of all images, no larger than the target's limit."""
        self._target = target
        for number, image in enumerate(self._shown):
            side = max(image.size)
            if target.side and side > target.side:
                width, height = (max(1, round(n * target.side / side)) for n in image.size)
                image.scale(width, height)
            self._write(image, number)

    def shrink(self) -> bool:
        """Make the files smaller; return whether that was possible."""
        if not self._shown or (self._is_lossy and self.side() <= SMALLEST):
            return False
        if self._is_lossy:
            half = self.side() // 2
            for image in self._shown:
                if max(image.size) > half:
                    image.scale(*(max(1, n // 2) for n in image.size))
        self._is_lossy = True  # at first, normals stay without loss
        for number, image in enumerate(self._shown):
            self._write(image, number)
        return True

    def _write(self, image: bpy.types.Image, number: int) -> None:
        """Write an image to a new file, and let the materials show that."""
        before = self._files[image]
        is_color = not image.colorspace_settings.is_data
        nodes = [node for node in self._nodes if node.image in (image, before)]
        is_opaque = not any(link for node in nodes for link in node.outputs["Alpha"].links)
        is_jpeg = is_opaque and self._target.jpeg and (is_color or self._is_lossy)
        # Named anew for each attempt: exporters remember what they have read.
        name = f"{self._stem}-{number}-{len(list(self._folder.iterdir()))}"
        path = self._folder / f"{name}{'.jpg' if is_jpeg else '.png'}"
        image.file_format = "JPEG" if is_jpeg else "PNG"
        # Blender 4.2 has no copies: there the image refers to the new file, and keeps its pixels.
        options = {"save_copy": True} if "save_copy" in SAVE.parameters else {}
        image.save(filepath=str(path), quality=JPEG_QUALITY if is_jpeg else 0, **options)
        file = bpy.data.images.load(str(path))
        if not image.is_float:  # floats were converted for the screen
            file.colorspace_settings.name = image.colorspace_settings.name
        elif not is_color:
            file.colorspace_settings.name = "Non-Color"
        file.alpha_mode = image.alpha_mode
        for node in nodes:
            node.image = file
        self._files[image] = file
        if before is not None:
            bpy.data.images.remove(before)

    def _replace(self, image: bpy.types.Image, by: bpy.types.Image | None) -> None:
        for node in self._nodes:
            if node.image == image:
                node.image = by
        # A node without a picture would take the first file that is written, whatever it shows.
        self._nodes = [node for node in self._nodes if node.image is not None]


def _image_nodes(data: bpy.types.Mesh) -> list[bpy.types.Node]:
    return [
        node
        for material in filter(None, data.materials)
        for node in nodes_of(material)
        if node.type == "TEX_IMAGE" and node.image is not None
    ]


def _use_pixels(image: bpy.types.Image, unsaved: str | None) -> None:
    """Show the pixels that the artist sees, which she may not have saved yet."""
    if unsaved is None:
        return
    while image.packed_files:
        image.unpack(method="REMOVE")
    image.source, image.filepath = "FILE", unsaved
    image.reload()
