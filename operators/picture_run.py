"""One picture's way to an object: what is copied out of Blender, the work on its thread, and what
is done with the result.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import bpy
import numpy as np
from numpy.typing import NDArray

from ..inference.errors import InputError
from ..inference.limits import FILE_SUFFIXES
from ..inference.message import Message
from ..inference.paths import local_path
from ..inference.types import SIZE_RANGE, MeshData, Options, check_range
from ..inference.weights import STARTER_FOLDER, find_model
from ..preferences import keep_seconds, model_folder, preferences, threads, torch_folder
from ..properties import SETTINGS, run_options
from ..runner import Run, push_undo_step
from ..scene.identity import is_local, with_uid
from ..scene.image import Picture, matte_of, picture_of, picture_of_file
from ..scene.kept_file import keep_file, kept_file
from ..scene.mesh import add_object, check_free, fill, make_single_user, show_colors
from ..scene.placement import Extent, Placement, Row, Spot, placed
from ..scene.source import has_source, remember_source
from ..session import RUN_STAGES, engine
from ..thumbnails import file_thumbnail

if TYPE_CHECKING:
    from PIL import Image

    from ..inference.model.network import Model

UNDO_STEP = Message("Generate 3D Mesh")


class Chosen:
    """The settings of one run: those that are given, else the scene's."""

    def __init__(self, settings: bpy.types.PropertyGroup, **given: object) -> None:
        for name in SETTINGS:
            setattr(self, name, given[name] if name in given else getattr(settings, name))
        check_range("Size", self.size, SIZE_RANGE)


@dataclass(frozen=True)
class Source:
    """A picture, detached from Blender.

    Attributes:
        title: For the object.
        read: Gives the picture; called on the worker.
        matte: (H, W) uint8 that was painted for it, or None.
        image: session_uid of the image data-block; 0 for a file.
        file: None for a data-block.
        icon: Number of a thumbnail.
    """

    title: str
    read: Picture
    matte: NDArray[np.uint8] | None = None
    image: int = 0
    file: Path | None = None
    icon: int = 0


def file_source(filepath: str) -> Source:
    """A picture's file; "//" stands for the folder of the .blend, and "~" for the home folder."""
    path = Path(os.path.abspath(bpy.path.abspath(local_path(filepath))))
    return Source(_title(path.name), picture_of_file(path), file=path, icon=file_thumbnail(path))


def image_source(image: bpy.types.Image, user: bpy.types.ImageUser | None = None) -> Source:
    """An image data-block with its painted matte; raises InputError if it has no pixels.

    Args:
        user: What shows it, and says which of its frames.
    """
    matte = image.triposr.matte
    return Source(
        _title(image.name),
        picture_of(image, user),
        matte and matte_of(matte),
        image=image.session_uid,
        icon=_icon_of(image),
    )


def _icon_of(image: bpy.types.Image) -> int:
    """Number of an image's icon; 0 without a window.

    There, Blender keeps the icon's preview after the image is gone, and crashes when it frees it.
    """
    return 0 if bpy.app.background else bpy.types.UILayout.icon(image)


def kept_source(blender_object: bpy.types.Object) -> Source:
    """The picture that an object was made of; raises InputError if it is gone."""
    note = blender_object.triposr
    if has_source(blender_object):
        if note.image is not None:
            return image_source(note.image)
        if (file := kept_file(blender_object)) is not None:
            return file_source(str(file))
        picture = blender_object.data.triposr.picture
        if picture is not None and picture.packed_file is not None:
            return image_source(picture)
    raise InputError(
        "The picture of {name} is not there any more",
        "Open it in the TripoSR tab and click Generate",
        name=blender_object.name,
    )


def _title(name: str) -> str:
    """A picture's name without its ending and Blender's number, for the object.

    Blender's names are UTF-8; those of files may be anything.
    """
    endings = "|".join(map(re.escape, FILE_SUFFIXES))
    title = re.sub(rf"({endings})(\.\d{{3}})?$", "", name, flags=re.IGNORECASE)
    return title.encode("utf-8", "replace").decode()


def picture_run(
    context: bpy.types.Context,
    source: Source,
    chosen: Chosen,
    spot: Spot,
    is_clicked: bool,
    target: bpy.types.Object | None = None,
    title: str = "",
    variants: str = "",
) -> Run:
    """The run that makes a picture an object.

    Args:
        spot: Where the object is put.
        is_clicked: Whether Blender is used meanwhile, and keeps a core.
        target: The object that is replaced, instead of adding one.
        title: For the object, if not the picture's.
        variants: What the object has in common with those that it is compared with.

    Raises:
        InputError: A setting is out of its range, or the scene is a linked file's.
    """
    if not is_local(context.scene):
        raise InputError("The scene belongs to a linked file", "Switch to a scene of this file")
    with_model = partial(
        engine.run,
        device=preferences(context).device,
        precision=preferences(context).precision,
        threads=threads(context, is_clicked),
        keep=keep_seconds(context),
        torch_folder=torch_folder(context),
    )
    models = model_folder(context)
    options = run_options(chosen, models)
    name = title or source.title
    picture = source.title, source.image, source.file
    scene_uid, target_uid = context.scene.session_uid, 0 if target is None else target.session_uid

    def again() -> Run:
        # Holds no `source`, which may hold the pixels of a large picture.
        scene = with_uid(bpy.data.scenes, scene_uid) or bpy.context.scene
        goal = with_uid(bpy.data.objects, target_uid)
        with bpy.context.temp_override(scene=scene):
            new = _source_again(*picture)
            return picture_run(bpy.context, new, chosen, spot, is_clicked, goal, title, variants)

    return Run(
        title=name,
        stages=RUN_STAGES,
        work=_work(source, chosen, options, with_model, models),
        deliver=_Delivery(context, name, source, chosen, spot, target, variants),
        icon=source.icon,
        group=variants,
        again=again,
    )


def _source_again(title: str, image_uid: int, file: Path | None) -> Source:
    """A picture once more, out of its file or data-block; raises InputError if that is gone."""
    if file is not None:
        return file_source(str(file))
    image = with_uid(bpy.data.images, image_uid)
    if image is None:
        raise InputError(
            "The picture {name} is not there any more", "Open it again, and generate", name=title
        )
    return image_source(image)


def row_of_files(
    context: bpy.types.Context, files: list[Path], spot: Spot, is_clicked: bool
) -> list[Run]:
    """The runs of several pictures' files, whose objects will stand in a row; see `picture_run`."""
    chosen, in_row = Chosen(context.scene.triposr), replace(spot, row=Row())
    sources = [file_source(str(file)) for file in files]
    return [picture_run(context, source, chosen, in_row, is_clicked) for source in sources]


@dataclass(frozen=True)
class Made:
    """What a run has made.

    Attributes:
        placement: Of the mesh, as the settings ask for it.
        extent: How far it reaches then.
        packed: The scene code that the mesh was extracted from.
        digest: SHA-256 of the picture.
        seconds: That it took.
        is_draft: Whether the starter model made it.
    """

    mesh: MeshData
    placement: Placement
    extent: Extent
    packed: bytes
    digest: str
    seconds: float
    is_draft: bool


def _work(
    source: Source,
    chosen: Chosen,
    options: Options,
    with_model: Callable[..., Made],
    models: Path,
) -> Callable[[Callable[[str, float], None]], Made]:
    """The run itself, free of Blender."""

    def work(tick: Callable[[str, float], None]) -> Made:
        def make(model: Model) -> Made:
            # Imported here, on the worker, because they import Pillow and torch.
            from ..inference.picture import digest_of
            from ..inference.pipeline import reconstruct

            tick("prepare", 0.0)
            picture = source.read()
            made = reconstruct(picture, model, options, tick, source.matte)
            place = placed(made.mesh, chosen.size, chosen.measure, chosen.origin)
            code, digest = made.code.to_bytes(), digest_of(_kept(source, picture))
            seconds = time.perf_counter() - started
            return Made(made.mesh, *place, code, digest, seconds, folder == STARTER_FOLDER)

        started = time.perf_counter()
        tick("load", 0.0)
        folder = find_model(models)  # here, because a share may take its time to answer
        return with_model(make, folder=folder, tick=tick)

    return work


def _kept(source: Source, picture: Path | Image.Image | bytes) -> Path | Image.Image | bytes:
    """What is compared when a picture is looked for again: its file, as long as it is there."""
    return source.file if source.file is not None and os.path.isfile(source.file) else picture


class _Delivery:
    """Puts the mesh where the artist asked for it, even if she has moved on since."""

    def __init__(
        self,
        context: bpy.types.Context,
        name: str,
        source: Source,
        chosen: Chosen,
        spot: Spot,
        target: bpy.types.Object | None,
        variants: str,
    ) -> None:
        self.name, self.source, self.chosen, self.spot = name, source, chosen, spot
        self.variants = variants
        self.scene_uid = context.scene.session_uid
        self.target_uid = 0 if target is None else target.session_uid
        self.digest = "" if target is None else target.triposr.digest

    def __call__(self, made: Made) -> Message:
        mesh, context = made.mesh, bpy.context
        window, scene = self._place(context)
        with (
            context.temp_override(**({"window": window} if window else {})),
            context.temp_override(scene=scene, view_layer=_view_layer(context, scene)),
        ):
            new = self._put(context, made)
            if preferences(context).show_colors:
                show_colors(context)
        push_undo_step(UNDO_STEP, window)
        told = Message(
            "{told} in {seconds:.1f}\N{NO-BREAK SPACE}s",
            told=told_of(new, mesh, made.is_draft),
            seconds=made.seconds,
        )
        if mesh.cut_off:
            told = Message("{told}, cut off by the model's box", told=told)
        if self.digest not in ("", made.digest):
            told = Message("{told}; the picture has changed since it was first made", told=told)
        return told

    def _put(self, context: bpy.types.Context, made: Made) -> bpy.types.Object:
        """Replace the target's mesh, or add an object; with all that is known of where it is from.

        A target that has been deleted since comes back as a new object, at its place.
        """
        new = with_uid(bpy.data.objects, self.target_uid)
        if new is None:
            location = self.spot.take(made.extent)
            placement, turn = made.placement, self.spot.turn
            new = add_object(context, made.mesh, self.name, placement, location, turn)
        else:
            check_free(new)
            make_single_user(new)
            fill(new.data, made.mesh, made.placement)
        remember_source(new, made.packed, made.placement)
        note = new.triposr
        for name in SETTINGS:
            setattr(note, name, getattr(self.chosen, name))
        note.picture, note.is_draft, note.digest = self.source.title, made.is_draft, made.digest
        note.image = with_uid(bpy.data.images, self.source.image)
        keep_file(new, self.source.file)
        note.mirrored = "none"
        if self.variants or not self.target_uid:  # one that is built anew stays where it belongs
            note.variants, note.home = self.variants, self.spot.location
        return new

    def _place(self, context: bpy.types.Context) -> tuple[bpy.types.Window | None, bpy.types.Scene]:
        """The scene of the click, or the present one if it is gone, and a window, if any; one that
        shows the scene where there is one.
        """
        scene = with_uid(bpy.data.scenes, self.scene_uid) or context.scene
        windows = list(context.window_manager.windows)
        showing = [window for window in windows if window.scene == scene]
        return next(iter(showing or windows), None), scene


def told_of(new: bpy.types.Object, mesh: MeshData, is_draft: bool) -> Message:
    """What there is to say of a new surface."""
    if is_draft:
        return Message("{name}: draft of {count:,} triangles", name=new.name, count=len(mesh.faces))
    return Message("{name}: {count:,} triangles", name=new.name, count=len(mesh.faces))


def _view_layer(context: bpy.types.Context, scene: bpy.types.Scene) -> bpy.types.ViewLayer:
    """The view layer of the scene that is in use, or its first one."""
    return context.view_layer if context.scene == scene else scene.view_layers[0]
