"""Task that builds an object from a picture."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import bpy

from ..inference.engine import engine
from ..inference.errors import InputError, TripoSRError, explain
from ..inference.message import Message
from ..inference.model.weights import STARTER_FOLDER, find_model
from ..inference.texture.camera import Camera
from ..inference.types import Machine, MeshData, Options, Tick
from ..preferences import machine, model_folder, preferences
from ..properties import object_options
from ..scene.identity import is_local, with_uid
from ..scene.kept_file import keep_file
from ..scene.mesh import add_object, check_free, fill, make_single_user
from ..scene.origin import Origin, note_origin
from ..scene.placement import Extent, Placement, Row, Spot, placed
from ..scene.source import check_source
from ..scene.undo import push_undo_step
from ..scene.viewpoint import turn_to_viewer
from ..scene.viewports import show_colors
from ..settings import OBJECT, TEXTURE, checked, defaults_of, values_of
from .job import Cancelled
from .queue import Outcome, Task
from .remarks import CHANGED, note_remarks, with_remarks
from .session import edits
from .sources import Source, check_idle, file_source, identity_of, kept_source, source_again
from .stages import PICTURE_STAGES
from .texture import texturing

if TYPE_CHECKING:
    from ..inference.model.network import Model
    from ..inference.pipeline import Reconstruction

log = logging.getLogger(__name__)

UNDO_STEP = Message("Generate 3D Mesh")


class Chosen:
    """Settings of one object: the given ones, and the scene's for the rest.

    Raises:
        TypeError: A setting does not exist.
        InputError: A value is out of its range.
    """

    def __init__(self, settings: bpy.types.PropertyGroup, **given: object) -> None:
        for name, value in checked(OBJECT, {**values_of(OBJECT, settings), **given}).items():
            setattr(self, name, value)


def spot_for(
    context: bpy.types.Context,
    location: Sequence[float] | None = None,
    rotation: float | None = None,
) -> Spot:
    """Place for a new object.

    Args:
        location: Of the object's origin, in world space; None: at the 3D cursor.
        rotation: Radians about Z from facing the front view; None: the scene's Facing setting.

    Raises:
        InputError: The location is not three numbers, or a number is not finite.
    """
    place = tuple(context.scene.cursor.location if location is None else location)
    turn = _facing_turn(context) if rotation is None else rotation
    if len(place) != 3:
        raise InputError(
            "The location has {count} numbers", "Give three: x, y and z", count=len(place)
        )
    if not all(map(math.isfinite, (*place, turn))):
        raise InputError(
            "The location or the rotation is not a finite number", "Give finite numbers"
        )
    return Spot(place, turn)


def _facing_turn(context: bpy.types.Context) -> float:
    """Rotation about Z for the scene's Facing setting; only a viewport has a viewer."""
    if context.scene.triposr.facing == "view" and context.region_data is not None:
        return turn_to_viewer(context.region_data)
    return 0.0


def generation(
    context: bpy.types.Context,
    source: Source,
    chosen: Chosen,
    spot: Spot,
    is_clicked: bool,
    target: bpy.types.Object | None = None,
    title: str = "",
    variants: str = "",
) -> Task:
    """Make the task that builds an object from a picture; the object is its result.

    Args:
        spot: Place for the object.
        is_clicked: Whether the artist goes on working; then Blender keeps a core.
        target: Object whose mesh is replaced, instead of adding an object.
        title: Name for the object, if not the picture's.
        variants: Group of variants that the object belongs to.

    Raises:
        InputError: A setting is out of its range, or the scene belongs to a linked file.
    """
    if not is_local(context.scene):
        raise InputError("The scene belongs to a linked file", "Switch to a scene of this file")
    models, this_machine = model_folder(context), machine(context, is_clicked)
    options = object_options(chosen, models)
    name = title or source.title
    picture = source.title, source.image, source.file
    scene_uid, target_uid = context.scene.session_uid, 0 if target is None else target.session_uid

    def again() -> Task:
        # Do not hold `source`, which may hold the pixels of a large picture.
        scene = with_uid(bpy.data.scenes, scene_uid) or bpy.context.scene
        goal = with_uid(bpy.data.objects, target_uid)
        with bpy.context.temp_override(scene=scene):
            new = source_again(*picture)
            return generation(bpy.context, new, chosen, spot, is_clicked, goal, title, variants)

    return Task(
        title=name,
        stages=PICTURE_STAGES,
        work=_work(source, chosen, options, this_machine, models),
        deliver=_Delivery(context, name, source, chosen, spot, target, variants, is_clicked),
        picture=source.thumbnail(),
        group=variants,
        again=again,
    )


def regeneration(
    context: bpy.types.Context, blender_object: bpy.types.Object, is_clicked: bool
) -> Task:
    """Make the task that rebuilds an object from its picture, with the scene's current settings.

    Raises:
        InputError: The object was not made from a picture, its picture is gone, or its mesh cannot
            be replaced now.
    """
    check_idle()
    check_source(blender_object)
    check_free(blender_object)
    return generation(
        context,
        kept_source(blender_object),
        Chosen(context.scene.triposr),
        Spot(tuple(blender_object.matrix_world.translation)),
        is_clicked,
        target=blender_object,
        title=blender_object.name,
    )


def row_of_files(
    context: bpy.types.Context, files: list[Path], spot: Spot, is_clicked: bool
) -> list[Task]:
    """Make the tasks of several picture files, whose objects form a row; see `generation`."""
    chosen, in_row = Chosen(context.scene.triposr), replace(spot, row=Row())
    sources = [file_source(str(file)) for file in files]
    return [generation(context, source, chosen, in_row, is_clicked) for source in sources]


@dataclass(frozen=True)
class Made:
    """New mesh and its origin.

    Attributes:
        placement: Placement of the mesh, from the settings.
        extent: Extent of the placed mesh.
        packed: Scene code that the mesh was extracted from.
        digest: SHA-256 of the picture.
        seconds: Duration of the work.
        is_draft: Whether the starter model made it.
        camera, match: Camera of the picture, and how well the mesh covers the subject through it;
            None and 0 if that is not known.
    """

    mesh: MeshData
    placement: Placement
    extent: Extent
    packed: bytes
    digest: str
    seconds: float
    is_draft: bool
    camera: Camera | None
    match: float


def _work(
    source: Source,
    chosen: Chosen,
    options: Options,
    this_machine: Machine,
    models: Path,
) -> Callable[[Tick], Made]:
    """Return the work for the worker, without bpy."""

    def work(tick: Tick) -> Made:
        def make(model: Model) -> Made:
            # Imported on the worker, because these modules import Pillow and torch.
            from ..inference.picture.decode import digest_of
            from ..inference.pipeline import reconstruct

            tick("prepare", 0.0)
            picture = source.read()
            made = reconstruct(picture, model, options, tick, source.matte)
            place = placed(made.mesh, chosen.size, chosen.measure, chosen.origin)
            code, digest = made.code.to_bytes(half=True), digest_of(identity_of(source, picture))
            camera, match = _matched(made, tick)
            seconds = time.perf_counter() - started
            is_draft = folder == STARTER_FOLDER
            return Made(made.mesh, *place, code, digest, seconds, is_draft, camera, match)

        started = time.perf_counter()
        tick("load", 0.0)
        folder = find_model(models)  # on the worker, because a network share may answer slowly
        return engine.run(make, folder, this_machine, tick)

    return work


def _matched(made: Reconstruction, tick: Tick) -> tuple[Camera | None, float]:
    """The camera of a picture, and the match; without them, the object is as good."""
    try:
        from ..inference.texture.camera_fit import fit_prepared

        fitted = fit_prepared(made.mesh.vertices, made.mesh.faces, made.prepared, tick)
    except Cancelled:
        raise
    except InputError as error:  # a picture without a background, which shows no outline
        log.info("No camera: %s", error)
        return None, 0.0
    except Exception as error:  # what was built must not be lost
        log.warning("No camera: %s", explain(error))
        return None, 0.0
    return fitted.camera, fitted.match


class _Delivery:
    """Delivery of the mesh to the scene of the click, even if the artist has moved on since.

    Args:
        name: Name for the object.
        target, variants, is_clicked: As for `generation`.
    """

    def __init__(
        self,
        context: bpy.types.Context,
        name: str,
        source: Source,
        chosen: Chosen,
        spot: Spot,
        target: bpy.types.Object | None,
        variants: str,
        is_clicked: bool,
    ) -> None:
        self.name, self.source, self.chosen, self.spot = name, source, chosen, spot
        self.variants, self.is_clicked = variants, is_clicked
        self.scene_uid = context.scene.session_uid
        self.target_uid = 0 if target is None else target.session_uid
        self.digest = "" if target is None else target.triposr.digest

    def __call__(self, made: Made) -> Outcome:
        mesh, context = made.mesh, bpy.context
        window, scene = place_of(self.scene_uid)
        with (
            context.temp_override(**({"window": window} if window else {})),
            context.temp_override(scene=scene, view_layer=view_layer_of(context, scene)),
        ):
            new = self._put(context, made)
            if preferences(context).show_colors:
                show_colors(context)
        remarks: list[str] = []
        if mesh.cut_off:
            remarks.append(Message("it is cut off by the model's box"))
        if self.digest not in ("", made.digest):
            remarks.append(CHANGED)
        note_remarks(new, remarks)
        push_undo_step(UNDO_STEP, window)
        remarks += self._texture(context, new)
        note_remarks(new, remarks)
        message = Message(
            "{summary} in {seconds:.1f}\N{NO-BREAK SPACE}s",
            summary=summary_of(new, mesh, made.is_draft),
            seconds=made.seconds,
        )
        return Outcome(with_remarks(message, remarks), new, tuple(remarks))

    def _texture(self, context: bpy.types.Context, new: bpy.types.Object) -> tuple[str, ...]:
        """Texture the new object, if the settings ask for it: beside Blender after a click.

        Returns:
            Remarks, such as why it gets no texture. For a script that waits, the error is raised.
        """
        chosen = self.chosen
        if chosen.texture == "none" or self.variants:  # of variants, all but one are deleted
            return ()
        own = {"size": chosen.texture, "faces": chosen.texture_faces}
        settings = defaults_of(TEXTURE) | own
        this_machine = machine(context, self.is_clicked)
        make = partial(texturing, context, new, this_machine, self.is_clicked)
        if not self.is_clicked:
            return make(**settings).do().remarks
        try:
            edits.submit(make(**settings))
        except (TripoSRError, OSError) as error:  # what was built must not count as failed
            return (Message("it has no texture: {reason}", reason=explain(error).message),)
        return ()

    def _put(self, context: bpy.types.Context, made: Made) -> bpy.types.Object:
        """Replace the target's mesh, or add an object, and record its origin.

        If the target has been deleted since, a new object takes its place.
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
        origin = Origin(
            packed=made.packed,
            placement=made.placement,
            settings=values_of(OBJECT, self.chosen),
            picture=self.source.title,
            digest=made.digest,
            is_draft=made.is_draft,
            camera=made.camera,
            match=made.match,
        )
        note_origin(new, origin)
        note = new.triposr
        note.image = with_uid(bpy.data.images, self.source.image)
        keep_file(new, self.source.file)
        if self.variants or not self.target_uid:  # a rebuilt object keeps its group and its place
            note.variants, note.home = self.variants, self.spot.location
        return new


def place_of(scene_uid: int) -> tuple[bpy.types.Window | None, bpy.types.Scene]:
    """Window and scene to deliver to.

    The scene is that of the click, or the current one if that is gone. The window is one that shows
    the scene if possible, else any; None without windows.
    """
    scene = with_uid(bpy.data.scenes, scene_uid) or bpy.context.scene
    windows = list(bpy.context.window_manager.windows)
    showing = [window for window in windows if window.scene == scene]
    return next(iter(showing or windows), None), scene


def summary_of(new: bpy.types.Object, mesh: MeshData, is_draft: bool) -> Message:
    """Summarize a new surface for the artist."""
    if is_draft:
        return Message("{name}: draft of {count:,} triangles", name=new.name, count=len(mesh.faces))
    return Message("{name}: {count:,} triangles", name=new.name, count=len(mesh.faces))


def view_layer_of(context: bpy.types.Context, scene: bpy.types.Scene) -> bpy.types.ViewLayer:
    """View layer of the scene in use, or its first one."""
    return context.view_layer if context.scene == scene else scene.view_layers[0]
