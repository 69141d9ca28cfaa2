"""A picture becomes an object: beside Blender from the interface, inline from a script."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import bpy
import numpy as np
from bpy.props import (
    BoolProperty,
    EnumProperty,
    FloatProperty,
    FloatVectorProperty,
    IntProperty,
    StringProperty,
)
from numpy.typing import NDArray

from ..inference.errors import InputError
from ..inference.limits import FILE_SUFFIXES
from ..inference.types import MeshData, Options, check_range, ignore_progress
from ..preferences import (
    active_model,
    keep_seconds,
    model_folder,
    preferences,
    torch_folder,
    uses_starter,
)
from ..properties import (
    BACKGROUND,
    CLOSED,
    FOREGROUND_RATIO,
    KEEP_LARGEST,
    MATTING_MODEL,
    RESOLUTION,
    SIZE,
    THRESHOLD,
    run_options,
    unlimited,
)
from ..runner import Run, explain
from ..scene.image import Picture, matte_of, picture_of
from ..scene.mesh import add_object, show_colors
from ..scene.placement import on_floor
from ..scene.source import remember_source
from ..session import RUN_STAGES, engine, runs

if TYPE_CHECKING:
    from ..inference.model.network import Model

UNDO_STEP = "Generate 3D Mesh"

RELATIVE_PATHS = {"PATH_SUPPORTS_BLEND_RELATIVE"} if bpy.app.version >= (4, 5) else set()
"""Blender 4.5 and newer warn of "//" in a path whose property does not say that it takes it."""

SIZE_RANGE = (1e-4, 1e6)
"""Scene units."""


class TRIPOSR_OT_generate(bpy.types.Operator):
    """Build a colored 3D mesh from the picture, on this machine"""

    bl_idname = "triposr.generate"
    bl_label = "Generate 3D Mesh (TripoSR)"
    # Without UNDO: the undo step belongs to the moment when the object arrives, not to the click.

    filepath: StringProperty(
        name="Picture File",
        description="Picture to use instead of the scene's",
        subtype="FILE_PATH",
        options={"SKIP_SAVE", *RELATIVE_PATHS},
    )
    image: StringProperty(
        name="Image",
        description="Name of the image data-block to use instead of the scene's picture",
        options={"SKIP_SAVE"},
    )
    location: FloatVectorProperty(
        name="Location",
        description="Where the middle of the object's base is put, instead of at the 3D cursor",
        subtype="TRANSLATION",
        options={"SKIP_SAVE"},
    )
    background: EnumProperty(**BACKGROUND, options={"SKIP_SAVE"})
    matting_model: EnumProperty(**MATTING_MODEL, options={"SKIP_SAVE"})
    keep_largest: BoolProperty(**KEEP_LARGEST, options={"SKIP_SAVE"})
    foreground_ratio: FloatProperty(**unlimited(FOREGROUND_RATIO), options={"SKIP_SAVE"})
    resolution: IntProperty(**unlimited(RESOLUTION), options={"SKIP_SAVE"})
    threshold: FloatProperty(**unlimited(THRESHOLD), options={"SKIP_SAVE"})
    closed: BoolProperty(**CLOSED, options={"SKIP_SAVE"})
    size: FloatProperty(**unlimited(SIZE), options={"SKIP_SAVE"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if bpy.app.is_job_running("RENDER"):
            cls.poll_message_set("Wait until the render is done")
            return False
        return True

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        try:
            run = self._prepare(context, threads=preferences(context).threads)
        except Exception as error:
            self.report({"ERROR"}, str(explain(error)))
            return {"CANCELLED"}
        runs.submit(run)
        return {"FINISHED"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            # Blender waits meanwhile, and needs no core.
            run = self._prepare(context, threads=preferences(context).threads or None)
            self.report({"INFO"}, run.deliver(run.work(ignore_progress)))
        except Exception as error:  # the boundary at which scripts are told, in one sentence
            self.report({"ERROR"}, str(explain(error)))
            return {"CANCELLED"}
        return {"FINISHED"}

    def _prepare(self, context: bpy.types.Context, threads: int | None = None) -> Run:
        """Copy all that the run needs out of Blender."""
        if context.scene.library is not None:
            raise InputError("The scene belongs to a linked file", "Switch to a scene of this file")
        name, picture, matte = self._picture(context)
        settings = _Chosen(self, context.scene.triposr)
        check_range("Size", settings.size, SIZE_RANGE)
        with_model = partial(
            engine.run,
            folder=active_model(context),
            device=preferences(context).device,
            precision=preferences(context).precision,
            threads=threads,
            keep=keep_seconds(context),
            torch_folder=torch_folder(context),
        )
        return Run(
            title=name,
            stages=RUN_STAGES,
            work=_work(picture, matte, run_options(settings, model_folder(context)), with_model),
            deliver=_Delivery(context, name, settings, self._location(context)),
        )

    def _location(self, context: bpy.types.Context) -> tuple[float, float, float]:
        is_given = self.properties.is_property_set("location")
        return tuple(self.location if is_given else context.scene.cursor.location)

    def _picture(self, context: bpy.types.Context) -> tuple[str, Picture, NDArray[np.uint8] | None]:
        """The title of the picture, the picture, and its painted matte, if it has one."""
        if self.filepath:
            path = Path(bpy.path.abspath(self.filepath))
            return _title(path.name), lambda: path, None
        image = bpy.data.images.get(self.image) if self.image else context.scene.triposr.image
        if image is None:
            problem = f"There is no image {self.image!r}" if self.image else "There is no picture"
            raise InputError(problem, "Open one in the TripoSR tab, or drop one")
        matte = image.triposr.matte
        return _title(image.name), picture_of(image), matte and matte_of(matte)


def _title(name: str) -> str:
    """A picture's name without its ending and Blender's number, for the object.

    Blender's names are UTF-8; those of files may be anything.
    """
    endings = "|".join(map(re.escape, FILE_SUFFIXES))
    title = re.sub(rf"({endings})(\.\d{{3}})?$", "", name, flags=re.IGNORECASE)
    return title.encode("utf-8", "replace").decode()


CHOICES = (
    "background",
    "matting_model",
    "keep_largest",
    "foreground_ratio",
    "resolution",
    "threshold",
    "closed",
    "size",
)
"""The settings that both the operator and the scene have."""


class _Chosen:
    """A setting is the operator's where the caller gave it, else the scene's."""

    def __init__(self, operator: TRIPOSR_OT_generate, settings: bpy.types.PropertyGroup) -> None:
        for name in CHOICES:
            source = operator if operator.properties.is_property_set(name) else settings
            setattr(self, name, getattr(source, name))


Made = tuple[MeshData, bytes, float]
"""A mesh, the scene code that it was extracted from, packed, and the seconds that it took."""


def _work(
    picture: Picture,
    matte: NDArray[np.uint8] | None,
    options: Options,
    with_model: Callable[..., Made],
) -> Callable[[Callable[[str, float], None]], Made]:
    """The run itself, free of Blender."""

    def work(tick: Callable[[str, float], None]) -> Made:
        def make(model: Model) -> Made:
            # Imported here, on the worker, because it imports torch.
            from ..inference.pipeline import reconstruct

            tick("prepare", 0.0)
            made = reconstruct(picture(), model, options, tick, matte)
            return made.mesh, made.code.to_bytes(), time.perf_counter() - started

        started = time.perf_counter()
        tick("load", 0.0)
        return with_model(make, tick=tick)

    return work


class _Delivery:
    """Puts the mesh where the artist asked for it, even if she has moved on since."""

    def __init__(
        self,
        context: bpy.types.Context,
        name: str,
        settings: _Chosen,
        location: tuple[float, float, float],
    ) -> None:
        self.name, self.settings, self.location = name, settings, location
        self.is_draft = uses_starter(context)
        self.scene_uid = context.scene.session_uid

    def __call__(self, made: Made) -> str:
        mesh, packed, seconds = made
        placement = on_floor(mesh.vertices, self.settings.size)
        context = bpy.context
        window, scene = self._place(context)
        # The undo step is pushed as the window sees things: with the scene or its view layer
        # overridden as well, Blender crashes.
        with context.temp_override(**({"window": window} if window else {})):
            with context.temp_override(scene=scene, view_layer=_view_layer(context, scene)):
                new = add_object(context, mesh, self.name, placement, self.location)
                remember_source(new, packed, placement)
                self._note_settings(new.triposr)
                if preferences(context).show_colors:
                    show_colors(context)
            if bpy.ops.ed.undo_push.poll():
                bpy.ops.ed.undo_push(message=UNDO_STEP)
        draft = "draft of " if self.is_draft else ""
        cut_off = ", cut off by the model's box" if mesh.cut_off else ""
        return (
            f"{new.name}: {draft}{len(mesh.faces):,} triangles"
            f" in {seconds:.1f}\N{NO-BREAK SPACE}s{cut_off}"
        )

    def _note_settings(self, source: bpy.types.PropertyGroup) -> None:
        source.picture, source.is_draft = self.name, self.is_draft
        for name in ("resolution", "threshold", "closed"):
            setattr(source, name, getattr(self.settings, name))

    def _place(self, context: bpy.types.Context) -> tuple[bpy.types.Window | None, bpy.types.Scene]:
        """The scene of the click, or the present one if it is gone, and a window, if any; one that
        shows the scene where there is one.
        """
        scenes = {scene.session_uid: scene for scene in bpy.data.scenes}
        scene = scenes.get(self.scene_uid, context.scene)
        windows = list(context.window_manager.windows)
        showing = [window for window in windows if window.scene == scene]
        return next(iter(showing or windows), None), scene


def _view_layer(context: bpy.types.Context, scene: bpy.types.Scene) -> bpy.types.ViewLayer:
    """The view layer of the scene that is in use, or its first one."""
    return context.view_layer if context.scene == scene else scene.view_layers[0]


classes = (TRIPOSR_OT_generate,)
